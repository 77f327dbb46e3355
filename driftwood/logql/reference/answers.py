"""The answer of a metric query: its steps, the order of its series, and how many there may be (logql section 10)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftwood.errors import QueryError
from driftwood.logql.answer import (
    Answer,
    Instant,
    Labels,
    Limits,
    Matrix,
    Question,
    Range,
    Sample,
    Scalar,
    Series,
    Vector,
)
from driftwood.logql.ast import BinaryOperation, LabelReplace, Metric, VectorAggregation, VectorOp
from driftwood.logql.reference.vectors import Ints, LabelKey, SeriesMatrix, constant, key_of

MOST_POINTS = 11_000
"""How many points a series of an answer may have, as in Loki; no setting."""

_SORTS = frozenset({VectorOp.SORT, VectorOp.SORT_DESC})


def steps_of(question: Question) -> Ints:
    """The times, in ns, at which a metric query is evaluated."""
    if isinstance(question, Instant):
        return np.array([question.time], dtype=np.int64)
    return np.arange(question.start, question.end + 1, question.step, dtype=np.int64)


def metric_answer(
    result: SeriesMatrix | float, expr: Metric, question: Question, limits: Limits
) -> Answer:
    """Raises QueryError for more series than `limits` allow."""
    if isinstance(question, Instant):
        if not isinstance(result, SeriesMatrix):
            return Scalar(question.time, result)
        return vector_of(result, question.time, sorts=shows_order(expr), limits=limits)
    times = steps_of(question)
    if not isinstance(result, SeriesMatrix):
        result = constant(result, len(times))
    return matrix_of(result, times, limits)


def vector_of(matrix: SeriesMatrix, time: int, *, sorts: bool, limits: Limits) -> Vector:
    """Ordered by labels, unless the query `sorts`."""
    shown = matrix.nonempty()
    if not sorts:
        shown = shown.canonical()
    _check_series(len(shown.labels), limits)
    return Vector(time, tuple(map(Sample, shown.labels, shown.values[:, 0].tolist())))


def matrix_of(matrix: SeriesMatrix, times: Ints, limits: Limits) -> Matrix:
    """Ordered by labels; rows with equal labels are one series, their points ordered by time."""
    rows: dict[LabelKey, list[int]] = {}
    shown = matrix.nonempty().canonical()
    for row, labels in enumerate(shown.labels):
        rows.setdefault(key_of(labels), []).append(row)
    _check_series(len(rows), limits)
    return Matrix(tuple(_series(shown, members, times) for members in rows.values()))


def _series(matrix: SeriesMatrix, rows: list[int], times: Ints) -> Series:
    labels: Labels = matrix.labels[rows[0]]
    step, row = np.nonzero(matrix.present[rows].T)
    values = matrix.values[rows].T[step, row]
    return Series(labels, tuple(times[step].tolist()), tuple(values.tolist()))


def _check_series(count: int, limits: Limits) -> None:
    if count > limits.max_series:
        raise QueryError(
            f"maximum number of series ({limits.max_series}) reached for a single query; consider reducing query "
            "cardinality by adding more specific stream selectors, reducing the time range, or aggregating results "
            "with functions like sum(), count() or topk()"
        )


def shows_order(expr: Metric) -> bool:
    """Whether `sort` or `sort_desc` stands anywhere in the query."""
    return any(op in _SORTS for op in _vector_ops(expr))


def check_metric(expr: Metric, question: Question) -> None:
    """Raises QueryError for too many steps, and for what only an instant query may ask."""
    if isinstance(question, Instant):
        return
    if question.step <= 0:
        raise QueryError(
            "zero or negative query resolution step widths are not accepted. Try a positive integer"
        )
    if (question.end - question.start) // question.step > MOST_POINTS:
        raise QueryError(
            "exceeded maximum resolution of 11,000 points per time series. "
            "Try increasing the value of the step parameter"
        )
    if VectorOp.APPROX_TOPK in _vector_ops(expr):
        raise QueryError("count min sketches are only supported on instant queries")


def _vector_ops(expr: Metric) -> Iterator[VectorOp]:
    match expr:
        case VectorAggregation():
            yield expr.op
            yield from _vector_ops(expr.operand)
        case LabelReplace():
            yield from _vector_ops(expr.operand)
        case BinaryOperation():
            yield from _vector_ops(expr.left)
            yield from _vector_ops(expr.right)
        case _:
            return


def check_entries(question: Range, limits: Limits) -> None:
    """Raises QueryError where more lines are asked for than may be."""
    if question.limit > limits.max_entries:
        raise QueryError(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query "
            f"({question.limit} > {limits.max_entries})"
        )
