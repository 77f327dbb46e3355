from __future__ import annotations

import pytest

from driftwood.errors import QueryError
from driftwood.logql.ast import (
    BinaryOp,
    BinaryOperation,
    LabelReplace,
    Literal,
    LogQuery,
    LogRange,
    Metric,
    RangeAggregation,
    RangeOp,
    VectorAggregation,
    VectorLiteral,
    VectorOp,
)
from driftwood.logql.reference.metrics import evaluate_metric
from driftwood.logql.reference.vectors import SeriesMatrix
from tests.driftwood.logql.reference.matrices import matrix, shown

RATE = RangeAggregation(RangeOp.RATE, LogRange(LogQuery(()), 60))
ROWS = matrix(("pod=a", "1 2"), ("pod=b", "3 _"))


def _leaf(expr: Metric) -> SeriesMatrix | None:
    return ROWS if isinstance(expr, RangeAggregation) else None


def _shown(expr: Metric) -> list[tuple[str, str]]:
    result = evaluate_metric(expr, 2, _leaf)
    assert isinstance(result, SeriesMatrix)
    return shown(result)


def test_operands_are_computed_before_what_takes_them() -> None:
    total = VectorAggregation(VectorOp.SUM, RATE)
    share = BinaryOperation(BinaryOp.DIV, Literal(100), total)
    assert _shown(share) == [("", "25 50")]


def test_the_engine_may_answer_for_any_part() -> None:
    total = VectorAggregation(VectorOp.SUM, RATE)

    def knows_the_sum(expr: Metric) -> SeriesMatrix | None:
        return matrix(("", "7 7")) if expr == total else None

    result = evaluate_metric(BinaryOperation(BinaryOp.ADD, total, Literal(1)), 2, knows_the_sum)
    assert isinstance(result, SeriesMatrix)
    assert shown(result) == [("", "8 8")]


def test_a_query_of_numbers_is_a_number() -> None:
    three = BinaryOperation(BinaryOp.ADD, Literal(1), Literal(2))
    assert evaluate_metric(three, 2, _leaf) == 3
    assert _shown(BinaryOperation(BinaryOp.MUL, three, RATE)) == [
        ("pod=a", "3 6"),
        ("pod=b", "9 _"),
    ]


def test_a_vector_of_one_number_is_there_at_every_step() -> None:
    assert _shown(VectorLiteral(4)) == [("", "4 4")]


def test_labels_are_replaced_before_series_are_added_up() -> None:
    renamed = LabelReplace(RATE, "pod", "c", "pod", ".*")
    assert _shown(VectorAggregation(VectorOp.SUM, renamed)) == [("", "4 2")]


def test_a_number_is_no_operand_of_an_aggregation() -> None:
    for operand in (Literal(1), BinaryOperation(BinaryOp.ADD, Literal(1), Literal(2))):
        with pytest.raises(QueryError, match="needs a vector"):
            evaluate_metric(VectorAggregation(VectorOp.SUM, operand), 2, _leaf)
