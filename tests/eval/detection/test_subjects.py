"""Who takes part, and that subjects are run as production runs them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from detectors import DETECTORS
from detectors.context import Context
from driftwood.errors import ConfigError
from driftwood.protocols import Labels, LogBatch, Scores
from eval.detection.classifiers import CLASSIFIERS
from eval.detection.dataset import Dataset, Split
from eval.detection.metrics import Ranking
from eval.detection.protocols import protocols_of
from eval.detection.subjects import (
    MADE,
    Case,
    Judged,
    chosen,
    fitted,
    known,
    one_more_with_context,
    subject,
    with_context,
)
from tests.eval.detection.made import attacked, dataset, sessions


def case(data: Dataset, protocol: int | str = 0, seed: int = 0) -> Case:
    found = {each.name: each for each in protocols_of(data)}
    picked = found[protocol] if isinstance(protocol, str) else list(found.values())[protocol]
    return Case(data, picked.split(data, seed), picked.regime, seed, {})


class Noted:
    """A detector of windows that counts what it has learnt, and writes down what it is asked."""

    name, early, needs, incremental = "noted", frozenset[str](), frozenset[str](), True
    level = "window"

    def __init__(self) -> None:
        self.learnt = 0
        self.asked: list[tuple[int, ...]] = []

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self.learnt = len(batch)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        assert labels is None
        self.learnt += len(batch)

    def score(self, batch: LogBatch) -> Scores:
        self.asked.append(tuple(batch.start.tolist()))
        size = len(batch)
        return Scores(
            np.arange(size, dtype=np.int32), np.full(size, float(self.learnt)), np.full(size, np.nan),
            np.full(size, "noted", np.object_), np.zeros(size, np.int64),
        )  # fmt: skip

    def explain(self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]) -> object:  # fmt: skip
        raise AssertionError

    def save(self) -> bytes:
        return b""

    def load(self, state: bytes) -> None:
        raise AssertionError


def test_windows_of_one_start_are_scored_together_before_any_of_them_is_learnt() -> None:
    data = attacked()
    pairs = data.batch.start // 2 // (60 * 10**9) * (60 * 10**9)
    data = replace(data, batch=replace(data.batch, start=pairs, end=pairs + 60 * 10**9))
    asked = case(data)
    detector = Noted()
    judged = fitted(detector, asked)  # type: ignore[arg-type]
    assert all(len(set(starts)) == 1 for starts in detector.asked)
    assert [starts[0] for starts in detector.asked] == sorted({s[0] for s in detector.asked})
    before = np.searchsorted(pairs, pairs[asked.split.test])
    assert judged.test.tolist() == before.tolist(), "all that began earlier was learnt, and no more"


def test_context_is_taken_from_validation_and_goes_on_into_the_test() -> None:
    asked = case(attacked())
    rng = np.random.default_rng(0)
    judged = Judged(rng.random(len(asked.split.validation)), rng.random(len(asked.split.test)) * 3)
    batch = asked.data.batch
    rows = np.concatenate((asked.split.validation, asked.split.test))
    context = Context().fit(judged.validation)
    whole = context.apply(batch.source[rows], batch.start[rows], np.concatenate(judged))
    assert np.concatenate(with_context(asked, (judged,))) == pytest.approx(whole)
    calm = Judged(*(score * 0 for score in judged))
    assert np.concatenate(one_more_with_context(asked, (calm,))) == pytest.approx(1.0)


def test_what_is_made_of_a_detector_does_not_run_it_again_and_costs_as_much_more() -> None:
    asked = case(attacked())
    alone, cost = asked.timed("episode_memory")
    made, total = asked.timed("episode_memory*context")
    assert asked.scores_of("episode_memory") is alone
    assert total >= cost
    assert (made.test >= alone.test).all()
    assert set(asked.memory) == {"episode_memory", "episode_memory*context"}


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_a_classifier_finds_what_its_labels_show(name: str) -> None:
    pytest.importorskip("sklearn")
    asked = case(sessions(400), "supervised")
    judged = asked.scores_of(name)
    assert ((judged.test >= 0) & (judged.test <= 1)).all()
    auc = Ranking.of(asked.data.truth[asked.split.test], judged.test).auc()
    assert auc > (0.6 if name == "nearest_label" else 0.95), "one template gives it away"
    alone = CLASSIFIERS[name](
        asked.data.batch.at(asked.split.train), asked.data.truth[asked.split.train], 0
    )
    one = asked.data.batch.at(asked.split.test[:1])
    assert alone(one) == pytest.approx(judged.test[:1]), "what else is scored does not matter"


def test_refit_scores_the_test_with_all_that_is_known_to_be_normal() -> None:
    asked = case(sessions(), "B")
    once, again = asked.scores_of("knn"), asked.scores_of("knn refit")
    assert np.array_equal(once.validation, again.validation)
    assert (again.test <= once.test).all()
    assert (again.test < once.test).any()


def test_a_person_who_answers_after_an_hour_helps_only_from_then_on() -> None:
    truth = [int(at % 10 == 9) for at in range(400)]
    new = [[1, 7] if at > 260 and at % 2 else [1, 2] for at in range(400)]
    data = dataset([[1, 9] if bad else new[at] for at, bad in enumerate(truth)], truth)
    asked = case(data, "B+ack1h")
    alone = case(data, "B").scores_of("event_set")
    helped = asked.scores_of("event_set")
    assert np.array_equal(helped.validation, alone.validation)
    end, first = asked.data.batch.end[asked.split.test], asked.split.test[0]
    early = end < asked.data.batch.end[first] + 3600 * 10**9
    assert np.array_equal(helped.test[early], alone.test[early])
    tested = data.truth[asked.split.test]
    assert Ranking.of(tested, helped.test).ap() > Ranking.of(tested, alone.test).ap() + 0.2
    assert not subject("new_template").can(asked.data, "acknowledged")
    assert subject("all_positive").can(asked.data, "acknowledged")


def test_context_follows_time_where_validation_is_not_before_the_test() -> None:
    asked = case(attacked())
    rows = np.sort(np.concatenate((asked.split.validation, asked.split.test)))
    mixed = Case(asked.data, Split(asked.split.train, rows[::2], rows[1::2]), "normal", 0, {})
    judged = Judged(np.ones(len(rows[::2])), np.full(len(rows[1::2]), 2.0))
    assert (with_context(mixed, (judged,)).test >= 2.0).all()


def test_the_oracle_gate_knows_the_phase_and_all_positive_nothing() -> None:
    asked = case(attacked())
    in_phase = asked.data.phase[asked.split.test] != ""
    assert asked.scores_of("oracle gate").test.tolist() == in_phase.astype(float).tolist()
    assert set(asked.scores_of("all_positive").test.tolist()) == {1.0}
    assert not subject("oracle gate").can(sessions(), "normal")


def test_by_default_each_takes_part_where_it_means_something() -> None:
    timed, stream = sessions(), attacked()
    assert subject("knn").fits(timed, "normal")
    assert subject("knn").fits(stream, "normal")
    assert not subject("new_template").fits(timed, "normal")
    assert subject("new_template").can(timed, "normal"), "but it may be asked to"
    assert not subject("random_forest").can(timed, "normal")
    assert not subject("count_vector").fits(timed, "labelled")
    assert subject("knn").fits(timed, "labelled")
    assert subject("knn refit").fits(timed, "normal")
    assert not subject("ngram_lm_10 refit").fits(timed, "normal"), "it is slow"


def test_every_detector_is_a_subject_and_the_neural_ones_when_they_are_asked_for() -> None:
    assert set(DETECTORS) <= set(known())
    fast = chosen([])
    assert {"knn", "event_set", "all_positive", *CLASSIFIERS} <= set(fast)
    assert not any(
        DETECTORS.locate(name).startswith("detectors.neural") for name in fast if name in DETECTORS
    )
    assert set(chosen(["all"])) == set(known())
    assert chosen(["pca", "knn"]) == ["pca", "knn"]
    with pytest.raises(ConfigError, match="no subject named 'knm'; known: .*knn"):
        chosen(["knm"])
    assert set(MADE) <= set(known())


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(ConfigError, match=r"scikit-learn; install it with pip install 'driftwood"):
        case(sessions(), "supervised").scores_of("decision_tree")
