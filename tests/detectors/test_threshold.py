"""The budget is kept, and an incident is told once."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.calibrator import COOL_DOWN, HORIZON, Calibrator
from detectors.threshold import FOLLOW_UP, Episodes, Threshold

SOURCE = '{"service_name":"api"}'


def told_per_day(p_values: list[float], alerts_per_day: float) -> float:
    """Episodes a day after the first, in a stream of windows of a minute with these p-values."""
    calibrator, episodes = Calibrator(), Episodes()
    threshold = Threshold(alerts_per_day, 60.0, 1)
    told = 0
    for window, p in enumerate(p_values):
        calibrated = calibrator.calibrate("d", SOURCE, window, p)
        if threshold.passed(calibrated) and episodes.tell(
            "d", SOURCE, "k", 0, window, 1 / calibrated
        ):
            told += window >= HORIZON
        calibrator.learn("d", SOURCE, window, p)
    return told / (len(p_values) / HORIZON - 1)


def test_true_p_values_use_up_the_budget_and_not_more() -> None:
    p_values = np.random.default_rng(1).uniform(size=10 * HORIZON).tolist()
    assert 4.0 <= told_per_day(p_values, 10.0) <= 12.0


@pytest.mark.parametrize("scale", [2.0, 6.0])
def test_a_model_that_is_far_too_sure_is_brought_back_to_the_budget(scale: float) -> None:
    p_values = np.random.default_rng(2).uniform(size=10 * HORIZON) ** scale
    assert told_per_day(p_values.tolist(), 10.0) <= 13.0


def test_what_is_stranger_than_all_before_is_told_even_after_many_alarms() -> None:
    calibrator = Calibrator()
    for window in range(HORIZON):
        calibrator.learn("d", SOURCE, window, 1e-6 if window % 30 == 0 else 0.5)
    again = calibrator.calibrate("d", SOURCE, HORIZON, 1e-6)
    stranger = calibrator.calibrate("d", SOURCE, HORIZON, 1e-30)
    assert again > 0.01
    assert stranger < 1e-6


def test_an_incident_counts_once_however_long_it_lasts() -> None:
    calibrator = Calibrator()
    for window in range(HORIZON):
        calibrator.learn("d", SOURCE, window, 1e-9 if 500 <= window < 560 else 0.5)
    assert calibrator.calibrate("d", SOURCE, HORIZON, 1e-9) == pytest.approx(2 / (HORIZON + 1))


def test_a_lasting_incident_gives_a_row_at_its_onset_and_then_seldom() -> None:
    episodes = Episodes()
    told = [w for w in range(2 * FOLLOW_UP + 1) if episodes.tell("d", SOURCE, "k", 7, w, 5.0)]
    assert told == [0, FOLLOW_UP, 2 * FOLLOW_UP]


def test_after_the_cool_down_it_is_a_new_incident() -> None:
    episodes = Episodes()
    assert episodes.tell("d", SOURCE, "k", 7, 100, 5.0)
    assert not episodes.tell("d", SOURCE, "k", 7, 100 + COOL_DOWN, 5.0)
    assert episodes.tell("d", SOURCE, "k", 7, 101 + 2 * COOL_DOWN, 5.0)


def test_something_else_that_is_worse_is_told_at_once_and_something_lesser_is_not() -> None:
    episodes = Episodes()
    assert episodes.tell("d", SOURCE, "k", 7, 100, 5.0)
    assert not episodes.tell("d", SOURCE, "k", 8, 101, 4.0)
    assert episodes.tell("d", SOURCE, "k", 9, 102, 6.0)
    assert episodes.tell("d", SOURCE, "other kind", 7, 102, 1.0)


def test_saved_and_loaded_they_go_on_the_same() -> None:
    calibrator, episodes = Calibrator(), Episodes()
    for window in range(200):
        calibrator.learn("d", SOURCE, window, 0.001 if window % 50 == 0 else 0.4)
    episodes.tell("d", SOURCE, "k", 7, 100, 5.0)
    other_calibrator, other_episodes = Calibrator(), Episodes()
    other_calibrator.load(calibrator.save())
    other_episodes.load(episodes.save())
    assert other_calibrator.calibrate("d", SOURCE, 200, 1e-4) == calibrator.calibrate(
        "d", SOURCE, 200, 1e-4
    )
    assert not other_episodes.tell("d", SOURCE, "k", 7, 105, 5.0)
