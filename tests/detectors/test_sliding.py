"""Sliding windows: the same in streaming and at once, and each row in every window that reaches back to it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sliding import Sliding, cut
from detectors.snapshot import pack, unpack
from detectors.units import Unit, batch_of
from detectors.windows import MAX_EMPTY, Windows
from driftwood.errors import ConfigError
from driftwood.records import Events
from eval.simulated import START, events

SECOND = 10**9
MINUTE = 60 * SECOND
STREAMS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 200)), max_size=40).map(
    lambda steps: made([(s, t) for (s, _), t in zip(steps, _walk(steps), strict=True)])
)


def _walk(steps: list[tuple[int, int]]) -> list[int]:
    return list(itertools.accumulate(step for _, step in steps))


def made(rows: list[tuple[int, int]]) -> Events:
    """(service, s)"""
    table = np.array(rows, np.int64).reshape(-1, 2)
    columns = {
        "service": table[:, 0],
        "ts": table[:, 1] * SECOND,
        "template": np.ones(len(rows), np.int64),
        "severity": np.full(len(rows), 9),
    }
    return events(columns, ["s0", "s1", "s2"], observed_ts=START + table[:, 1] * SECOND)


def severity(stream: Events) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.asarray(stream["severity"].to_numpy(), np.uint8)


def told(units: list[Unit]) -> dict[tuple[str, int], list[int]]:
    found = {(u.source.key, u.window): u.rows.line_id.tolist() for u in units}
    assert len(found) == len(units)
    return found


@settings(deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 40), max_size=4), panes=st.integers(1, 4))
def test_streaming_and_cutting_at_once_give_the_same_windows(
    stream: Events, cuts: list[int], panes: int
) -> None:
    windows, sliding = Windows(MINUTE, 10 * MINUTE), Sliding(panes * MINUTE, MINUTE)
    units: list[Unit] = []
    for a, b in itertools.pairwise([0, *sorted(c % (len(stream) + 1) for c in cuts), len(stream)]):
        part = Events(stream.slice(a, b - a))
        units += sliding.add(windows.add(part, severity(part)))
    found = told(units)
    whole = told(cut(stream, severity(stream), panes * MINUTE, MINUTE))
    assert {key: whole.get(key) for key in found if found[key]} == {
        key: rows for key, rows in found.items() if rows
    }


@settings(deadline=None)
@given(stream=STREAMS, panes=st.integers(1, 4))
def test_a_window_holds_the_rows_of_its_span_and_a_row_lies_in_each_window_over_it(
    stream: Events, panes: int
) -> None:
    units = cut(stream, severity(stream), panes * MINUTE, MINUTE)
    batch = batch_of(units, MINUTE, panes * MINUTE)
    assert ((batch.end - batch.start) == panes * MINUTE).all()
    assert (batch.start[batch.unit] <= batch.ts).all()
    assert (batch.ts < batch.end[batch.unit]).all()
    ts, keys = stream["ts"].to_numpy(), {u.source.key for u in units}
    for key in keys:
        own = [u for u in units if u.source.key == key]
        mine = {int(i) for u in own for i in u.rows.line_id}
        for unit in own:
            inside = [
                i
                for i in sorted(mine)
                if unit.window * MINUTE <= ts[i] < (unit.window + panes) * MINUTE
            ]
            assert sorted(unit.rows.line_id.tolist()) == inside
    assert {int(i) for u in units for i in u.rows.line_id} == set(range(len(stream)))


def test_after_the_last_line_windows_run_empty_and_then_stop() -> None:
    stream = made([(0, 5), (0, 70), (0, 70 + 60 * 60)])
    units = cut(stream, severity(stream), 3 * MINUTE, MINUTE)
    lines = [len(unit.rows) for unit in units]
    assert lines == [1, 2, 2, 1] + [0] * (MAX_EMPTY - 2) + [1]


@settings(deadline=None)
@given(stream=STREAMS, at=st.integers(0, 40))
def test_a_loaded_state_goes_on_where_the_saved_one_was(stream: Events, at: int) -> None:
    panes = Windows(MINUTE, 0).add(stream, severity(stream))
    sliding, loaded = Sliding(3 * MINUTE, MINUTE), Sliding(3 * MINUTE, MINUTE)
    sliding.add(panes[:at])
    header, arrays = unpack(pack(*sliding.save()))
    assert loaded.fits(header)
    loaded.load(header, arrays)
    assert told(loaded.add(panes[at:])) == told(sliding.add(panes[at:]))


@pytest.mark.parametrize(("length", "stride"), [(90, 60), (30, 60), (60, 0)])
def test_a_length_that_is_no_multiple_of_the_stride_is_refused(length: int, stride: int) -> None:
    with pytest.raises(ConfigError, match="multiple of the stride"):
        Sliding(length * SECOND, stride * SECOND)
