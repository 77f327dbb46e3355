# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Templates in a span: how often, since when, in which services; and one template with its versions and lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from driftwood.labels import level_of
from driftwood.logql.sql import TRUE, Sql
from driftwood.store.lineage import current
from driftwood.store.read import Readable, Row, Span, rows
from driftwood.store.read_cells import Cells, cells
from driftwood.store.read_selection import EVERY_LINE, Selection, one_of
from driftwood.store.schema import MINUTE

Order = Literal["count", "new", "rare"]

SPARK = 30
"""Buckets of a sparkline."""
SERVICES = 100
"""Of one template that are named: a template may be said by 100,000 of them."""

_ORDER = {"count": "count DESC, id", "new": "first_seen DESC, count DESC, id", "rare": "count, id"}

# A template that is in no roll-up has no life; one that is not in `templates` has no text.
_LIFE = f"""(SELECT template_id, min(minute) - {MINUTE} AS first_seen, max(minute) - {MINUTE} AS last_seen
             FROM {current("template_counts")} GROUP BY template_id)"""
_TEXT = """(SELECT id, max(version) AS version, arg_max(text, version) AS text FROM templates GROUP BY id)"""
# The newest name that a user gave it, or gave one that was merged into it.
_NAME = """(SELECT coalesce(successor, template) AS id, arg_max(name, created) AS name
            FROM (SELECT unnest(templates) AS template, name, created FROM rules WHERE kind = 'rename')
            LEFT JOIN merged ON merged.id = template GROUP BY ALL)"""


@dataclass(frozen=True, slots=True)
class TemplateCount:
    """A template in a span. `first_seen` and `last_seen` are of the whole store: the minutes' starts, ns."""

    id: int
    version: int
    text: str
    count: int
    share: float
    """Of the lines selected, 0..1."""
    first_seen: int
    last_seen: int
    is_new: bool
    name: str = ""
    """That a user gave it."""
    services: list[str] = field(default_factory=list)
    """The most frequent first, SERVICES at most."""
    severities: dict[str, int] = field(default_factory=dict)
    spark: list[int] = field(default_factory=lambda: [0] * SPARK)


def templates(
    store: Readable,
    selection: Selection,
    span: Span,
    *,
    search: str = "",
    order: Order = "count",
    limit: int = 100,
    warmup: int = 0,
) -> tuple[list[TemplateCount], int]:
    """The first `limit` templates by `order`, and how many there are. `search` is a part of the text or name, in any
    case.

    New is what was first seen inside the span, and later than `warmup` ns after the store's oldest line: at first
    everything is new.
    """
    source = _cells(store, selection, span)
    matching = Sql(
        "(contains(lower(text), lower(?)) OR contains(lower(name), lower(?)))", (search, search)
    )
    return _page(store, source, "counted", matching, order, limit, warmup)


def among(
    store: Readable,
    selection: Selection,
    span: Span,
    ids: Sequence[int],
    warmup: int = 0,
    *,
    as_given: bool = False,
) -> list[TemplateCount]:
    """Those of `ids` that are known, counted in `span` (see `cells` for `as_given`), the most frequent first."""
    known = f"(SELECT DISTINCT id AS template_id FROM templates WHERE {one_of('id', list(ids))})"
    source = _cells(store, selection, span, as_given)
    return _page(store, source, known, TRUE, "count", len(ids), warmup)[0] if ids else []


def template(
    store: Readable, template_id: int, span: Span | None = None, warmup: int = 0
) -> tuple[TemplateCount, Span] | None:
    """One template and the span it was counted in (default: its whole life); None where none has this id."""
    gone = successor(store, template_id) is not None
    if span is None:
        first, last = rows(
            store,
            f"""SELECT min(minute) - {MINUTE} AS first, max(minute) AS last
                FROM {"template_counts" if gone else current("template_counts")}
                WHERE template_id = {template_id:d}""",
        )[0].values()
        span = Span(0, MINUTE) if last is None else Span(first, last)
    found = among(store, EVERY_LINE, span, [template_id], warmup, as_given=gone)
    return (found[0], span) if found else None


def successor(store: Readable, template_id: int) -> int | None:
    """The template that this one was merged into, as of now; None for one that lives."""
    found = rows(store, f"SELECT successor FROM merged WHERE id = {template_id:d}")
    return found[0]["successor"] if found else None


