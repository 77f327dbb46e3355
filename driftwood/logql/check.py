"""What a query that is well formed may not say: what Loki refuses after the grammar, in its words.

Some of it Loki refuses on the spot (a matcher's expression, a parser's pattern), the rest once the whole query has been
read, from the outside in and from left to right. Last of all the stages are built, which finds bad expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import NamedTuple, get_args

from driftwood.errors import QueryError
from driftwood.logql import gotext, re2
from driftwood.logql.ast import (
    BinaryOp,
    Expr,
    Grouping,
    LabelFilter,
    LineFilter,
    LineFormat,
    LogQuery,
    LogRange,
    Matcher,
    MatchOp,
    PatternParser,
    RangeOp,
    RegexpParser,
    Stage,
    Unpack,
    Unwrap,
    VectorOp,
)
from driftwood.logql.stages import StageError, compile_stage

DEEPEST = 100
"""Levels of nesting that a query may have: everything that walks one recurses."""

NEEDS_MATCHER = (
    "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
    'For instance, app=~".*" does not meet this requirement, but app=~".+" will'
)
_GROUPS_RANGE = frozenset(
    {
        *(RangeOp.AVG, RangeOp.STDDEV, RangeOp.STDVAR, RangeOp.QUANTILE, RangeOp.MAX, RangeOp.MIN),
        *(RangeOp.FIRST, RangeOp.LAST),
    }
)
_NEEDS_NO_UNWRAP = frozenset(
    {RangeOp.BYTES, RangeOp.BYTES_RATE, RangeOp.COUNT, RangeOp.RATE, RangeOp.ABSENT}
)
_TAKES_NO_UNWRAP = frozenset({RangeOp.BYTES, RangeOp.BYTES_RATE, RangeOp.COUNT})
TAKES_K = frozenset({VectorOp.TOPK, VectorOp.BOTTOMK, VectorOp.APPROX_TOPK})
_LABEL_FILTERS = get_args(LabelFilter)
SETS = frozenset({BinaryOp.OR, BinaryOp.AND, BinaryOp.UNLESS})


class Flaw(NamedTuple):
    """What is wrong with a part of the query that is otherwise well formed."""

    message: str
    at: int
    hint: str = ""


def refusal(message: str, text: str, at: int, hint: str = "") -> QueryError:
    return QueryError(f"parse error : {message}", text, at, hint)


def too_deep(text: str, at: int) -> QueryError:
    return refusal(f"the query nests deeper than {DEEPEST} levels", text, at)


def depth(expr: object) -> int:
    """How many values stand inside each other, found without recursion."""
    deepest = 0
    waiting = [(expr, 1)]
    while waiting:
        value, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(value, tuple):
            waiting += [(part, level) for part in value]
        elif is_dataclass(value):
            waiting += [(getattr(value, field.name), level + 1) for field in fields(value)]
    return deepest


# -- on the spot


def matcher(found: Matcher, text: str, at: int) -> None:
    """Raises QueryError for a regular expression that cannot be read."""
    if found.op in (MatchOp.MATCHES, MatchOp.NOT_MATCHES):
        try:
            re2.compile(found.value)
        except re2.RegexError as error:
            raise refusal(str(error), text, at) from error


def parser_stage(stage: RegexpParser | PatternParser, text: str, at: int) -> None:
    """Raises QueryError for a pattern from which no labels can be made."""
    try:
        compile_stage(stage)
    except StageError as error:
        kind, example = "regexp", r"(?P<status>\d+)"
        if isinstance(stage, PatternParser):
            kind, example = "pattern", "<ip> - <_>"
        raise refusal(str(error), text, at, f"as in | {kind} `{example}`") from error


# -- when the whole has been read


def selector(query: LogQuery) -> Flaw | None:
    """At least one matcher must not hold for a label that is absent."""
    if any(not _holds_for_nothing(m) for m in query.matchers):
        return None
    return Flaw(NEEDS_MATCHER, query.at, 'one such as {service_name="api"} or {app=~".+"}')


def _holds_for_nothing(found: Matcher) -> bool:
    match found.op:
        case MatchOp.EQUAL:
            return found.value == ""
        case MatchOp.NOT_EQUAL:
            return found.value != ""
        case MatchOp.MATCHES:
            return re2.compile(f"(?s:{found.value})").fullmatches("")
        case MatchOp.NOT_MATCHES:
            return not re2.compile(f"(?s:{found.value})").fullmatches("")


def range_aggregation(
    op: RangeOp, over: LogRange, grouping: Grouping | None, parameter: str | None, at: int
) -> Flaw | None:
    """`parameter` as written."""
    if parameter is None and op is RangeOp.QUANTILE:
        hint = "as in quantile_over_time(0.99, {...} | unwrap latency [5m])"
        return Flaw(f"parameter required for operation {op}", at, hint)
    if parameter is not None:
        if op is not RangeOp.QUANTILE:
            return Flaw(f"parameter {parameter} not supported for operation {op}", at)
        try:
            gotext.parse_float(parameter)
        except ValueError as error:
            return Flaw(f"invalid parameter for operation {op}: {error}", at)
    if grouping is not None and op not in _GROUPS_RANGE:
        hint = f"group outside of it, as in sum by (...) ({op}(...))"
        return Flaw(f"grouping not allowed for {op} aggregation", at, hint)
    return _unwrapping(op, over.unwrap, at) or selector(over.query)


def _unwrapping(op: RangeOp, unwrap: Unwrap | None, at: int) -> Flaw | None:
    if unwrap is not None and op in _TAKES_NO_UNWRAP:
        return Flaw(
            f"invalid aggregation {op} with unwrap",
            unwrap.at,
            "it works on lines: leave unwrap out",
        )
    if unwrap is None and op not in _NEEDS_NO_UNWRAP:
        hint = f"it works on a label's values, as in {op}({{...}} | logfmt | unwrap bytes [5m])"
        return Flaw(f"invalid aggregation {op} without unwrap", at, hint)
    return None


def vector_aggregation(
    op: VectorOp, grouping: Grouping | None, parameter: str | None, at: int
) -> Flaw | None:
    """`parameter` as written, `grouping` as well."""
    if op not in TAKES_K:
        if parameter is not None:
            return Flaw(f"unsupported parameter for operation {op}({parameter},", at)
        if op in (VectorOp.SORT, VectorOp.SORT_DESC) and grouping and grouping.labels:
            return Flaw("sort and sort_desc doesn't allow grouping by ", at)
        return None
    if parameter is None:
        return Flaw(f"parameter required for operation {op}", at, f"as in {op}(10, ...)")
    k = whole_number(parameter)
    if k is None:
        return Flaw(f"invalid parameter {op}({parameter},", at, "k is a whole number")
    if k <= 0:
        return Flaw(f"invalid parameter (must be greater than 0) {op}({parameter}", at)
    if op is VectorOp.APPROX_TOPK and grouping is not None:
        return Flaw(f"grouping not allowed for {op} aggregation", at)
    return None


def whole_number(text: str) -> int | None:
    """strconv.Atoi."""
    if not re.fullmatch(r"0*[0-9]{1,19}", text) or int(text[-19:]) > gotext.LONGEST:
        return None
    return int(text[-19:])


def operands(op: BinaryOp, left: Expr, right: Expr) -> Flaw | None:
    """Both sides of an operator must be metric queries."""
    for leg, operand in (("left", left), ("right", right)):
        if isinstance(operand, LogQuery):
            kind = "PipelineExpr" if operand.stages else "MatchersExpr"
            return Flaw(
                f"unexpected type for {leg} leg of binary operation ({op}): *syntax.{kind}",
                operand.at,
                "make a metric of it first, as in rate({...}[5m])",
            )
    return None


def literal_in_set(op: BinaryOp, leg: str, value: float, at: int) -> Flaw:
    return Flaw(
        f"unexpected literal for {leg} leg of logical/set binary operation ({op}): "
        f"{gotext.format_float_f(value)}",
        at,
        "vector(1) makes a vector of a number",
    )


def label_replace(pattern: str, at: int) -> Flaw | None:
    try:
        re2.compile(f"^(?:{pattern})$")
    except re2.RegexError as error:
        return Flaw(f"invalid regex in label_replace: {error}", at)
    return None


# -- building the stages


def stages(expr: Expr, text: str) -> None:
    """Raises QueryError for a stage that cannot be built."""
    for query in log_queries(expr):
        for group in _as_built(query.stages):
            for stage in reversed(
                group
            ):  # of line filters taken together Loki builds the last one first
                try:
                    compile_stage(stage)
                except StageError as error:
                    words = f"stage '{' '.join(map(str, group))}' : {error}"
                    raise refusal(words, text, _where(stage)) from error


def _where(stage: Stage) -> int:
    """The operand that is wrong, where the stage has several."""
    if isinstance(stage, LineFilter):
        for operand in stage.operands:
            try:
                compile_stage(LineFilter(stage.op, (operand,)))
            except StageError:
                return operand.at
    return stage.at


def _as_built(stages: Sequence[Stage]) -> Iterator[tuple[Stage, ...]]:
    """In Loki's order, which shows in which stage is blamed: line filters are taken together, and go up to the last
    stage that drops lines by labels or changes the line, a `decolorize` excepted.
    """
    filters: list[Stage] = []
    others: list[Stage] = []
    for stage in stages:
        if isinstance(stage, LineFilter):
            filters.append(stage)
            continue
        is_filter = isinstance(stage, _LABEL_FILTERS)
        if not is_filter:
            others.append(stage)
        if is_filter or isinstance(stage, LineFormat | Unpack):
            yield from _flushed(filters, others)
            filters, others = [], []
        if is_filter:
            yield (stage,)
    yield from _flushed(filters, others)


def _flushed(filters: list[Stage], others: list[Stage]) -> Iterator[tuple[Stage, ...]]:
    if filters:
        yield tuple(filters)
    for stage in others:
        yield (stage,)


def log_queries(expr: Expr) -> Iterator[LogQuery]:
    """Those in `expr`, from left to right."""
    waiting: list[object] = [expr]
    while waiting:
        value = waiting.pop()
        if isinstance(value, LogQuery):
            yield value
        elif is_dataclass(value) and not isinstance(value, type):
            waiting += reversed([getattr(value, field.name) for field in fields(value)])
