"""Which samples of a series a range aggregation sees at each step: those of (t - R - offset, t - offset]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from driftwood.logql.ast import LogRange
from driftwood.logql.reference.vectors import Floats, Ints


@dataclass(frozen=True, slots=True)
class Windows:
    """One window for each step, the same for all series."""

    ends: Ints
    """ns, inclusive, ascending"""
    width: int
    """ns"""

    @property
    def starts(self) -> Ints:
        """Exclusive."""
        return _earlier(self.ends, self.width)

    @property
    def seconds(self) -> float:
        whole, rest = divmod(self.width, 10**9)
        return whole + rest / 1e9

    @property
    def span(self) -> tuple[int, int]:
        """All samples that can matter: first <= ts < last."""
        if not len(self.ends):
            return 0, 0
        return int(self.starts[0]) + 1, int(self.ends[-1]) + 1

    def of(self, series: Samples) -> Cuts:
        """In one pass, which samples of `series` each window holds."""
        first = np.searchsorted(series.times, self.starts, side="right")
        after = np.searchsorted(series.times, self.ends, side="right")
        return Cuts(series, self, first.astype(np.int64), after.astype(np.int64))


def windows_of(log_range: LogRange, steps: Ints) -> Windows:
    return Windows(_earlier(steps, log_range.offset), log_range.range)


def _earlier(times: Ints, by: int) -> Ints:
    """Times so far away that 64 bits do not hold them are the first or the last that they hold."""
    bounds = np.iinfo(np.int64)
    moved = (min(max(time - by, int(bounds.min)), int(bounds.max)) for time in times.tolist())
    return np.fromiter(moved, dtype=np.int64, count=len(times))


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one series, ordered by time, those of equal time by line id."""

    times: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Cuts:
    """What the windows hold of one series: of window i the samples [first[i], after[i])."""

    series: Samples
    windows: Windows
    first: Ints
    after: Ints

    @property
    def counts(self) -> Ints:
        return self.after - self.first

    def values(self) -> Iterator[Floats]:
        """Of each window in turn, perhaps none."""
        for first, after in zip(self.first.tolist(), self.after.tolist(), strict=True):
            yield self.series.values[first:after]
