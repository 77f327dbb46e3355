from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.rolling import RollingThreshold
from driftwood.errors import DetectorError

MINUTE = 60 * 10**9
CALM = np.linspace(0.0, 1.0, 1_001)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 900), max_size=4), seed=st.integers(0, 5))
def test_any_cut_into_batches_and_a_restart_give_the_same_verdicts(
    cuts: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    start = np.sort(rng.integers(0, 4 * 24 * 60, 900)) * MINUTE
    scores = rng.exponential(1.0, 900)
    whole = RollingThreshold(0.01).fit(CALM).passed(start, scores)
    stage, got = RollingThreshold(0.01).fit(CALM), []
    edges = [0, *sorted(cuts), 900]
    for first, last in pairwise(edges):
        got.append(stage.passed(start[first:last], scores[first:last]))
        state = stage.save()
        stage = RollingThreshold(0.5)
        stage.load(state)
    assert np.concatenate(got).tolist() == whole.tolist()


def test_a_stream_that_grew_noisier_than_validation_keeps_its_share() -> None:
    rng = np.random.default_rng(0)
    start = np.arange(4 * 24 * 60) * MINUTE
    scores = rng.exponential(3.0, len(start))
    stage = RollingThreshold(0.01).fit(CALM)
    passed = stage.passed(start, scores)
    assert (scores > stage.floor).mean() > 0.5
    assert passed[24 * 60 :].mean() == pytest.approx(0.01, abs=0.004)


def test_a_quiet_stream_does_not_lower_it_below_validation() -> None:
    start = np.arange(1_000) * MINUTE
    assert not RollingThreshold(0.01).fit(CALM).passed(start, np.full(1_000, 0.5)).any()


def test_an_attack_does_not_raise_it_within_the_hour() -> None:
    start = np.arange(1_000) * MINUTE
    scores = np.where(start >= 960 * MINUTE, 50.0 + start / start.max(), 0.1)
    passed = RollingThreshold(0.01).fit(CALM).passed(start, scores)
    assert passed[960:].all()
    assert not passed[:960].any()


def test_units_that_go_back_in_time_are_refused() -> None:
    stage = RollingThreshold(0.01).fit(CALM)
    stage.passed(np.array([5]) * MINUTE, np.ones(1))
    with pytest.raises(DetectorError, match="order"):
        stage.passed(np.array([4]) * MINUTE, np.ones(1))
