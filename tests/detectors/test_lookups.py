from __future__ import annotations

import numpy as np
import pytest

from detectors import DETECTORS
from detectors.lookup import Lookup
from driftwood.errors import DetectorError
from driftwood.protocols import Detector
from tests.detectors.session_batches import TEXTS, sessions, strange

LOOK_UPS = ("new_event", "event_set", "count_vector", "count_vector_bucketed", "knn", "ecvc")
NORMAL = ("abb", "abbb", "abbbb", "abbbb", "aabb", "c")


def fitted(name: str, *words: str) -> Detector:
    detector = DETECTORS.make(name)
    detector.fit(sessions(*(words or NORMAL)))
    return detector


def told(name: str, word: str, *normal: str) -> str:
    detector, batch = fitted(name, *normal), sessions(word)
    return detector.explain(batch, detector.score(batch), 0, TEXTS).title


@pytest.mark.parametrize(
    "name", [*LOOK_UPS, "knn_scaled", "ecvc_idf", "ngram_unseen", "invariants"]
)
def test_normal_sessions_themselves_are_not_strange(name: str) -> None:
    normal = ["abb", "abbb"] * 50 + ["abbbb"]
    assert strange(fitted(name, *normal).score(sessions("abb", "abbbb")), 2) == [0.0, 0.0]


@pytest.mark.parametrize("name", LOOK_UPS)
def test_a_template_that_no_session_held_is_strange_to_every_look_up(name: str) -> None:
    assert strange(fitted(name).score(sessions("abbx")), 1)[0] > 0


@pytest.mark.parametrize("name", LOOK_UPS)
def test_anomalies_that_are_known_teach_nothing(name: str) -> None:
    detector = DETECTORS.make(name)
    detector.fit(sessions("ab", "x"), np.array([0, 1], np.int8))
    assert strange(detector.score(sessions("x")), 1)[0] > 0


def test_a_set_counts_what_comes_and_goes_whatever_the_counts() -> None:
    assert strange(fitted("event_set").score(sessions("abbbbbbb", "a", "abxy", "")), 4) == [
        0,
        1,
        2,
        1,
    ]


def test_counts_are_exact_or_in_powers_of_two() -> None:
    batch = sessions("abbbbb", "abbbbbbbb")
    assert strange(fitted("count_vector").score(batch), 2) == [1, 1]
    assert strange(fitted("count_vector_bucketed").score(batch), 2) == [0, 1]


def test_the_nearest_neighbour_is_as_far_as_logarithms_are() -> None:
    (far,) = strange(fitted("knn").score(sessions("abbbbx")), 1)
    assert far == pytest.approx(np.log(2), abs=1e-4)


def test_scaled_distances_weigh_little_what_varies_among_normal_sessions() -> None:
    normal = ["a" + "b" * n for n in (1, 2, 3, 4, 5, 7)] * 10
    many_b, two_a, new = strange(
        fitted("knn_scaled", *normal).score(sessions("a" + "b" * 9, "aabb", "abx")), 3
    )
    assert 0 < many_b < 0.2 * two_a
    assert two_a == pytest.approx(np.log(1.5), abs=1e-3)
    assert new == pytest.approx(np.log(2), abs=1e-3)


def test_ecvc_is_the_share_of_counts_not_in_common() -> None:
    assert strange(fitted("ecvc", "aab").score(sessions("abbb", "x")), 2) == [0.6, 1.0]


def test_length_is_strange_outside_the_range_only() -> None:
    short, inside, long = strange(fitted("length").score(sessions("", "ab", "abbbbbb")), 3)
    assert inside == 0
    assert short == pytest.approx(np.log(2))
    assert long == pytest.approx(np.log(8 / 6))


def test_relations_among_counts_are_found_and_their_breach_is_told() -> None:
    normal = ["oc" * n + "r" * m for n in range(1, 6) for m in range(5)] * 3
    detector = fitted("invariants", *normal)
    kept, broken = strange(detector.score(sessions("oooocccc" + "r" * 9, "oooc")), 2)
    assert kept == 0
    assert broken > 1
    title = told("invariants", "oooc", *normal)
    assert "`c happened` once and `o happened` 3 times" in title
    assert "100.0% of sessions `c happened` = `o happened`" in title


def test_runs_that_never_occurred_are_strange_and_so_are_ends_out_of_place() -> None:
    detector = fitted("ngram_unseen", "abcd", "abcd")
    assert strange(detector.score(sessions("abcd", "abdc", "abc")), 3) == [0, 1.0 - 1 / 4, 1 / 3]
    assert told("ngram_unseen", "abc", "abcd").endswith(
        "`b happened`, then `c happened`, then the end"
    )
    assert told("ngram_unseen", "bcd", "abcd").startswith(
        "hdfs: no normal session has the beginning, then `b happened`"
    )


