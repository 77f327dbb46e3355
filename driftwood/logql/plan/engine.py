"""LogQL on the store: DuckDB answers what it can, and Python makes the rest of as few rows as possible."""

from __future__ import annotations

from dataclasses import dataclass

from driftwood.errors import QueryError
from driftwood.logql.answer import Answer, Instant, Question
from driftwood.logql.ast import (
    Expr,
    Grouping,
    LogQuery,
    Metric,
    RangeAggregation,
    VectorAggregation,
)
from driftwood.logql.gotemplate import TemplateError
from driftwood.logql.needs import effective, pushed_grouping
from driftwood.logql.plan.asked import Asked, QuerySettings, Statement, asked
from driftwood.logql.plan.compiler import Metadata
from driftwood.logql.plan.logs import log_answer
from driftwood.logql.plan.ranges import RangeSamples
from driftwood.logql.reference.aggregations import aggregate
from driftwood.logql.reference.answers import check_entries, check_metric, metric_answer, steps_of
from driftwood.logql.reference.metrics import evaluate_metric
from driftwood.logql.reference.vectors import Ints, SeriesMatrix
from driftwood.logql.reference.windows import windows_of
from driftwood.logql.stages import StageError
from driftwood.store.read import Readable

__all__ = ["Explanation", "QuerySettings", "answer", "explain"]

DEFAULTS = QuerySettings()


def answer(
    store: Readable, expr: Expr, question: Question, settings: QuerySettings = DEFAULTS
) -> Answer:
    """Raises QueryError, with Loki's words, where the query cannot be answered; QueryTimeout when it takes too long."""
    return _answer(asked(store, settings), expr, question)


@dataclass(frozen=True, slots=True)
class Explanation:
    plan: tuple[str, ...]
    """Sentences, in the order of what is done."""
    statements: tuple[Statement, ...]

    @property
    def sql(self) -> str:
        """All statements, each with the values that it binds."""
        return "\n\n".join(_shown(statement) for statement in self.statements)


def explain(
    store: Readable, expr: Expr, question: Question, settings: QuerySettings = DEFAULTS
) -> Explanation:
    """How `answer` would come to its answer; no line is looked at. Raises QueryError as `answer` does."""
    asking = asked(store, settings, dry=True)
    _answer(asking, expr, question)
    return Explanation(tuple(asking.notes), tuple(asking.statements))


def _shown(statement: Statement) -> str:
    bound = "".join(f"\n-- ${i}: {value!r}" for i, value in enumerate(statement.parameters, 1))
    return f"{statement.sql};{bound}"


def _answer(asking: Asked, expr: Expr, question: Question) -> Answer:
    limits = asking.settings.limits
    if isinstance(expr, LogQuery):
        if isinstance(question, Instant):
            raise QueryError(
                "log queries are not supported as an instant query type, "
                "please change your query to a range query type"
            )
        check_entries(question, limits)
        streams = asking.store.streams.matching(expr.matchers)
        return log_answer(asking, expr, question, streams, Metadata(asking.store.metadata_names))
    check_metric(expr, question)
    steps = steps_of(question)
    result = evaluate_metric(expr, len(steps), _Leaves(asking, steps))
    return metric_answer(result, expr, question, limits)


class _Leaves:
    """Range aggregations, and a `sum` directly over one, which pushes its grouping down."""

    def __init__(self, asking: Asked, steps: Ints) -> None:
        self._asking = asking
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
        key = expr, pushed
        if key not in self._known:
            self._known[key] = self._computed(effective(expr), pushed)
        return self._known[key]

    def _computed(self, expr: RangeAggregation, pushed: Grouping | None) -> SeriesMatrix:
        found = RangeSamples(self._asking, expr, pushed, windows_of(expr.range, self._steps))
        streams = self._asking.store.streams.matching(expr.range.query.matchers)
        try:
            found.collect(streams, Metadata(self._asking.store.metadata_names))
        except (StageError, TemplateError) as error:
            raise QueryError(f"parse error : {error}") from error
        return found.matrix()
