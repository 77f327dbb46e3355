from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.ast import Grouping, VectorOp
from driftwood.logql.reference.aggregations import aggregate
from driftwood.logql.reference.vectors import Floats, SeriesMatrix
from tests.driftwood.logql.reference.matrices import matrix, shown

PODS = matrix(
    ("app=web pod=a", "1 4 _ nan"),
    ("app=web pod=b", "3 _ _ 2"),
    ("app=db pod=a", "7 1 _ inf"),
)


@pytest.mark.parametrize(
    ("op", "over_all"),
    [
        (VectorOp.SUM, "11 5 _ nan"),
        (VectorOp.COUNT, "3 2 _ 3"),
        (VectorOp.MIN, "1 1 _ 2"),
        (VectorOp.MAX, "7 4 _ inf"),
        (VectorOp.AVG, "3.66667 2.5 _ nan"),
        (VectorOp.STDVAR, "6.22222 2.25 _ nan"),
        (VectorOp.STDDEV, "2.49444 1.5 _ nan"),
    ],
)
def test_an_aggregation_sees_the_samples_of_its_own_step_only(op: VectorOp, over_all: str) -> None:
    assert shown(aggregate(op, PODS)) == [("", over_all)]


def test_by_keeps_the_named_labels_and_without_the_others() -> None:
    by_app = [("app=web", "4 4 _ nan"), ("app=db", "7 1 _ inf")]
    assert shown(aggregate(VectorOp.SUM, PODS, Grouping(("app",)))) == by_app
    assert shown(aggregate(VectorOp.SUM, PODS, Grouping(("pod",), without=True))) == by_app


def test_by_nothing_is_one_series_and_without_nothing_changes_nothing() -> None:
    assert [labels for labels, _ in shown(aggregate(VectorOp.SUM, PODS, Grouping()))] == [""]
    assert shown(aggregate(VectorOp.SUM, PODS, Grouping((), without=True))) == shown(PODS)


def test_a_label_that_nobody_has_is_no_part_of_the_group() -> None:
    result = aggregate(VectorOp.COUNT, PODS, Grouping(("app", "zone")))
    assert [labels for labels, _ in shown(result)] == ["app=web", "app=db"]


def test_the_largest_are_taken_step_by_step_and_keep_their_labels() -> None:
    assert shown(aggregate(VectorOp.TOPK, PODS, None, 1)) == [
        ("app=web pod=a", "_ 4 _ _"),
        ("app=db pod=a", "7 _ _ inf"),
    ]
    assert shown(aggregate(VectorOp.BOTTOMK, PODS, Grouping(("app",)), 1)) == [
        ("app=web pod=a", "1 4 _ _"),
        ("app=web pod=b", "_ _ _ 2"),
        ("app=db pod=a", "7 1 _ inf"),
    ]


def test_unknown_values_come_last_among_the_largest_and_among_the_smallest() -> None:
    values = matrix(("k=nan", "nan"), ("k=low", "-inf"), ("k=two", "2"))
    assert shown(aggregate(VectorOp.TOPK, values, None, 1)) == [("k=two", "2")]
    assert shown(aggregate(VectorOp.BOTTOMK, values, None, 2)) == [
        ("k=low", "-inf"),
        ("k=two", "2"),
    ]
    assert len(aggregate(VectorOp.TOPK, values, None, 3).labels) == 3


def test_of_equal_values_the_first_series_are_taken() -> None:
    values = matrix(("k=a", "1"), ("k=b", "1"), ("k=c", "1"))
    assert shown(aggregate(VectorOp.TOPK, values, None, 2)) == [("k=a", "1"), ("k=b", "1")]


def test_sort_orders_an_instant_and_leaves_a_range_alone() -> None:
    values = matrix(("k=a", "2"), ("k=b", "nan"), ("k=c", "-1"))
    assert [k for k, _ in shown(aggregate(VectorOp.SORT, values))] == ["k=c", "k=a", "k=b"]
    assert [k for k, _ in shown(aggregate(VectorOp.SORT_DESC, values))] == ["k=a", "k=c", "k=b"]
    assert shown(aggregate(VectorOp.SORT, PODS)) == shown(PODS)


