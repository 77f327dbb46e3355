"""Where a stream has lines, in event time: a few intervals, so that most questions need no look at the store."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

MAX_INTERVALS = 32


class Coverage:
    """Disjoint closed intervals, ascending: every stored time of one stream lies in one of them.

    There are `MAX_INTERVALS` at most; beyond that those with the least between them become one, which covers too much
    and never too little.

    >>> covered = Coverage()
    >>> for first, last in ((10, 20), (40, 50), (18, 25)):
    ...     covered.add(first, last)
    >>> covered.intervals, covered.holds(np.array([9, 25, 30, 40])).tolist()
    ([(10, 25), (40, 50)], [False, True, False, True])
    """

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def intervals(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, self._ends, strict=True))

    def reaches(self, ts: int) -> bool:
        """Whether something is covered at `ts` or later."""
        return bool(self._ends) and self._ends[-1] >= ts

    def add(self, first: int, last: int) -> None:
        """Cover [first, last] too."""
        starts, ends = self._starts, self._ends
        a, b = bisect_left(ends, first), bisect_right(starts, last)
        if a < b:
            first, last = min(first, starts[a]), max(last, ends[b - 1])
        starts[a:b], ends[a:b] = [first], [last]
        if len(starts) > MAX_INTERVALS:
            gaps = [start - end for end, start in zip(ends, starts[1:], strict=False)]
            narrowest = gaps.index(min(gaps))
            del ends[narrowest], starts[narrowest + 1]

    def holds(self, ts: Int64s) -> npt.NDArray[np.bool_]:
        """Which of `ts` lie in an interval."""
        at = np.searchsorted(np.array(self._ends, np.int64), ts)
        starts = np.array([*self._starts, 0], np.int64)
        inside: npt.NDArray[np.bool_] = (at < len(self._ends)) & (starts[at] <= ts)
        return inside
