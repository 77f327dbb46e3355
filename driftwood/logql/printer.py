"""A query as text again, in Loki's canonical form: `str()` of every node. It parses back to the same query.

Two things are as Loki has them and lose a little: a size is rounded (`1234B` becomes `1.2kB`), and `ignoring ()` with
`group_left` is left out.
"""

from __future__ import annotations

import re
from functools import singledispatch

from driftwood.logql import gotext
from driftwood.logql.ast import (
    And,
    Assignment,
    BinaryOperation,
    BytesFilter,
    Cardinality,
    Conversion,
    Decolorize,
    DropLabels,
    DurationFilter,
    Extraction,
    Grouping,
    IpFilter,
    JsonParser,
    KeepLabels,
    LabelFilter,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    Literal,
    LogfmtParser,
    LogQuery,
    LogRange,
    Matcher,
    Matching,
    MatchOp,
    NumberFilter,
    Operand,
    Or,
    PatternParser,
    RangeAggregation,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    Unwrap,
    VectorAggregation,
    VectorLiteral,
)
from driftwood.logql.gotext import quote
from driftwood.logql.stages.text_match import Search, of_regex

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@singledispatch
def canonical(node: object) -> str:
    """`node` as Loki prints it: a stage with the pipe before it, everything else as it stands in a query."""
    raise TypeError(f"{node!r} is no part of a query")


@canonical.register
def _(node: LogQuery) -> str:
    selector = "{" + ", ".join(map(canonical, node.matchers)) + "}"
    return " ".join([selector, *map(canonical, node.stages)])


@canonical.register
def _(node: Matcher) -> str:
    name = node.name if _PLAIN_NAME.fullmatch(node.name) else quote(node.name)
    return f"{name}{node.op}{quote(node.value)}"


# -- stages


@canonical.register
def _(node: LineFilter) -> str:
    return f"{node.op} {' or '.join(map(canonical, node.operands))}"


@canonical.register
def _(node: Operand) -> str:
    return f"ip({quote(node.text)})" if node.ip else quote(node.text)


@canonical.register
def _(node: JsonParser) -> str:
    return " ".join(["| json", *_list(node.extractions)])


@canonical.register
def _(node: LogfmtParser) -> str:
    flags = ["--strict"] * node.strict + ["--keep-empty"] * node.keep_empty
    return " ".join(["| logfmt", *flags, *_list(node.extractions)])


def _list(extractions: tuple[Extraction, ...]) -> list[str]:
    return [",".join(map(canonical, extractions))] if extractions else []


@canonical.register
def _(node: Extraction) -> str:
    return f"{node.name}={quote(node.path)}"


@canonical.register
def _(node: RegexpParser) -> str:
    return f"| regexp {quote(node.pattern)}"


@canonical.register
def _(node: PatternParser) -> str:
    return f"| pattern {quote(node.pattern)}"


@canonical.register
def _(node: Unpack) -> str:
    return "| unpack"


@canonical.register
def _(node: LineFormat) -> str:
    return f"| line_format {quote(node.template)}"


@canonical.register
def _(node: LabelFormat) -> str:
    return f"| label_format {','.join(map(canonical, node.assignments))}"


@canonical.register
def _(node: Assignment) -> str:
    return f"{node.name}={node.value if node.rename else quote(node.value)}"


@canonical.register
def _(node: Decolorize) -> str:
    return "| decolorize"


@canonical.register
def _(node: DropLabels) -> str:
    return f"| drop {_names(node.labels)}"


@canonical.register
def _(node: KeepLabels) -> str:
    return f"| keep {_names(node.labels)}"


def _names(labels: tuple[str | Matcher, ...]) -> str:
    return ",".join(x if isinstance(x, str) else canonical(x) for x in labels)


# -- label filters, each as the stage that it can be


@canonical.register
def _(
    node: StringFilter | NumberFilter | DurationFilter | BytesFilter | IpFilter | And | Or,
) -> str:
    return f"| {condition(node)}"


