# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own integers)
"""What can be asked for: label names, their values, whole label sets, and the services with their counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from driftwood.labels import SERVICE_LABELS
from driftwood.logql.sql import Sql, any_of
from driftwood.store.read import Readable, Row, Span, rows
from driftwood.store.read_cells import cells
from driftwood.store.read_selection import EVERY_LINE, Selection
from driftwood.store.schema import MINUTE

MAX_VALUES = 10_000
ERROR = 17
"""From this severity number on a line is an error (OpenTelemetry's logs data model)."""

_ID = r"[+-]?[0-9]+([.][0-9]+)?|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def label_names(
    store: Readable, span: Span | None = None, selection: Selection = EVERY_LINE
) -> list[str]:
    """Sorted; of the streams of `selection` that had lines in `span`."""
    seen = _seen(span, [selection])
    found = rows(
        store,
        f"""SELECT DISTINCT unnest(map_keys(labels)) AS name FROM streams WHERE {seen.sql}
            ORDER BY name LIMIT {MAX_VALUES}""",
        seen.parameters,
    )
    return [row["name"] for row in found]


def label_values(
    store: Readable, name: str, span: Span | None = None, selection: Selection = EVERY_LINE
) -> list[str]:
    """Sorted, at most MAX_VALUES; [] for a label that no stream has."""
    seen = _seen(span, [selection])
    found = rows(
        store,
        f"""SELECT DISTINCT labels[?] AS value FROM streams WHERE value IS NOT NULL AND {seen.sql}
            ORDER BY value LIMIT {MAX_VALUES}""",
        [name, *seen.parameters],
    )
    return [row["value"] for row in found]


def label_sets(
    store: Readable, span: Span | None, selections: Sequence[Selection]
) -> list[dict[str, str]]:
    """Each stream's labels, of the streams that any of `selections` selects, ordered by their canonical text."""
    seen = _seen(span, selections)
    found = rows(
        store, f"SELECT labels FROM streams WHERE {seen.sql} ORDER BY key", seen.parameters
    )
    return [dict(row["labels"]) for row in found]


class LabelValues(NamedTuple):
    name: str
    cardinality: int
    ids: bool
    """Every value is a number or a UUID."""


def label_cardinalities(
    store: Readable, span: Span | None = None, selection: Selection = EVERY_LINE
) -> list[LabelValues]:
    """How many values each label has, sorted by name."""
    seen = _seen(span, [selection])
    found = rows(
        store,
        f"""SELECT name, count(DISTINCT value) AS cardinality, bool_and(regexp_full_match(value, '{_ID}')) AS ids
            FROM (SELECT unnest(map_keys(labels)) AS name, unnest(map_values(labels)) AS value
                  FROM streams WHERE {seen.sql})
            GROUP BY name ORDER BY name LIMIT {MAX_VALUES}""",
        seen.parameters,
    )
    return [LabelValues(**row) for row in found]


_SAYING = (
    "CASE "
    + " ".join(f"WHEN labels['{name}'] = service THEN '{name}'" for name in SERVICE_LABELS)
    + " ELSE '' END"
)
"""SQL: the label that says the service of a row of `streams`."""


def services(store: Readable, span: Span) -> list[Row]:
    """(service, label, count, errors, templates) of the services with lines in `span`, the busiest first.

    `label` is the one whose value most lines have their service from, "" where it is none of a stream's own.
    """
    source = cells(store, EVERY_LINE, span, MINUTE)
    return list(
        rows(
            store,
            f"""SELECT service, max_by(label, n) AS label, sum(n)::BIGINT AS count,
                       coalesce(sum(n) FILTER (severity >= {ERROR}), 0)::BIGINT AS errors,
                       count(DISTINCT template_id) AS templates
                FROM {source.sql} AS c JOIN (SELECT sid, service, {_SAYING} AS label FROM streams) AS s USING (sid)
                GROUP BY service ORDER BY count DESC, service LIMIT {MAX_VALUES}""",
            source.parameters,
        )
    )


def _seen(span: Span | None, selections: Sequence[Selection]) -> Sql:
    """SQL: a row of `streams` is selected, and had lines in `span`, to the minute."""
    wanted = any_of(selection.streams for selection in selections)
    if span is None:
        return wanted
    return wanted & Sql(
        "sid IN (SELECT sid FROM template_counts "
        f"WHERE minute > {span.start} AND minute < {span.end + MINUTE})"
    )
