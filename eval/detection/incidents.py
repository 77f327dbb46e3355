"""What a person on call would see: flagged windows as incidents, attack phases found, how soon, at what noise.

Flagged windows are one *incident* while less than 30 minutes lie between them, on whichever hosts, and for an hour at
most: then it is told anew, or flagging everything would be one incident. One without an anomalous window is false. A
phase is found when an anomalous window of it is flagged; the delay is from the start of the phase's first anomalous
window to the end of the first flagged one.

At a *budget* the threshold is the lowest before false incidents exceed so many a day of the test: a ranking is judged,
as by recall at a fixed FPR. The *rolling* threshold is what production has: it knows validation and the past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.rolling import RollingThreshold
from eval.detection.dataset import Dataset, Rows
from eval.detection.metrics import Floats

GAP_NS = 30 * 60 * 10**9
DAY_NS = 24 * 3600 * 10**9
LASTS_NS = 60 * 60 * 10**9
BUDGETS = (1, 3, 10)
"""False incidents a day."""
FPR = 0.01
"""What the rolling threshold aims at."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    phases: int
    found: int
    delay_s: tuple[float, ...]
    """Of those found."""
    false: int
    days: float
    fpr: float
    """Flagged normal windows / normal windows."""


def seen(data: Dataset, rows: Rows, flagged: Flags) -> Seen:
    """`rows` are the test units, in the order of their start."""
    start, end = data.batch.start[rows], data.batch.end[rows]
    truth, phase = data.truth[rows] == 1, data.phase[rows]
    phases = sorted(set(phase[truth].tolist()) - {""})
    delays = []
    for each in phases:
        mine = truth & (phase == each)
        if (mine & flagged).any():
            delays.append(float(end[mine & flagged].min() - start[mine].min()) / 1e9)
    days = float(end.max() - start.min()) / DAY_NS
    fpr = float(flagged[~truth].mean()) if (~truth).any() else 0.0
    return Seen(len(phases), len(delays), tuple(delays), _false(start, end, truth, flagged), days, fpr)  # fmt: skip


def _false(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], truth: Flags, flagged: Flags) -> int:  # fmt: skip
    rows = np.flatnonzero(flagged)
    if not len(rows):
        return 0
    begins = np.append(True, start[rows][1:] - np.maximum.accumulate(end[rows])[:-1] >= GAP_NS)
    onset = start[rows][begins][np.cumsum(begins) - 1]
    hour = (start[rows] - onset) // LASTS_NS
    told = begins | np.append(True, np.diff(hour) != 0)
    real = np.add.reduceat(truth[rows].astype(np.int64), np.flatnonzero(told))
    return int((real == 0).sum())


def at_budgets(data: Dataset, rows: Rows, scores: Floats) -> Iterator[tuple[int, Seen]]:
    """(false incidents a day, what is seen then)"""
    nothing = seen(data, rows, np.zeros(len(rows), np.bool_))
    start, end, truth = data.batch.start[rows], data.batch.end[rows], data.truth[rows] == 1
    levels = np.unique(scores)[::-1].tolist()
    place, last = 0, None
    for budget in BUDGETS:
        while place < len(levels):
            if _false(start, end, truth, scores >= levels[place]) > budget * nothing.days:
                break
            last = levels[place]
            place += 1
        yield budget, nothing if last is None else seen(data, rows, scores >= last)


def rolling(data: Dataset, rows: Rows, validation: Floats, scores: Floats) -> Seen:
    threshold = RollingThreshold(FPR).fit(validation)
    return seen(data, rows, threshold.passed(data.batch.start[rows], scores))


def values(seen: Seen) -> dict[str, float]:
    """By metric."""
    found = {
        "phases": seen.found / seen.phases if seen.phases else float("nan"),
        "false/day": seen.false / seen.days,
        "FPR": seen.fpr,
    }
    if seen.delay_s:
        found["delay_s"] = float(np.mean(seen.delay_s))
    return found