def test_edits_are_counted_against_the_nearest_sequence() -> None:
    detector = fitted("edit_distance", "abcdef", "xyz")
    assert strange(detector.score(sessions("abcdef", "abdcef", "abc", "")), 4) == pytest.approx(
        [0, 2 / 6, 0.5, 1]
    )
    assert told("edit_distance", "abcxef", "abcdef") == (
        "hdfs: of 6 events, 1 are added, missing or changed beside the nearest normal session, "
        "most of them `d happened`"
    )


def test_sessions_longer_than_what_is_compared_are_cut() -> None:
    detector = fitted("edit_distance", "ab" * 3_000)
    assert strange(detector.score(sessions("ab" * 100_000)), 1) == [0.0]


def test_what_does_not_lie_where_normal_sessions_vary_is_far_from_their_components() -> None:
    normal = ["ab" * n + "c" for n in range(1, 9)] * 5
    along, across = strange(
        fitted("pca", *normal).score(sessions("ab" * 10 + "c", "aaaaaaaab" + "c")), 2
    )
    assert across > 10 * along


def test_a_rare_kind_of_session_is_isolated_sooner() -> None:
    normal = ["ab"] * 300 + ["aabb"] * 300 + ["abcde"] * 2
    usual, rare = strange(fitted("isolation_forest", *normal).score(sessions("ab", "abcde")), 2)
    assert rare > usual + 0.1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("knn", "hdfs: `x happened` occurs 3 times, in the nearest normal session never"),
        ("event_set", "hdfs: `x happened` occurs 3 times, in the nearest normal session never"),
        ("count_vector", "hdfs: `x happened` occurs 3 times, in the nearest normal session never"),
        ("new_event", "hdfs: `x happened` occurs 3 times, in no normal session"),
        ("length", "hdfs: a session of 7 events, normally 1 to 5"),
    ],
)
def test_an_explanation_names_what_differs(name: str, said: str) -> None:
    assert told(name, "abbbxxx").startswith(said)


def test_memory_is_bounded_and_keeps_what_is_common() -> None:
    detector = Lookup(max_vectors=2)
    detector.fit(sessions("a", "a", "b", "b", "c"))
    detector.partial_fit(sessions("d"))
    assert sorted(map(chr, detector.known.template)) == ["a", "b"]


def test_a_hundred_thousand_vectors_are_saved_in_less_than_50_mb() -> None:
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    detector = fitted("knn", *("".join(row) for row in rng.choice(letters, (60_000, 20))))
    assert len(detector.save()) < 50_000_000


def test_a_count_may_leave_its_range_by_the_width_of_the_range() -> None:
    normal = ["a" + "b" * n for n in (1, 3)] + ["ac"]
    inside, outside, rigid, other = strange(
        fitted("count_range", *normal).score(sessions("a" + "b" * 7, "a" + "b" * 8, "aab", "acc")),
        4,
    )
    assert inside == 0
    assert outside == pytest.approx(np.log(9 / 8), abs=1e-4)
    assert rigid == other == pytest.approx(np.log(3 / 2), abs=1e-4)
    assert told("count_range", "aab", *normal) == (
        "hdfs: `a happened` occurs 2 times, in normal sessions with the same templates once"
    )


def test_a_new_set_is_judged_by_the_ranges_of_the_nearest_one() -> None:
    new, worse = strange(fitted("count_range", "ab", "ab").score(sessions("abx", "aabx")), 2)
    assert new == 1
    assert worse == pytest.approx(1 + np.log(3 / 2), abs=1e-4)


def test_labels_part_what_is_near_anomalies_from_what_is_near_normal_sessions() -> None:
    detector = DETECTORS.make("distance_ratio_scaled")
    words = ["ab", "abb", "abx", "abq", "abq"]
    detector.fit(sessions(*words), np.array([0, 0, 1, 1, 0], np.int8))
    normal, known, near_anomaly, near_normal, both = strange(
        detector.score(sessions("ab", "abx", "abbx", "abbb", "abq")), 5
    )
    assert (normal, known, both) == (0.0, 1.0, 0.5)
    assert near_normal < 0.3
    assert near_anomaly > 0.6
    with pytest.raises(DetectorError, match="needs labels"):
        detector.fit(sessions("ab"))
