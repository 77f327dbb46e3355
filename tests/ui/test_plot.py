"""Plots in a terminal, and the marks on axes."""

from __future__ import annotations

import math
from datetime import timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from ui.axes import clocks, marks, moments, short
from ui.plot import color, plot

NUMBERS = st.floats(-1e12, 1e12, allow_subnormal=False)
VALUES = st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))


def rows(plotted: Text) -> list[str]:
    return plotted.plain.split("\n")


def test_a_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    points = [(float(i), float(i)) for i in range(11)]
    *drawn, rule, times = rows(plot([points], 0, 10, 1, width=48, height=6))
    body = [row.partition("┤")[2] or row.partition("│")[2] for row in drawn]
    firsts = [next(i for i, c in enumerate(row) if c != " ") for row in body if row.strip()]
    assert firsts == sorted(firsts, reverse=True)
    assert drawn[0].lstrip().startswith("10 ┤")
    assert drawn[-1].lstrip().startswith("0 ┤")
    assert rule.lstrip().startswith("└")
    assert "00:00:05" in times


def test_a_gap_stays_one_and_a_lone_point_is_seen() -> None:
    points = [(0.0, 1.0), (1.0, 1.0), (8.0, 1.0)]
    flat = next(row for row in rows(plot([points], 0, 10, 1, width=24)) if "⠀" < max(row) <= "⣿")
    dots = flat.rpartition("┤")[2]
    assert dots.strip().count(" ") >= 8, "nothing is drawn where there is nothing"
    assert dots.rstrip()[-1] != " "


def test_the_first_series_is_seen_where_lines_cross() -> None:
    flat = [(0.0, 5.0), (10.0, 5.0)]
    styles = {str(span.style) for span in plot([flat, flat], 0, 10, 10).spans}
    assert color(0) in styles
    assert color(1) not in styles


def test_nothing_to_plot_is_said() -> None:
    assert plot([[(0.0, math.nan)], []], 0, 10, 1).plain == "no value to plot"


@given(
    st.lists(st.lists(st.tuples(st.floats(0, 3_600), VALUES), max_size=20), max_size=4),
    st.integers(30, 160),
    st.integers(4, 30),
)
def test_any_series_fit_into_the_room_there_is(
    series: list[list[tuple[float, float]]], width: int, height: int
) -> None:
    plotted = rows(
        plot([sorted(points) for points in series], 0, 3_600, 60, width=width, height=height)
    )
    assert all(len(row) <= max(width, 24) for row in plotted)


@given(NUMBERS, NUMBERS, st.integers(3, 8))
def test_marks_are_round_equally_far_apart_and_enclose(low: float, high: float, most: int) -> None:
    low, high = sorted((low, high))
    found = marks(low, high, most)
    slack = (found[-1] - found[0]) * 1e-6
    assert found[0] - slack <= low
    assert high <= found[-1] + slack
    assert 2 <= len(found) <= most + 2
    steps = [after - before for before, after in pairwise(found)]
    assert max(steps) - min(steps) <= max(steps) * 1e-6


def test_days_begin_at_midnight_of_the_zone_that_is_shown() -> None:
    berlin = timezone(timedelta(hours=1))
    times = moments(0, 3 * 86_400, 4, berlin)
    assert [at % 86_400 for at in times] == [82_800] * 3
    assert clocks(times, berlin) == ["2 Jan", "3 Jan", "4 Jan"]


@pytest.mark.parametrize("value", [0.0, 9_999.0, 10_000.0, 1e21, -3.5, 0.1 + 0.2])
def test_a_short_number_is_near_and_short(value: float) -> None:
    told = short(value)
    assert len(told) <= 8
    units = dict(zip("kMGTPE", (1e3, 1e6, 1e9, 1e12, 1e15, 1e18), strict=True))
    read = float(told[:-1]) * units[told[-1]] if told[-1] in units else float(told)
    assert read == pytest.approx(value, rel=1e-3, abs=1e-9)
