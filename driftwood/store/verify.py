# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Is everything there that should be, and only once? Nothing is changed: what is wrong is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from driftwood.store.database import Cursor
from driftwood.store.schema import HOUR, end_of
from driftwood.store.segments import ROLL_UP, checksum, parquet, union

_KEYS = "minute, sid, template_id, template_version, severity"


def misplaced(cursor: Cursor, rows: str) -> list[str]:
    """Kafka rows at or behind the offset where the store goes on: they would be stored once more."""
    found = cursor.execute(
        f"""WITH newest AS (SELECT topic, part, max(off) AS off FROM {rows} GROUP BY topic, part)
        SELECT c.source, c.key, c.position, n.off FROM newest n JOIN checkpoints c
        ON c.key = n.topic || '/' || n.part AND n.off >= try_cast(c.position AS BIGINT) ORDER BY ALL"""
    ).fetchall()
    return [
        f"{source}: rows of {key} up to offset {newest} are stored, but the store goes on at {position}: they may come "
        "twice. Was a single file of the data folder restored? Restore it as a whole"
        for source, key, position, newest in found
    ]


def problems(cursor: Cursor, folder: Path) -> list[str]:
    """Sentences about what is wrong with the store that `cursor` sees."""
    sound: list[str] = []
    hurt_hours: set[int] = set()
    found: list[str] = []
    segments = cursor.execute(
        "SELECT path, hour, row_count, checksum FROM segments ORDER BY min_ts, path"
    ).fetchall()
    for path, hour, rows, digest in segments:
        wrong = _segment(cursor, folder, path, rows, digest)
        if wrong:
            found.append(wrong)
            hurt_hours.add(hour)
        else:
            sound.append(path)
    logs = f"({union(folder, sound)})"
    found += _identity(cursor, logs)
    found += _counts(cursor, logs, hurt_hours)
    return found + misplaced(cursor, logs)


def _segment(cursor: Cursor, folder: Path, path: str, rows: int, digest: str) -> str:
    """What is wrong with one segment, "" for nothing."""
    file = folder / path
    advice = "restore it from a backup; its lines are missing until then"
    if not file.is_file():
        return f"{file} is missing: {advice}"
    if checksum(file) != digest:
        return f"{file} is damaged, its content is not what was written: {advice}"
    try:
        there = cursor.execute(f"SELECT count(*) FROM {parquet(folder, [path])}").fetchall()[0][0]
    except duckdb.Error as error:
        return f"{file} cannot be read ({error}): {advice}"
    return "" if there == rows else f"{file} holds {there} rows instead of {rows}: {advice}"


def _identity(cursor: Cursor, logs: str) -> Iterator[str]:
    """Every line has an id of its own and a known stream."""
    doubled = cursor.execute(f"SELECT count(*) - count(DISTINCT line_id) FROM {logs}").fetchall()[
        0
    ][0]
    if doubled:
        yield f"{doubled} rows share their line_id with another row: they were stored twice"
    homeless = cursor.execute(
        f"SELECT count(*) FROM {logs} ANTI JOIN streams USING (sid)"
    ).fetchall()[0][0]
    if homeless:
        yield f"{homeless} rows belong to a stream that the table streams does not have"


def _counts(cursor: Cursor, logs: str, hurt_hours: set[int]) -> Iterator[str]:
    """The roll-ups say what the rows say, apart from hours whose rows cannot be read."""
    differing = cursor.execute(
        f"""WITH counted AS (SELECT {_KEYS}, sum(n) AS n, sum(bytes) AS bytes FROM template_counts GROUP BY {_KEYS}),
        there AS ({ROLL_UP} FROM {logs} GROUP BY ALL)
        SELECT {end_of(HOUR, "minute")} AS hour, count(*) FROM counted FULL JOIN there USING ({_KEYS})
        WHERE counted.n IS DISTINCT FROM there.n OR counted.bytes IS DISTINCT FROM there.bytes
        GROUP BY hour ORDER BY hour"""
    ).fetchall()
    for hour, keys in differing:
        if hour not in hurt_hours:
            yield f"the counts of {keys} keys in the hour that ends at {hour} ns differ from its rows"
