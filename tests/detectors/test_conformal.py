from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.conformal import Conformal

SCORES = st.lists(st.floats(-100, 100), max_size=50)


def learnt(scores: list[float], half_life: float = 1e12) -> Conformal:
    calibrator = Conformal(half_life)
    calibrator.learn(np.array(scores, np.float64))
    return calibrator


def test_a_p_value_is_the_share_of_normal_scores_at_least_as_high() -> None:
    p = learnt([1.0, 2.0, 2.0, 3.0]).p_values(np.array([0.0, 1.0, 2.0, 3.0]))
    assert p == pytest.approx([1.0, 1.0, 4 / 5, 2 / 5])


@given(SCORES, SCORES)
def test_a_stranger_score_never_has_a_larger_p_value(
    normal: list[float], asked: list[float]
) -> None:
    p = learnt(normal).p_values(np.array(sorted(asked), np.float64))
    assert (np.diff(p) <= 0).all()
    assert ((p > 0) & (p <= 1)).all()


def test_beyond_all_that_was_seen_the_order_is_kept() -> None:
    calibrator = learnt([0.0, 0.0, 1.0])
    p = calibrator.p_values(np.array([1.5, 2.0, 100.0]))
    assert (np.diff(p) < 0).all()
    assert p[0] < calibrator.smallest == pytest.approx(1 / 4)


def test_normal_units_are_alarmed_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    called = [
        (learnt(rng.gamma(2.0, size=200).tolist()).p_values(rng.gamma(2.0, size=50)) <= 0.05).mean()
        for _ in range(200)
    ]
    assert 0.04 < np.mean(called) <= 0.055


def test_a_stream_that_drifts_is_judged_by_what_it_did_last() -> None:
    calibrator = learnt([0.0] * 1_000 + [5.0] * 1_000, half_life=100)
    assert calibrator.p_values(np.array([4.0]))[0] > 0.98


def test_learning_in_parts_is_learning_at_once() -> None:
    whole, parts = learnt([1.0, 5.0, 2.0], 3.0), learnt([1.0], 3.0)
    parts.learn(np.array([5.0, 2.0]))
    asked = np.array([0.5, 1.5, 6.0])
    assert parts.p_values(asked).tolist() == whole.p_values(asked).tolist()


def test_the_oldest_scores_are_forgotten() -> None:
    calibrator = Conformal(max_scores=2)
    calibrator.learn(np.array([9.0, 1.0, 2.0]))
    assert calibrator.scores.tolist() == [1.0, 2.0]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, 7.0]), min_size=2, max_size=12))
def test_a_scores_own_rank_is_that_among_the_others(scores: list[float]) -> None:
    calibrator = learnt(scores)
    for place, p in enumerate(calibrator.own_p_values().tolist()):
        others = scores[:place] + scores[place + 1 :]
        rank = (sum(o >= scores[place] for o in others) + 1) / (len(others) + 1)
        assert p <= rank * (1 + 1e-9)
        if scores[place] <= max(others):
            assert p == pytest.approx(rank)


def test_without_any_normal_score_nothing_is_promised() -> None:
    assert Conformal().p_values(np.array([0.0]))[0] == 1.0
    assert len(Conformal().own_p_values()) == 0
