# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""How many lines came when: one series, or one per severity, service or template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from driftwood.errors import QueryError
from driftwood.labels import level_of
from driftwood.store.read import DAY, Readable, Span, rows
from driftwood.store.read_cells import cells
from driftwood.store.read_selection import Selection
from driftwood.store.schema import HOUR, MINUTE
from driftwood.timeparse import SECOND, format_duration

By = Literal["severity", "service", "template", "none"]

MAX_BUCKETS = 600
MAX_SERIES = 20
"""The largest ones; the rest are added up."""

# Steps that make round times. Between 15 s and a minute there is none: from a minute on the roll-ups answer.
STEPS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 30, 365)),
)
_WANTED_BUCKETS = 100

_KEYS = {
    "severity": "((severity + 3) // 4)::VARCHAR",
    "service": "coalesce((SELECT service FROM streams AS s WHERE s.sid = c.sid), '')",
    "template": "template_id::VARCHAR",
    "none": "'all'",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """`series[key][i]` lines came in (origin + i * step, origin + (i + 1) * step] and in `span`, ns.

    The largest series comes first; what lies beyond MAX_SERIES is added up under "".
    """

    span: Span
    origin: int
    step: int
    series: dict[str, list[int]]

    @property
    def total(self) -> int:
        return sum(map(sum, self.series.values()))


def natural_step(span: Span) -> int:
    """A round step that cuts `span` into some tens of buckets, ns."""
    return next((s for s in STEPS if span.length <= s * _WANTED_BUCKETS), STEPS[-1])


def counts(
    store: Readable, selection: Selection, span: Span, step: int | None = None, by: By = "severity"
) -> Counts:
    """Raises QueryError for a step that makes more than MAX_BUCKETS buckets. Empty buckets are zeros."""
    step = natural_step(span) if step is None else step
    source = cells(store, selection, span, step)
    origin = source.span.start // step * step
    buckets = -(-(source.span.end - origin) // step)
    if buckets > MAX_BUCKETS:
        least = next((s for s in STEPS if span.length <= s * (MAX_BUCKETS - 2)), STEPS[-1])
        raise QueryError(
            f"a step of {format_duration(step)} cuts this range into {buckets} buckets and at most {MAX_BUCKETS} are "
            f"answered: choose a step of {format_duration(least)} or more, or a shorter range"
        )
    found = rows(
        store,
        f"""
        WITH cut AS MATERIALIZED (
                 SELECT {_KEYS[by]} AS key, {source.bucket(origin, step)} AS bucket, sum(n) AS n
                 FROM {source.sql} AS c GROUP BY ALL),
             largest AS (SELECT key FROM cut GROUP BY key ORDER BY sum(n) DESC, key LIMIT {MAX_SERIES})
        SELECT CASE WHEN key IN (FROM largest) THEN key END AS key, bucket::INTEGER AS bucket, sum(n)::BIGINT AS n
        FROM cut GROUP BY ALL""",
        source.parameters,
    )
    series: dict[str, list[int]] = {}
    for row in found:
        key = _name(row["key"], by)
        series.setdefault(key, [0] * buckets)[row["bucket"]] += row["n"]
    ranked = sorted(series.items(), key=lambda s: (s[0] == OTHERS, -sum(s[1]), s[0]))
    return Counts(source.span, origin, step, dict(ranked))


OTHERS = ""


def _name(key: str | None, by: By) -> str:
    if key is None:
        return OTHERS
    if by == "severity":
        return level_of(int(key) * 4) or "unknown"
    return key or "unknown"
