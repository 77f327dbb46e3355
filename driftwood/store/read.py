"""What the reading side asks of a store, and the span of time that every question is about.

The questions themselves are in `read_*.py`, one file per thing that can be asked for. They return plain values (ints,
texts, dicts with ns times); words and JSON are made by the doors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Readable(Protocol):
    """Any thread may ask."""

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        """Run one read-only statement on a cursor of its own. Raises QueryError when it takes too long."""

    def relation(self, start: int | None = None, end: int | None = None) -> str:
        """SQL that stands after FROM: all rows of `logs` with `start` <= ts < `end`, and some beyond."""


class Writable(Protocol):
    """Only on the writer's thread."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement that changes rows."""


class Span(NamedTuple):
    """[start, end), ns."""

    start: int
    end: int


def bounds(store: Readable) -> Span | None:
    """From the oldest line to just after the newest one, None without lines.

    Lines stamped more than a day after they arrived do not count as the newest: one clock that is 30 years ahead must
    not hide everything else. (They count when there is nothing else.)
    """
    row = store.query(_BOUNDS).to_pylist()[0]
    newest = row["credible"] if row["credible"] is not None else row["newest"]
    return None if newest is None else Span(row["oldest"], newest + 1)


# From the metadata of segments, and from two columns of what is not sealed. An event-time hour is one segment, so a
# segment of the future holds nothing else.
_BOUNDS = f"""
    WITH parts AS (
        SELECT min(min_ts) AS oldest, max(max_ts) AS newest,
               max(max_ts) FILTER (max_ts <= max_observed_ts + {DAY}) AS credible FROM segments
        UNION ALL
        SELECT min(ts), max(ts), max(ts) FILTER (ts <= observed_ts + {DAY}) FROM logs_hot)
    SELECT min(oldest) AS oldest, max(newest) AS newest, max(credible) AS credible FROM parts"""
