"""Event-time windows: nothing lost, nothing doubled, and the same windows however the rows were cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.units import Unit
from detectors.windows import MAX_EMPTY, Windows
from driftwood.records import Events
from eval.simulated import START, events

SECOND = 10**9
MINUTE = 60 * SECOND
Row = tuple[int, float, float]
"""(service, event time in s, arrival in s)"""


def made(rows: Iterable[Row], services: int = 3, labels: dict[str, str] | None = None) -> Events:
    table = np.array([(s, t * SECOND, a * SECOND) for s, t, a in rows], np.float64).reshape(-1, 3)
    n = len(table)
    columns = {
        "service": table[:, 0].astype(np.int64),
        "ts": table[:, 1].astype(np.int64),
        "template": np.ones(n, np.int64),
        "severity": np.full(n, 9),
    }
    arrived = START + table[:, 2].astype(np.int64)
    return events(columns, [f"s{i}" for i in range(services)], observed_ts=arrived, labels=labels)


def live(rows: Iterable[tuple[int, float]], services: int = 3) -> Events:
    """(service, event time in s), each arriving in its own second, or later if one before it came later."""
    out: list[Row] = []
    latest = 0.0
    for service, at in rows:
        latest = max(latest, at)
        out.append((service, at, latest))
    return made(out, services)


def closed_by(windows: Windows, stream: Events, cuts: Iterable[int] = ()) -> list[Unit]:
    edges = [0, *sorted(cuts), stream.num_rows]
    units: list[Unit] = []
    for a, b in itertools.pairwise(edges):
        part = Events(stream.slice(a, b - a))
        units += windows.add(part, part["severity"].to_numpy())
    return units


def shown(units: Iterable[Unit], service: int | None = None) -> list[tuple[int, int]]:
    """(minute of the run, lines) of each window of a service."""
    return [
        (u.window - START // MINUTE, len(u.rows))
        for u in units
        if service is None or u.source.service == f"s{service}"
    ]


def told(units: Iterable[Unit]) -> dict[tuple[str, int], list[int]]:
    """The lines of each window; a window twice is an error."""
    found: dict[tuple[str, int], list[int]] = {}
    for unit in units:
        key = (unit.source.key, unit.window)
        assert key not in found
        found[key] = unit.rows.line_id.tolist()
    return found


def test_a_window_is_closed_once_the_clock_is_lateness_past_its_end() -> None:
    windows = Windows(MINUTE, 30 * SECOND)
    assert closed_by(windows, live([(0, 5), (0, 59), (0, 61), (0, 89.9)])) == []
    more = made([(0, 90, 90)])
    more = Events(
        more.set_column(more.schema.get_field_index("line_id"), more.schema.field("line_id"), [[4]])
    )
    assert shown(windows.add(more, more["severity"].to_numpy())) == [(0, 2)]


def test_a_row_out_of_order_within_lateness_counts_and_one_later_than_that_does_not() -> None:
    windows = Windows(MINUTE, 30 * SECOND)
    units = closed_by(windows, live([(0, 5), (0, 80), (0, 10), (0, 95), (0, 20), (0, 200)]))
    assert shown(units) == [(0, 2), (1, 2)]
    assert windows.late == 1


def test_rows_of_a_window_are_ordered_by_time_then_by_line_id() -> None:
    units = closed_by(
        Windows(MINUTE, 30 * SECOND), live([(0, 9), (0, 3), (0, 9), (0, 1), (0, 120)])
    )
    assert units[0].rows.line_id.tolist() == [3, 1, 0, 2]


def test_a_file_read_after_a_newer_one_is_not_late() -> None:
    day = 86_400.0
    first = [(0, 10 * day + 30 * i, 20 * day) for i in range(40)]
    second = [(1, 2 * day + 30 * i, 20 * day + 1) for i in range(40)]
    windows = Windows(MINUTE, 30 * SECOND)
    units = closed_by(windows, made(first + second))
    assert windows.late == 0
    assert sum(n for _, n in shown(units, 0)) == sum(n for _, n in shown(units, 1)) >= 36


def test_nobody_is_silent_during_a_back_fill() -> None:
    day = 86_400.0
    rows = [(0, 60.0 * i, 20 * day + i) for i in range(10)] + [
        (1, 60.0 * i, 20 * day + i) for i in range(10, 300)
    ]
    units = closed_by(Windows(MINUTE, 30 * SECOND), made(rows))
    assert all(n > 0 for _, n in shown(units, 0))


def test_a_live_source_that_stops_is_judged_by_the_clock_of_its_origin_a_few_times() -> None:
    rows = [(s, float(t)) for t in range(0, 1_800, 2) for s in (0, 1) if s == 1 or t < 300]
    units = shown(closed_by(Windows(MINUTE, 30 * SECOND), live(rows)), 0)
    assert units[:5] == [(m, 30) for m in range(5)]
    assert units[5:] == [(m, 0) for m in range(5, 5 + MAX_EMPTY)]


def test_a_pause_of_everything_is_nobodys_silence() -> None:
    rows = [(s, float(t)) for t in [*range(0, 300, 2), *range(7_200, 7_500, 2)] for s in (0, 1)]
    windows = Windows(MINUTE, 30 * SECOND)
    # Both come back within a moment of each other, after two hours in which nothing came at all.
    units = closed_by(windows, live(rows))
    assert windows.late == 0
    assert [m for m, n in shown(units, 0) if n] == [0, 1, 2, 3, 4, 120, 121, 122, 123]


def test_a_gap_of_ten_hours_gives_few_empty_windows() -> None:
    rows = [(0, float(t)) for t in [*range(0, 300, 5), *range(36_000, 36_300, 5)]]
    units = shown(closed_by(Windows(MINUTE, 30 * SECOND), live(rows)))
    assert sum(n == 0 for _, n in units) == MAX_EMPTY


def test_a_clock_thirty_years_ahead_poisons_nothing() -> None:
    years = 30 * 365 * 86_400.0
    rows = [(0, float(t), float(t)) for t in range(0, 600, 2)]
    bad = [(0, t + years, t) for _, t, _ in rows[::50]]
    mixed = sorted([*rows, *bad], key=lambda row: row[2])
    windows = Windows(MINUTE, 30 * SECOND)
    assert shown(closed_by(windows, made(mixed))) == [(m, 30) for m in range(9)]
    assert windows.ahead == len(bad)


def test_levels_of_one_source_share_a_window() -> None:
    table = {
        "service": np.zeros(4, np.int64),
        "ts": np.array([1, 2, 3, 200]) * SECOND,
        "template": np.ones(4, np.int64),
        "severity": np.array([9, 17, 5, 9]),
    }
    units = closed_by(Windows(MINUTE, 30 * SECOND), events(table, ["s0"]))
    assert shown(units)[0] == (0, 3)


def test_sources_beyond_the_limit_are_counted_and_not_judged() -> None:
    windows = Windows(MINUTE, 30 * SECOND, max_sources=2)
    closed_by(windows, live([(s, float(t)) for t in range(5) for s in (0, 1, 2)]))
    assert len(windows.sources) == 2
    assert windows.unjudged == 5


def test_a_look_at_idle_sources_changes_nothing() -> None:
    windows = Windows(MINUTE, 30 * SECOND)
    closed_by(windows, live([(0, float(t)) for t in range(150)]))
    before = str(windows.save())
    looked = shown(windows.idle(START + 300 * SECOND))
    assert looked == [(1, 60), (2, 30), (3, 0)]
    assert shown(windows.idle(START + 300 * SECOND)) == looked
    assert windows.idle(START + 155 * SECOND) == []
    assert str(windows.save()) == before


times = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(st.floats(0, 20), st.floats(0, 400), st.just(0.0)),  # how far the stream goes on
        st.one_of(
            st.just(0.0), st.floats(0, 100), st.floats(0, 10_000), st.just(-1e9)
        ),  # how late a row is
    ),
    max_size=60,
)


def stream_of(steps: list[tuple[int, float, float]]) -> Events:
    at, rows = 0.0, []
    for service, step, late in steps:
        at += step
        rows.append((service, at - late, at))
    return made(rows)


@settings(max_examples=150, deadline=None)
@given(steps=times, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_the_cut_into_batches_does_not_matter(
    steps: list[tuple[int, float, float]], cuts: list[int]
) -> None:
    stream = stream_of(steps)
    whole, parts = Windows(MINUTE, 30 * SECOND), Windows(MINUTE, 30 * SECOND)
    at_once = told(closed_by(whole, stream))
    in_parts = told(closed_by(parts, stream, [c for c in cuts if c < stream.num_rows]))
    assert in_parts == at_once
    assert whole.late == parts.late
    assert {k: s.closed for k, s in whole.sources.items()} == {
        k: s.closed for k, s in parts.sources.items()
    }


@settings(max_examples=100, deadline=None)
@given(steps=times)
def test_each_row_is_in_one_window_or_open_or_late_or_ahead(
    steps: list[tuple[int, float, float]],
) -> None:
    stream = stream_of(steps)
    windows = Windows(MINUTE, 30 * SECOND)
    judged = [line for lines in told(closed_by(windows, stream)).values() for line in lines]
    waiting = [
        line for s in windows.sources.values() for rows in s.open for line in rows.line_id.tolist()
    ]
    assert len(set(judged + waiting)) == len(judged) + len(waiting)
    assert len(judged) + len(waiting) + windows.late + windows.ahead == stream.num_rows


@pytest.mark.parametrize("kept", [False, True])
@settings(max_examples=100, deadline=None)
@given(steps=times, cut=st.integers(0, 60), ends=st.integers(0, 60))
def test_a_snapshot_and_the_stored_rows_give_back_the_open_windows(
    kept: bool, steps: list[tuple[int, float, float]], cut: int, ends: int
) -> None:
    if kept:  # one source far in the past, whose open rows must come with the snapshot
        steps = [(2, 0.0, 50_000.0), (2, 1.0, 50_000.0), (0, 0.0, 0.0), *steps]
    stream = stream_of(steps)
    cut = min(cut, stream.num_rows)
    whole, first, second = (Windows(MINUTE, 30 * SECOND) for _ in range(3))
    expected = told(closed_by(whole, stream))
    units = closed_by(first, Events(stream.slice(0, cut)))
    header, arrays = first.save()
    since = second.load(header, arrays)
    line_id, ts = stream["line_id"].to_numpy(), stream["ts"].to_numpy()
    replayed = Events(stream.filter((line_id > second.after) | (ts >= since)))
    second.refill(replayed, replayed["severity"].to_numpy())
    units += closed_by(second, replayed, [ends] if ends < replayed.num_rows else [])
    assert told(units) == expected
