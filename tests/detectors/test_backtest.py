"""Which detectors a backtest runs on which streams."""

from __future__ import annotations

import pytest

from detectors.backtest import settings_for
from driftwood.config import Detection, StreamRule
from driftwood.errors import ConfigError

SHOP = StreamRule('{service_name="shop"}', detectors=("knn", "rate_change"), session=r"req-\d+")
ALERTS = StreamRule('{topic="alerts"}', detectors=("episode_memory",), window_s=30.0)
BASE = Detection(streams=(SHOP, ALERTS))


def rules(made: Detection) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Selector -> its detectors, and whether its lines form sessions."""
    return {rule.match: (rule.detectors, bool(rule.session)) for rule in made.streams}


def test_without_names_all_is_as_the_settings_have_it() -> None:
    assert settings_for(BASE, ()) == BASE
    assert settings_for(BASE, (), 3.0).alerts_per_day == 3.0
    assert settings_for(BASE, (), 3.0).demo_alerts_per_day == 3.0


def test_detectors_of_windows_judge_every_stream() -> None:
    made = settings_for(BASE, ("error_burst",))
    assert made.detectors == ("error_burst",)
    assert rules(made) == {
        SHOP.match: (("error_burst",), False),
        ALERTS.match: (("error_burst",), False),
    }
    assert made.streams[1].window_s == 30.0


def test_detectors_of_sessions_judge_the_streams_that_have_any_and_no_other() -> None:
    made = settings_for(BASE, ("event_set",))
    assert made.detectors == ()
    assert rules(made) == {SHOP.match: (("event_set",), True)}


def test_both_kinds_are_told_apart() -> None:
    made = settings_for(BASE, ("event_set", "error_burst"))
    assert made.detectors == ("error_burst",)
    assert rules(made) == {
        SHOP.match: (("error_burst", "event_set"), True),
        ALERTS.match: (("error_burst",), False),
    }


def test_a_rule_for_one_run_comes_first() -> None:
    rule = StreamRule('{service_name="hdfs"}', session=r"blk_-?\d+")
    made = settings_for(Detection(), ("knn",), rule=rule)
    assert rules(made) == {rule.match: (("knn",), True)}
    assert [each.match for each in settings_for(BASE, ("knn",), rule=rule).streams] == [
        rule.match,
        SHOP.match,
    ]


def test_what_can_judge_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="say it for this run with --match"):
        settings_for(Detection(), ("knn",))
    with pytest.raises(ConfigError, match="did you mean 'knn'"):
        settings_for(BASE, ("knm",))
