"""What windows are made of: the rows of a source, column by column, and one window of them as a unit to judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.protocols import LogBatch
from driftwood.records import Events

SECOND = 10**9
LIVE_NS = 300 * SECOND
"""A source whose lines arrive at most this late is live."""
NEVER, FOREVER = -(2**62), 2**63 - 1

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What detectors see of events, column by column."""

    ts: Ints
    template_id: Ints
    severity: npt.NDArray[np.uint8]
    line_id: Ints

    def __len__(self) -> int:
        return len(self.ts)

    def columns(self) -> tuple[npt.NDArray[np.int64], Ints, npt.NDArray[np.uint8], Ints]:
        return self.ts, self.template_id, self.severity, self.line_id

    def at(self, rows: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Rows:
        return Rows(self.ts[rows], self.template_id[rows], self.severity[rows], self.line_id[rows])

    @staticmethod
    def concat(parts: list[Rows]) -> Rows:
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return NO_ROWS
        return Rows(*(np.concatenate(c) for c in zip(*(p.columns() for p in parts), strict=True)))


_NONE = np.zeros(0, np.int64)
NO_ROWS = Rows(_NONE, _NONE, np.zeros(0, np.uint8), _NONE)


@dataclass(slots=True)
class Source:
    key: str
    service: str
    origin: str
    clock: int = NEVER
    closed: int = NEVER
    """Windows with a number (start / length) below this are closed."""
    first: int = NEVER
    """The number of the first window."""
    last: int = NEVER
    """The number of the last closed window that held a line."""
    heard: int = 0
    """`Origin.listened` when the last row came."""
    seen: int = NEVER
    """The arrival of the last row."""
    looked: int = NEVER
    """The arrival when its open windows were last looked at. Not saved: looks change nothing."""
    open: list[Rows] = field(default_factory=list)

    @property
    def lag(self) -> int:
        return max(self.seen - self.clock, 0)

    @property
    def live(self) -> bool:
        return self.lag <= LIVE_NS


@dataclass(frozen=True, slots=True)
class Unit:
    """One window of one source."""

    source: Source
    window: int
    """Its number: start / length."""
    rows: Rows
    """Ordered by (ts, line_id)."""


def batch_of(units: list[Unit], window_ns: int, length_ns: int | None = None) -> LogBatch:
    """The windows as units; those that slide by `window_ns` are `length_ns` long."""
    rows = Rows.concat([unit.rows for unit in units])
    start = np.array([unit.window for unit in units], np.int64) * window_ns
    return LogBatch(
        source=_objects([unit.source.key for unit in units]),
        service=_objects([unit.source.service for unit in units]),
        start=start,
        end=start + (length_ns or window_ns),
        unit=np.repeat(np.arange(len(units), dtype=np.int32), [len(unit.rows) for unit in units]),
        ts=rows.ts,
        template_id=rows.template_id,
        severity=rows.severity,
        line_id=rows.line_id,
    )


def _objects(texts: list[str]) -> npt.NDArray[np.object_]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out


def ints(events: Events, name: str) -> Ints:
    return np.asarray(events[name].to_numpy(), np.int64)


def dictionary(events: Events, name: str) -> pa.DictionaryArray[Any, Any]:
    column = events[name]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # older and newer pyarrow differ in what this returns
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
    assert isinstance(whole, pa.DictionaryArray)
    return whole


def codes_of(labels: pa.DictionaryArray[Any, Any]) -> npt.NDArray[np.int32]:
    return np.asarray(labels.indices.to_numpy(), np.int32)
