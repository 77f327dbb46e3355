# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""One commit, one transaction: rows, roll-ups, templates, anomalies, dead letters, positions and snapshots.

Everything goes in as Arrow tables; what is asked per line in Python is nothing, per distinct label set little.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.errors import StoreError, StoreRefused
from driftwood.labels import stream_id
from driftwood.records import Commit, Events, no_dead_letters
from driftwood.store.database import Cursor, Database
from driftwood.store.lineage import record_merges
from driftwood.store.metadata import MetadataNames, names_in
from driftwood.store.rows import (
    anomaly_rows,
    feedback_rows,
    position_rows,
    stream_rows,
    template_rows,
    with_distinct_keys,
)
from driftwood.store.schema import COLUMNS, HOUR, LAST_HOUR, MINUTE, end_of
from driftwood.store.segments import ROLL_UP
from driftwood.store.streams import Stream, Streams

logger = logging.getLogger(__name__)

Int64s = npt.NDArray[np.int64]

AHEAD_NS = 5 * MINUTE
"""A line dated further than this after its own arrival comes from a wrong clock and moves no watermark."""

LONG_LINE = 64 * 1024
"""Bytes from which on a line counts as long: DuckDB handles 2048 rows at once, and all their text must fit."""


@dataclass(slots=True)
class HotHour:
    """What is known of the unsealed rows of one hour without asking the database."""

    rows: int
    touched: int
    """When this process last saw it grow, ns by the clock."""


class Writer:
    """Knows what is stored already, so that a commit need not ask. Not for two threads at once."""

    def __init__(self, database: Database, cursor: Cursor) -> None:
        self._database = database
        self.streams = Streams(())
        self.metadata = MetadataNames()
        self.load(cursor)

    def load(self, cursor: Cursor) -> None:
        """Learn from the store what is in it."""
        facts = dict(cursor.execute("SELECT key, value FROM meta").fetchall())
        self.number = int(facts.get("commits", 0))
        self.next_line_id = int(facts.get("next_line_id", 0))
        self.next_dead_id = int(facts.get("next_dead_id", 1))
        self._long_bytes = int(facts.get("long_bytes", 0))
        self.streams.add(
            Stream(*row)
            for row in cursor.execute("SELECT sid, key, service FROM streams").fetchall()
        )
        self.metadata.load(cursor)
        now = time.time_ns()
        self.hot: dict[int, HotHour] = {
            hour: HotHour(rows, touched=now)
            for hour, rows in cursor.execute(
                f"SELECT {end_of(HOUR)}, count(*) FROM logs_hot GROUP BY 1"
            ).fetchall()
        }
        newest = cursor.execute(
            f"""SELECT max(ts) FROM (
                SELECT max(ts) AS ts FROM logs_hot WHERE ts::HUGEINT - {AHEAD_NS} <= observed_ts
                UNION ALL SELECT max(least(max_ts, max_observed_ts)) FROM segments)"""
        ).fetchall()[0][0]
        self.watermark: int = -(2**63) if newest is None else newest

    @property
    def long_bytes(self) -> int:
        """Bytes of long lines that are not sealed, or more: what was sealed counts until nothing is hot."""
        return self._long_bytes if self.hot else 0

    def write(self, commit: Commit) -> None:
        """Raises StoreFull when there is no room, StoreRefused for what is in the rows, StoreError for other failures.

        Then nothing is stored.
        """
        self._database.room()
        prepared = self._prepared(commit)
        try:
            self._transact(prepared)
        except StoreError as error:
            if "duplicate key" in str(error):  # looking for it in every commit would cost more
                prepared = self._prepared(with_distinct_keys(commit))
                self._transact(prepared)
            elif not self._survived():
                raise
        self.number += 1
        self.next_dead_id += commit.dead.num_rows
        self.streams.add(prepared.added())
        self.metadata.add(prepared.metadata)
        self._long_bytes = self.long_bytes + prepared.long_bytes
        # Last: who sees it, as a live tail does, finds the streams of these lines, too.
        self.next_line_id = max(self.next_line_id, prepared.next_line_id)
        now = time.time_ns()
        for hour, rows in prepared.hours:
            hot = self.hot.setdefault(hour, HotHour(0, now))
            hot.rows += rows
            hot.touched = now
        self.watermark = max(self.watermark, prepared.watermark)

    def refuses(self, events: Events) -> str | None:
        """Why `write` would refuse these rows, None if it would not: tried in a transaction that is rolled back."""
        self._database.room()
        try:
            prepared = self._prepared(Commit(events, no_dead_letters(), {}), distinct=True)
            self._transact(prepared, trial=True)
        except StoreRefused as error:
            return str(error)
        except _Tried:
            pass
        return None

    def _prepared(self, commit: Commit, *, distinct: bool = False) -> _Prepared:
        try:
            return _Prepared(with_distinct_keys(commit) if distinct else commit, self.streams)
        except (ValueError, TypeError, ArithmeticError) as error:  # pyarrow's are among them
            raise StoreRefused(f"the rows cannot be prepared for the store: {error}") from error

    def _survived(self) -> bool:
        """After a failed transaction: did it reach the disk all the same? A second try would double it."""
        self._database.heal()
        with self._database.cursor() as cursor:
            found = cursor.execute("SELECT value FROM meta WHERE key = 'commits'").fetchall()
        return bool(found) and int(found[0][0]) == self.number + 1

    def _transact(self, prepared: _Prepared, *, trial: bool = False) -> None:
        commit, now = prepared.commit, time.time_ns()
        with self._database.cursor() as cursor, self._database.transaction(cursor):
            if prepared.streams is not None:
                _insert(cursor, "INSERT INTO streams", prepared.streams)
            if names := self.metadata.new(prepared.metadata):
                rows = pa.table({"name": pa.array(names, pa.string())})
                _insert(cursor, "INSERT OR IGNORE INTO metadata_names", rows)
            if prepared.events is not None:
                cursor.register("batch", prepared.events)
                cursor.execute(f"INSERT INTO logs_hot SELECT {COLUMNS} FROM batch")
                cursor.execute(f"INSERT INTO template_counts {ROLL_UP} FROM batch GROUP BY ALL")
                cursor.unregister("batch")
            if commit.templates:
                rows = template_rows(commit.templates, now)
                _insert(cursor, "INSERT OR IGNORE INTO templates", rows)
                record_merges(cursor, commit.templates)
            if commit.anomalies:
                rows = anomaly_rows(commit.anomalies, now)
                _insert(cursor, "INSERT OR IGNORE INTO anomalies", rows)
            if commit.feedback:
                _insert(cursor, "INSERT INTO feedback", feedback_rows(commit.feedback, now))
            if commit.dead.num_rows:
                self._bury(cursor, commit.dead)
            if commit.replayed:
                cursor.execute(
                    "UPDATE dead_letters SET replayed_at = ? WHERE id IN (SELECT unnest(?))",
                    [now, list(commit.replayed)],
                )
            positions = position_rows(commit.checkpoints)
            if positions.num_rows:
                _insert(cursor, "INSERT OR REPLACE INTO checkpoints", positions)
            for owner, snapshot in commit.state.items():
                cursor.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", [owner, snapshot])
            cursor.execute(
                "INSERT OR REPLACE INTO meta "
                "VALUES ('commits', ?), ('next_line_id', ?), ('next_dead_id', ?), ('long_bytes', ?)",
                [
                    str(self.number + 1),
                    str(max(self.next_line_id, prepared.next_line_id)),
                    str(self.next_dead_id + commit.dead.num_rows),
                    str(self.long_bytes + prepared.long_bytes),
                ],
            )
            if trial:
                raise _Tried

    def _bury(self, cursor: Cursor, dead: pa.Table) -> None:
        ids = np.arange(self.next_dead_id, self.next_dead_id + dead.num_rows)
        rows = dead.append_column("id", pa.array(ids))
        rows = rows.append_column("replayed_at", pa.nulls(dead.num_rows, pa.int64()))
        _insert(cursor, "INSERT INTO dead_letters BY NAME", rows)


