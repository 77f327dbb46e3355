"""Lines and counts of queries whose stages only the engine of LogQL knows, shown as those of any other query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftwood import logql
from driftwood.errors import QueryError
from driftwood.labels import SERVICE_LABELS, level_of
from driftwood.logql.answer import Entry, Labels, Limits, Matrix, Range, Streams
from driftwood.logql.ast import (
    DropLabels,
    Grouping,
    LogQuery,
    LogRange,
    RangeAggregation,
    RangeOp,
    VectorAggregation,
    VectorOp,
)
from driftwood.logql.plan import engine
from driftwood.logql.plan.engine import QuerySettings
from driftwood.logql.sql import line_condition
from driftwood.store.read import Readable, Span
from driftwood.store.read_counts import Counts, natural_step
from driftwood.store.read_lines import Direction
from driftwood.timeparse import SECOND
from ingest.severity import of_value

GROUPS = {
    "severity": ("level", "detected_level"),
    "service": SERVICE_LABELS,
    "none": (),
}
"""By which labels lines are counted; the first of them that a line has names it."""
MAX_SERIES = 100_000


def read(text: str) -> LogQuery | None:
    """The query for lines that `text` is; None means every line. Raises QueryError."""
    if not text.strip():
        return None
    expr = logql.parse(text, any_stream=True)
    if not isinstance(expr, LogQuery):
        raise QueryError(
            "this query makes numbers, and lines are asked for here: /loki/api/v1/query_range answers it",
            text,
            expr.at,
        )
    return expr


def needs_engine(query: LogQuery) -> bool:
    """Whether it has other stages than line filters that SQL knows."""
    return line_condition(query) is None


def found(
    store: Readable, query: LogQuery, span: Span, limit: int, direction: Direction
) -> list[tuple[Entry, Labels]]:
    """The lines, each with its stream's labels, in the order of (ts, line_id)."""
    asked = Range(span.start, span.end, SECOND, limit, direction)
    answer = engine.answer(store, query, asked, QuerySettings(Limits(max_entries=limit)))
    assert isinstance(answer, Streams)
    lines = [(entry, stream.stream) for stream in answer.streams for entry in stream.entries]
    lines.sort(key=lambda line: (line[0].ts, line[0].line_id), reverse=direction == "backward")
    return lines


def counted(store: Readable, query: LogQuery, span: Span, step: int | None, by: str) -> Counts:
    """Lines in (start, start + step], by what the labels of the query say of severity or service."""
    if by not in GROUPS:
        raise QueryError(
            f"by={by} counts lines as they are stored; this query changes or parses them"
        )
    step = natural_step(span) if step is None else step
    origin = span.start // step * step
    buckets = -(-(span.end - origin) // step)
    counting = VectorAggregation(
        VectorOp.SUM,
        RangeAggregation(RangeOp.COUNT, LogRange(_without_errors(query), step)),
        grouping=Grouping(GROUPS[by]),
    )
    asked = Range(origin + step, origin + buckets * step, step)
    answer = engine.answer(store, counting, asked, QuerySettings(Limits(max_series=MAX_SERIES)))
    assert isinstance(answer, Matrix)
    series: dict[str, list[int]] = {}
    for each in answer.series:
        points = series.setdefault(_key(each.labels, GROUPS[by], by), [0] * buckets)
        for time, value in zip(each.times, each.values, strict=True):
            points[(time - origin) // step - 1] += int(value)
    largest = sorted(series.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return Counts(span, origin, step, dict(largest))


def _without_errors(query: LogQuery) -> LogQuery:
    """So that a line that could not be parsed is counted, as it is shown; it would fail a metric query."""
    clean = DropLabels(("__error__", "__error_details__"))
    return LogQuery(query.matchers, (*query.stages, clean))


def _key(labels: Mapping[str, str], names: Sequence[str], by: str) -> str:
    value = next((labels[name] for name in names if labels.get(name)), "")
    if by == "severity":
        return level_of(of_value(value)) or "unknown"
    return value or ("unknown" if names else "all")
