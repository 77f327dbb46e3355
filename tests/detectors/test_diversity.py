from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.diversity import Diversity
from eval.detection.loaders.columns import untimed


def plain(session: list[int]) -> float:
    shares = []
    for run in (2, 10):
        runs = [tuple(session[max(i - run + 1, 0) : i + 1]) for i in range(len(session))]
        shares.append(len(set(runs)) / max(len(runs), 1))
    return sum(shares) / 2


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), max_size=30), min_size=1, max_size=5))
def test_the_score_is_the_share_of_runs_that_are_new_to_the_session(
    sessions: list[list[int]],
) -> None:
    judged = untimed([np.array(s, np.int64) for s in sessions], {})
    found = Diversity().score(judged).of_units(len(sessions))
    assert np.allclose(found, [plain(s) for s in sessions])


def test_a_finding_says_how_much_is_new() -> None:
    judged = untimed([np.array([1, 2, 1, 2, 1, 2])], {})
    detector = Diversity()
    told = detector.explain(judged, detector.score(judged), 0, {})
    assert (
        told.title
        == "a source: the session repeats little, 50 % of its pairs of events are new to it"
    )
