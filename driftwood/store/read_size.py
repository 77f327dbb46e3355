"""How much there is: rows, bytes, templates, dead letters. From metadata and roll-ups, never from the lines."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from driftwood.store.read import Readable, rows


@dataclass(frozen=True, slots=True)
class Size:
    hot: int
    """Lines not yet sealed."""
    sealed: int
    segments: int
    segment_bytes: int
    file_bytes: int
    """The DuckDB file and its log."""
    free_bytes: int
    """On the disk."""
    text_bytes: int
    """All lines as text."""
    templates: int
    dead_letters: int
    """Not replayed."""
    anomalies_open: int


def size(store: Readable) -> Size:
    found = rows(store, _COUNTS)[0]
    files = [f for f in store.path.glob("*.duckdb*") if f.is_file()]
    return Size(
        **found,
        file_bytes=sum(f.stat().st_size for f in files),
        free_bytes=shutil.disk_usage(store.path).free,
    )


_COUNTS = """
    SELECT (SELECT count(*) FROM logs_hot) AS hot,
           (SELECT coalesce(sum(row_count), 0)::BIGINT FROM segments) AS sealed,
           (SELECT count(*) FROM segments) AS segments,
           (SELECT coalesce(sum(file_bytes), 0)::BIGINT FROM segments) AS segment_bytes,
           (SELECT coalesce(sum(bytes), 0)::BIGINT FROM template_counts) AS text_bytes,
           (SELECT count(DISTINCT id) FROM templates) AS templates,
           (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL) AS dead_letters,
           (SELECT count(*) FROM anomalies) - (
               SELECT count(*) FROM (SELECT arg_max(verdict, (created, rowid)) AS verdict
                                     FROM feedback GROUP BY anomaly_id) WHERE verdict <> 'open'
           ) AS anomalies_open"""
