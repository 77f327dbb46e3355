from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.tfidf_knn import TfidfNeighbour, TfidfSet
from detectors.vectors import Floats
from driftwood.protocols import LogBatch
from eval.detection.loaders.columns import untimed

Sequences = list[list[int]]
sequences = st.lists(st.lists(st.integers(1, 5), max_size=9), min_size=1, max_size=9)


def batch(said: Sequences) -> LogBatch:
    return untimed([np.array(s, np.int64) for s in said], {})


def scored(known: Sequences, asked: Sequences, n: int = 1) -> Floats:
    detector = TfidfNeighbour(n)
    detector.fit(batch(known))
    return detector.score(batch(asked)).of_units(len(asked))


def plain(known: Sequences, asked: list[int], n: int) -> float:
    """The same in dictionaries."""

    def grams(said: list[int]) -> list[tuple[int, ...]]:
        return [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]

    def vector(said: list[int]) -> dict[tuple[int, ...], float]:
        own = grams(said)
        having = {g: sum(g in grams(k) for k in known) for g in own}
        weight = {
            g: own.count(g) * (np.log((1 + len(known)) / (1 + having[g])) + 1) for g in set(own)
        }
        size = float(np.sqrt(sum(w**2 for w in weight.values()))) or 1.0
        return {g: w / size for g, w in weight.items()}

    mine = vector(asked)
    if not mine:
        return 0.0 if any(not grams(k) for k in known) else 1.0
    cosines = [sum(w * other.get(g, 0.0) for g, w in mine.items()) for other in map(vector, known)]
    return 1.0 - max(cosines)


@settings(deadline=None)
@given(sequences, sequences, st.integers(1, 3))
def test_distances_are_those_of_plain_arithmetic(
    known: Sequences, asked: Sequences, n: int
) -> None:
    expected = [plain(known, each, n) for each in asked]
    assert np.allclose(scored(known, asked, n), expected, atol=1e-7)


def test_twice_as_long_is_the_same_kind() -> None:
    assert scored([[1, 2, 2]], [[1, 2, 2, 1, 2, 2]])[0] < 1e-9


def test_as_a_set_a_session_is_what_it_holds_and_not_how_often() -> None:
    detector = TfidfSet()
    detector.fit(batch([[1, 2, 2], [1, 3]]))
    same, other = detector.score(batch([[2, 1, 1, 1, 2], [1, 2, 3]])).of_units(2).tolist()
    assert same < 1e-9
    # To {1, 2}, where 2 and 3 are in one of two sessions and weigh ln(3 / 2) + 1, and 1 is in both.
    rare = np.log(1.5) + 1
    assert np.isclose(other, 1 - np.sqrt(1 + rare**2) / np.sqrt(1 + 2 * rare**2))


def test_order_is_seen_from_two_events_on() -> None:
    assert scored([[1, 2, 3]], [[3, 2, 1]], n=1)[0] == 0.0
    assert scored([[1, 2, 3]], [[3, 2, 1]], n=2)[0] == 1.0


@pytest.mark.parametrize(
    ("n", "title"),
    [
        (1, "a source: `abort` makes up 50% of the session, 0% of the nearest normal one"),
        (2, "a source: `abort` `abort` makes up 33% of the session, 0% of the nearest normal one"),
    ],
)
def test_a_finding_is_told_by_what_there_is_more_of(n: int, title: str) -> None:
    detector = TfidfNeighbour(n)
    detector.fit(batch([[1, 2, 3], [1, 2, 2, 3]]))
    judged = batch([[1, 9, 9, 2]] if n == 1 else [[1, 9, 9, 9, 2, 2, 3]])
    told = detector.explain(judged, detector.score(judged), 0, {1: "open", 2: "read", 9: "abort"})
    assert told.title == title
    assert told.contributions[0].template == "abort"
    assert set(told.line_ids) >= {1, 2}
