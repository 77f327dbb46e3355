from __future__ import annotations

import math

import pytest

from driftwood.errors import QueryError
from driftwood.logql.ast import BinaryOp, Cardinality, Matching
from driftwood.logql.reference.binary import between, fold, with_literal
from tests.driftwood.logql.reference.matrices import matrix, shown

ERRORS = matrix(
    ("pod=a code=500", "1 2 _"), ("pod=a code=404", "3 _ 5"), ("pod=b code=500", "8 8 8")
)
ALL = matrix(("pod=a", "10 20 30"), ("pod=b", "16 0 _"), ("pod=c", "1 1 1"))
BY_POD = matrix(("pod=a", "5 _ 6"), ("pod=b", "0 2 2"))


def test_numbers_are_folded_and_their_comparison_is_zero_or_one() -> None:
    assert fold(BinaryOp.POW, 2, 10) == 1024
    assert fold(BinaryOp.GREATER, 2, 1) == 1
    assert fold(BinaryOp.EQUAL, 2, 1) == 0


@pytest.mark.parametrize("op", [BinaryOp.DIV, BinaryOp.MOD])
def test_dividing_by_zero_is_not_a_number(op: BinaryOp) -> None:
    assert math.isnan(fold(op, 5, 0))
    kept = "5" if op is BinaryOp.DIV else "0"
    zero_and_two = with_literal(op, matrix(("pod=a", "0 2")), 10, number_left=True)
    assert shown(zero_and_two) == [("pod=a", f"nan {kept}")]


def test_a_remainder_has_the_sign_of_the_dividend() -> None:
    assert fold(BinaryOp.MOD, -7, 3) == -1
    assert fold(BinaryOp.MOD, 7, -3) == 1


def test_a_number_works_on_every_sample_from_its_own_side() -> None:
    assert shown(with_literal(BinaryOp.SUB, BY_POD, 1, number_left=False)) == [
        ("pod=a", "4 _ 5"),
        ("pod=b", "-1 1 1"),
    ]
    assert shown(with_literal(BinaryOp.SUB, BY_POD, 1, number_left=True)) == [
        ("pod=a", "-4 _ -5"),
        ("pod=b", "1 -1 -1"),
    ]


def test_a_comparison_with_a_number_keeps_the_vectors_values_on_either_side() -> None:
    assert shown(with_literal(BinaryOp.GREATER, BY_POD, 5, number_left=False)) == [
        ("pod=a", "_ _ 6")
    ]
    assert shown(with_literal(BinaryOp.LESS, BY_POD, 5, number_left=True)) == [("pod=a", "_ _ 6")]


def test_bool_answers_for_every_sample() -> None:
    result = with_literal(BinaryOp.GREATER, BY_POD, 5, number_left=False, return_bool=True)
    assert shown(result) == [("pod=a", "0 _ 1"), ("pod=b", "0 0 0")]


def test_a_set_operation_takes_no_number() -> None:
    with pytest.raises(QueryError, match="vector on both sides"):
        with_literal(BinaryOp.AND, ALL, 1, number_left=False)


def test_samples_with_equal_labels_belong_together_at_steps_that_both_have() -> None:
    assert shown(between(BinaryOp.DIV, BY_POD, ALL)) == [
        ("pod=a", "0.5 _ 0.2"),
        ("pod=b", "0 nan _"),
    ]


def test_a_comparison_of_vectors_keeps_the_left_values() -> None:
    assert shown(between(BinaryOp.LESS, BY_POD, ALL)) == [("pod=a", "5 _ 6"), ("pod=b", "0 _ _")]
    assert shown(between(BinaryOp.LESS, BY_POD, ALL, return_bool=True)) == [
        ("pod=a", "1 _ 1"),
        ("pod=b", "1 0 _"),
    ]


def test_on_keeps_the_matching_labels_and_ignoring_the_others() -> None:
    left = matrix(("pod=a code=500", "1"), ("pod=b code=500", "2"))
    right = matrix(("pod=a zone=x", "10"), ("pod=b zone=y", "20"))
    assert shown(between(BinaryOp.ADD, left, right, Matching(("pod",), on=True))) == [
        ("pod=a", "11"),
        ("pod=b", "22"),
    ]
    assert shown(between(BinaryOp.ADD, left, right, Matching(("code", "zone")))) == [
        ("pod=a", "11"),
        ("pod=b", "22"),
    ]


