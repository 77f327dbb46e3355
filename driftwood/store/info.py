"""The size of a store, in numbers that cost little to get."""

from __future__ import annotations

import shutil
from typing import Any

from driftwood.store.database import FILE, Cursor, Database


def info(cursor: Cursor, database: Database) -> dict[str, Any]:
    """`text_bytes` is the text of all lines; `ratio` how many times smaller sealed lines are than their text."""
    hot, hot_oldest, hot_newest = _row(cursor, "SELECT count(*), min(ts), max(ts) FROM logs_hot")
    segments, sealed, oldest, newest, sealed_bytes, sealed_text = _row(
        cursor,
        """SELECT count(*), coalesce(sum(row_count), 0)::BIGINT, min(min_ts), max(max_ts),
        coalesce(sum(file_bytes), 0)::BIGINT, coalesce(sum(text_bytes), 0)::BIGINT FROM segments""",
    )
    (text_bytes,) = _row(cursor, "SELECT coalesce(sum(bytes), 0)::BIGINT FROM template_counts")
    (streams,) = _row(cursor, "SELECT count(*) FROM streams")
    (templates,) = _row(cursor, "SELECT count(DISTINCT id) FROM templates")
    (dead_letters,) = _row(cursor, "SELECT count(*) FROM dead_letters")
    file_bytes = _size(database, FILE)
    log_bytes = _size(database, f"{FILE}.wal")
    return {
        "path": str(database.folder),
        "rows": hot + sealed,
        "rows_hot": hot,
        "rows_sealed": sealed,
        "segments": segments,
        "bytes": file_bytes + log_bytes + sealed_bytes,
        "file_bytes": file_bytes,
        "log_bytes": log_bytes,
        "segment_bytes": sealed_bytes,
        "free_bytes": shutil.disk_usage(database.folder).free,
        "text_bytes": text_bytes,
        "ratio": round(sealed_text / sealed_bytes, 1) if sealed_bytes else None,
        "oldest": min((t for t in (oldest, hot_oldest) if t is not None), default=None),
        "newest": max((t for t in (newest, hot_newest) if t is not None), default=None),
        "streams": streams,
        "templates": templates,
        "dead_letters": dead_letters,
    }


def _row(cursor: Cursor, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = cursor.execute(sql).fetchall()[0]
    return row


def _size(database: Database, name: str) -> int:
    file = database.folder / name
    return file.stat().st_size if file.is_file() else 0
