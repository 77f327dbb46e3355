# ruff: noqa: S608  (what stands in the SQL is our own)
"""Rows for Python: those that SQL could not decide, a slice of time after the other, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from driftwood.logql.answer import Labels
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.needles import needles_of
from driftwood.logql.plan.static import STATE, UNSURE, Static, among, rows_of
from driftwood.logql.sql import Sql, sql
from driftwood.logql.stages.labels import NO_LABELS
from driftwood.store.read import Span
from driftwood.store.schema import LAST_HOUR, MINUTE

ROWS_AT_ONCE = 50_000


class StoredRow(NamedTuple):
    ts: int
    line_id: int
    stream: Labels
    structured_metadata: Labels
    line: str


def unsure_rows(asked: Asked, static: Static, span: Span) -> Iterator[StoredRow]:
    """The rows with start < ts <= end about which `static` is unsure."""
    for part in slices(asked, static, span, ROWS_AT_ONCE):
        source = rows_of(static, relation_of(asked, static, part))
        found = asked.query(
            sql(f"SELECT ts, line_id, sid, sm, line FROM {{}} WHERE {STATE} = {UNSURE}", source)
        )
        for ts, line_id, sid, metadata, line in lists(found):
            labels = dict(metadata) if metadata else NO_LABELS
            yield StoredRow(ts, line_id, static.streams[sid], labels, line)


def lists(found: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of an answer."""
    return zip(*(column.to_pylist() for column in found.columns), strict=True)


def relation_of(asked: Asked, static: Static, span: Span) -> Sql:
    """The rows of its streams with start < ts <= end that `static` means."""
    store = asked.store
    relation = store.relation(
        span.start + 1,
        span.end,
        store.streams.places_of(static.streams),
        sorted(static.columns or static.lacking),
        lacking=bool(static.lacking),
        needles=needles_of([stage for stage, _ in static.filters]),
    )
    return sql(
        f"(SELECT * FROM {relation} WHERE ts > {span.start} AND ts <= {span.end} AND {{}})",
        among(static.streams),
    )


def slices(asked: Asked, static: Static, span: Span, rows: int) -> Iterator[Span]:
    """`span` in parts that hold about `rows` lines of the streams at most, as far as minutes allow."""
    first = min(span.start, LAST_HOUR - 1)
    minutes = asked.query(
        sql(
            f"SELECT minute, sum(n)::BIGINT AS n FROM template_counts WHERE minute > {first} "
            f"AND minute - {MINUTE} < {span.end} AND {{}} GROUP BY minute ORDER BY minute",
            among(static.streams),
        )
    )
    start, held = span.start, 0
    for minute, n in lists(minutes):
        if held and held + n > rows and start < minute - MINUTE < span.end:
            yield Span(start, minute - MINUTE)
            start, held = minute - MINUTE, 0
        held += n
    if held and start < span.end:
        yield Span(start, span.end)
