from __future__ import annotations

from math import log, log10

import numpy as np
import pytest

from detectors.relation_table import RelationTable
from detectors.relations import (
    NewRelations,
    NewTypes,
    RelationExceed,
    RelationRarity,
    Relations,
)
from tests.detectors.minute_batches import TEXTS, minutes, strange

LATER = 100
"""A minute by which all episodes of `HISTORY` are over."""
HISTORY = minutes((0, "web", "aab"), (1, "web", "a"), (2, "db", "cccc"), (LATER, "web", "a"))


def learnt(detector: Relations) -> Relations:
    detector.fit(HISTORY)
    return detector


def test_new_relations_are_counted_whatever_other_sources_say() -> None:
    asked = minutes((LATER, "web", "acd"), (LATER, "db", "c"), (LATER, "mail", "ab"))
    assert strange(learnt(NewRelations()).score(asked), 3) == [2.0, 0.0, 2.0]


def test_new_types_are_those_that_no_source_said() -> None:
    asked = minutes((LATER, "web", "acd"), (LATER, "db", "a"), (LATER, "mail", "xyz"))
    assert strange(learnt(NewTypes()).score(asked), 3) == [1.0, 0.0, 3.0]


def test_rarity_is_summed_over_relations_and_does_not_count_lines() -> None:
    once, twice, never = (-log10((seen + 0.5) / 5) for seen in (1, 2, 0))
    asked = minutes((LATER, "web", "aaaa"), (LATER, "web", "ab"), (LATER, "db", "ccz"))
    assert strange(learnt(RelationRarity()).score(asked), 3) == pytest.approx(
        [twice, twice + once, once + never]
    )


def test_exceedance_is_measured_from_the_largest_count_of_this_source() -> None:
    asked = minutes((LATER, "web", "aaaaaaaa"), (LATER, "web", "aabb"), (LATER, "db", "cccc"))
    assert strange(learnt(RelationExceed()).score(asked), 3) == pytest.approx(
        [log(9 / 3), log(3 / 2), 0.0]
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("z", "web: never seen here before: `z happened` (nor on any other source)"),
        ("c", "web: never seen here before: `c happened` (seen on 1 other source)"),
        ("aaaaa", "web: 5 \u00d7 `a happened` in one minute, at most 2 before"),
    ],
)
def test_a_finding_says_what_was_expected_and_where_else_it_was_seen(said: str, told: str) -> None:
    detector = learnt(RelationExceed())
    asked = minutes((LATER, "web", said))
    scores = detector.score(asked)
    explained = detector.explain(asked, scores, 0, TEXTS)
    assert explained.title == told
    (contribution,) = explained.contributions
    assert contribution.weight == pytest.approx(1.0)
    assert len(explained.line_ids) == len(said)


def test_a_rare_relation_is_told_with_how_often_it_was_seen() -> None:
    detector = learnt(RelationRarity())
    asked = minutes((LATER, "web", "b"))
    told = detector.explain(asked, detector.score(asked), 0, TEXTS)
    assert told.title == "web: rarely seen here: `b happened` (once before)"


def test_labelled_anomalies_are_not_learnt() -> None:
    detector = NewRelations()
    detector.fit(HISTORY, np.array([1, 0, 0, 0], np.int8))
    asked = minutes((LATER, "web", "b"))
    assert strange(detector.score(asked), 1) == [1.0]


def test_a_full_table_forgets_what_a_source_has_not_said_for_longest() -> None:
    detector = NewRelations()
    detector._table = RelationTable(max_per_source=2)
    units = [(60 * hour, "web", letter) for hour, letter in enumerate("abc")]
    detector.partial_fit(minutes(*units, (240, "web", "z"), (241, "db", "y"), (400, "db", "y")))
    asked = minutes(*((500, "web", letter) for letter in "abcz"), (500, "db", "y"))
    assert strange(detector.score(asked), 5) == [1.0, 1.0, 0.0, 0.0, 0.0]
