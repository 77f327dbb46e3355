"""Columns as a loader reads them, put into the order that a `LogBatch` promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.lexicon import ERROR, reads_like_an_error
from driftwood.protocols import Fields, LogBatch

SECOND = 10**9
MINUTE = 60 * SECOND
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Columns:
    """Events in any order; `unit` says which of `units` names each belongs to."""

    unit: Ints
    ts: Ints
    template_id: Ints
    severity: npt.NDArray[np.uint8]
    fields: Sequence[tuple[str, Names]] = ()
    """A column per field, None where an event lacks it; a name may come twice."""


def sessions(
    events: Columns, units: int, source: Names | str = "", service: Names | str = ""
) -> tuple[LogBatch, Ints]:
    """Units from their first to their last event, ordered by start; and which of the given units each row is.

    Each unit must have an event.
    """
    start = np.full(units, np.iinfo(np.int64).max)
    last = np.full(units, np.iinfo(np.int64).min)
    np.minimum.at(start, events.unit, events.ts)
    np.maximum.at(last, events.unit, events.ts)
    return windows(events, start, last + 1, source, service)


def windows(
    events: Columns, start: Ints, end: Ints, source: Names | str = "", service: Names | str = ""
) -> tuple[LogBatch, Ints]:
    """Units with given bounds, ordered by start; and which of the given units each row is."""
    order = np.argsort(start, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    unit = place[events.unit]
    rows = np.lexsort((np.arange(len(unit)), events.ts, unit))
    batch = LogBatch(
        source=_named(source, len(start))[order],
        service=_named(service, len(start))[order],
        start=start[order],
        end=end[order],
        unit=unit[rows].astype(np.int32),
        ts=events.ts[rows],
        template_id=events.template_id[rows],
        severity=events.severity[rows],
        line_id=np.arange(len(rows), dtype=np.int64),
        fields=fields([(name, column[rows]) for name, column in events.fields]),
    )
    return batch, order


def untimed(sequences: Sequence[Ints], severity: Mapping[int, int]) -> LogBatch:
    """Sequences of template ids without a time: unit u starts at second u, and all its events with it."""
    size = np.array([len(each) for each in sequences], np.int64)
    units = np.arange(len(sequences), dtype=np.int64)
    unit = np.repeat(units, size)
    template_id = np.concatenate([np.empty(0, np.int64), *sequences])
    return LogBatch(
        source=_named("", len(units)),
        service=_named("", len(units)),
        start=units * SECOND,
        end=(units + 1) * SECOND,
        unit=unit.astype(np.int32),
        ts=unit * SECOND,
        template_id=template_id,
        severity=looked_up(template_id, severity),
        line_id=np.arange(len(unit), dtype=np.int64),
    )


def mixed(part: Names) -> Ints:
    """An order for units without a time: those for training first, each part in an order drawn once and for all.

    Files hold normal and anomalous units apart; the place of a unit must not give its label away.
    """
    order = np.random.default_rng(0).permutation(len(part))
    return order[np.argsort(part[order] != "train", kind="stable")]


def fields(columns: Sequence[tuple[str, Names]]) -> Fields | None:
    """Columns side by side as rows of `Fields`, by event, then in the order of the columns."""
    if not columns:
        return None
    present = [np.flatnonzero(column != np.array(None)) for _, column in columns]
    event = np.concatenate(present)
    order = np.argsort(event, kind="stable")
    names = objects([name for name, _ in columns])
    value = np.concatenate(
        [column[rows] for (_, column), rows in zip(columns, present, strict=True)]
    )
    name = np.repeat(names, [len(rows) for rows in present])
    return Fields(event[order].astype(np.int64), name[order], value[order])


def looked_up(keys: Ints, values: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    """The value of each key, 0 for one that has none."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    return np.array([values.get(key, 0) for key in distinct.tolist()], np.uint8)[inverse]


def worded(texts: Mapping[int, str]) -> dict[int, int]:
    """The severity of templates whose lines came without one, by their words."""
    return {template: ERROR if reads_like_an_error(text) else 0 for template, text in texts.items()}


def stable_id(text: str) -> int:
    """An id for what has a name and no number: the same in each data set that has it, so that sets can be pooled."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")


def stable_ids(texts: Iterable[str]) -> Ints:
    return np.array([stable_id(each) for each in texts], np.int64)


def objects(values: Sequence[Any]) -> Names:
    column = np.empty(len(values), np.object_)
    column[:] = values
    return column


def _named(name: Names | str, units: int) -> Names:
    return np.full(units, name, np.object_) if isinstance(name, str) else name
