"""Which labels a metric query can see, and so what its parsers have to extract: Loki's parser hints.

Pruning is observable: a parser that need not run cannot fail. So this is part of the language, not a speed-up.

    sum (count_over_time({..} | json [1m]))          nothing: json does not run
    sum by (x) (rate({..} | json | y="1" [1m]))      x and y, and parsing of a line stops once both are found
    count_over_time({..} | json [1m])                all: the labels are shown
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from driftwood.logql.ast import (
    And,
    Assignment,
    BinaryOperation,
    BytesFilter,
    DurationFilter,
    Grouping,
    IpFilter,
    JsonParser,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    LogfmtParser,
    LogQuery,
    Metric,
    NumberFilter,
    Or,
    PatternParser,
    RangeAggregation,
    RangeOp,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    VectorAggregation,
    VectorOp,
)
from driftwood.logql.gotemplate import Template

ERROR = "__error__"
EXTRACTED = "_extracted"


@dataclass(frozen=True, slots=True)
class Needs:
    """What parsers extract."""

    names: frozenset[str] | None = None
    """The final label names that matter; None: all of them. Parsing of a line may stop when all were extracted."""
    nothing: bool = False
    """No parser runs at all."""

    def wants(self, name: str) -> bool:
        return not self.nothing and (self.names is None or name in self.names)

    @property
    def keeps_errors(self) -> bool:
        """Whether the query asks for `__error__`, so that samples with an error count like others and fail nothing."""
        return self.names is not None and ERROR in self.names


ALL = Needs()
NOTHING = Needs(frozenset(), nothing=True)

_PUSHES = frozenset({RangeOp.COUNT, RangeOp.RATE, RangeOp.BYTES, RangeOp.BYTES_RATE, RangeOp.SUM})
BYTES = frozenset({RangeOp.BYTES, RangeOp.BYTES_RATE})
_READS_THE_LINE = (
    LineFilter,
    JsonParser,
    LogfmtParser,
    RegexpParser,
    PatternParser,
    Unpack,
)


def needs_of(aggregation: RangeAggregation, pushed: Grouping | None = None) -> Needs:
    """What the parsers of one log range extract, given the grouping that a `sum` around it pushed down, if any.

    Raises TemplateError where a template cannot be read.
    """
    grouping = _grouping(aggregation, pushed)
    if grouping is None or grouping.without:
        return ALL
    names = set(grouping.labels) | set(required_names(aggregation.range.query.stages))
    if unwrap := aggregation.range.unwrap:
        names |= {unwrap.label, *required_names(unwrap.filters)}
    names |= {name.removesuffix(EXTRACTED) for name in names}
    return Needs(frozenset(names)) if names else NOTHING


def pushed_grouping(expr: VectorAggregation) -> Grouping | None:
    """The grouping that `expr` pushes into the range aggregation directly below it; None: it cannot push."""
    below = expr.operand
    if (
        expr.op is VectorOp.SUM
        and isinstance(below, RangeAggregation)
        and below.op in _PUSHES
        and below.grouping is None
    ):
        return expr.grouping or Grouping()
    return None


def sample_grouping(
    aggregation: RangeAggregation, pushed: Grouping | None = None
) -> Grouping | None:
    """Which of its final labels a sample keeps, unless it has an error; None: all. The unwrapped label goes, too."""
    grouping = _grouping(aggregation, pushed)
    if grouping is not None and _is_single(grouping):
        return grouping
    unwrap = aggregation.range.unwrap
    if unwrap is not None and (grouping is None or grouping.without):
        return Grouping((*(grouping.labels if grouping else ()), unwrap.label), without=True)
    return grouping


def log_ranges(expr: Metric) -> Iterator[tuple[RangeAggregation, Grouping | None]]:
    """Every range aggregation of a query with the grouping that is pushed into it, from left to right."""
    match expr:
        case RangeAggregation():
            yield expr, None
        case VectorAggregation(operand=RangeAggregation() as below):
            yield below, pushed_grouping(expr)
        case VectorAggregation() | LabelReplace():
            yield from log_ranges(expr.operand)
        case BinaryOperation():
            yield from log_ranges(expr.left)
            yield from log_ranges(expr.right)
        case _:
            return


def effective(aggregation: RangeAggregation) -> RangeAggregation:
    """Without each `line_format` that cannot matter: nothing behind it reads the line, nor does the aggregation."""
    stages = aggregation.range.query.stages
    if aggregation.op in BYTES or not any(isinstance(stage, LineFormat) for stage in stages):
        return aggregation
    kept = tuple(
        stage
        for at, stage in enumerate(stages)
        if not isinstance(stage, LineFormat)
        or any(isinstance(later, _READS_THE_LINE) for later in stages[at + 1 :])
    )
    query = LogQuery(aggregation.range.query.matchers, kept, aggregation.range.query.at)
    return replace(aggregation, range=replace(aggregation.range, query=query))


def required_names(stages: tuple[Stage, ...]) -> Iterator[str]:
    """The labels that label filters and formats read. What drop and keep name does not count, nor what parsers name."""
    for stage in stages:
        match stage:
            case And() | Or():
                yield from required_names((stage.left, stage.right))
            case StringFilter():
                yield stage.matcher.name
            case NumberFilter() | DurationFilter() | BytesFilter() | IpFilter():
                yield stage.name
            case LineFormat():
                yield from Template("line", stage.template).required
            case LabelFormat():
                for assignment in stage.assignments:
                    yield from _read_by(assignment)
            case _:
                pass


def _read_by(assignment: Assignment) -> Iterator[str]:
    if assignment.rename:
        yield assignment.value
    else:
        yield from Template("label", assignment.value).required


def _grouping(aggregation: RangeAggregation, pushed: Grouping | None) -> Grouping | None:
    """Where only presence counts, no label does: `absent_over_time` goes `by ()`."""
    if aggregation.op is RangeOp.ABSENT:
        return Grouping()
    return pushed or aggregation.grouping


def _is_single(grouping: Grouping) -> bool:
    """`by ()`: one series without labels."""
    return not grouping.labels and not grouping.without
