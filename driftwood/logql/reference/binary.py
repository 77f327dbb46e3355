"""Binary operations: numbers, vectors and numbers, vectors and vectors (logql section 8).

Dividing by zero, also with `%`, is NaN. A comparison keeps the samples for which it holds, with the value of the left
side (of the vector, where the other side is a number), or with `bool` gives every sample 0 or 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from driftwood.errors import QueryError
from driftwood.logql.answer import Labels
from driftwood.logql.ast import BinaryOp, Cardinality, Matching
from driftwood.logql.reference.gomath import power
from driftwood.logql.reference.vectors import (
    Bools,
    Floats,
    Ints,
    LabelKey,
    SeriesMatrix,
    all_but,
    empty,
    key_of,
    numbered,
    only,
    stacked,
)

_Compute: TypeAlias = Callable[[Floats, Floats], Floats]
_Compare: TypeAlias = Callable[[Floats, Floats], Bools]


def _or_nan(function: _Compute) -> _Compute:
    return lambda left, right: np.where(right == 0, np.nan, function(left, right))


ARITHMETIC: dict[BinaryOp, _Compute] = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.DIV: _or_nan(np.divide),
    BinaryOp.MOD: _or_nan(np.fmod),
    BinaryOp.POW: power,
}
COMPARISONS: dict[BinaryOp, _Compare] = {
    BinaryOp.EQUAL: np.equal,
    BinaryOp.NOT_EQUAL: np.not_equal,
    BinaryOp.GREATER: np.greater,
    BinaryOp.GREATER_EQUAL: np.greater_equal,
    BinaryOp.LESS: np.less,
    BinaryOp.LESS_EQUAL: np.less_equal,
}
SETS = frozenset({BinaryOp.AND, BinaryOp.OR, BinaryOp.UNLESS})


def fold(op: BinaryOp, left: float, right: float) -> float:
    """Two numbers to one; a comparison gives 0 or 1, with or without `bool`.

    >>> fold(BinaryOp.GREATER, 2, 1), fold(BinaryOp.DIV, 1, 0)
    (1.0, nan)
    """
    if op in SETS:
        raise _needs_vectors(op, left)
    values, _ = _computed(
        op, np.array([float(left)]), np.array([float(right)]), np.array([True]), return_bool=True
    )
    return float(values[0])


def with_literal(
    op: BinaryOp,
    matrix: SeriesMatrix,
    number: float,
    *,
    number_left: bool,
    return_bool: bool = False,
) -> SeriesMatrix:
    """`matrix op number`, or `number op matrix` with `number_left`."""
    if op in SETS:
        raise _needs_vectors(op, number)
    other = np.full_like(matrix.values, number)
    left, right = (other, matrix.values) if number_left else (matrix.values, other)
    values, present = _computed(op, left, right, matrix.present, return_bool=return_bool)
    if op in COMPARISONS and not return_bool:
        values = matrix.values
    return SeriesMatrix(matrix.labels, values, present).nonempty()


def between(
    op: BinaryOp,
    left: SeriesMatrix,
    right: SeriesMatrix,
    matching: Matching | None = None,
    *,
    return_bool: bool = False,
) -> SeriesMatrix:
    """`left op matching right`. Raises QueryError where the matching is not unique at some step."""
    matching = matching or Matching()
    _, numbers = numbered(
        signature(labels, matching) for side in (left, right) for labels in side.labels
    )
    ours, theirs = numbers[: len(left.labels)], numbers[len(left.labels) :]
    if op in SETS:
        return _set_operation(op, left, right, ours, theirs)
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        pairs = _pairs(right, left, theirs, ours, matching)
        at_left, at_right = pairs.one, pairs.many
    else:
        pairs = _pairs(left, right, ours, theirs, matching)
        at_left, at_right = pairs.many, pairs.one
    if not pairs.labels:
        return empty(left.steps)
    values, present = _computed(
        op, left.values[at_left], right.values[at_right], pairs.present, return_bool=return_bool
    )
    return SeriesMatrix(pairs.labels, values, present).nonempty()


def _needs_vectors(op: BinaryOp, number: float) -> QueryError:
    return QueryError(f"{op} needs a vector on both sides, not the number {number:g}")


def signature(labels: Labels, matching: Matching) -> LabelKey:
    """What two samples must have in common to belong together."""
    return (only if matching.on else all_but)(labels, matching.labels)


def _computed(
    op: BinaryOp, left: Floats, right: Floats, present: Bools, *, return_bool: bool
) -> tuple[Floats, Bools]:
    """The values of `left op right`, and where there is one."""
    with np.errstate(all="ignore"):
        if compute := ARITHMETIC.get(op):
            return compute(left, right), present
        holds = COMPARISONS[op](left, right)
    if return_bool:
        return holds.astype(np.float64), present
    return left, present & holds


# -- and, or, unless


def _set_operation(
    op: BinaryOp, left: SeriesMatrix, right: SeriesMatrix, ours: Ints, theirs: Ints
) -> SeriesMatrix:
    """By signature: `and` keeps ours that they have, `unless` ours that they lack, `or` adds theirs that we lack."""
    if op is BinaryOp.OR:
        lacking = right.with_present(right.present & ~_having(left, ours, theirs))
        return stacked((left, lacking), left.steps)
    matched = _having(right, theirs, ours)
    return left.with_present(left.present & (matched if op is BinaryOp.AND else ~matched))


def _having(side: SeriesMatrix, signatures: Ints, asked: Ints) -> Bools:
    """For each signature in `asked` (row) and each step: does `side` have a sample with it?"""
    numbers = max(signatures.max(initial=-1), asked.max(initial=-1)) + 1
    found = np.zeros((numbers, side.steps), dtype=np.bool_)
    np.logical_or.at(found, signatures, side.present)
    answer: Bools = found[asked]
    return answer


# -- pairs of samples


class _Pairs(NamedTuple):
    """Rows that belong together at some step, in the order of the many side."""

    many: Ints
    one: Ints
    labels: tuple[Labels, ...]
    present: Bools
    """(pairs, steps)"""


def _pairs(
    many: SeriesMatrix, one: SeriesMatrix, many_sigs: Ints, one_sigs: Ints, matching: Matching
) -> _Pairs:
    """`many` is the left side, but for group_right. Raises QueryError where a sample has more than one partner."""
    side = "left" if matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    if _repeats(one_sigs, one.present):
        raise QueryError(
            f"found duplicate series on the {side} hand-side"
            ";many-to-many matching not allowed: matching labels must be unique on one side"
        )
    partners: dict[int, list[int]] = defaultdict(list)
    for row, sig in enumerate(one_sigs.tolist()):
        partners[sig].append(row)
    found = [
        (row, partner)
        for row, sig in enumerate(many_sigs.tolist())
        for partner in partners.get(sig, ())
        if (many.present[row] & one.present[partner]).any()
    ]
    rows, others = (
        np.array(column, dtype=np.int64)
        for column in ([p[0] for p in found], [p[1] for p in found])
    )
    present = many.present[rows] & one.present[others]
    labels = tuple(result_labels(many.labels[a], one.labels[b], matching) for a, b in found)
    _check_unique(many_sigs[rows], labels, present, matching)
    return _Pairs(rows, others, labels, present)


def _check_unique(
    sigs: Ints, labels: tuple[Labels, ...], present: Bools, matching: Matching
) -> None:
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        if _repeats(sigs, present):
            raise QueryError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        return
    results: dict[tuple[int, LabelKey], int] = {}
    numbers = [
        results.setdefault((sig, key_of(result)), len(results))
        for sig, result in zip(sigs.tolist(), labels, strict=True)
    ]
    if _repeats(np.array(numbers, dtype=np.int64), present):
        raise QueryError("multiple matches for labels: grouping labels must ensure unique matches")


def _repeats(numbers: Ints, present: Bools) -> bool:
    """Whether some number is present more than once at one step."""
    if not numbers.size:
        return False
    count = np.zeros((int(numbers.max()) + 1, present.shape[1]), dtype=np.int64)
    np.add.at(count, numbers, present.astype(np.int64))
    return bool((count > 1).any())


def result_labels(many: Labels, one: Labels, matching: Matching) -> Labels:
    """One to one: the matching labels. Otherwise those of the many side, and what it includes from the one side."""
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return {n: v for n, v in many.items() if (n in matching.labels) is matching.on}
    result = {n: v for n, v in many.items() if n not in matching.include}
    result.update((n, one[n]) for n in matching.include if one.get(n))
    return result
