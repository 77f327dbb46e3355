# ruff: noqa: S608  (what stands in the SQL are our own names and integers)
"""What changed between two spans: templates that are new, vanished, or reworded, and whose rate moved."""

from __future__ import annotations

from typing import NamedTuple

from driftwood.store.read import Readable, Span, rows
from driftwood.store.read_cells import Cells, cells
from driftwood.store.read_selection import Selection
from driftwood.store.schema import MINUTE
from driftwood.template_diff import Counted, Counts, Moved, compare

PARTS = 12
"""Of a span, between which a template's rate varies by chance."""


class Diff(NamedTuple):
    span: Span
    base: Span
    """What was compared."""
    new: list[Moved]
    vanished: list[Moved]
    changed: list[Moved]
    reworded: list[Moved]


def diff(
    store: Readable, selection: Selection, span: Span, base: Span | None = None, limit: int = 50
) -> Diff:
    """At most `limit` of each, the most remarkable first (see `template_diff.compare`).

    `base` is the span of the same length before by default. Spans of different lengths are compared by rate.
    """
    shortest = span.length if base is None else min(span.length, base.length)
    step = MINUTE if shortest >= 5 * MINUTE else 1
    now = cells(store, selection, span, step, as_given=True)
    if base is None:  # of what was counted, so that no minute is in both
        base = Span(now.span.start - now.span.length, now.span.start)
    then = cells(store, selection, base, step, as_given=True)
    answer = Diff(now.span, then.span, [], [], [], [])
    for moved in compare(_counts(store, now, step), _counts(store, then, step)):
        found: list[Moved] = getattr(answer, moved.kind)
        if len(found) < limit:
            found.append(moved)
    return answer


def _counts(store: Readable, source: Cells, step: int) -> Counts:
    """By living template, with the text that most of its lines were given then: what a merge or a version changed."""
    start, end = source.span
    length = max(end - start, 1)
    width = -(-length // PARTS // step) * step
    parts = -(-length // width)
    found = rows(
        store,
        f"""
        WITH given AS (
                 SELECT template_id, template_version, {source.bucket(start, width)}::INTEGER AS part, sum(n) AS n
                 FROM {source.sql} GROUP BY ALL),
             whole AS (
                 SELECT coalesce(successor, template_id) AS living, template_id, template_version, part, n
                 FROM given LEFT JOIN merged ON merged.id = template_id),
             said AS (
                 SELECT living, arg_max(text, n) AS text
                 FROM (SELECT living, template_id, template_version, sum(n) AS n FROM whole GROUP BY ALL)
                 LEFT JOIN templates AS t ON t.id = template_id AND t.version = template_version GROUP BY living),
             counted AS (SELECT living, part, sum(n)::BIGINT AS n FROM whole GROUP BY ALL)
        SELECT living AS id, coalesce(any_value(text), '') AS text, list(part) AS parts, list(n) AS ns
        FROM counted LEFT JOIN said USING (living) GROUP BY living""",
        source.parameters,
    )
    counted: dict[int, Counted] = {}
    for row in found:
        by_part = [0] * parts
        for part, n in zip(row["parts"], row["ns"], strict=True):
            by_part[part] = n
        counted[row["id"]] = Counted(row["text"], by_part)
    lengths = [float(min(width, length - i * width)) for i in range(parts)]
    return Counts(lengths, counted)