def test_group_left_keeps_the_labels_of_the_many_side() -> None:
    matching = Matching(("pod",), on=True, cardinality=Cardinality.MANY_TO_ONE)
    assert shown(between(BinaryOp.DIV, ERRORS, ALL, matching)) == [
        ("code=500 pod=a", "0.1 0.1 _"),
        ("code=404 pod=a", "0.3 _ 0.166667"),
        ("code=500 pod=b", "0.5 nan _"),
    ]


def test_group_right_is_group_left_with_the_sides_in_their_places() -> None:
    matching = Matching(("pod",), on=True, cardinality=Cardinality.ONE_TO_MANY)
    assert shown(between(BinaryOp.SUB, BY_POD, ERRORS, matching)) == [
        ("code=500 pod=a", "4 _ _"),
        ("code=404 pod=a", "2 _ 1"),
        ("code=500 pod=b", "-8 -6 -6"),
    ]


def test_group_left_takes_listed_labels_from_the_one_side_or_loses_them() -> None:
    many = matrix(("pod=a zone=old", "1"), ("pod=b zone=old", "2"))
    one = matrix(("pod=a zone=new team=t", "10"), ("pod=b", "20"))
    matching = Matching(("pod",), True, Cardinality.MANY_TO_ONE, include=("zone", "team"))
    assert shown(between(BinaryOp.ADD, many, one, matching)) == [
        ("pod=a team=t zone=new", "11"),
        ("pod=b", "22"),
    ]


def test_the_one_side_must_be_unique_at_every_step_and_may_change_between_steps() -> None:
    matching = Matching(("pod",), on=True, cardinality=Cardinality.MANY_TO_ONE)
    moves = matrix(("pod=a host=x", "1 _"), ("pod=a host=y", "_ 2"))
    assert shown(between(BinaryOp.ADD, matrix(("pod=a", "10 10")), moves, matching)) == [
        ("pod=a", "11 _"),
        ("pod=a", "_ 12"),
    ]
    twice = matrix(("pod=a host=x", "1 1"), ("pod=a host=y", "_ 2"))
    with pytest.raises(QueryError, match="duplicate series on the right hand-side"):
        between(BinaryOp.ADD, matrix(("pod=a", "10 10")), twice, matching)
    with pytest.raises(QueryError, match="duplicate series on the left hand-side"):
        between(
            BinaryOp.ADD,
            twice,
            matrix(("pod=a", "10 10")),
            Matching(("pod",), True, Cardinality.ONE_TO_MANY),
        )


def test_many_on_the_left_need_group_left() -> None:
    with pytest.raises(QueryError, match="many-to-one matching must be explicit"):
        between(BinaryOp.ADD, ERRORS, ALL, Matching(("pod",), on=True))


def test_results_of_group_left_must_differ() -> None:
    many = matrix(("pod=a zone=x", "1"), ("pod=a zone=y", "2"))
    one = matrix(("pod=a zone=z", "1"))
    matching = Matching(("pod",), True, Cardinality.MANY_TO_ONE, include=("zone",))
    with pytest.raises(QueryError, match="grouping labels must ensure unique matches"):
        between(BinaryOp.ADD, many, one, matching)


def test_set_operations_go_by_presence() -> None:
    by_pod = Matching(("pod",), on=True, cardinality=Cardinality.MANY_TO_MANY)
    assert shown(between(BinaryOp.AND, ERRORS, BY_POD, by_pod)) == [
        ("code=500 pod=a", "1 _ _"),
        ("code=404 pod=a", "3 _ 5"),
        ("code=500 pod=b", "8 8 8"),
    ]
    assert shown(between(BinaryOp.UNLESS, ERRORS, BY_POD, by_pod)) == [("code=500 pod=a", "_ 2 _")]
    assert shown(between(BinaryOp.OR, BY_POD, ALL)) == [
        ("pod=a", "5 _ 6"),
        ("pod=b", "0 2 2"),
        ("pod=a", "_ 20 _"),
        ("pod=c", "1 1 1"),
    ]


def test_an_empty_side_leaves_nothing_to_match() -> None:
    nothing = matrix(("pod=a", "1 1 1")).rows([])
    assert shown(between(BinaryOp.ADD, ALL, nothing)) == []
    assert shown(between(BinaryOp.AND, ALL, nothing)) == []
    assert shown(between(BinaryOp.OR, nothing, BY_POD)) == shown(BY_POD)
    assert shown(between(BinaryOp.UNLESS, BY_POD, nothing)) == shown(BY_POD)
