from __future__ import annotations

from math import log, log10

import pytest

from detectors.episode_memory import EpisodeMemory
from tests.detectors.minute_batches import TEXTS, Minute, minutes, strange

HOSTS = ("web", "db", "mail")
USUAL: list[Minute] = [(60 * hour, host, "aab") for hour in range(30) for host in HOSTS]
NOW = 60 * 31


def learnt(*more: Minute) -> EpisodeMemory:
    detector = EpisodeMemory()
    units = sorted((*USUAL, *more), key=lambda unit: unit[:2])
    detector.fit(minutes(*units, (NOW, "web", "")))
    return detector


def scores(detector: EpisodeMemory, *said: str, host: str = "web") -> list[float]:
    return strange(detector.score(minutes(*((NOW, host, each) for each in said))), len(said))


def test_a_score_is_rarity_here_and_elsewhere_breadth_and_volume() -> None:
    windows = len(USUAL) + 3  # two more below, and the last one
    detector = learnt((600, "web", "r"), (1_200, "db", "s"))
    usual = 0.75 * log10(windows + 1)

    def rarity(here: float, everywhere: float) -> float:
        return (
            -(log10((here + 0.5) / (windows + 1)) + log10((everywhere + 0.5) / (windows + 1))) / 2
        )

    often, rare, elsewhere, new = rarity(30, 90), rarity(1, 1), rarity(0, 1), rarity(0, 0)
    got = scores(detector, "a", "r", "s", "x", "xy", "aaaaaa", "sr")
    breadth = [log(10) * (each - usual) for each in (new, rare)]
    assert got == pytest.approx(
        [
            often,
            rare,
            elsewhere,
            new,
            new + breadth[0],
            often + log(7 / 3),
            elsewhere + max(breadth[1], 0.0),
        ]
    )


def test_what_other_sources_do_is_less_strange_than_what_none_does() -> None:
    detector = learnt(*((60 * hour + 1, "db", "o") for hour in range(20)))
    elsewhere, nowhere = scores(detector, "o", "x")
    assert elsewhere < nowhere - 0.5


def test_more_than_a_source_ever_said_is_no_news_where_others_say_as_much() -> None:
    detector = learnt((601, "db", "a" * 50))
    assert scores(detector, "a" * 50) == pytest.approx(scores(detector, "a"))
    assert scores(detector, "a" * 500)[0] > scores(detector, "a" * 60)[0] > scores(detector, "a")[0]


def test_a_window_of_usual_things_is_told_by_nothing_and_silence_has_no_finding() -> None:
    detector = learnt()
    assert scores(detector, "")[0] == 0.0
    assert scores(detector, "aab")[0] < 1.0


def test_an_incident_is_told_in_words_with_its_lines() -> None:
    detector = learnt(*((60 * hour + 1, "db", "o") for hour in range(2)))
    asked = minutes((NOW, "web", "axxo"))
    told = detector.explain(asked, detector.score(asked), 0, TEXTS)
    assert told.title == (
        "web: never seen here before: 2 \u00d7 `x happened` in one minute "
        "(nor on any other source), and 1 more"
    )
    assert [c.template_id for c in told.contributions] == [ord("x"), ord("o")]
    assert told.line_ids == (1, 2, 3)
