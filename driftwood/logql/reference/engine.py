"""What a query means: its answer over the lines of a source, computed the plain way."""

from __future__ import annotations

from driftwood.errors import QueryError
from driftwood.logql.answer import Answer, Instant, Limits, Question
from driftwood.logql.ast import (
    Expr,
    Grouping,
    LogQuery,
    Metric,
    RangeAggregation,
    VectorAggregation,
)
from driftwood.logql.needs import pushed_grouping
from driftwood.logql.reference.aggregations import aggregate
from driftwood.logql.reference.answers import check_entries, check_metric, metric_answer, steps_of
from driftwood.logql.reference.leaves import range_matrix
from driftwood.logql.reference.logs import log_answer
from driftwood.logql.reference.metrics import evaluate_metric
from driftwood.logql.reference.samples import samples_of
from driftwood.logql.reference.sources import LogSource
from driftwood.logql.reference.vectors import Ints, SeriesMatrix
from driftwood.logql.reference.windows import windows_of


def evaluate(expr: Expr, source: LogSource, question: Question, limits: Limits) -> Answer:
    """Raises QueryError, with Loki's words, where the query cannot be answered."""
    if isinstance(expr, LogQuery):
        if isinstance(question, Instant):
            raise QueryError(
                "log queries are not supported as an instant query type, "
                "please change your query to a range query type"
            )
        check_entries(question, limits)
        return log_answer(expr, source, question)
    check_metric(expr, question)
    steps = steps_of(question)
    result = evaluate_metric(expr, len(steps), _Leaves(source, steps))
    return metric_answer(result, expr, question, limits)


class _Leaves:
    """Range aggregations, and a `sum` directly over one, which pushes its grouping down."""

    def __init__(self, source: LogSource, steps: Ints) -> None:
        self._source = source
        self._steps = steps
        self._known: dict[tuple[RangeAggregation, Grouping | None], SeriesMatrix] = {}

    def __call__(self, expr: Metric) -> SeriesMatrix | None:
        if isinstance(expr, RangeAggregation):
            return self._range(expr, None)
        if isinstance(expr, VectorAggregation) and isinstance(expr.operand, RangeAggregation):
            below = self._range(expr.operand, pushed_grouping(expr))
            return aggregate(expr.op, below, expr.grouping, expr.parameter)
        return None

    def _range(self, expr: RangeAggregation, pushed: Grouping | None) -> SeriesMatrix:
        """Computed once where a query names it twice, as a ratio does."""
        key = expr, pushed
        if key not in self._known:
            windows = windows_of(expr.range, self._steps)
            samples = samples_of(expr, pushed, self._source, windows)
            self._known[key] = range_matrix(expr, samples, windows)
        return self._known[key]
