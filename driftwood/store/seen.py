# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Which pushed rows are new. An agent that got no answer sends again, and each line must be stored once.

A row is a repetition when a stored one, hot or sealed, or an earlier one of the same commit has the same stream, time,
line and metadata. Almost no row can be one: its time lies outside of all that its stream has (`Coverage`, in memory).
Only for the others the store is asked, with one join for all of them.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.labels import stream_id
from driftwood.records import PUSHED, Events, Records
from driftwood.store.coverage import Coverage, Int64s
from driftwood.store.database import Cursor, Database
from driftwood.store.schema import HOUR, LAST_HOUR, MINUTE, end_of
from driftwood.store.segments import union

Mask = npt.NDArray[np.bool_]


class Seen:
    """What was stored so far, by stream and time. For the writing thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._coverage: dict[int, Coverage] | None = None
        """By stream; read from the store when the first push comes."""

    def add(self, events: Events) -> None:
        """`events` are stored."""
        if self._coverage is None or not events.num_rows:
            return
        sids, codes = _streams(events)
        ts = _int64s(events, "ts")
        # One interval for all that a commit holds of a stream would span what lies between two clients who send the
        # lines of different days. So each push has its own.
        pushes = _pushes(events)
        group = codes * (int(pushes.max()) + 1) + pushes
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        first = np.minimum.reduceat(ts[order], starts).tolist()
        last = np.maximum.reduceat(ts[order], starts).tolist()
        for sid, a, b in zip(sids[codes[order[starts]]].tolist(), first, last, strict=True):
            self._of(sid).add(a, b)

    def fresh(self, records: Records) -> Mask:
        """Which rows are stored for the first time. Raises StoreError when the store cannot be asked."""
        fresh = np.ones(records.num_rows, np.bool_)
        if not records.num_rows:
            return fresh
        sids, codes = _streams(records)
        ts = _int64s(records, "ts")
        suspects = np.flatnonzero(self._suspect(sids, codes, ts))
        if len(suspects):
            fresh[self._stored(records, sids[codes], suspects)] = False
        fresh[_repeated(records, codes, ts)] = False
        return fresh

    def _suspect(self, sids: Int64s, codes: Int64s, ts: Int64s) -> Mask:
        if self._coverage is None:
            self._coverage = self._load()
        suspect = np.zeros(len(ts), np.bool_)
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        oldest = np.minimum.reduceat(ts[order], starts).tolist()
        ends = np.append(starts[1:], len(order)).tolist()
        streams = sids[codes[order[starts]]].tolist()
        for sid, first, a, b in zip(streams, oldest, starts.tolist(), ends, strict=True):
            coverage = self._coverage.get(sid)
            if coverage is not None and coverage.reaches(first):
                suspect[order[a:b]] = coverage.holds(ts[order[a:b]])
        return suspect

    def _of(self, sid: int) -> Coverage:
        assert self._coverage is not None
        coverage = self._coverage.get(sid)
        if coverage is None:
            coverage = self._coverage[sid] = Coverage()
        return coverage

    def _load(self) -> dict[int, Coverage]:
        """From the roll-ups, which know the minutes of each stream: runs of hours without an empty one between them."""
        hours = f"""SELECT sid, {end_of(HOUR, "minute")} AS hour, min(minute) AS first, max(minute) AS last
            FROM template_counts GROUP BY ALL"""
        runs = f"""SELECT *, count(*) FILTER (opens) OVER (PARTITION BY sid ORDER BY hour) AS run
            FROM (SELECT *, hour - lag(hour) OVER (PARTITION BY sid ORDER BY hour) > {HOUR} AS opens FROM ({hours}))"""
        coverage: dict[int, Coverage] = {}
        with self._database.cursor() as cursor:
            found = cursor.execute(
                f"SELECT sid, min(first), max(last) FROM ({runs}) GROUP BY sid, run ORDER BY 1, 2"
            ).fetchall()
        for sid, first, last in found:
            of = coverage.setdefault(sid, Coverage())
            last = last if last < LAST_HOUR else 2**63 - 1
            of.add(max(first - MINUTE + 1, -(2**63)), last)
        return coverage

    def _stored(self, records: Records, sids: Int64s, suspects: Int64s) -> list[int]:
        """Those of the rows `suspects` that are in the store."""
        taken = records.select(["ts", "line", "sm"]).take(suspects)
        asked = pa.table(
            {
                "n": pa.array(np.arange(len(suspects))),
                "sid": pa.array(sids[suspects]),
                "ts": taken.column("ts"),
                "line": taken.column("line"),
            }
        )
        try:
            with self._database.cursor() as cursor:
                cursor.register("asked", asked)
                equal = self._equal(cursor, asked)
                cursor.unregister("asked")
        except duckdb.Error as error:
            raise self._database.explained(error) from error
        found = equal.column("n").to_numpy().tolist()
        own = taken.column("sm").take(equal.column("n")).to_pylist()
        theirs = equal.column("sm").to_pylist()
        return [
            int(suspects[n])
            for n, mine, stored in zip(found, own, theirs, strict=True)
            if dict(mine or ()) == dict(stored or ())
        ]

    def _equal(self, cursor: Cursor, asked: pa.Table) -> pa.Table:
        """The metadata of stored rows that are equal to one that is asked for in all else."""
        paths = cursor.execute(
            """SELECT path FROM segments
            WHERE EXISTS (SELECT 1 FROM asked WHERE ts BETWEEN min_ts AND max_ts)"""
        ).fetchall()
        ts = asked.column("ts").to_numpy()
        rows = union(self._database.folder, [path for (path,) in paths])
        equal: pa.Table = cursor.sql(
            f"""SELECT n, sm FROM ({rows}) AS stored JOIN asked USING (sid, ts, line)
            WHERE stored.ts BETWEEN {ts.min()} AND {ts.max()}"""
        ).to_arrow_table()
        return equal


def _repeated(records: Records, codes: Int64s, ts: Int64s) -> list[int]:
    """Rows that come a second time in `records` themselves."""
    rows = _alike(np.arange(len(ts)), ts, codes)
    if not len(rows):
        return []
    some = records.select(["line", "sm"]).take(rows)
    lines = _codes(some.column("line").combine_chunks())
    alike = _alike(np.arange(len(rows)), lines, ts[rows], codes[rows])
    known: set[tuple[int, int, int, frozenset[tuple[str, str]]]] = set()
    repeated: list[int] = []
    for at, sm in zip(alike.tolist(), some.column("sm").take(alike).to_pylist(), strict=True):
        row = int(rows[at])
        key = (int(codes[row]), int(ts[row]), int(lines[at]), frozenset(sm or ()))
        if key in known:
            repeated.append(row)
        known.add(key)
    return repeated


def _codes(texts: Any) -> Int64s:
    """A number for each text of an array; the same for equal ones."""
    return np.asarray(texts.dictionary_encode().indices, np.int64)


def _alike(rows: Int64s, *keys: Int64s) -> Int64s:
    """Those of `rows`, ascending, that share all their keys with another one."""
    order = np.lexsort(keys)
    same = np.ones(len(order) - 1, np.bool_)
    for key in keys:
        same &= key[order[1:]] == key[order[:-1]]
    among = np.zeros(len(order), np.bool_)
    among[1:] |= same
    among[:-1] |= same
    return np.sort(rows[order[among]])


def _streams(table: pa.Table) -> tuple[Int64s, Int64s]:
    """Stream ids, and for every row which of them is its own."""
    chunks: list[Any] = table.column("labels").unify_dictionaries().chunks
    keys: list[str] = chunks[-1].dictionary.to_pylist()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in chunks]).astype(np.int64)
    # The same labels may stand in the dictionary twice: what counts is the stream.
    sids, same = np.unique(
        np.fromiter((stream_id(key) for key in keys), np.int64, len(keys)), return_inverse=True
    )
    return sids, same[codes]


def _pushes(table: pa.Table) -> Int64s:
    """For every row, which push it came with; 0 for all that did not come by push."""
    topics: list[Any] = table.column("topic").unify_dictionaries().chunks
    pushed = np.array([name.startswith(PUSHED) for name in topics[-1].dictionary.to_pylist()])
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in topics])
    offs = np.where(pushed[codes], _int64s(table, "off") + 1, 0)
    return np.unique(offs, return_inverse=True)[1].astype(np.int64)


def _int64s(table: pa.Table, column: str) -> Int64s:
    return table.column(column).to_numpy()
