from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftwood.store.coverage import MAX_INTERVALS, Coverage

spans = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(0, 40)).map(lambda s: (s[0], s[0] + s[1])),
    max_size=200,
)


@given(spans)
def test_whatever_was_added_is_covered(added: list[tuple[int, int]]) -> None:
    covered = Coverage()
    for first, last in added:
        covered.add(first, last)
    for first, last in added:
        assert covered.holds(np.arange(first, last + 1)).all()
    intervals = covered.intervals
    assert len(intervals) <= MAX_INTERVALS
    bounds = [bound for interval in intervals for bound in interval]
    assert bounds == sorted(bounds)
    assert all(last < first for (_, last), (first, _) in pairwise(intervals))


@given(spans.filter(lambda s: len(s) <= MAX_INTERVALS))
def test_few_intervals_cover_nothing_else(added: list[tuple[int, int]]) -> None:
    covered = Coverage()
    for first, last in added:
        covered.add(first, last)
    times = np.arange(-600, 700)
    expected = [any(first <= t <= last for first, last in added) for t in times.tolist()]
    assert covered.holds(times).tolist() == expected


def test_the_whole_range_of_64_bits_can_be_covered() -> None:
    covered = Coverage()
    covered.add(-(2**63), 2**63 - 1)
    assert covered.holds(np.array([-(2**63), 0, 2**63 - 1])).all()
