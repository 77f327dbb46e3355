"""Acknowledgements: one question for each new pattern, and nothing is learnt that nobody was asked about."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.acknowledgements import CONFIRMED, Acknowledgements, acknowledged
from detectors.prefix_vectors import PrefixVectors
from detectors.sessions import batch_of, cut
from detectors.vectors import vector_keys
from driftwood.protocols import LogBatch

SECOND = 10**9
HOUR = 3_600 * SECOND
USUAL, NEW_NORMAL, BROKEN, WORSE = (1, 1, 2), (1, 1, 2, 3), (1,), (9, 9)
ANOMALOUS = {BROKEN, WORSE}


def batch(kinds: list[tuple[int, ...]], step_s: int = 60) -> LogBatch:
    """A session a step, each over within it."""
    rows = [(i, template) for i, kind in enumerate(kinds) for template in kind]
    sessions = cut(
        np.array([i * step_s for i, _ in rows], np.int64) * SECOND,
        ["stream"] * len(rows),
        [str(i) for i, _ in rows],
        np.array([t for _, t in rows], np.int64),
        np.full(len(rows), 9, np.uint8),
        np.arange(len(rows)),
    )
    return batch_of(sorted(sessions, key=lambda s: s.start))


def detector() -> PrefixVectors:
    made = PrefixVectors()
    made.fit(batch([USUAL] * 200))
    return made


def judged(
    kinds: list[tuple[int, ...]], delay_ns: int, threshold: float = 0.0
) -> tuple[list[float], list[tuple[int, bool]]]:
    scores, queries = acknowledged(
        detector(), batch(kinds), lambda unit: kinds[unit] in ANOMALOUS, delay_ns, threshold
    )
    return scores.tolist(), [(q.unit, q.anomalous) for q in queries]


def test_a_new_normal_pattern_is_asked_about_once_and_then_normal() -> None:
    scores, queries = judged([USUAL, NEW_NORMAL, NEW_NORMAL, NEW_NORMAL], delay_ns=0)
    assert queries == [(1, False)]
    assert scores[1] > 0.0
    assert [scores[i] for i in (0, 2, 3)] == [0.0, 0.0, 0.0]


def test_an_anomalous_pattern_is_asked_about_once_and_never_learnt() -> None:
    scores, queries = judged([BROKEN, BROKEN, USUAL, BROKEN], delay_ns=0)
    assert queries == [(0, True)]
    assert 0.0 < scores[0] < CONFIRMED <= min(scores[1], scores[3])
    assert scores[2] == 0.0


def test_until_the_answer_comes_a_pattern_keeps_its_score_and_is_not_asked_about_again() -> None:
    kinds: list[tuple[int, ...]] = [NEW_NORMAL] * 90  # one a minute
    scores, queries = judged(kinds, delay_ns=HOUR)
    assert queries == [(0, False)]
    assert min(scores[:60]) == max(scores[:60]) > 0.0
    assert max(scores[60:]) == 0.0


def test_nothing_below_the_threshold_is_asked_about_and_nothing_unasked_is_learnt() -> None:
    kinds = [NEW_NORMAL, BROKEN] * 50
    scores, queries = judged(kinds, delay_ns=0, threshold=100.0)
    assert queries == []
    plain = detector().score(batch(kinds)).of_units(len(kinds))
    assert scores == plain.tolist()


def test_the_detector_that_was_handed_over_stays_as_it_is() -> None:
    given_in = detector()
    before = given_in.save()
    acknowledged(given_in, batch([NEW_NORMAL] * 3), lambda unit: False, 0, 0.0)
    assert given_in.save() == before


def test_a_verdict_can_be_taken_back() -> None:
    people = Acknowledgements(detector())
    one = batch([BROKEN])
    people.answer(one, anomalous=True)
    assert people.score(one)[0] > CONFIRMED
    people.answer(one, anomalous=False)
    assert people.score(one)[0] == 0.0


def test_a_loaded_state_knows_what_was_asked_and_answered() -> None:
    people, loaded = Acknowledgements(detector()), Acknowledgements(PrefixVectors())
    kinds = batch([BROKEN, NEW_NORMAL, WORSE])
    people.answer(batch([BROKEN]), anomalous=True)
    people.answer(batch([NEW_NORMAL]), anomalous=False)
    loaded.load(people.save())
    assert loaded.save() == people.save()
    assert loaded.score(kinds).tolist() == people.score(kinds).tolist()
    asked = loaded.ask(vector_keys(kinds), loaded.score(kinds), 0.0)
    assert asked == 2


def by_hand(
    kinds: list[tuple[int, ...]], delay_ns: int, step_s: int
) -> tuple[list[float], list[int]]:
    """Unit by unit, with a detector of its own at each."""
    units = batch(kinds, step_s)
    taught, anomalous, asked, answers = detector(), set(), set(), list[tuple[int, int]]()
    scores, queries = [], []
    for i, kind in enumerate(kinds):
        now = int(units.end[i])
        for due, unit in answers:
            if due <= now and kinds[unit] in ANOMALOUS:
                anomalous.add(kinds[unit])
            elif due <= now:
                taught.partial_fit(units.at(np.array([unit])), np.zeros(1, np.int8))
        answers = [answer for answer in answers if answer[0] > now]
        score = float(taught.score(units.at(np.array([i]))).of_units(1)[0])
        scores.append(score + (CONFIRMED if kind in anomalous else 0.0))
        if scores[-1] > 0.0 and kind not in asked:
            asked.add(kind)
            queries.append(i)
            answers.append((now + delay_ns, i))
    return scores, queries


@settings(deadline=None, max_examples=60)
@given(
    kinds=st.lists(
        st.sampled_from([USUAL, NEW_NORMAL, BROKEN, WORSE, (1, 2), (2, 7, 7)]),
        min_size=1,
        max_size=15,
    ),
    delay=st.integers(0, 6),
)
def test_it_is_what_judging_unit_by_unit_gives(kinds: list[tuple[int, ...]], delay: int) -> None:
    scores, queries = judged(kinds, delay * 60 * SECOND)
    expected, asked = by_hand(kinds, delay * 60 * SECOND, 60)
    assert scores == expected
    assert [unit for unit, _ in queries] == asked
