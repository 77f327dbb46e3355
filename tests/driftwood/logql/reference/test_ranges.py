from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.ast import RangeOp
from driftwood.logql.reference.ranges import quantile_of, range_values
from driftwood.logql.reference.windows import Cuts, Samples, Windows

SECOND = 10**9


def cuts(samples: list[tuple[int, float]], ends: list[int], width: int) -> Cuts:
    """Times in seconds."""
    times, values = zip(*samples, strict=True) if samples else ((), ())
    windows = Windows(np.array(ends, dtype=np.int64) * SECOND, width * SECOND)
    return windows.of(
        Samples(np.array(times, dtype=np.int64) * SECOND, np.array(values, dtype=np.float64))
    )


SAMPLES = [(10, 4.0), (20, 1.0), (30, 7.0), (40, 2.0)]


def test_a_window_holds_its_end_and_not_its_start() -> None:
    assert cuts(SAMPLES, [9, 10, 30, 40, 49, 50, 70], 20).counts.tolist() == [0, 1, 2, 2, 2, 1, 0]


def test_nanoseconds_count() -> None:
    windows = Windows(np.array([1_700_000_000_000_000_001]), 1)
    series = Samples(
        np.array([1_700_000_000_000_000_000, 1_700_000_000_000_000_001]), np.array([1.0, 2.0])
    )
    assert list(next(windows.of(series).values())) == [2.0]


@pytest.mark.parametrize(
    ("op", "right"),
    [
        (RangeOp.COUNT, [2, 3, 2]),
        (RangeOp.RATE, [2 / 25, 3 / 25, 2 / 25]),
        (RangeOp.SUM, [5, 10, 9]),
        (RangeOp.BYTES, [5, 10, 9]),
        (RangeOp.BYTES_RATE, [0.2, 0.4, 0.36]),
        (RangeOp.AVG, [2.5, 10 / 3, 4.5]),
        (RangeOp.MIN, [1, 1, 2]),
        (RangeOp.MAX, [4, 7, 7]),
        (RangeOp.STDVAR, [2.25, 62 / 9, 6.25]),
        (RangeOp.STDDEV, [1.5, math.sqrt(62 / 9), 2.5]),
        (RangeOp.FIRST, [4, 1, 7]),
        (RangeOp.LAST, [1, 2, 2]),
        (RangeOp.ABSENT, [1, 1, 1]),
    ],
)
def test_each_function_over_windows_of_25_seconds(op: RangeOp, right: list[float]) -> None:
    found = range_values(op, cuts(SAMPLES, [20, 40, 50], 25))
    assert found.tolist() == pytest.approx(right)


def test_sums_begin_at_zero_and_so_are_never_minus_zero() -> None:
    whole, broken = [(10, -0.0)], [(5, 0.5), (10, -0.0)]
    for samples in (whole, broken):
        (total,) = range_values(RangeOp.SUM, cuts(samples, [11], 5))
        assert math.copysign(1, total) == 1


def test_the_rate_of_unwrapped_values_is_that_of_their_sum() -> None:
    found = range_values(RangeOp.RATE, cuts(SAMPLES, [40], 40), unwrapped=True)
    assert found.tolist() == [14 / 40]


def test_a_quantile_lies_between_the_two_nearest_ranks() -> None:
    assert quantile_of(np.array([1.0, 2.0, 4.0]), 0.5) == 2
    assert quantile_of(np.array([1.0, 2.0, 4.0]), 0.9) == pytest.approx(3.6)
    assert quantile_of(np.array([3.0]), 0.3) == 3
    assert quantile_of(np.array([3.0]), -0.1) == -math.inf
    assert quantile_of(np.array([3.0]), 1.1) == math.inf


def test_unknown_values_rank_below_all_others() -> None:
    assert quantile_of(np.array([5.0, math.nan, 7.0]), 1) == 7
    assert quantile_of(np.array([5.0, math.nan, 7.0]), 0.5) == 5
    assert math.isnan(quantile_of(np.array([5.0, math.nan, 7.0]), 0))


