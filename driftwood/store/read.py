"""What the reading side asks of a store, and the span of time that every question is about.

The questions themselves are in `read_*.py`, one file per thing that can be asked for. They return plain values (ints,
texts, dicts with ns times); words and JSON are made by the doors.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from driftwood.errors import QueryTimeout
from driftwood.records import Events
from driftwood.store.grams import Needles
from driftwood.store.relation import Unsealed
from driftwood.store.schema import HOUR
from driftwood.store.streams import Places, Streams

DAY = 24 * HOUR
"""ns"""

Row = Mapping[str, Any]
"""One row of an answer, by column."""


class Readable(Protocol):
    """Any thread may ask."""

    @property
    def path(self) -> Path:
        """The data folder."""

    @property
    def streams(self) -> Streams:
        """Every label set that a committed line has."""

    @property
    def unsealed(self) -> Unsealed:
        """A hint: it may be a little out of date."""

    def lacks(self, start: int, end: int, columns: Collection[str]) -> bool:
        """Whether some segment with ts in [start, end] lacks one of these columns. A hint, as `unsealed` is."""

    @property
    def metadata_names(self) -> Collection[str] | None:
        """Every name that structured metadata has had; None: any."""

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        """Run one read-only statement on a cursor of its own. Raises QueryTimeout when it takes too long."""

    def relation(
        self,
        start: int,
        end: int,
        places: Sequence[Places] = (),
        columns: Sequence[str] = (),
        *,
        lacking: bool = False,
        needles: Needles = (),
    ) -> str:
        """SQL that stands after FROM: all rows of `logs` with `start` <= ts <= `end`, and some beyond.

        Of streams at `places` (none: of all), and some beyond. With `columns` only the rows of segments that have these
        as well; or, if `lacking`, all other rows. With `needles` only rows that may have these, and some others.
        """

    def history(self, start: int, end: int, *, lines: bool = True) -> Iterator[Events]:
        """Stored events with `start` <= ts < `end`, in the order of line_id; not `lines`: without text and metadata."""

    def next_line_id(self) -> int:
        """The line id that follows the last stored one; ids grow in the order of storing."""

    def cancel(self, thread: int) -> None:
        """Interrupt what the thread with this identifier asks at the moment, if anything: it gets QueryTimeout."""


class Writable(Protocol):
    """Only on the writer's thread."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement that changes rows."""


class Deadline:
    """A store whose answers must all be there within `seconds` from now, however many questions there are."""

    def __init__(self, store: Readable, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def path(self) -> Path:
        return self._store.path

    @property
    def streams(self) -> Streams:
        return self._store.streams

    @property
    def unsealed(self) -> Unsealed:
        return self._store.unsealed

    def lacks(self, start: int, end: int, columns: Collection[str]) -> bool:
        return self._store.lacks(start, end, columns)

    @property
    def metadata_names(self) -> Collection[str] | None:
        return self._store.metadata_names

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        left = self._until - time.monotonic()
        if left <= 0:
            raise QueryTimeout(
                f"the query was cancelled after {self._seconds:g} s; take a shorter time range or a narrower filter"
            )
        return self._store.query(sql, parameters, left if timeout is None else min(left, timeout))

    def relation(
        self,
        start: int,
        end: int,
        places: Sequence[Places] = (),
        columns: Sequence[str] = (),
        *,
        lacking: bool = False,
        needles: Needles = (),
    ) -> str:
        return self._store.relation(start, end, places, columns, lacking=lacking, needles=needles)

    def history(self, start: int, end: int, *, lines: bool = True) -> Iterator[Events]:
        return self._store.history(start, end, lines=lines)

    def next_line_id(self) -> int:
        return self._store.next_line_id()

    def cancel(self, thread: int) -> None:
        """The same, and nothing is answered any more."""
        self._until = -math.inf
        self._store.cancel(thread)


def rows(store: Readable, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The answer as one dict per row. For what is shown: bound it with LIMIT or GROUP BY."""
    answer: list[dict[str, Any]] = store.query(sql, parameters).to_pylist()
    return answer


class Span(NamedTuple):
    """[start, end), ns."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Extent(NamedTuple):
    """The times of what is stored, ns."""

    oldest: int
    newest: int
    recent: int
    """The newest line that is not stamped more than a day after it arrived: one clock that is 30 years ahead must not
    hide everything else. The same as `newest` where there is no such line."""

    def last(self, length: int) -> Span:
        """The span of `length` ns that ends with the most recent line."""
        return Span(self.recent + 1 - length, self.recent + 1)


def extent(store: Readable) -> Extent | None:
    """From the oldest line to the newest, None without lines. Costs no look at sealed lines."""
    found = rows(store, _EXTENT)[0]
    if found["newest"] is None:
        return None
    recent = found["recent"] if found["recent"] is not None else found["newest"]
    return Extent(found["oldest"], found["newest"], recent)


# From the metadata of segments, and from two columns of what is not sealed. A segment holds one event-time hour, so
# one that lies in the future holds nothing else.
_EXTENT = f"""
    SELECT least(sealed.oldest, hot.oldest) AS oldest, greatest(sealed.newest, hot.newest) AS newest,
           greatest(sealed.recent, arrived.recent) AS recent
    FROM (SELECT min(min_ts) AS oldest, max(max_ts) AS newest,
                 max(max_ts) FILTER (max_ts <= max_observed_ts + {DAY}) AS recent FROM segments) AS sealed,
         (SELECT min(ts) AS oldest, max(ts) AS newest FROM logs_hot) AS hot,
         (SELECT max(ts) AS recent FROM logs_hot WHERE ts <= observed_ts + {DAY}) AS arrived"""  # noqa: S608
