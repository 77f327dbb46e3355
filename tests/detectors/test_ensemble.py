from __future__ import annotations

import numpy as np
import pytest

from detectors.ensemble import TIER_0, Ensemble
from driftwood.errors import ConfigError
from driftwood.protocols import Labels
from tests.detectors.session_batches import TEXTS, sessions, strange

NORMAL = [*["ab", "abb", "abbb", "abbbb"] * 50]


def fitted(*, labels: Labels | None = None, words: list[str] = NORMAL) -> Ensemble:
    ensemble = Ensemble()
    ensemble.fit(sessions(*words), labels)
    return ensemble


def test_what_more_members_find_stranger_ranks_higher() -> None:
    usual, count, new = strange(fitted().score(sessions("abb", "a" + "b" * 16, "abbxyz")), 3)
    assert usual < count < new


def test_p_values_are_ranks_among_the_units_held_out() -> None:
    scores = fitted().score(sessions("ab", "abxyz"))
    assert scores.p_value.max() <= 1.0
    assert scores.p_value.min() <= 1 / 41


def test_the_last_fifth_is_learnt_from_once_it_has_calibrated() -> None:
    ensemble = fitted(words=[*NORMAL, "abc"])
    assert (
        strange(ensemble.score(sessions("abc")), 1)[0]
        < strange(ensemble.score(sessions("abd")), 1)[0]
    )


def test_an_anomaly_is_told_in_the_words_of_the_member_that_finds_it_strangest() -> None:
    ensemble, batch = fitted(), sessions("abx")
    title = ensemble.explain(batch, ensemble.score(batch), 0, TEXTS).title
    assert title == "hdfs: `x happened` occurs once, in the nearest normal session never"


def test_labels_weigh_members_and_never_against_an_anomaly() -> None:
    words = NORMAL + ["a" + "b" * 20, "abx", "aab"] * 5 + NORMAL
    labels = np.array([w not in NORMAL for w in words], np.int8)
    ensemble = fitted(labels=labels, words=words)
    usual, seen = strange(ensemble.score(sessions("abb", "aab")), 2)
    assert usual < seen
    saved = Ensemble()
    saved.load(ensemble.save())
    assert strange(saved.score(sessions("abb", "aab")), 2) == [usual, seen]


def test_members_of_different_levels_are_refused() -> None:
    with pytest.raises(ConfigError, match="one level"):
        Ensemble((*TIER_0, "rate_change"))


def test_other_members_survive_a_snapshot() -> None:
    ensemble = Ensemble(("new_event", "length"))
    ensemble.fit(sessions(*NORMAL))
    loaded = Ensemble()
    loaded.load(ensemble.save())
    assert strange(loaded.score(sessions("abx")), 1) == strange(ensemble.score(sessions("abx")), 1)


def test_what_only_one_member_of_three_finds_is_no_finding() -> None:
    # A count that was never seen, within the range of those that were: new to nearest neighbours alone.
    words = [w for w in NORMAL if w != "abb"]
    assert strange(fitted(words=words).score(sessions("abb", "a" + "b" * 40)), 2)[0] == 0
