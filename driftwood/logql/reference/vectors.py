"""What metric queries compute with: the values of many series at many steps, as one matrix.

Both engines share what works on it, so that only the way from lines to a `SeriesMatrix` differs between them:

    aggregations.aggregate(op, matrix, grouping, k)      sum, avg, topk, sort ...
    binary.between(op, left, right, matching, bool)      vector and vector, with `binary.with_literal` and `binary.fold`
    replace.label_replace(matrix, expression)
    metrics.evaluate_metric(expr, steps, leaf)           the whole tree, asking `leaf` for what it can do itself
    answers.vector_of / matrix_of                        the ordered answer, and the limit on series

Rules of a `SeriesMatrix`:
- a row is a series, a column a step; `values` counts only where `present` is true (elsewhere it may hold anything);
- every operation keeps the order of rows, as it is what `sort` shows; `canonical` orders by labels, which decides ties;
- two rows may share their labels (label_replace can do that): the operations treat each present cell as one sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from driftwood.logql.answer import Labels
from driftwood.logql.ast import Grouping

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]
LabelKey: TypeAlias = tuple[tuple[str, str], ...]
"""Labels that can be compared: pairs sorted by name. Its order is the order in which series are shown."""

METRIC_NAME = "__name__"
"""Never part of what is matched or grouped `without`."""


@dataclass(frozen=True, slots=True)
class SeriesMatrix:
    """The values of series (rows) at steps (columns)."""

    labels: tuple[Labels, ...]
    values: Floats
    """(series, steps)"""
    present: Bools
    """(series, steps); False: the series has no sample at that step."""

    def __post_init__(self) -> None:
        if not (len(self.labels), self.steps) == self.values.shape == self.present.shape:
            raise ValueError(
                f"{len(self.labels)} label sets, values {self.values.shape}, present {self.present.shape}"
            )

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    def rows(self, order: Ints | Sequence[int]) -> SeriesMatrix:
        """The rows that `order` names, in that order."""
        index = np.asarray(order, dtype=np.int64)
        labels = tuple(self.labels[i] for i in index.tolist())
        return SeriesMatrix(labels, self.values[index], self.present[index])

    def with_present(self, present: Bools) -> SeriesMatrix:
        """The same values, without the rows that nothing is left of."""
        return SeriesMatrix(self.labels, self.values, present).nonempty()

    def nonempty(self) -> SeriesMatrix:
        kept = self.present.any(axis=1)
        return self if kept.all() else self.rows(np.flatnonzero(kept))

    def canonical(self) -> SeriesMatrix:
        """Rows ordered by their labels."""
        keys = [key_of(labels) for labels in self.labels]
        return self.rows(sorted(range(len(keys)), key=keys.__getitem__))


def empty(steps: int) -> SeriesMatrix:
    return SeriesMatrix((), np.zeros((0, steps)), np.zeros((0, steps), dtype=np.bool_))


def constant(value: float, steps: int) -> SeriesMatrix:
    """`vector(value)`: one series without labels."""
    return SeriesMatrix(({},), np.full((1, steps), value), np.ones((1, steps), dtype=np.bool_))


def from_series(series: Mapping[LabelKey, tuple[Floats, Bools]], steps: int) -> SeriesMatrix:
    """One row per key, ordered by labels; each value is its (values, present) over all steps."""
    if not series:
        return empty(steps)
    keys = sorted(series)
    values = np.stack([series[key][0] for key in keys])
    present = np.stack([series[key][1] for key in keys])
    return SeriesMatrix(tuple(dict(key) for key in keys), values, present)


def stacked(parts: Iterable[SeriesMatrix], steps: int) -> SeriesMatrix:
    """The rows of all `parts`, one after the other."""
    filled = [part for part in parts if part.labels]
    if not filled:
        return empty(steps)
    return SeriesMatrix(
        tuple(labels for part in filled for labels in part.labels),
        np.concatenate([part.values for part in filled]),
        np.concatenate([part.present for part in filled]),
    )


# -- labels


def key_of(labels: Labels) -> LabelKey:
    return tuple(sorted(labels.items()))


def only(labels: Labels, names: Iterable[str]) -> LabelKey:
    """`by (names)` or `on (names)`: what `labels` has of them."""
    return tuple(sorted((name, labels[name]) for name in set(names) if name in labels))


def all_but(labels: Labels, names: Iterable[str]) -> LabelKey:
    """`without (names)` or `ignoring (names)`."""
    left_out = {METRIC_NAME, *names}
    return tuple(sorted((n, v) for n, v in labels.items() if n not in left_out))


def group_key(labels: Labels, grouping: Grouping | None) -> LabelKey:
    """The labels of the group that `labels` falls into; no grouping is one group for all."""
    if grouping is None:
        return ()
    return (all_but if grouping.without else only)(labels, grouping.labels)


def numbered(keys: Iterable[LabelKey]) -> tuple[list[LabelKey], Ints]:
    """The distinct `keys` in order of appearance, and for each key its number.

    >>> numbered([(("a", "1"),), (), (("a", "1"),)])
    ([(('a', '1'),), ()], array([0, 1, 0]))
    """
    numbers: dict[LabelKey, int] = {}
    found = [numbers.setdefault(key, len(numbers)) for key in keys]
    return list(numbers), np.array(found, dtype=np.int64)
