"""A metric query from the leaves up, over all its steps at once; what a leaf is, the engine decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from driftwood.errors import QueryError
from driftwood.logql.ast import (
    BinaryOperation,
    LabelReplace,
    Literal,
    Metric,
    RangeAggregation,
    VectorAggregation,
    VectorLiteral,
)
from driftwood.logql.reference import binary
from driftwood.logql.reference.aggregations import aggregate
from driftwood.logql.reference.replace import label_replace
from driftwood.logql.reference.vectors import SeriesMatrix, constant

Leaf: TypeAlias = Callable[[Metric], SeriesMatrix | None]
"""Asked for every vector of the query, outermost first; None: it shall be computed from its operands.

A `sum` directly over a range aggregation is asked for before the range aggregation itself, so that whoever answers can
push the grouping down (`needs.pushed_grouping`).
"""


def evaluate_metric(expr: Metric, steps: int, leaf: Leaf) -> SeriesMatrix | float:
    """A vector for each of `steps`, or a number where `expr` is made of numbers alone."""
    if isinstance(expr, Literal):
        return expr.value
    found = leaf(expr)
    if found is not None:
        return found
    match expr:
        case BinaryOperation():
            return _binary(expr, steps, leaf)
        case VectorAggregation():
            operand = _vector(expr.operand, steps, leaf)
            return aggregate(expr.op, operand, expr.grouping, expr.parameter)
        case LabelReplace():
            return label_replace(_vector(expr.operand, steps, leaf), expr)
        case VectorLiteral():
            return constant(expr.value, steps)
        case RangeAggregation():
            raise AssertionError("every engine answers range aggregations itself: they are leaves")


def _vector(expr: Metric, steps: int, leaf: Leaf) -> SeriesMatrix:
    """Raises QueryError for a number, which no aggregation or function takes."""
    result = evaluate_metric(expr, steps, leaf)
    if isinstance(result, SeriesMatrix):
        return result
    raise QueryError(f"this needs a vector, not the number {result:g}")


def _binary(expr: BinaryOperation, steps: int, leaf: Leaf) -> SeriesMatrix | float:
    left = evaluate_metric(expr.left, steps, leaf)
    right = evaluate_metric(expr.right, steps, leaf)
    if isinstance(left, SeriesMatrix):
        if isinstance(right, SeriesMatrix):
            return binary.between(expr.op, left, right, expr.matching, return_bool=expr.return_bool)
        return binary.with_literal(
            expr.op, left, right, number_left=False, return_bool=expr.return_bool
        )
    if isinstance(right, SeriesMatrix):
        return binary.with_literal(
            expr.op, right, left, number_left=True, return_bool=expr.return_bool
        )
    return binary.fold(expr.op, left, right)
