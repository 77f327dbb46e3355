# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Sealed segments: Parquet files that hold one event-time hour each, and the view that joins them to the hot rows."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from driftwood.logql.sql import Sql
from driftwood.store.database import SEGMENTS, Cursor, quoted
from driftwood.store.extract import Extraction, extraction_of
from driftwood.store.grams import grams_of
from driftwood.store.schema import COLUMNS, HOUR, MINUTE, PLACE, end_of
from driftwood.store.streams import Streams

logger = logging.getLogger(__name__)

PARQUET = (
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 6, ROW_GROUP_SIZE 8192, PARQUET_VERSION v2"
)

ROLL_UP = f"""SELECT {end_of(MINUTE)} AS minute, sid, template_id, template_version, severity,
    count(*) AS n, sum(strlen(line))::BIGINT AS bytes"""

DAMAGED = ".damaged"

REVISION = "segments"
"""A key of `meta`: another value for every set of segments that there was."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A row of `segments`; the fields are its columns, in order."""

    path: str
    hour: int
    row_count: int
    min_ts: int
    max_ts: int
    min_line_id: int
    max_line_id: int
    max_observed_ts: int
    file_bytes: int
    text_bytes: int
    checksum: str
    sealed_at: int
    columns: tuple[str, ...]
    """What the file has beside the columns of `logs`: the place of the stream, and extracted labels."""
    grams: bytes
    """`store.grams`, packed."""


# -- files


def write_segment(
    cursor: Cursor,
    folder: Path,
    hour: int,
    rows: str,
    streams: Streams,
    now: int,
    *,
    extract: bool = True,
) -> list[Segment]:
    """Write the rows that the SQL `rows` gives, all of one hour, and read them back before they count as written.

    `extract`: with columns for labels of JSON and logfmt lines.

    One segment, or none when there are no rows. The file is durable under its name, a new one, when this returns; a
    crash leaves at most a file that no store knows.
    """
    path = f"{SEGMENTS}/{_start_of(hour)}-{secrets.token_hex(6)}.parquet"
    temporary = folder / f"{path}.tmp"
    try:
        columns = _copy(cursor, temporary, rows, streams, extract=extract)
        row_count, min_ts, max_ts, min_line_id, max_line_id, max_observed_ts, text = cursor.execute(
            f"""SELECT count(*), min(ts), max(ts), min(line_id), max(line_id), max(observed_ts),
            sum(strlen(line))::BIGINT FROM read_parquet({quoted(str(temporary))})"""
        ).fetchall()[0]
        if not row_count:
            return []
        grams = grams_of(cursor, numbered(temporary.parent, [temporary.name]), row_count).packed()
        sync(temporary)
        size, digest = temporary.stat().st_size, checksum(temporary)
        temporary.rename(folder / path)
        sync(folder / SEGMENTS)
    finally:
        temporary.unlink(missing_ok=True)
    bounds = (min_ts, max_ts, min_line_id, max_line_id, max_observed_ts)
    return [Segment(path, hour, row_count, *bounds, size, text, digest, now, columns, grams)]


def _copy(
    cursor: Cursor, to: Path, rows: str, streams: Streams, *, extract: bool
) -> tuple[str, ...]:
    """Write the file; the columns that it has beside those of `logs`."""
    extraction = extraction_of(cursor, rows) if extract else Extraction({}, ())
    columns = (PLACE, *extraction.columns)
    selected = ", ".join([COLUMNS, *(f'"{name}"' for name in columns)])
    placed = f"SELECT {COLUMNS}, {PLACE} FROM ({rows}) JOIN places USING (sid)"
    source = extraction.over(Sql(f"({placed} ORDER BY {PLACE}, sid, ts, line_id)"))
    cursor.register("places", streams.places())
    cursor.execute(
        f"COPY (SELECT {selected} FROM {source.sql}) TO {quoted(str(to))} ({PARQUET})",
        source.parameters,
    ).fetchall()
    cursor.unregister("places")
    return columns


