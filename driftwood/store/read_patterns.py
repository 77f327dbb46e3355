# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""What kinds of lines came when: templates with their counts per bucket and severity."""

from __future__ import annotations

from dataclasses import dataclass, field

from driftwood.labels import level_of
from driftwood.store.read import Readable, Span, rows
from driftwood.store.read_cells import cells
from driftwood.store.read_selection import Selection

MAX_PATTERNS = 1_000
"""The most frequent ones."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lines of one template and level: `counts[i]` of them came in (i * step, (i + 1) * step], counted from the
    multiple of `step` at or below the span's start.
    """

    text: str
    """As the template reads now; "" where its text is not known."""
    level: str
    counts: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def patterns(store: Readable, selection: Selection, span: Span, step: int) -> list[Pattern]:
    """Of the lines in (start, end], the most frequent first."""
    source = cells(store, selection, span, step)
    bucket = f"greatest({source.bucket(span.start // step * step, step)}, 0)"
    found = rows(
        store,
        f"""
        WITH counted AS MATERIALIZED (
                 SELECT template_id, (severity + 3) // 4 AS level, {bucket} AS bucket, sum(n) AS n
                 FROM {source.sql} GROUP BY ALL),
             frequent AS (
                 SELECT template_id, level, sum(n) AS total FROM counted GROUP BY ALL
                 ORDER BY total DESC, template_id, level LIMIT {MAX_PATTERNS}),
             named AS (SELECT id AS template_id, arg_max(text, version) AS text FROM templates GROUP BY id)
        SELECT template_id, coalesce(text, '') AS text, level::INTEGER AS level, bucket::BIGINT AS bucket,
               n::BIGINT AS n
        FROM counted JOIN frequent USING (template_id, level) LEFT JOIN named USING (template_id)
        ORDER BY total DESC, template_id, level, bucket""",
        source.parameters,
    )
    merged: dict[tuple[int, int], Pattern] = {}
    for row in found:
        pattern = merged.setdefault(
            (row["template_id"], row["level"]), Pattern(row["text"], level_of(row["level"] * 4))
        )
        pattern.counts[row["bucket"]] = row["n"]
    return list(merged.values())
