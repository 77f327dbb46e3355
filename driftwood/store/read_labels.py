# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own integers)
"""What can be asked for: label names, their values, and the services with their counts."""

from __future__ import annotations

from driftwood.store.read import Readable, Row, Span, rows
from driftwood.store.read_cells import cells
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.schema import MINUTE

MAX_VALUES = 10_000
ERROR = 17
"""From this severity number on a line is an error (OpenTelemetry's logs data model)."""


def label_names(store: Readable, span: Span | None = None) -> list[str]:
    """Sorted; of the streams that had lines in `span`."""
    found = rows(
        store,
        f"""SELECT DISTINCT unnest(map_keys(labels)) AS name FROM streams WHERE {_seen(span)}
            ORDER BY name LIMIT {MAX_VALUES}""",
    )
    return [row["name"] for row in found]


def label_values(store: Readable, name: str, span: Span | None = None) -> list[str]:
    """Sorted, at most MAX_VALUES; [] for a label that no stream has."""
    found = rows(
        store,
        f"""SELECT DISTINCT labels[?] AS value FROM streams WHERE value IS NOT NULL AND {_seen(span)}
            ORDER BY value LIMIT {MAX_VALUES}""",
        [name],
    )
    return [row["value"] for row in found]


def services(store: Readable, span: Span) -> list[Row]:
    """(service, count, errors, templates) of the services with lines in `span`, the busiest first."""
    source = cells(store, EVERY_LINE, span, MINUTE)
    return list(
        rows(
            store,
            f"""SELECT service, sum(n)::BIGINT AS count,
                       coalesce(sum(n) FILTER (severity >= {ERROR}), 0)::BIGINT AS errors,
                       count(DISTINCT template_id) AS templates
                FROM {source.sql} AS c JOIN (SELECT sid, service FROM streams) AS s USING (sid)
                GROUP BY service ORDER BY count DESC, service LIMIT {MAX_VALUES}""",
            source.parameters,
        )
    )


def _seen(span: Span | None) -> str:
    """SQL: this row of `streams` had lines in `span`, to the minute."""
    if span is None:
        return "TRUE"
    return (
        "sid IN (SELECT sid FROM template_counts "
        f"WHERE minute > {span.start} AND minute < {span.end + MINUTE})"
    )
