"""Lines of one series that were added up before Python saw them, and what range windows make of them.

A cell holds the samples of (until - grain, until] of one series, and no window's edge lies inside of one. So a window
is some cells next to each other, and count, sum, min and max of it follow from theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftwood.logql.answer import Labels
from driftwood.logql.ast import RangeOp
from driftwood.logql.reference.vectors import Floats, Ints, SeriesMatrix, empty
from driftwood.logql.reference.windows import Windows

COUNTS = frozenset({RangeOp.COUNT, RangeOp.RATE})
BYTES = frozenset({RangeOp.BYTES, RangeOp.BYTES_RATE})
LEAST_GRAIN = 1
"""ns"""


@dataclass(frozen=True, slots=True)
class Cells:
    """Column by column, in any order; several cells of one series may share `until`."""

    series: tuple[Labels, ...]
    row: Ints
    """(N,) which of `series`"""
    until: Ints
    """(N,) ns"""
    count: Ints
    """(N,) samples"""
    value: Floats
    """(N,) their sum, least or greatest value, or bytes; as the operation needs it"""


def merged(parts: Sequence[Cells]) -> Cells:
    """All cells of `parts`; series with equal labels become one."""
    if len(parts) == 1:
        return parts[0]
    known: dict[tuple[tuple[str, str], ...], int] = {}
    series: list[Labels] = []
    rows = [np.empty(0, np.int64)]
    for part in parts:
        numbers = []
        for labels in part.series:
            key = tuple(sorted(labels.items()))
            if key not in known:
                known[key] = len(series)
                series.append(labels)
            numbers.append(known[key])
        rows.append(np.array(numbers, np.int64)[part.row] if numbers else part.row)
    none = np.empty(0, np.int64)
    return Cells(
        tuple(series),
        np.concatenate(rows),
        np.concatenate([none, *(part.until for part in parts)]),
        np.concatenate([none, *(part.count for part in parts)]),
        np.concatenate([none.astype(np.float64), *(part.value for part in parts)]),
    )


def grain_of(windows: Windows) -> int:
    """The widest grain that no window's edge cuts, counted from the first window's start; ns."""
    if len(windows.ends) < 2:
        return max(windows.width, LEAST_GRAIN)
    step = int(windows.ends[1] - windows.ends[0])
    if (
        windows.width <= step
    ):  # no two windows overlap: a cell may be a whole window, see `until_sql`
        return step
    return int(np.gcd(step, windows.width))


def matrix_of(cells: Cells, windows: Windows, op: RangeOp, *, unwrapped: bool) -> SeriesMatrix:
    """The value of every series at every step."""
    steps = len(windows.ends)
    if not cells.series or not len(cells.row):
        return empty(steps)
    cut = _Cut(cells, windows)
    present = cut.counts > 0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        values = _values(cut, op, windows.seconds, unwrapped=unwrapped)
    return SeriesMatrix(cells.series, values, present).nonempty()


def _values(cut: _Cut, op: RangeOp, seconds: float, *, unwrapped: bool) -> Floats:
    match op:
        case RangeOp.COUNT:
            return cut.counts.astype(np.float64)
        case RangeOp.RATE if not unwrapped:
            return cut.counts / seconds
        case RangeOp.RATE | RangeOp.BYTES_RATE:
            return cut.reduced(np.add) / seconds
        case RangeOp.SUM | RangeOp.BYTES:
            return cut.reduced(np.add)
        case RangeOp.AVG:
            return cut.reduced(np.add) / cut.counts
        case RangeOp.MIN:
            return cut.reduced(np.fmin)
        case RangeOp.MAX:
            return cut.reduced(np.fmax)
        case RangeOp.ABSENT:
            return np.ones(cut.counts.shape)
        case _:
            raise ValueError(f"{op} needs each sample")


class _Cut:
    """Which cells every window of every series holds."""

    def __init__(self, cells: Cells, windows: Windows) -> None:
        edges = np.unique(np.concatenate((windows.starts, windows.ends)))
        rank = np.searchsorted(edges, cells.until, side="left")  # (edges[rank - 1], edges[rank]]
        width = len(edges) + 1
        key = cells.row * width + rank
        order = np.argsort(key, kind="stable")
        key = key[order]
        self._values = np.append(cells.value[order], 0.0)
        sums = np.concatenate(([0], np.cumsum(cells.count[order])))
        base = np.arange(len(cells.series), dtype=np.int64)[:, None] * width
        self._first = np.searchsorted(key, base + np.searchsorted(edges, windows.starts) + 1)
        self._after = np.searchsorted(key, base + np.searchsorted(edges, windows.ends) + 1)
        self.counts: Ints = sums[self._after] - sums[self._first]

    def reduced(self, function: np.ufunc) -> Floats:
        """`function` over the values of each window; of one without cells it means nothing."""
        pairs = np.stack((self._first, self._after), axis=-1)
        reduced: Floats = function.reduceat(self._values, pairs.ravel())[::2]
        return reduced.reshape(self._first.shape)
