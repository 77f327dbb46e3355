from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.context import Context
from driftwood.errors import DetectorError

MINUTE = 60 * 10**9
units = st.lists(st.tuples(st.integers(0, 400), st.floats(0, 60)), max_size=40)
HOSTS = np.array(["mail", "web"] * 40, object)


def fitted() -> Context:
    return Context().fit(np.linspace(0.0, 2.0, 1_001))


def columns(
    rows: list[tuple[int, float]],
) -> tuple[
    np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]
]:
    rows = sorted(rows, key=lambda r: r[0])
    start = np.array([m for m, _ in rows], np.int64) * MINUTE
    return start, np.array([s for _, s in rows], np.float64)


@settings(deadline=None)
@given(rows=units, cut=st.integers(0, 40))
def test_any_cut_into_batches_and_a_restart_give_the_same_scores(
    rows: list[tuple[int, float]], cut: int
) -> None:
    start, scores = columns(rows)
    whole = fitted().apply(HOSTS[: len(start)], start, scores)
    first, second = fitted(), Context()
    head = first.apply(HOSTS[:cut], start[:cut], scores[:cut])
    second.load(first.save())
    tail = second.apply(HOSTS[: len(start[cut:])], start[cut:], scores[cut:])
    assert np.concatenate((head, tail)).tolist() == whole.tolist()


@settings(deadline=None)
@given(rows=units)
def test_each_score_is_raised_by_what_units_of_earlier_starts_add(
    rows: list[tuple[int, float]],
) -> None:
    start, scores = columns(rows)
    stage = fitted()
    got = stage.apply(HOSTS[: len(start)], start, scores)
    for i in range(len(start)):
        ctx = sum(
            min(20.0, max(0.0, scores[j] - stage.theta))
            * np.exp(-(start[i] - start[j]) / (20 * MINUTE))
            for j in range(i)
            if start[j] < start[i]
        )
        assert got[i] == pytest.approx(scores[i] * (1 + 0.3 * np.log1p(ctx)))


def test_a_strange_unit_raises_those_after_it_and_not_itself() -> None:
    start = np.array([0, 5, 600], np.int64) * MINUTE
    got = fitted().apply(HOSTS[:3], start, np.array([9.0, 3.0, 3.0]))
    assert got[0] == 9.0
    assert got[1] > 4.0
    assert got[2] == pytest.approx(3.0)


def test_units_that_go_back_in_time_are_refused() -> None:
    stage = fitted()
    with pytest.raises(DetectorError, match="order"):
        stage.apply(HOSTS[:2], np.array([5, 4]) * MINUTE, np.ones(2))