def _start_of(hour: int) -> str:
    return datetime.fromtimestamp((hour - HOUR) // 10**9, UTC).strftime("%Y-%m-%dT%H")


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def tidy(cursor: Cursor, folder: Path) -> None:
    """Remove files that a crash left unregistered; set registered ones aside that were cut short."""
    known = dict(cursor.execute("SELECT path, file_bytes FROM segments").fetchall())
    unknown = [
        file
        for file in sorted((folder / SEGMENTS).iterdir())
        if f"{SEGMENTS}/{file.name}" not in known and file.suffix != DAMAGED
    ]
    for file in unknown:
        file.unlink()
    if unknown:
        logger.warning("removed unregistered segments=%d first=%s", len(unknown), unknown[0])
    for path, size in sorted(known.items()):
        file = folder / path
        if file.is_file() and file.stat().st_size != size:
            file.rename(f"{file}{DAMAGED}")
        if not file.is_file():
            logger.error("a segment is missing or cut short, queries go without it file=%s", file)


# -- the table of segments


def register(cursor: Cursor, folder: Path, added: Iterable[Segment], removed: Iterable[str]) -> int:
    """Change the set of segments, and the view with it; the rows of the removed ones. Inside a transaction."""
    rows = 0
    for path in removed:
        found = cursor.execute(
            "DELETE FROM segments WHERE path = ? RETURNING row_count", [path]
        ).fetchall()
        rows += sum(n for (n,) in found)
    for segment in added:
        values = [getattr(segment, each.name) for each in fields(segment)]
        values[values.index(segment.columns)] = list(segment.columns)
        cursor.execute(f"INSERT INTO segments VALUES ({', '.join('?' * len(values))})", values)
    cursor.execute(f"INSERT OR REPLACE INTO meta VALUES ('{REVISION}', ?)", [secrets.token_hex(8)])
    make_view(cursor, folder)
    return rows


def make_view(cursor: Cursor, folder: Path) -> None:
    """The view `logs`, over the segments that are registered now."""
    paths = [p for (p,) in cursor.execute("SELECT path FROM segments ORDER BY min_ts").fetchall()]
    cursor.execute(f"CREATE OR REPLACE VIEW logs AS {union(folder, paths)}")


def merge_counts(cursor: Cursor, hours: Collection[int]) -> None:
    """One row per key in the roll-ups of `hours`, which commits only append to. Inside a transaction."""
    keys = "minute, sid, template_id, template_version, severity"
    within = f"{end_of(HOUR, 'minute')} IN ({_list(hours)})"
    cursor.execute(
        f"""CREATE TEMP TABLE merged AS SELECT {keys}, sum(n)::BIGINT AS n, sum(bytes)::BIGINT AS bytes
        FROM template_counts WHERE {within} GROUP BY {keys} ORDER BY {keys}"""
    )
    cursor.execute(f"DELETE FROM template_counts WHERE {within}")
    cursor.execute("INSERT INTO template_counts SELECT * FROM merged")
    cursor.execute("DROP TABLE merged")


def recount(cursor: Cursor, folder: Path, hours: Collection[int]) -> None:
    """Make the roll-ups of `hours` anew from the rows that are left. Inside a transaction."""
    paths = cursor.execute(f"SELECT path FROM segments WHERE hour IN ({_list(hours)})").fetchall()
    rows = union(folder, [path for (path,) in paths])
    cursor.execute(
        f"DELETE FROM template_counts WHERE {end_of(HOUR, 'minute')} IN ({_list(hours)})"
    )
    cursor.execute(
        f"INSERT INTO template_counts {ROLL_UP} FROM ({rows}) WHERE {end_of(HOUR)} IN ({_list(hours)}) GROUP BY ALL"
    )


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


# -- reading


def union(folder: Path, paths: Sequence[str]) -> str:
    """SQL for the hot rows and those of the segments at `paths`; what is missing was reported by `tidy`."""
    hot = f"SELECT {COLUMNS} FROM logs_hot"
    there = [path for path in paths if (folder / path).is_file()]
    return f"{hot} UNION ALL SELECT {COLUMNS} FROM {parquet(folder, there)}" if there else hot


def parquet(folder: Path, paths: Sequence[str]) -> str:
    return f"read_parquet({_files(folder, paths)})"


def numbered(folder: Path, paths: Sequence[str]) -> str:
    """The same, with `file_row_number`."""
    return f"read_parquet({_files(folder, paths)}, file_row_number = true)"


def _files(folder: Path, paths: Sequence[str]) -> str:
    return f"[{', '.join(quoted(str(folder / path)) for path in paths)}]"