def condition(node: LabelFilter) -> str:
    """A label filter without a pipe before it."""
    match node:
        case StringFilter(matcher):
            return _string_condition(matcher)
        case NumberFilter(name, op, value):
            return f"{name}{op}{gotext.format_float(value)}"
        case DurationFilter(name, op, value):
            return f"{name}{op}{gotext.format_duration(value)}"
        case BytesFilter(name, op, value):
            return f"{name}{op}{gotext.format_bytes(value).replace(' ', '')}"
        case IpFilter(name, op, pattern):
            return f"{name}{op}ip({quote(pattern)})"
        case And(left, right):
            return f"( {condition(left)} , {condition(right)} )"
        case Or(left, right):
            return f"( {condition(left)} or {condition(right)} )"


def _string_condition(matcher: Matcher) -> str:
    """Loki quotes an expression with backticks where it stays one, and is not replaced by a search for texts."""
    stays = matcher.op is MatchOp.MATCHES and isinstance(of_regex(matcher.value, True), Search)
    if stays and "`" not in matcher.value:
        return f"{matcher.name}{matcher.op}`{matcher.value}`"
    return canonical(matcher)


# -- metrics


@canonical.register
def _(node: Unwrap) -> str:
    target = node.label
    if node.conversion is not Conversion.NONE:
        target = f"{node.conversion}({node.label})"
    return " ".join([f"| unwrap {target}", *map(canonical, node.filters)])


@canonical.register
def _(node: LogRange) -> str:
    unwrap = f" {canonical(node.unwrap)}" if node.unwrap else ""
    offset = f" offset {gotext.format_duration(node.offset)}" if node.offset else ""
    size = gotext.format_prometheus_duration(node.range)
    return f"{canonical(node.query)}{unwrap}[{size}]{offset}"


@canonical.register
def _(node: Grouping) -> str:
    return f"{'without' if node.without else 'by'} ({','.join(node.labels)})"


@canonical.register
def _(node: RangeAggregation) -> str:
    parameter = ""
    if node.parameter is not None:
        parameter = f"{gotext.format_float(node.parameter)},"
    grouping = f" {canonical(node.grouping)}" if node.grouping else ""
    return f"{node.op}({parameter}{canonical(node.range)}){grouping}"


@canonical.register
def _(node: VectorAggregation) -> str:
    grouping = f" {canonical(node.grouping)}" if node.grouping else ""
    parameter = f"{node.parameter}," if node.parameter is not None else ""
    return f"{node.op}{grouping}({parameter}{canonical(node.operand)})"


@canonical.register
def _(node: BinaryOperation) -> str:
    return f"({canonical(node.left)} {operator(node)} {canonical(node.right)})"


def operator(node: BinaryOperation) -> str:
    """The sign and what modifies it."""
    op = f"{node.op} bool" if node.return_bool else str(node.op)
    matching = node.matching
    if matching is None or not (matching.on or matching.labels):
        return op
    kind = "on" if matching.on else "ignoring"
    return f"{op} {kind} ({','.join(matching.labels)}) {_group(matching)}"


def _group(matching: Matching) -> str:
    words = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}
    group = words.get(matching.cardinality, "")
    return f"{group} ({','.join(matching.include)})" if matching.include else group


@canonical.register
def _(node: LabelReplace) -> str:
    texts = (node.destination, node.replacement, node.source, node.pattern)
    return f"label_replace({','.join([canonical(node.operand), *map(quote, texts)])})"


@canonical.register
def _(node: Literal) -> str:
    return gotext.format_float_g(node.value)


@canonical.register
def _(node: VectorLiteral) -> str:
    return f"vector({gotext.format_float_f(node.value)})"


def line_filters(stages: tuple[Stage, ...]) -> list[tuple[Stage, ...]]:
    """The stages, with line filters that follow each other taken together: to Loki they are one."""
    groups: list[tuple[Stage, ...]] = []
    for stage in stages:
        if groups and isinstance(stage, LineFilter) and isinstance(groups[-1][-1], LineFilter):
            groups[-1] += (stage,)
        else:
            groups.append((stage,))
    return groups
