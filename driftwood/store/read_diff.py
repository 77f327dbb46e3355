# ruff: noqa: S608  (what stands in the SQL are our own names and integers)
"""What changed between two spans: templates that are new, that vanished, and whose rate moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from driftwood.store.read import Readable, Span, rows
from driftwood.store.read_cells import cells
from driftwood.store.read_selection import Selection
from driftwood.store.schema import MINUTE

SURPRISE = 4.0
"""A rate moved when it lies this many standard deviations of two Poisson counts away."""


@dataclass(frozen=True, slots=True)
class Moved:
    id: int
    count: int
    base_count: int
    ratio: float
    """Rate now by rate in the base span, each plus one line so that it is finite."""


class Diff(NamedTuple):
    span: Span
    base: Span
    """What was compared."""
    new: list[Moved]
    vanished: list[Moved]
    changed: list[Moved]


def diff(
    store: Readable, selection: Selection, span: Span, base: Span | None = None, limit: int = 50
) -> Diff:
    """At most `limit` of each, the most frequent (new, vanished) or most surprising (changed) first.

    `base` is the span of the same length before by default. Spans of different lengths are compared by rate.
    """
    shortest = span.length if base is None else min(span.length, base.length)
    step = MINUTE if shortest >= 5 * MINUTE else 1
    now = cells(store, selection, span, step)
    if base is None:  # of what was counted, so that no minute is in both
        base = Span(now.span.start - now.span.length, now.span.start)
    then = cells(store, selection, base, step)
    scale = now.span.length / max(then.span.length, 1)
    found = rows(
        store,
        f"""
        WITH counted AS (
            SELECT template_id AS id, coalesce(a.n, 0)::BIGINT AS count, coalesce(b.n, 0)::BIGINT AS base_count
            FROM (SELECT template_id, sum(n) AS n FROM {now.sql} GROUP BY template_id) AS a
            FULL JOIN (SELECT template_id, sum(n) AS n FROM {then.sql} GROUP BY template_id) AS b
            USING (template_id)),
        judged AS (
            SELECT *, (count + 1) / (base_count + 1) / {scale!r}::DOUBLE AS ratio,
                   CASE WHEN base_count = 0 THEN 'new' WHEN count = 0 THEN 'vanished' ELSE 'changed' END AS kind,
                   abs(count - base_count * {scale!r}::DOUBLE)
                       / sqrt(count + base_count * {scale!r}::DOUBLE ** 2) AS surprise
            FROM counted)
        SELECT kind, id, count, base_count, ratio FROM judged WHERE kind <> 'changed' OR surprise >= {SURPRISE}
        QUALIFY row_number() OVER (PARTITION BY kind ORDER BY surprise DESC, id) <= {limit}
        ORDER BY surprise DESC, id""",
        (*now.parameters, *then.parameters),
    )
    answer = Diff(now.span, then.span, [], [], [])
    for row in found:
        kind = row.pop("kind")
        getattr(answer, kind).append(Moved(**row))
    return answer
