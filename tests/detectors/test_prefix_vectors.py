"""Prefix vectors: an open session is normal where training sessions fell silent, and what repeats is not yet normal."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.prefix_vectors import PrefixVectors
from detectors.sessions import batch_of, cut
from driftwood.protocols import LogBatch

SECOND = 10**9
OPEN, WRITE, CLOSE, DELETE, PURGE, READ, WARNED, ODD = range(1, 9)
INFO, WARNING = 9, 13

Said = list[tuple[int, int]]
"""(second, template) of one session; `WARNED` is a warning."""

WRITTEN: Said = [(0, OPEN), (1, WRITE), (2, WRITE), (3, WRITE), (4, CLOSE)]
DELETED: Said = [*WRITTEN, (900, DELETE), (901, DELETE), (902, DELETE), (903, PURGE)]


def batch(sessions: list[Said]) -> LogBatch:
    rows = [
        (number * 10_000 + second, f"s{number}", template)
        for number, session in enumerate(sessions)
        for second, template in session
    ]
    ts, names, templates = (list(column) for column in zip(*rows, strict=True))
    template_id = np.array(templates, np.int64)
    severity = np.where(template_id == WARNED, WARNING, INFO).astype(np.uint8)
    closed = cut(
        np.array(ts, np.int64) * SECOND,
        ['{"service_name":"store"}'] * len(rows),
        names,
        template_id,
        severity,
        np.arange(len(rows)),
    )
    ordered = sorted(closed, key=lambda s: s.start)
    return batch_of(ordered, {ordered[0].source: "store"})


def scores(detector: PrefixVectors, sessions: list[Said]) -> list[float]:
    judged = batch(sessions)
    return [float(score) for score in detector.score(judged).of_units(len(judged))]


def learnt(sessions: list[Said]) -> PrefixVectors:
    detector = PrefixVectors()
    detector.fit(batch(sessions))
    return detector


def test_a_session_that_is_still_open_looks_like_a_prefix() -> None:
    detector = learnt([DELETED] * 20)
    assert scores(detector, [DELETED, WRITTEN]) == [0.0, 0.0]
    assert scores(detector, [WRITTEN[:-1], WRITTEN[:2]]) > [0.0, 0.0]


def test_what_lies_between_a_prefix_and_the_next_is_on_its_way() -> None:
    detector = learnt([DELETED] * 20)
    for length in range(len(WRITTEN), len(DELETED) + 1):
        assert scores(detector, [DELETED[:length]]) == [0.0]
    assert scores(detector, [[*DELETED, (904, DELETE)]])[0] > 0.0


def test_an_anomaly_that_repeats_in_training_stays_strange_and_what_is_common_is_normal() -> None:
    broken: Said = [(0, OPEN), (1, WRITE)]
    rare, common = learnt([DELETED] * 990 + [broken] * 10), learnt([DELETED] * 970 + [broken] * 30)
    assert scores(rare, [broken])[0] > 0.9
    assert scores(common, [broken]) == [0.0]


def test_sessions_too_varied_for_support_are_still_known() -> None:
    varied: list[Said] = [[(i, OPEN) for i in range(n + 1)] for n in range(100)]
    assert sum(score == 0.0 for score in scores(learnt(varied), varied)) >= 50


def test_missing_steps_weigh_more_than_one_step_done_often() -> None:
    detector = learnt([DELETED] * 20)
    often: Said = [*DELETED, *[(910 + i, PURGE) for i in range(30)]]
    missing, repeated = scores(detector, [[(0, OPEN)], often])
    assert missing > repeated > 0.0


def test_of_new_templates_only_the_strangest_counts_and_warnings_count_more() -> None:
    detector = learnt([DELETED] * 20)
    one, two, warned = scores(
        detector,
        [
            [*DELETED, (905, READ)],
            [*DELETED, (905, READ), (906, ODD)],
            [*DELETED, (905, READ), (906, WARNED)],
        ],
    )
    assert one == two < warned


def test_a_warning_known_to_be_rare_is_stranger_than_one_never_seen() -> None:
    warned: Said = [*DELETED, (905, WARNED)]
    never, rare = learnt([DELETED] * 200), learnt([DELETED] * 199 + [warned])
    assert scores(rare, [warned])[0] == pytest.approx(scores(never, [warned])[0] * 2**0.5)


def test_what_a_person_called_normal_is_normal_however_rare() -> None:
    new: Said = [*DELETED, (905, WARNED), (906, ODD)]
    detector = learnt([DELETED] * 200)
    detector.partial_fit(batch([new]))
    assert scores(detector, [new])[0] > 0.0
    detector.partial_fit(batch([new]), np.zeros(1, np.int8))
    assert scores(detector, [new, DELETED]) == [0.0, 0.0]
    again = PrefixVectors()
    again.load(detector.save())
    assert scores(again, [new]) == [0.0]


def test_labels_given_in_bulk_need_support_and_anomalous_ones_teach_nothing() -> None:
    broken: Said = [(0, OPEN)]
    detector = PrefixVectors()
    detector.fit(batch([DELETED] * 200 + [broken]), np.zeros(201, np.int8))
    assert scores(detector, [broken])[0] > 0.0
    known, without = PrefixVectors(), learnt([DELETED] * 20)
    known.fit(batch([DELETED] * 20 + [broken]), np.array([0] * 20 + [1], np.int8))
    assert known.save() == without.save()


SESSIONS = st.lists(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 5, 700, 2_000]), st.integers(1, 8)),
        min_size=1,
        max_size=8,
    ).map(lambda steps: [(s, t) for s, (_, t) in zip(_summed(steps), steps, strict=True)]),
    min_size=1,
    max_size=12,
)


def _summed(steps: list[tuple[int, int]]) -> list[int]:
    return list(accumulate(step for step, _ in steps))


def by_hand(training: list[Said], session: Said) -> float:
    """The distance as the module describes it, with plain dictionaries; all of training is supported (2 % of few)."""

    def counts(said: Said) -> dict[int, int]:
        return {t: sum(t == other for _, other in said) for _, t in said}

    boxes = []
    for said in training:
        cuts = [i for i in range(1, len(said)) if said[i][0] - said[i - 1][0] >= 600]
        states = [counts(said[:i]) for i in [*cuts, len(said)]]
        boxes += [*zip(states, states, strict=True), *pairwise(states)]
    common = {t for said in training for _, t in said}
    seen = counts(session)
    best = np.inf
    for low, high in boxes:
        total, strangest = 0.0, 0.0
        for t in common | set(seen):
            count, a, b = (np.log1p(c.get(t, 0)) for c in (seen, low, high))
            differ = max(a - count, count - b, 0.0)
            part = (min(differ, np.log(2)) + max(differ - np.log(2), 0.0) / 50) ** 2
            if t in common:
                total += part
            else:
                strangest = max(strangest, part * (2.0 if t == WARNED else 1.0))
        best = min(best, total + strangest)
    return float(best**0.5)


@settings(deadline=None)
@given(training=SESSIONS, asked=SESSIONS)
def test_scores_are_the_distance_that_the_module_describes(
    training: list[Said], asked: list[Said]
) -> None:
    expected = [by_hand(training, session) for session in asked]
    assert scores(learnt(training), asked) == pytest.approx(expected, abs=1e-4)


@settings(deadline=None)
@given(sessions=SESSIONS, at=st.integers(0, 12))
def test_learning_in_parts_equals_learning_at_once(sessions: list[Said], at: int) -> None:
    whole = batch(sessions)
    parts, once = PrefixVectors(), PrefixVectors()
    once.fit(whole)
    rows = np.arange(len(whole))
    parts.fit(whole.at(rows[:at]))
    parts.partial_fit(whole.at(rows[at:]))
    assert parts.save() == once.save()


def test_what_is_remembered_is_bounded() -> None:
    varied: list[Said] = [[(i, OPEN) for i in range(n + 1)] for n in range(100)]
    detector = PrefixVectors(max_boxes=40)
    detector.fit(batch(varied))
    assert len(detector.save()) < len(learnt(varied).save())
    assert np.isfinite(scores(detector, varied)).all()


def test_an_explanation_names_what_is_missing_and_what_is_too_much() -> None:
    detector = learnt([DELETED] * 200)
    judged = batch([[*WRITTEN[:-1], (5, WARNED)]])
    found = detector.score(judged)
    texts = {CLOSE: "closed <FILE>", WARNED: "could not close <FILE>"}
    told = detector.explain(judged, found, 0, texts)
    assert told.title == (
        "store: `could not close <FILE>` occurs once, in the nearest normal session never, "
        "and 1 more that differ"
    )
    assert [(c.template_id, c.seen, c.expected) for c in told.contributions] == [
        (WARNED, 1.0, 0.0),
        (CLOSE, 0.0, 1.0),
    ]
    assert sum(c.weight for c in told.contributions) == pytest.approx(1.0)
    assert told.line_ids == (4,)
