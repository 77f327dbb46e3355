"""Incidents, phases and delays, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eval.detection.incidents import at_budgets, rolling, seen, values
from tests.eval.detection.made import attacked

DATA = attacked(quiet=300)
ROWS = np.arange(240, 600)
"""A unit a minute: six hours. Phase `scan` from 305, `theft` from 450; every other minute of six is anomalous."""


def flags(*units: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.isin(ROWS, units)


def test_flagged_minutes_are_one_incident_while_less_than_half_an_hour_lies_between() -> None:
    assert seen(DATA, ROWS, flags(250, 280)).false == 1, "29 minutes between end and start"
    assert seen(DATA, ROWS, flags(250, 281)).false == 2, "30 minutes"
    assert seen(DATA, ROWS, flags(250, 270, 290)).false == 1


def test_an_incident_that_holds_an_anomalous_minute_is_not_false() -> None:
    found = seen(DATA, ROWS, flags(290, 305, 400, 560))
    assert (found.false, found.found, found.phases) == (2, 1, 2)
    assert found.fpr == pytest.approx(3 / (360 - 6))
    assert seen(DATA, ROWS, flags(306)).false == 1, "ambiguous is normal here"


def test_an_incident_that_lasts_is_told_every_hour_so_that_flagging_all_is_no_way_out() -> None:
    assert seen(DATA, ROWS, flags(*range(320, 380))).false == 1, "an hour"
    assert seen(DATA, ROWS, flags(*range(320, 381))).false == 2
    everything = dict(at_budgets(DATA, ROWS, np.ones(len(ROWS))))
    assert (everything[3].found, everything[3].false) == (0, 0), "it would be four in six hours"


def test_the_delay_is_from_the_start_of_the_phase_to_the_end_of_its_first_flagged_minute() -> None:
    found = seen(DATA, ROWS, flags(307, 450, 454))
    assert found.found == 2
    assert found.delay_s == (3 * 60.0, 60.0)
    assert values(found)["delay_s"] == 120.0
    assert values(found)["phases"] == 1.0
    assert "delay_s" not in values(seen(DATA, ROWS, flags()))


def test_a_budget_takes_the_lowest_threshold_within_it() -> None:
    scores = np.zeros(len(ROWS))
    scores[flags(305)] = 9.0
    scores[flags(500)] = 8.0
    scores[flags(450)] = 7.0
    scores[flags(250)] = 6.0
    scores[flags(560)] = 5.0
    found = dict(at_budgets(DATA, ROWS, scores))
    # A quarter of a day: one a day allows none, ten allow two of the three.
    assert [found[budget].false for budget in (1, 3, 10)] == [0, 0, 2]
    assert [found[budget].found for budget in (1, 3, 10)] == [1, 1, 2]


def test_the_rolling_threshold_knows_validation_only() -> None:
    validation = np.linspace(0, 1, 1_000)
    scores = np.full(len(ROWS), 0.5)
    scores[flags(305, 340)] = 2.0
    found = rolling(DATA, ROWS, validation, scores)
    assert (found.found, found.false) == (1, 1)
    assert found.fpr == pytest.approx(1 / 354)
