"""Vector aggregations: many series to few, at every step by itself (logql section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from driftwood.logql.ast import Grouping, VectorOp
from driftwood.logql.reference.vectors import Bools, Floats, Ints, SeriesMatrix, group_key, numbered

_SELECTIONS = frozenset({VectorOp.TOPK, VectorOp.BOTTOMK, VectorOp.APPROX_TOPK})
_SORTS = frozenset({VectorOp.SORT, VectorOp.SORT_DESC})


def aggregate(
    op: VectorOp,
    matrix: SeriesMatrix,
    grouping: Grouping | None = None,
    parameter: int | None = None,
) -> SeriesMatrix:
    """`op [grouping] ([parameter,] matrix)`. Without a grouping all series are one group."""
    if not matrix.labels:
        return matrix
    if op in _SORTS:
        return _sorted(matrix, descending=op is VectorOp.SORT_DESC)
    keys, group = numbered(group_key(labels, grouping) for labels in matrix.labels)
    if op in _SELECTIONS:
        return _selected(matrix, group, parameter or 0, smallest=op is VectorOp.BOTTOMK)
    values, count = _reduced(op, matrix, group, len(keys))
    return SeriesMatrix(tuple(dict(key) for key in keys), values, count > 0)


def _reduced(op: VectorOp, matrix: SeriesMatrix, group: Ints, groups: int) -> tuple[Floats, Ints]:
    """The values of every group (row), and of how many samples they are made."""
    count = np.zeros((groups, matrix.steps), dtype=np.int64)
    np.add.at(count, group, matrix.present.astype(np.int64))
    with np.errstate(all="ignore"):
        match op:
            case VectorOp.COUNT:
                return count.astype(np.float64), count
            case VectorOp.SUM:
                total = np.full(count.shape, -0.0)  # the zero that adds nothing, not even its sign
                np.add.at(total, group, np.where(matrix.present, matrix.values, -0.0))
                return total, count
            case VectorOp.MIN:
                return _extreme(np.fmin, matrix, group, groups), count
            case VectorOp.MAX:
                return _extreme(np.fmax, matrix, group, groups), count
            case VectorOp.AVG:
                return _mean(matrix, group, groups), count
            case VectorOp.STDVAR:
                return _variance(matrix, group, groups), count
            case VectorOp.STDDEV:
                return np.sqrt(_variance(matrix, group, groups)), count
            case _:
                raise ValueError(f"{op} does not reduce")


def _extreme(function: np.ufunc, matrix: SeriesMatrix, group: Ints, groups: int) -> Floats:
    """NaN counts only where nothing else is there."""
    found = np.full((groups, matrix.steps), np.nan)
    function.at(found, group, np.where(matrix.present, matrix.values, np.nan))
    return found


class _Round(NamedTuple):
    """The k-th row of every group that has one: what may be added at once without changing the order in any group."""

    groups: Ints
    values: Floats
    present: Bools


def _rounds(matrix: SeriesMatrix, group: Ints, groups: int) -> Iterator[_Round]:
    rows = np.argsort(group, kind="stable")
    size = np.bincount(group, minlength=groups)
    first = np.cumsum(size) - size
    for turn in range(int(size.max())):
        taking = np.flatnonzero(size > turn)
        chosen = rows[first[taking] + turn]
        yield _Round(taking, matrix.values[chosen], matrix.present[chosen])


def _mean(matrix: SeriesMatrix, group: Ints, groups: int) -> Floats:
    """Incremental, so that it cannot overflow; an infinity stays until its opposite or NaN comes."""
    mean = np.zeros((groups, matrix.steps))
    count = np.zeros_like(mean)
    for taking, values, present in _rounds(matrix, group, groups):
        before = mean[taking]
        seen = count[taking] + present
        stays = np.isinf(before) & (np.isfinite(values) | (values == before))
        after = np.where(seen == 1, values, before + (values - before) / seen)
        mean[taking] = np.where(present & ~stays, after, before)
        count[taking] = seen
    return mean


def _variance(matrix: SeriesMatrix, group: Ints, groups: int) -> Floats:
    """Of the population, by Welford's method; that of a single sample is 0, whatever the sample."""
    mean = np.zeros((groups, matrix.steps))
    count = np.zeros_like(mean)
    squares = np.zeros_like(mean)
    for taking, values, present in _rounds(matrix, group, groups):
        before = mean[taking]
        seen = count[taking] + present
        delta = values - before
        after = np.where(seen == 1, values, before + delta / seen)
        squares[taking] += np.where(present & (seen > 1), delta * (values - after), 0.0)
        mean[taking] = np.where(present, after, before)
        count[taking] = seen
    return squares / count


def _selected(matrix: SeriesMatrix, group: Ints, k: int, *, smallest: bool) -> SeriesMatrix:
    """The k largest or smallest samples of every group and step, with their own labels; of equal ones the first rows.

    NaN comes last for both. At a single step the rows are ordered as they were chosen, group by group.
    """
    kept = np.zeros_like(matrix.present)
    chosen: list[int] = []
    for number in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == number)
        order = _best_first(matrix.values[rows], matrix.present[rows], smallest=smallest)[:k]
        best = rows[order]
        kept[best, np.arange(matrix.steps)] = True
        if matrix.steps == 1:
            chosen.extend(best[:, 0].tolist())
    kept &= matrix.present
    if matrix.steps == 1:
        return SeriesMatrix(matrix.labels, matrix.values, kept).rows(chosen).nonempty()
    return matrix.with_present(kept)


def _best_first(values: Floats, present: Bools, *, smallest: bool) -> Ints:
    """For every step the numbers of the rows from the best to the worst, then those that are not there."""
    worth = values if smallest else -values
    kind = np.where(present, np.isnan(values), 2)
    return np.lexsort((np.where(kind == 0, worth, 0.0), kind), axis=0)


def _sorted(matrix: SeriesMatrix, *, descending: bool) -> SeriesMatrix:
    """By value, NaN last. Over several steps there is no one order, and nothing happens."""
    if matrix.steps != 1:
        return matrix
    order = _best_first(matrix.values, matrix.present, smallest=not descending)
    return matrix.rows(order[:, 0])