def versions(store: Readable, template_id: int) -> list[Row]:
    """(version, text, exact, created), the newest first."""
    return list(
        rows(
            store,
            f"""SELECT version, text, exact, created FROM templates WHERE id = {template_id:d}
                ORDER BY version DESC LIMIT 100""",
        )
    )


def lineage(store: Readable, template_id: int) -> tuple[list[int], list[int]]:
    """The templates that this one took over, and those that took it over."""
    found = rows(
        store,
        f"""SELECT list_sort(list_distinct(flatten(list(parents) FILTER (id = {template_id:d})))) AS parents,
                   list_sort(list_distinct(list(id) FILTER (list_contains(parents, {template_id:d})))) AS children
            FROM templates""",
    )[0]
    return found["parents"] or [], found["children"] or []


def texts(store: Readable, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Text by (id, version) of those that exist."""
    wanted = sorted({template_id for template_id, _ in ids})
    found = rows(store, f"SELECT id, version, text FROM templates WHERE {one_of('id', wanted)}")
    return {(row["id"], row["version"]): row["text"] for row in found}


def _cells(store: Readable, selection: Selection, span: Span, as_given: bool = False) -> Cells:
    """From the roll-ups when a sparkline's bucket is a minute or more."""
    step = MINUTE if span.length >= SPARK * MINUTE else 1
    return cells(store, selection, span, step, as_given=as_given)


def _page(
    store: Readable,
    source: Cells,
    chosen: str,
    where: Sql,
    order: Order,
    limit: int,
    warmup: int,
) -> tuple[list[TemplateCount], int]:
    """The templates of the relation `chosen`(template_id) that `where` lets through."""
    start, end = source.span
    found = rows(
        store,
        f"""
        WITH counted AS MATERIALIZED (
                 SELECT template_id, sum(n) AS n FROM {source.sql} GROUP BY template_id),
             life AS MATERIALIZED {_LIFE},
             described AS (
                 SELECT template_id AS id, coalesce(version, 0) AS version, coalesce(text, '') AS text,
                        coalesce(name, '') AS name,
                        coalesce(n, 0)::BIGINT AS count,
                        coalesce(n / (SELECT sum(n) FROM counted), 0) AS share,
                        coalesce(first_seen, {start}) AS first_seen, coalesce(last_seen, {end}) AS last_seen,
                        coalesce(first_seen > {start} AND first_seen <= {end} AND
                            first_seen > (SELECT min(first_seen) FROM life) + {warmup}, FALSE) AS is_new
                 FROM (SELECT template_id FROM {chosen}) LEFT JOIN counted USING (template_id)
                 LEFT JOIN life USING (template_id) LEFT JOIN {_TEXT} AS t ON t.id = template_id
                 LEFT JOIN {_NAME} AS given ON given.id = template_id)
        SELECT *, count(*) OVER () AS total FROM described WHERE {where.sql}
        ORDER BY {_ORDER[order]} LIMIT {limit}""",
        (*source.parameters, *where.parameters),
    )
    total = found[0]["total"] if found else 0
    page = [TemplateCount(**{k: v for k, v in row.items() if k != "total"}) for row in found]
    _describe(store, source, page)
    return page, total


def _describe(store: Readable, source: Cells, page: list[TemplateCount]) -> None:
    """Fill in what needs a second look, for the templates that are shown only."""
    width = max(-(-source.span.length // SPARK), 1)
    found = rows(
        store,
        f"""
        WITH shown AS (
                 SELECT template_id, {source.bucket(source.span.start, width)} AS bucket,
                        (severity + 3) // 4 AS level, sid, sum(n) AS n
                 FROM {source.sql} WHERE {one_of("template_id", [t.id for t in page])} GROUP BY ALL),
             named AS (
                 SELECT template_id, bucket, level, coalesce(service, '') AS service, n
                 FROM shown LEFT JOIN (SELECT sid, service FROM streams) AS s USING (sid))
        SELECT template_id, bucket::INTEGER AS bucket, level::INTEGER AS level, service, sum(n)::BIGINT AS n
        FROM named GROUP BY GROUPING SETS ((template_id, bucket), (template_id, level), (template_id, service))
        ORDER BY n DESC""",
        source.parameters,
    )
    by_id = {t.id: t for t in page}
    for row in found:
        shown = by_id[row["template_id"]]
        if row["bucket"] is not None:
            shown.spark[row["bucket"]] = row["n"]
        elif row["level"] is not None:
            shown.severities[level_of(row["level"] * 4) or "unknown"] = row["n"]
        elif row["service"] and len(shown.services) < SERVICES:
            shown.services.append(row["service"])
