"""Champion and challenger: what is newer is taken only when it is no worse on sessions that neither has learnt."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import DETECTORS
from detectors.election import Call, conformal, elect, is_strange, loudness
from detectors.sessions import Session, batch_of
from detectors.units import SECOND, Rows

OLD, NEW, BROKEN = (1, 2, 3), (1, 7, 3), (1, 2, 99)


def session(number: int, templates: tuple[int, ...]) -> Session:
    n = len(templates)
    ts = np.arange(n, dtype=np.int64) * SECOND + number * 60 * SECOND
    ids = np.array(templates, np.int64)
    rows = Rows(ts, ids, np.full(n, 9, np.uint8), np.arange(n, dtype=np.int64) + number * 10)
    return Session("{}", f"s{number}", rows)


def sessions(*kinds: tuple[int, ...], first: int = 0) -> tuple[Session, ...]:
    return tuple(session(first + i, kind) for i, kind in enumerate(kinds))


def call(normal: tuple[Session, ...], **more: tuple[Session, ...]) -> Call:
    return Call(len(normal), normal, more.get("taught", ()), more.get("anomalous", ()), 0.001)


def champion(*kinds: tuple[int, ...]) -> bytes:
    detector = DETECTORS.make("knn")
    detector.fit(batch_of(sessions(*kinds)))
    return detector.save()


def test_the_first_model_is_taken_as_it_is() -> None:
    result = elect("knn", None, call(sessions(*[OLD] * 200)))
    assert result.taken
    assert len(result.calm) == 60, "what it rests its threshold on is what it has not learnt"
    assert result.said == "learnt from 140 sessions; tells 0 of 30 normal sessions"


def test_a_challenger_that_knows_what_is_new_takes_over() -> None:
    # The champion never saw NEW, which comes among the calibrating sessions never, and among the newest often.
    normal = sessions(*[OLD, NEW] * 70, *[OLD] * 30, *[OLD, NEW] * 15)
    result = elect("knn", champion(*[OLD] * 50), call(normal))
    assert result.taken
    assert "a new model was taken" in result.said
    assert "tells 0 of 30 normal sessions; the old one tells 15 of 30" in result.said


def test_a_challenger_that_raises_more_false_alarms_is_turned_down() -> None:
    normal = sessions(*[OLD] * 140, *[OLD] * 30, *[OLD, NEW] * 15)
    result = elect("knn", champion(*[OLD, NEW] * 50), call(normal))
    assert not result.taken
    assert "a new model was turned down" in result.said


def test_a_challenger_that_misses_a_confirmed_anomaly_is_turned_down() -> None:
    # Broken sessions passed as normal ones among those that teach the challenger.
    normal = sessions(*[OLD, BROKEN] * 70, *[OLD] * 60)
    result = elect(
        "knn", champion(*[OLD] * 50), call(normal, anomalous=sessions(BROKEN, first=1_000))
    )
    assert not result.taken
    assert "finds 0 of 1 confirmed anomalies; the old one" in result.said
    assert result.said.endswith("finds 1 of 1 confirmed anomalies")


def test_what_people_taught_counts_for_both() -> None:
    normal = sessions(*[OLD] * 170, *[NEW] * 30)
    result = elect("knn", champion(*[OLD] * 50), call(normal, taught=sessions(NEW, first=1_000)))
    assert result.said.count("tells 0 of 30") == 2
    fresh = DETECTORS.make("knn")
    fresh.load(result.state)
    batch = batch_of(sessions(NEW))
    assert fresh.score(batch).of_units(1)[0] > 0, "the state is without what people taught"


def test_elections_are_the_same_whenever_they_are_held() -> None:
    normal = sessions(*[OLD, NEW] * 100)
    assert elect("knn", None, call(normal)) == elect("knn", None, call(normal))


@pytest.mark.parametrize(
    ("score", "p_value", "strange"), [(0.0, 1.0, False), (2.0, 0.5, False), (3.0, 0.25, True)]
)
def test_a_session_is_strange_beyond_all_that_few_sessions_scored(
    score: float, p_value: float, strange: bool
) -> None:
    calm = [0.0, 1.0, 2.0]
    assert conformal(score, calm) == p_value
    assert is_strange(p_value, len(calm), 0.5) is strange


def test_with_many_sessions_the_budget_decides_and_never_more_than_one_in_a_thousand() -> None:
    assert is_strange(2e-4, 10_000, 2e-4)
    assert not is_strange(3e-4, 10_000, 2e-4)
    assert not is_strange(2e-3, 10_000, 0.5)


def test_beyond_all_that_is_known_a_score_gets_louder_by_its_distance() -> None:
    calm = [0.0, 1.0, 2.0]
    loud = [loudness(score, conformal(score, calm), calm) for score in (1.0, 3.0, 4.0, 50.0)]
    assert loud == sorted(loud)
    assert len(set(loud)) == 4
    assert loudness(1.0, 0.5, []) == pytest.approx(0.301, abs=1e-3)
