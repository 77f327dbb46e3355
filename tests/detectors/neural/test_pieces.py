"""Sessions in pieces: nothing is lost or judged twice, and what is equal is read once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.neural.pieces import Pieces, buckets

SESSIONS = st.lists(st.lists(st.integers(0, 2), max_size=30), max_size=8)


@given(SESSIONS, st.integers(1, 9), st.data())
def test_every_event_is_judged_once_after_the_right_ones(
    sessions: list[list[int]], stride: int, data: st.DataObject
) -> None:
    lead = data.draw(st.integers(0, stride))
    tokens = np.array([t for s in sessions for t in s], np.int64)[:, None]
    bounds = np.cumsum([0, *map(len, sessions)])
    pieces = Pieces.of(tokens, bounds, stride=stride, lead=lead)
    rows = [pieces.padded(np.array([d]))[0, :, 0].tolist() for d in range(len(pieces))]
    for unit, session in enumerate(sessions):
        judged: list[int] = []
        parts = pieces.which[pieces.bounds[unit] : pieces.bounds[unit + 1]].tolist()
        for d in parts:
            context = int(pieces.lead[d])
            assert rows[d][:context] == judged[len(judged) - context :]
            judged += rows[d][context:]
        assert judged == session
        assert [bool(pieces.last[d]) for d in parts] == [False] * (len(parts) - 1) + [True]
    keys = list(zip(map(tuple, rows), pieces.lead.tolist(), pieces.last.tolist(), strict=True))
    assert len(set(keys)) == len(keys)


@given(SESSIONS)
def test_values_of_pieces_become_values_of_distinct_sessions(sessions: list[list[int]]) -> None:
    tokens = np.array([t for s in sessions for t in s], np.int64)[:, None]
    bounds = np.cumsum([0, *map(len, sessions)])
    pieces = Pieces.of(tokens, bounds, stride=4, lead=2)
    size = pieces.length - pieces.lead
    at = np.concatenate(([0], np.cumsum(size)))
    own = [
        tokens[a + c : a + n, 0]
        for a, c, n in zip(pieces.start, pieces.lead, pieces.length, strict=True)
    ]
    values, ends = pieces.whole(np.concatenate([np.zeros(0, np.int64), *own]), at)
    first, which = pieces.sessions
    assert len(first) == len({tuple(s) for s in sessions})
    for unit, session in enumerate(sessions):
        d = which[unit]
        assert values[ends[d] : ends[d + 1]].tolist() == session


@given(st.lists(st.integers(0, 300), max_size=50), st.integers(1, 2_000))
def test_buckets_hold_every_row_once_and_little_padding(lengths: list[int], most: int) -> None:
    length = np.array(lengths, np.int64)
    groups = [rows.tolist() for rows in buckets(length, most)]
    assert sorted(r for g in groups for r in g) == list(range(len(lengths)))
    for group in groups:
        longest = int(length[group].max())
        assert len(group) == 1 or len(group) * (longest + 1) <= most
        assert longest + 1 <= (int(length[group].min()) + 1) * 1.25 + 4
