"""Sessions: whatever the cut of batches, the same rows give the same sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sessions import Session, Sessions, batch_of, cut
from detectors.snapshot import pack, unpack

SECOND = 10**9
GAP, LATENESS = 10, 4

Row = tuple[int, str, str | None]
"""(ts in s, source, session); the line id is the row's place."""
ROWS = st.lists(
    st.tuples(
        st.integers(-6, 30), st.sampled_from("ab"), st.sampled_from(["x", "y", "z", "", None])
    ),
    max_size=60,
).map(lambda steps: _walk(steps))


def _walk(steps: list[tuple[int, str, str | None]]) -> list[Row]:
    """Steps in time, backwards now and then, as rows."""
    now, rows = 1_000, []
    for step, source, session in steps:
        now += step // 3
        rows.append((now + min(step, 0), source, session))
    return rows


def fed(sessions: Sessions, rows: list[Row], first: int = 0) -> list[Session]:
    if not rows:
        return []
    size = len(rows)
    return sessions.add(
        np.array([ts for ts, _, _ in rows], np.int64) * SECOND,
        [source for _, source, _ in rows],
        [session for _, _, session in rows],
        np.arange(first, first + size) % 7,
        np.full(size, 9, np.uint8),
        np.arange(first, first + size),
    )


def in_parts(sessions: Sessions, rows: list[Row], cuts: list[int]) -> list[Session]:
    closed, at = [], 0
    for end in [*sorted(c % (len(rows) + 1) for c in cuts), len(rows)]:
        closed += fed(sessions, rows[at:end], at)
        at = end
    return closed


def told(sessions: list[Session]) -> list[tuple[str, str, tuple[int, ...], bool]]:
    return [(s.source, s.session, tuple(s.rows.line_id.tolist()), s.cut) for s in sessions]


def by_source(sessions: list[Session]) -> dict[str, list[tuple[str, tuple[int, ...], bool]]]:
    return {s: [t[1:] for t in told(sessions) if t[0] == s] for s in "ab"}


def by_hand(rows: list[Row]) -> tuple[list[tuple[str, str, tuple[int, ...]]], int]:
    """The sessions of `rows`, whether closed or not, and the late rows: the rules, row by row."""
    clocks: dict[str, int] = {}
    kept: dict[tuple[str, str], list[tuple[int, int]]] = {}
    late = 0
    for line_id, (ts, source, session) in enumerate(rows):
        clocks[source] = max(clocks.get(source, ts), ts)
        if session is not None:
            if ts < clocks[source] - LATENESS:
                late += 1
            else:
                kept.setdefault((source, session), []).append((ts, line_id))
    found = []
    for (source, session), mine in kept.items():
        run: list[tuple[int, int]] = []
        for ts, line_id in sorted(mine):
            if run and ts - run[-1][0] > GAP:
                found.append((source, session, tuple(i for _, i in run)))
                run = []
            run.append((ts, line_id))
        found.append((source, session, tuple(i for _, i in run)))
    return sorted(found), late


def small(**bounds: int) -> Sessions:
    return Sessions(GAP * SECOND, LATENESS * SECOND, **bounds)


