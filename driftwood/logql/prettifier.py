"""A query over several lines, as Loki's /format_query lays it out.

What fits into 100 bytes stays on one line in its canonical form; what does not is cut at its outermost joint, and its
parts stand deeper. An operator that is cut loses its parentheses, as in Loki, so read the indentation.
"""

from __future__ import annotations

from functools import singledispatch

from driftwood.logql import gotext
from driftwood.logql.ast import (
    BinaryOperation,
    Cardinality,
    Decolorize,
    Expr,
    Grouping,
    LabelReplace,
    LogQuery,
    LogRange,
    Matching,
    RangeAggregation,
    Stage,
    Unwrap,
    VectorAggregation,
)
from driftwood.logql.printer import canonical, line_filters

WIDTH = 100
"""Bytes."""


def prettify(expr: Expr) -> str:
    """`expr` on as many lines as it needs.

    >>> from driftwood.logql import parse
    >>> print(prettify(parse('{app="foo"} |= "' + "x" * 90 + '" | json')).replace("x" * 90, "..."))
    {app="foo"}
      |= "..."
      | json
    """
    return _pretty(expr, 0)


def _indent(level: int) -> str:
    return "  " * level


def _fits(text: str) -> bool:
    return len(text.encode()) <= WIDTH


@singledispatch
def _pretty(node: object, level: int) -> str:
    return _indent(level) + canonical(node)


@_pretty.register
def _(node: LogQuery, level: int) -> str:
    line = canonical(node)
    if not node.stages or _fits(line):
        return _indent(level) + line
    lines = [_indent(level) + canonical(LogQuery(node.matchers))]
    lines += [_stages(group, level + 1) for group in line_filters(node.stages)]
    return "\n".join(lines)


def _stages(group: tuple[Stage, ...], level: int) -> str:
    """One stage, or line filters that follow each other. Loki never indents `decolorize`."""
    line = " ".join(map(canonical, group))
    if isinstance(group[0], Decolorize):
        return line
    if len(group) == 1 or _fits(line):
        return _indent(level) + line
    return f"{_stages(group[:-1], level)}\n{_indent(level)}{canonical(group[-1])}"


@_pretty.register
def _(node: Unwrap, level: int) -> str:
    lines = [canonical(Unwrap(node.label, node.conversion)), *map(canonical, node.filters)]
    return "\n".join(_indent(level) + line for line in lines)


@_pretty.register
def _(node: LogRange, level: int) -> str:
    text = _pretty(node.query, level)
    if node.unwrap:
        text += f"\n{_pretty(node.unwrap, level + 1)}"
    text += f" [{gotext.format_prometheus_duration(node.range)}]"
    if node.offset:
        text += f" offset {gotext.format_prometheus_duration(node.offset)}"
    return text


@_pretty.register
def _(node: RangeAggregation, level: int) -> str:
    line = canonical(node)
    if _fits(line):
        return _indent(level) + line
    parameter = ""
    if node.parameter is not None:
        parameter = f"{_indent(level + 1)}{gotext.format_float_g(node.parameter)},\n"
    inside = f"{parameter}{_pretty(node.range, level + 1)}"
    return f"{_indent(level)}{node.op}(\n{inside}\n{_indent(level)}){_grouping(node.grouping)}"


def _grouping(grouping: Grouping | None) -> str:
    if grouping is None:
        return ""
    if not grouping.labels:
        return " without" if grouping.without else ""
    return f" {'without' if grouping.without else 'by'} ({', '.join(grouping.labels)})"


@_pretty.register
def _(node: VectorAggregation, level: int) -> str:
    line = canonical(node)
    if _fits(line):
        return _indent(level) + line
    parameter = f"{_indent(level + 1)}{node.parameter},\n" if node.parameter is not None else ""
    inside = f"{parameter}{_pretty(node.operand, level + 1)}"
    return f"{_indent(level)}{node.op}{_grouping(node.grouping)}(\n{inside}\n{_indent(level)})"


@_pretty.register
def _(node: BinaryOperation, level: int) -> str:
    line = canonical(node)
    if _fits(line):
        return _indent(level) + line
    left, right = _pretty(node.left, level + 1), _pretty(node.right, level + 1)
    return f"{left}\n{_indent(level)}{_operator(node)}\n{right}"


def _operator(node: BinaryOperation) -> str:
    op = f"{node.op} bool" if node.return_bool else str(node.op)
    matching = node.matching
    if matching is None or not matching.labels:
        return op
    kind = "on" if matching.on else "ignoring"
    return f"{op} {kind} ({', '.join(matching.labels)}) {_group(matching)}"


def _group(matching: Matching) -> str:
    words = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}
    group = words.get(matching.cardinality, "")
    return f"{group} ({', '.join(matching.include)})" if matching.include else group


@_pretty.register
def _(node: LabelReplace, level: int) -> str:
    line = canonical(node)
    if _fits(line):
        return _indent(level) + line
    texts = (node.destination, node.replacement, node.source, node.pattern)
    parts = [_pretty(node.operand, level + 1)]
    parts += [_indent(level + 1) + gotext.quote(text) for text in texts]
    return f"{_indent(level)}label_replace(\n" + ",\n".join(parts) + f"\n{_indent(level)})"
