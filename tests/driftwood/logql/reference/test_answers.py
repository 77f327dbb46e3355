from __future__ import annotations

import pytest

from driftwood.errors import QueryError
from driftwood.logql.answer import Instant, Limits, Matrix, Range, Sample, Scalar, Vector
from driftwood.logql.ast import (
    BinaryOp,
    BinaryOperation,
    Literal,
    Metric,
    VectorAggregation,
    VectorLiteral,
    VectorOp,
)
from driftwood.logql.reference.answers import (
    check_entries,
    check_metric,
    metric_answer,
    shows_order,
    steps_of,
)
from driftwood.logql.reference.vectors import empty
from tests.driftwood.logql.reference.matrices import matrix

SORTED: Metric = BinaryOperation(
    BinaryOp.ADD, VectorAggregation(VectorOp.SORT, VectorLiteral(1)), Literal(1)
)
ONE: Metric = VectorLiteral(1)


def test_a_range_is_asked_from_its_start_on_as_far_as_its_end() -> None:
    assert steps_of(Range(10, 40, 15)).tolist() == [10, 25, 40]
    assert steps_of(Range(10, 39, 15)).tolist() == [10, 25]
    assert steps_of(Instant(7)).tolist() == [7]


def test_an_instant_is_ordered_by_labels_name_before_value() -> None:
    rows = matrix(("b=1", "1"), ("a=2 b=1", "2"), ("a=1", "3"), ("a=2", "4"), ("a=1 c=0", "_"))
    answer = metric_answer(rows, ONE, Instant(7), Limits())
    assert isinstance(answer, Vector)
    assert [(dict(s.labels), s.value) for s in answer.samples] == [
        ({"a": "1"}, 3),
        ({"a": "2"}, 4),
        ({"a": "2", "b": "1"}, 2),
        ({"b": "1"}, 1),
    ]


def test_a_query_with_sort_keeps_the_order_of_values() -> None:
    answer = metric_answer(matrix(("a=2", "1"), ("a=1", "2")), SORTED, Instant(7), Limits())
    assert answer == Vector(7, (Sample({"a": "2"}, 1), Sample({"a": "1"}, 2)))


def test_sort_is_found_anywhere_in_a_query() -> None:
    assert shows_order(SORTED)
    assert not shows_order(VectorAggregation(VectorOp.TOPK, ONE, 1))


def test_points_without_samples_are_left_out_of_a_matrix() -> None:
    answer = metric_answer(matrix(("a=1", "1 _ 3")), ONE, Range(0, 20, 10), Limits())
    assert isinstance(answer, Matrix)
    (series,) = answer.series
    assert (dict(series.labels), series.times, series.values) == ({"a": "1"}, (0, 20), (1, 3))


def test_rows_with_equal_labels_are_one_series_in_the_order_of_time() -> None:
    rows = matrix(("a=1", "_ 2 _"), ("a=1", "1 _ 3"))
    answer = metric_answer(rows, ONE, Range(0, 20, 10), Limits(max_series=1))
    assert isinstance(answer, Matrix)
    assert [(s.times, s.values) for s in answer.series] == [((0, 10, 20), (1, 2, 3))]


def test_a_number_is_a_scalar_at_an_instant_and_a_series_over_a_range() -> None:
    assert metric_answer(2.5, Literal(2.5), Instant(7), Limits()) == Scalar(7, 2.5)
    answer = metric_answer(2.5, Literal(2.5), Range(0, 10, 10), Limits())
    assert isinstance(answer, Matrix)
    assert [(dict(s.labels), s.times, s.values) for s in answer.series] == [
        ({}, (0, 10), (2.5, 2.5))
    ]


def test_nothing_is_an_empty_answer() -> None:
    assert metric_answer(empty(1), ONE, Instant(7), Limits()) == Vector(7, ())
    assert metric_answer(empty(2), ONE, Range(0, 10, 10), Limits()) == Matrix(())


def test_more_series_than_allowed_are_refused_with_the_limit() -> None:
    rows = matrix(("a=1", "1"), ("a=2", "1"), ("a=3", "_"))
    assert metric_answer(rows, ONE, Instant(7), Limits(max_series=2))
    with pytest.raises(QueryError, match=r"maximum number of series \(1\) reached"):
        metric_answer(rows, ONE, Instant(7), Limits(max_series=1))
    with pytest.raises(QueryError, match=r"maximum number of series \(1\) reached"):
        metric_answer(rows, ONE, Range(7, 7, 1), Limits(max_series=1))


def test_more_lines_than_allowed_are_refused_with_the_limit() -> None:
    check_entries(Range(0, 1, 1, limit=5_000), Limits())
    with pytest.raises(QueryError, match=r"\(5001 > 5000\)"):
        check_entries(Range(0, 1, 1, limit=5_001), Limits())


def test_approx_topk_is_for_instants() -> None:
    query = VectorAggregation(VectorOp.APPROX_TOPK, ONE, 2)
    check_metric(query, Instant(0))
    with pytest.raises(QueryError, match="only supported on instant queries"):
        check_metric(query, Range(0, 1, 1))