@settings(deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_sessions_are_what_the_rules_say_row_by_row(rows: list[Row], cuts: list[int]) -> None:
    sessions = small()
    found = in_parts(sessions, rows, cuts) + sessions.unfinished()
    expected, late = by_hand(rows)
    assert sorted((s, k, ids) for s, k, ids, _ in told(found)) == expected
    assert sessions.late == late


@settings(max_examples=300, deadline=None)
@given(
    rows=ROWS,
    cuts=st.lists(st.integers(0, 60), max_size=6),
    bounds=st.fixed_dictionaries(
        {},
        optional={
            "max_open": st.integers(1, 6),
            "max_events": st.integers(1, 5),
            "max_rows": st.integers(1, 12),
            "max_sources": st.integers(1, 2),
        },
    ),
)
def test_the_cut_of_batches_does_not_matter(
    rows: list[Row], cuts: list[int], bounds: dict[str, int]
) -> None:
    whole, parts = small(**bounds), small(**bounds)
    assert by_source(fed(whole, rows)) == by_source(in_parts(parts, rows, cuts))
    assert by_source(whole.unfinished()) == by_source(parts.unfinished())
    assert (whole.late, whole.cut, len(whole)) == (parts.late, parts.cut, len(parts))


@settings(deadline=None)
@given(rows=ROWS, at=st.integers(0, 60))
def test_a_loaded_state_goes_on_where_the_saved_one_was(rows: list[Row], at: int) -> None:
    sessions, loaded = small(max_open=3, max_events=4), small(max_open=3, max_events=4)
    fed(sessions, rows[:at])
    state = pack(*sessions.save())
    header, arrays = unpack(state)
    assert loaded.fits(header)
    loaded.load(header, arrays)
    assert pack(*loaded.save()) == state
    assert by_source(fed(loaded, rows[at:], at)) == by_source(fed(sessions, rows[at:], at))
    assert by_source(loaded.unfinished()) == by_source(sessions.unfinished())
    assert loaded.late == sessions.late


@settings(deadline=None)
@given(rows=ROWS, bounds=st.tuples(*[st.integers(1, 6)] * 3))
def test_bounds_hold_and_lose_no_row(rows: list[Row], bounds: tuple[int, int, int]) -> None:
    max_open, max_events, max_rows = bounds
    sessions = small(max_open=max_open, max_events=max_events, max_rows=max_rows)
    closed: list[Session] = []
    for i, row in enumerate(rows):
        closed += fed(sessions, [row], i)
        still = sessions.unfinished()
        assert len({(s.source, s.session) for s in still}) == len(sessions) <= max_open
        assert sum(len(s.rows) for s in still) <= max_rows
        assert all(len(s.rows) <= max_events for s in closed + still)
    judged = sorted(i for s in closed + sessions.unfinished() for i in s.rows.line_id.tolist())
    assert len(judged) == len(set(judged))
    assert len(judged) + sessions.late == sum(session is not None for _, _, session in rows)


def test_rows_that_were_taken_in_before_are_ignored() -> None:
    sessions = small()
    fed(sessions, [(0, "a", "x"), (1, "a", "x")])
    fed(sessions, [(0, "a", "x"), (1, "a", "x"), (2, "a", "x")])
    assert told(sessions.unfinished()) == [("a", "x", (0, 1, 2), False)]


def test_a_session_closes_when_no_row_could_join_it_any_more() -> None:
    sessions = small()
    assert fed(sessions, [(0, "a", "x"), (GAP + LATENESS, "a", "y")]) == []
    closed = fed(sessions, [(GAP + LATENESS + 1, "a", None)], 2)
    assert told(closed) == [("a", "x", (0,), False)]


def test_an_id_that_comes_back_opens_another_session() -> None:
    rows: list[Row] = [(0, "a", "x"), (100, "a", "x")]
    sessions = small()
    assert told(fed(sessions, rows)) == [("a", "x", (0,), False)]
    assert told(sessions.unfinished()) == [("a", "x", (1,), False)]


def test_one_source_never_makes_the_rows_of_another_late() -> None:
    sessions = small()
    fed(sessions, [(1_000, "a", "x"), (0, "b", "x"), (1, "b", "x")])
    assert sessions.late == 0
    assert len(sessions) == 2


def test_rows_from_the_future_are_counted_and_move_no_clock() -> None:
    sessions = small()
    sessions.add(
        np.array([0, 7_200, 1]) * SECOND,
        ["a"] * 3,
        ["x"] * 3,
        np.zeros(3, np.int64),
        np.zeros(3, np.uint8),
        np.arange(3),
        seen=np.array([0, 1, 1]) * SECOND,
    )
    assert (sessions.ahead, sessions.late) == (1, 0)
    assert told(sessions.unfinished()) == [("a", "x", (0, 2), False)]


def test_a_live_source_that_stopped_is_looked_at_and_nothing_changes() -> None:
    sessions = small()
    fed(sessions, [(0, "a", "x"), (8, "a", "y")])
    before = pack(*sessions.save())
    assert sessions.idle(13 * SECOND) == []
    assert told(sessions.idle(15 * SECOND)) == [("a", "x", (0,), False)]
    assert len(sessions.idle(60 * SECOND)) == 2
    assert sessions.idle(60 * SECOND, since_ns=58 * SECOND) == []
    assert pack(*sessions.save()) == before


def test_an_open_session_that_fell_silent_is_looked_at_once_in_each_silence() -> None:
    sessions = Sessions(100 * SECOND, 0)
    fed(sessions, [(0, "a", "x"), (1, "a", "x"), (6, "a", "y")])
    before = pack(*sessions.save())
    assert told(sessions.paused(4 * SECOND)) == [("a", "x", (0, 1), False)]
    assert sessions.paused(4 * SECOND) == []
    assert pack(*sessions.save()) == before
    fed(sessions, [(7, "a", "x"), (20, "a", "y")], 3)
    assert told(sessions.paused(4 * SECOND)) == [("a", "x", (0, 1, 3), False)]
    assert told(sessions.unfinished()) == [("a", "x", (0, 1, 3), False), ("a", "y", (2, 4), False)]


def test_a_back_fill_judges_nobody_idle() -> None:
    sessions = small()
    one = np.array([0], np.int64)
    late = np.array([10**6 * SECOND])
    sessions.add(one, ["a"], ["x"], one, one.astype(np.uint8), one, seen=late)
    assert sessions.idle(2 * 10**6 * SECOND) == []


def test_the_batch_function_cuts_by_id_alone_unless_told_a_gap() -> None:
    columns = (
        np.array([0, 5, 10**6]) * SECOND,
        ["a"] * 3,
        ["x", "y", "x"],
        np.arange(3),
        np.zeros(3, np.uint8),
        np.arange(3),
    )
    assert told(cut(*columns)) == [("a", "y", (1,), False), ("a", "x", (0, 2), False)]
    assert len(cut(*columns, gap_ns=SECOND)) == 3


def test_sessions_become_units_with_their_rows_and_span() -> None:
    sessions = small()
    fed(sessions, [(3, "a", "x"), (1, "a", "x"), (2, "b", "")])
    batch = batch_of(sessions.unfinished(), {"a": "api"})
    assert batch.source.tolist() == ["a", "b"] or batch.source.tolist() == ["b", "a"]
    unit = batch.source.tolist().index("a")
    assert batch.service[unit] == "api"
    rows = batch.line_id[batch.unit == unit].tolist()
    assert rows == [1, 0]
    assert (batch.start[unit], batch.end[unit]) == (1 * SECOND, 3 * SECOND + 1)


@pytest.mark.parametrize("form", [list, np.array, pa.array, pa.chunked_array, "dictionary"])
def test_names_may_come_as_any_column(form: Any) -> None:
    def column(names: list[str | None]) -> Any:
        if form == "dictionary":
            return pa.chunked_array(
                [pa.array(names), pa.array([], pa.string())]
            ).dictionary_encode()
        if form is np.array:
            return np.array(names, np.object_)
        return pa.chunked_array([names[:1], names[1:]]) if form is pa.chunked_array else form(names)

    ones = np.ones(3, np.int64)
    sessions = small()
    sessions.add(
        ones * SECOND,
        column(["a", "a", "b"]),
        column(["x", None, "x"]),
        ones,
        ones.astype(np.uint8),
        np.arange(3),
    )
    expected = [("a", "x", (0,), False), ("b", "x", (2,), False)]
    assert sorted(told(sessions.unfinished())) == expected


def test_no_rows_are_no_sessions() -> None:
    none = np.zeros(0, np.int64)
    assert cut(none, [], [], none, none.astype(np.uint8), none) == []


def test_no_session_is_an_empty_batch() -> None:
    assert len(batch_of([])) == 0


@pytest.mark.parametrize("sessions", [2, 20_000])
def test_many_rows_are_taken_at_once(sessions: int) -> None:
    rng = np.random.default_rng(0)
    size = 50_000
    names = np.array([f"blk_{i}" for i in rng.integers(0, sessions, size)], np.object_)
    taken = Sessions(600 * SECOND, 30 * SECOND, max_events=10**6)
    closed = taken.add(
        np.arange(size, dtype=np.int64) * SECOND // 10,
        np.full(size, "a", np.object_),
        names,
        rng.integers(0, 20, size),
        np.full(size, 9, np.uint8),
        np.arange(size),
    )
    assert sum(len(s.rows) for s in closed + taken.unfinished()) == size
