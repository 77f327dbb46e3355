"""Distances from count vectors to a memory of normal ones: exact, in bounded memory, the same in whatever batch.

Matrix products add in an order that depends on their shape, so the last bits of a distance would depend on what else
is in the batch. Therefore logarithms are kept as whole multiples of 2^-16: their products are whole numbers below
2^53, which float64 adds exactly in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.vectors import Floats, Ints, Vectors, place_in

Small = npt.NDArray[np.float32]

SCALE = 2.0**16
_BLOCK = 1 << 22
"""Cells of a dense block: 32 MB."""


def log_steps(count: Ints) -> Floats:
    """ln(1 + count) in steps of 1 / SCALE, whole numbers."""
    return np.round(np.log1p(count) * SCALE)


def ones(count: Ints) -> Small:
    """Sums of these stay below 2^24, which float32 adds exactly, too, and twice as fast."""
    return np.ones(len(count), np.float32)


@dataclass(frozen=True)
class References:
    """Count vectors with a number per entry (`value`), as rows of a matrix over the templates that they hold."""

    vectors: Vectors
    value: Floats | Small
    """(T,) whole numbers"""

    @cached_property
    def vocabulary(self) -> Ints:
        return np.unique(self.vectors.template)

    @cached_property
    def square(self) -> Floats:
        """(M,)"""
        return self.vectors.summed(self.value**2)

    @cached_property
    def _by_times(self) -> tuple[Ints, Vectors, Floats | Small]:
        """Rows, vectors and values, those seen most often first: of equally near ones such a one is found."""
        order = np.argsort(-self.vectors.times, kind="stable")
        return order, self.vectors.at(order), self.value[self.vectors.entries(order)]

    def blocks(self, cells: int) -> Iterator[tuple[Ints, Any]]:
        """Rows and their dense numbers, at most about `cells` at a time, those seen most often first."""
        order, vectors, value = self._by_times
        size = max(cells // max(len(self.vocabulary), 1), 1)
        for first in range(0, len(order), size):
            rows = slice(first, min(first + size, len(order)))
            yield order[rows], self.dense(vectors, value, rows)

    @cached_property
    def _kept(self) -> list[tuple[Ints, Any, Any]]:
        """All blocks, when they are small; a memory of long vectors is unfolded each time."""
        return list(self._squared())

    def _squared(self) -> Iterator[tuple[Ints, Any, Any]]:
        """Rows, their dense numbers, and the sums of their squares."""
        for rows, block in self.blocks(_BLOCK):
            yield rows, block, self.square[rows].astype(block.dtype)

    @property
    def _small(self) -> bool:
        return len(self.vectors) * max(len(self.vocabulary), 1) <= _BLOCK

    def dense(self, vectors: Vectors, value: Floats | Small, rows: slice) -> Any:
        """(rows, vocabulary); templates outside the vocabulary are left out."""
        bounds = vectors.bounds[rows.start : rows.stop + 1]
        entry = slice(int(bounds[0]), int(bounds[-1]))
        out = np.zeros((len(bounds) - 1, len(self.vocabulary)), value.dtype)
        column = place_in(self.vocabulary, vectors.template[entry])
        known = column >= 0
        row = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        out[row[known], column[known]] = value[entry][known]
        return out

    @property
    def whole(self) -> Any:
        """(M, vocabulary); for memories that are known to be small."""
        return self.dense(self.vectors, self.value, slice(0, len(self.vectors)))

    def nearest_others(self) -> Ints:
        """(M,) of each reference the nearest other one; for memories that are known to be small, of two or more."""
        whole = self.whole
        far = self.square[:, None] - 2.0 * (whole @ whole.T) + self.square
        np.fill_diagonal(far, np.inf)
        near: Ints = far.argmin(axis=1)
        return near

    def nearest(self, vectors: Vectors, value: Floats | Small) -> tuple[Floats, Ints]:
        """(V,) the squared distance to the nearest reference and its row; without any, to the empty vector, -1.

        Of equally near ones, the one that was seen most often.
        """
        square = vectors.summed(value**2)
        best, row = np.full(len(vectors), np.inf), np.full(len(vectors), -1)
        if not len(self.vectors):
            return square, row
        size = max(_BLOCK // max(len(self.vectors), len(self.vocabulary)), 1)
        for first in range(0, len(vectors), size):
            rows = slice(first, min(first + size, len(vectors)))
            asked = -2.0 * self.dense(vectors, value, rows)
            for known, block, squares in self._kept if self._small else self._squared():
                far = asked @ block.T
                far += squares
                place = far.argmin(axis=1)
                near = far[np.arange(len(place)), place]
                better = near < best[rows]
                best[rows] = np.where(better, near, best[rows])
                row[rows] = np.where(better, known[place], row[rows])
        return best + square, row


def difference(a: Vectors, row_a: int, b: Vectors, row_b: int) -> npt.NDArray[np.int64]:
    """(templates, 3): template, count in row `row_a` of `a`, count in row `row_b` of `b`, where they differ.

    A row of -1 stands for the empty vector.
    """
    counts: dict[int, list[int]] = {}
    for place, (vectors, row) in enumerate(((a, row_a), (b, row_b))):
        if row >= 0:
            span = slice(int(vectors.bounds[row]), int(vectors.bounds[row + 1]))
            for template, count in zip(
                vectors.template[span].tolist(), vectors.count[span].tolist(), strict=True
            ):
                counts.setdefault(template, [0, 0])[place] = count
    rows = [[t, *c] for t, c in sorted(counts.items()) if c[0] != c[1]]
    return np.array(rows, np.int64).reshape(-1, 3)