class _Tried(Exception):
    """Ends a transaction that was only a trial."""


class _Prepared:
    """A commit made ready outside the transaction."""

    def __init__(self, commit: Commit, known: Container[int]) -> None:
        self.commit = commit
        self.events: pa.Table | None = None
        self.streams: pa.Table | None = None
        self.new_streams: dict[int, str] = {}
        self.metadata: set[str] = set()
        self.next_line_id = commit.next_line_id
        self.long_bytes = 0
        self.hours: list[tuple[int, int]] = []
        self.watermark = -(2**63)
        if commit.events.num_rows:
            self._rows(commit.events, known)

    def added(self) -> Iterator[Stream]:
        """The streams that this commit brought."""
        if self.streams is not None:
            yield from map(Stream, *(self.streams.column(n).to_pylist() for n in Stream._fields))

    def _rows(self, events: pa.Table, known: Container[int]) -> None:
        keys, codes = _dictionary(events.column("labels"))
        used = np.unique(codes)
        sids = np.zeros(len(keys), dtype=np.int64)
        for code in used.tolist():
            sids[code] = stream_id(keys[code])
            if sids[code] not in known:
                self.new_streams[int(sids[code])] = keys[code]
        if self.new_streams:
            self.streams = stream_rows(self.new_streams, sids[codes], events)
        self.metadata = names_in(events)
        self.events = events.append_column("sid", pa.array(sids[codes]))
        last = int(_int64s(events, "line_id").max())
        self.next_line_id = max(self.next_line_id, last + 1)
        ts, arrived = _int64s(events, "ts"), _int64s(events, "observed_ts")
        self.hours = _hours(ts)
        self.long_bytes = long_bytes(events)
        plausible = ts[ts - AHEAD_NS <= arrived]  # what wraps around is older than any log
        if len(plausible):
            self.watermark = int(plausible.max())


def _insert(cursor: Cursor, into: str, rows: pa.Table) -> None:
    cursor.register("batch", rows)
    cursor.execute(f"{into} SELECT * FROM batch")
    cursor.unregister("batch")


def long_bytes(events: pa.Table) -> int:
    """Bytes of the lines that are long."""
    lengths = pc.binary_length(events.column("line")).to_numpy()
    return int(lengths[lengths >= LONG_LINE].sum())


def _int64s(table: pa.Table, column: str) -> Int64s:
    return table.column(column).to_numpy()


def _dictionary(column: pa.ChunkedArray[Any]) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The distinct values of a dictionary column, and for every row which of them it has."""
    chunks: list[Any] = column.unify_dictionaries().chunks
    keys: list[str] = chunks[-1].dictionary.to_pylist()
    return keys, np.concatenate([chunk.indices.to_numpy() for chunk in chunks])


def _hours(ts: Int64s) -> list[tuple[int, int]]:
    """(hour, rows) of every hour that the rows fall into."""
    distinct, counts = np.unique(hour_of(ts), return_counts=True)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))


def hour_of(ts: Int64s) -> Int64s:
    """The end of the hour (hour - 3600 s, hour] that each time lies in, as `schema.end_of` has it."""
    ts = np.minimum(ts, LAST_HOUR)
    over = ts % HOUR
    return ts - over + np.where(over > 0, HOUR, 0)
