"""Small data sets made up for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch
from eval.detection.dataset import Dataset

MINUTE = 60 * 10**9


def objects(values: Sequence[str]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), np.object_)
    column[:] = values
    return column


def dataset(
    sequences: Sequence[Sequence[int]],
    truth: Sequence[int],
    *,
    step_ns: int = MINUTE,
    length_ns: int | None = None,
    source: Sequence[str] | None = None,
) -> Dataset:
    """A unit every `step_ns`; sessions of unequal length, or windows of `length_ns`."""
    size = [len(each) for each in sequences]
    start = np.arange(len(sequences), dtype=np.int64) * step_ns
    unit = np.repeat(np.arange(len(sequences), dtype=np.int32), size)
    ts = start[unit] + np.concatenate([np.arange(n) for n in size])
    end = start + (np.array(size) if length_ns is None else length_ns)
    batch = LogBatch(
        source=objects(source or ["s"] * len(sequences)),
        service=objects(["s"] * len(sequences)),
        start=start,
        end=end,
        unit=unit,
        ts=ts,
        template_id=np.concatenate([np.array(each, np.int64) for each in sequences]),
        severity=np.zeros(len(unit), np.uint8),
        line_id=np.arange(len(unit)),
    )
    level: Literal["window", "session"] = "session" if length_ns is None else "window"
    return Dataset("made", batch, np.array(truth, np.int8), {}, "sha", level)


def sessions(units: int = 200, seed: int = 0, every: int = 10) -> Dataset:
    """Of templates 1 to 5; each `every`-th is anomalous and has template 9, too."""
    rng = np.random.default_rng(seed)
    truth = [int(at % every == every - 1) for at in range(units)]
    sequences = [
        [*rng.integers(1, 6, rng.integers(2, 9)).tolist(), *([9] * bad)]
        for bad, _ in zip(truth, range(units), strict=True)
    ]
    return dataset(sequences, truth)


def attacked(quiet: int = 300, seed: int = 0) -> Dataset:
    """Minutes of two hosts; after `quiet` units two phases, apart by two hours, of three anomalous units each."""
    rng = np.random.default_rng(seed)
    units = quiet + 300
    truth = np.zeros(units, np.int8)
    phase, ambiguous = objects([""] * units), np.zeros(units, np.bool_)
    for name, first in (("scan", quiet + 5), ("theft", quiet + 150)):
        truth[first : first + 6 : 2] = 1
        phase[first : first + 6] = name
        ambiguous[first + 1 : first + 6 : 2] = True
    sequences = [
        [*rng.integers(1, 4, rng.integers(1, 5)).tolist(), *([50 + at % 7] * int(bad))]
        for at, bad in enumerate(truth)
    ]
    made = dataset(
        sequences, truth.tolist(), length_ns=MINUTE, source=[f"host{at % 2}" for at in range(units)]
    )
    return replace(made, phase=phase, ambiguous=ambiguous)