def test_an_infinity_keeps_the_mean_until_its_opposite_comes() -> None:
    assert shown(aggregate(VectorOp.AVG, matrix(("k=a", "inf"), ("k=b", "2"), ("k=c", "inf")))) == [
        ("", "inf")
    ]
    assert shown(aggregate(VectorOp.AVG, matrix(("k=a", "inf"), ("k=b", "-inf")))) == [("", "nan")]


def test_the_mean_of_huge_values_does_not_overflow() -> None:
    assert shown(aggregate(VectorOp.AVG, matrix(("k=a", "1e308"), ("k=b", "1e308")))) == [
        ("", "1e+308")
    ]


def test_the_deviation_of_one_sample_is_zero() -> None:
    assert shown(aggregate(VectorOp.STDDEV, matrix(("k=a", "5 inf")))) == [("", "0 0")]


def test_a_sum_of_negative_zeros_keeps_its_sign() -> None:
    result = aggregate(VectorOp.SUM, matrix(("k=a", "-0"), ("k=b", "-0")))
    assert math.copysign(1, result.values[0, 0]) == -1


VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6))


@st.composite
def matrices(draw: st.DrawFn) -> SeriesMatrix:
    """Up to eight series of two labels over three steps."""
    rows = draw(
        st.dictionaries(
            st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")),
            st.tuples(VALUES, VALUES, VALUES),
            min_size=1,
        )
    )
    return SeriesMatrix(
        tuple({"l": left, "r": right} for left, right in rows),
        np.array([[v or 0.0 for v in row] for row in rows.values()]),
        np.array([[v is not None for v in row] for row in rows.values()]),
    )


@given(matrices())
def test_reduced_values_are_those_of_numpy_over_the_present_samples(given_: SeriesMatrix) -> None:
    plain: dict[VectorOp, Callable[[Floats], float]] = {
        VectorOp.SUM: np.sum,
        VectorOp.AVG: np.mean,
        VectorOp.MIN: np.min,
        VectorOp.MAX: np.max,
        VectorOp.STDDEV: np.std,
        VectorOp.STDVAR: np.var,
    }
    for op, function in plain.items():
        result = aggregate(op, given_)
        for step in range(given_.steps):
            values = given_.values[given_.present[:, step], step]
            assert bool(result.present[0, step]) is bool(len(values))
            if len(values):
                right = float(function(values))
                assert math.isclose(result.values[0, step], right, rel_tol=1e-6, abs_tol=1e-3)


@given(matrices(), st.sampled_from([VectorOp.SUM, VectorOp.MIN, VectorOp.MAX]))
def test_aggregating_in_two_stages_gives_the_same(given_: SeriesMatrix, op: VectorOp) -> None:
    at_once = aggregate(op, given_)
    in_two = aggregate(op, aggregate(op, given_, Grouping(("l",))))
    assert (at_once.present == in_two.present).all()
    assert np.allclose(at_once.values[at_once.present], in_two.values[in_two.present])


@given(matrices(), st.sampled_from([VectorOp.TOPK, VectorOp.BOTTOMK]))
def test_as_many_as_there_are_is_all(given_: SeriesMatrix, op: VectorOp) -> None:
    rows = len(given_.labels)
    assert shown(aggregate(op, given_, None, rows)) == shown(given_.nonempty())


@given(matrices(), st.integers(1, 4))
def test_what_is_left_out_is_not_larger_than_what_is_kept(given_: SeriesMatrix, k: int) -> None:
    largest = aggregate(VectorOp.TOPK, given_, None, k)
    for step in range(given_.steps):
        everything = sorted(given_.values[given_.present[:, step], step], reverse=True)
        kept = sorted(largest.values[largest.present[:, step], step], reverse=True)
        assert kept == everything[:k]