def test_the_smallest_and_largest_skip_unknown_values_unless_there_is_nothing_else() -> None:
    mixed = cuts([(1, math.nan), (2, 3.0), (30, math.nan)], [5, 30], 10)
    assert range_values(RangeOp.MIN, mixed)[0] == range_values(RangeOp.MAX, mixed)[0] == 3
    assert np.isnan(range_values(RangeOp.MAX, mixed)[1])


def test_infinities_stay_in_a_mean() -> None:
    one = cuts([(1, math.inf), (2, 3.0), (3, math.inf)], [5], 10)
    both = cuts([(1, math.inf), (2, -math.inf)], [5], 10)
    assert range_values(RangeOp.AVG, one).tolist() == [math.inf]
    assert np.isnan(range_values(RangeOp.AVG, both)[0])


def test_a_counter_is_extrapolated_to_near_edges_and_half_a_gap_towards_far_ones() -> None:
    near = cuts([(10, 100.0), (20, 110.0), (30, 120.0)], [35], 30)  # 5 s to either edge
    assert range_values(RangeOp.RATE_COUNTER, near)[0] == pytest.approx(20 * (30 / 20) / 30)
    far = cuts([(10, 100.0), (20, 110.0), (30, 120.0)], [50], 60)  # 20 s to either edge
    assert range_values(RangeOp.RATE_COUNTER, far)[0] == pytest.approx(20 * (30 / 20) / 60)


def test_a_counter_is_not_taken_below_zero() -> None:
    young = cuts([(10, 1.0), (20, 11.0)], [20], 15)  # it was zero one second before it was seen
    assert range_values(RangeOp.RATE_COUNTER, young)[0] == pytest.approx(10 * (11 / 10) / 15)


def test_what_a_counter_lost_in_a_reset_is_made_good() -> None:
    reset = cuts([(0, 100.0), (10, 130.0), (20, 5.0), (30, 25.0)], [30], 31)
    assert range_values(RangeOp.RATE_COUNTER, reset)[0] == pytest.approx(55 * (31 / 30) / 31)


def test_a_counter_seen_once_has_no_rate() -> None:
    assert range_values(RangeOp.RATE_COUNTER, cuts([(5, 7.0)], [10], 10)).tolist() == [0]


def test_a_series_without_samples_has_empty_windows() -> None:
    for op in RangeOp:
        assert len(range_values(op, cuts([], [10, 20], 10), 0.5)) == 2


SERIES = st.lists(st.tuples(st.integers(0, 60), st.floats(-1e6, 1e6)), max_size=30).map(sorted)


@given(SERIES, st.integers(1, 40), st.integers(1, 25))
def test_sliding_gives_what_each_window_gives_alone(
    samples: list[tuple[int, float]], width: int, step: int
) -> None:
    ends = list(range(0, 100, step))
    for op in RangeOp:
        sliding = range_values(op, cuts(samples, ends, width), 0.3)
        for end, value in zip(ends, sliding.tolist(), strict=True):
            inside = [s for s in samples if end - width < s[0] <= end]
            if inside:
                alone = range_values(op, cuts(inside, [end], width), 0.3)[0]
                assert alone == value or (math.isnan(alone) and math.isnan(value))


@given(SERIES, st.integers(1, 40))
def test_the_rate_times_the_range_is_the_count(
    samples: list[tuple[int, float]], width: int
) -> None:
    of_series = cuts(samples, [30, 60], width)
    rates = range_values(RangeOp.RATE, of_series) * width
    assert np.allclose(rates, range_values(RangeOp.COUNT, of_series))


@given(SERIES.filter(len), st.floats(0, 1))
def test_a_quantile_lies_between_the_smallest_and_the_largest(
    samples: list[tuple[int, float]], rank: float
) -> None:
    values = np.array([value for _, value in samples])
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    assert values.min() - slack <= quantile_of(values, rank) <= values.max() + slack
    assert quantile_of(values, rank) == pytest.approx(np.quantile(values, rank), abs=1e-6)
