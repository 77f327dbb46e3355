# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Sealed segments: Parquet files that hold one event-time hour each, and the view that joins them to the hot rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from driftwood.store.database import Cursor, quoted
from driftwood.store.schema import COLUMNS

_BETWEEN = re.compile(r"logs_between\((-?\d+), (-?\d+)\)")


def relation(start: int | None, end: int | None) -> str:
    """What to select FROM for rows with ts in [start, end], ns; `resolve` puts the files in its place."""
    first = -(2**63) if start is None else max(int(start), -(2**63))
    last = 2**63 - 1 if end is None else min(int(end), 2**63 - 1)
    return f"logs_between({first}, {last})"


def resolve(cursor: Cursor, folder: Path, sql: str) -> str:
    """`sql` with every `relation` spelt out as of the snapshot that `cursor` sees."""

    def rows(found: re.Match[str]) -> str:
        paths = overlapping(cursor, int(found[1]), int(found[2]))
        return f"({union(folder, paths)})"

    return _BETWEEN.sub(rows, sql)


def overlapping(cursor: Cursor, start: int, end: int) -> list[str]:
    """Paths of the segments with rows in [start, end], oldest first."""
    found = cursor.execute(
        "SELECT path FROM segments WHERE max_ts >= ? AND min_ts <= ? ORDER BY min_ts, path",
        [start, end],
    ).fetchall()
    return [path for (path,) in found]


def union(folder: Path, paths: Sequence[str]) -> str:
    """SQL for the hot rows and those of the segments at `paths`."""
    hot = f"SELECT {COLUMNS} FROM logs_hot"
    return f"{hot} UNION ALL SELECT {COLUMNS} FROM {parquet(folder, paths)}" if paths else hot


def parquet(folder: Path, paths: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(quoted(str(folder / path)) for path in paths)}])"


def make_view(cursor: Cursor, folder: Path) -> None:
    """The view `logs`, over the segments that are registered now."""
    paths = [p for (p,) in cursor.execute("SELECT path FROM segments ORDER BY min_ts").fetchall()]
    cursor.execute(f"CREATE OR REPLACE VIEW logs AS {union(folder, paths)}")
