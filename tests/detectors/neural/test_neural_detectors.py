"""What the neural detectors find, and what was wrong elsewhere and must not be here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from detectors import DETECTORS
from driftwood.errors import ConfigError, DetectorError
from driftwood.protocols import Detector, LogBatch

torch = pytest.importorskip("torch")

from detectors.neural.language_model import GruLm  # noqa: E402
from detectors.neural.logbert import HIDDEN  # noqa: E402
from detectors.neural.logrobust import LogRobust  # noqa: E402
from detectors.neural.training import Plan  # noqa: E402

TEXTS = {n: f"template {n}" for n in range(100)}
CYCLE = [1, 2, 3, 4]


def batch(sessions: Sequence[Sequence[int]]) -> LogBatch:
    sizes = [len(s) for s in sessions]
    unit = np.repeat(np.arange(len(sessions), dtype=np.int32), sizes)
    service = np.empty(len(sessions), np.object_)
    service[:] = ["api"] * len(sessions)
    return LogBatch(
        source=service,
        service=service,
        start=np.arange(len(sessions), dtype=np.int64),
        end=np.arange(len(sessions), dtype=np.int64) + 1,
        unit=unit,
        ts=unit.astype(np.int64),
        template_id=np.array([t for s in sessions for t in s], np.int64),
        severity=np.full(sum(sizes), 9, np.uint8),
        line_id=np.arange(sum(sizes), dtype=np.int64),
    )


def turns(number: int, seed: int = 0) -> list[list[int]]:
    """Sessions of one to six turns of `CYCLE`."""
    return [CYCLE * int(n) for n in np.random.default_rng(seed).integers(1, 7, number)]


@cache
def learnt(name: str, **settings: Any) -> Detector:
    """What learnt sessions of `CYCLE`; tests that change it make their own."""
    detector = DETECTORS.make(name, width=16, **settings)
    detector.fit(batch(turns(40)))
    return detector


@pytest.mark.parametrize("name", ["gru_lm", "transformer_lm", "deeplog", "loganomaly"])
def test_an_order_that_training_never_showed_is_stranger_than_any_that_it_did(name: str) -> None:
    detector = learnt(name)
    normal = detector.score(batch(turns(20, seed=1))).score
    odd = detector.score(batch([CYCLE * 2 + [4, 3, 2, 1], [*CYCLE, 99], [2, 1, 4, 3] * 3])).score
    assert odd.min() > normal.max()


@pytest.mark.parametrize("name", ["deeplog", "loganomaly"])
def test_a_session_shorter_than_the_window_is_no_anomaly_by_its_padding(name: str) -> None:
    score = learnt(name).score(batch([CYCLE, CYCLE * 2, CYCLE * 6])).score
    assert score.max() < 2.0, "every event is among the two likeliest"


def test_a_rank_is_counted_over_what_training_saw_and_the_unseen_comes_last() -> None:
    detector = learnt("deeplog", ends=False)
    known = len(CYCLE)
    score = detector.score(batch([[*CYCLE, 99], CYCLE, [4]])).score
    assert known < score[0] <= known + 2
    assert score[1] <= 1.0
    assert 1.0 < score[2] <= known
    assert detector.score(batch([[]])).score.tolist() == [0.0]


def test_a_session_that_stops_early_is_seen_only_by_who_tells_its_end() -> None:
    judged = batch([CYCLE * 2, [*CYCLE, 1, 2]])
    whole, cut = learnt("deeplog").score(judged).score
    assert cut > whole + 0.5
    whole, cut = learnt("deeplog", ends=False).score(judged).score
    assert abs(cut - whole) < 0.2


def test_logbert_hides_every_event_once_and_judges_alike_each_time() -> None:
    assert 0.4 < HIDDEN.mean() < 0.6
    detector = learnt("logbert")
    judged = batch([[*CYCLE, 99, 1], [], CYCLE * 100])
    first = detector.score(judged).score
    assert first.tolist() == detector.score(judged).score.tolist()
    assert first[1] == 0.0
    assert 1 / 6 <= first[0] <= 1.0, "one of six is unknown: outside whatever g"


def test_logrobust_learns_what_people_called_anomalous() -> None:
    rng = np.random.default_rng(0)
    sessions = [[*CYCLE, 7 if n % 3 == 0 else 5, *CYCLE] for n in range(90)]
    labels = np.array([int(n % 3 == 0) for n in range(90)], np.int8)
    labels[rng.random(90) < 0.3] = -1
    detector = LogRobust(width=16)
    detector.fit(batch(sessions), labels)
    judged = batch([[*CYCLE, 7, *CYCLE], [*CYCLE, 5, *CYCLE], []])
    scores = detector.score(judged)
    assert scores.score[0] > 1.0 > 0.2 > scores.score[1] > scores.score[2] == 0.0
    told = detector.explain(judged, scores, 0, TEXTS)
    assert "like sessions that were called anomalous" in told.title


def test_logrobust_reads_an_unseen_template_by_its_words() -> None:
    texts = {1: "block received", 2: "block stored", 3: "disk failure: cannot write", 4: "ok"}
    texts[50] = "disk failure: cannot read"
    texts[51] = "block stored and received"
    sessions = [[1, 2, 3 if n % 2 else 4, 1, 2] for n in range(80)]
    labels = np.array([n % 2 for n in range(80)], np.int8)
    detector = LogRobust(texts, width=16)
    detector.fit(batch(sessions), labels)
    bad, good = detector.score(batch([[1, 2, 50, 1, 2], [1, 2, 51, 1, 2]])).score
    assert bad > good


@pytest.mark.parametrize("labels", [None, np.zeros(4, np.int8), np.full(4, -1, np.int8)])
def test_logrobust_says_that_it_needs_labels_of_both_kinds(labels: None) -> None:
    with pytest.raises(DetectorError, match="units of both kinds"):
        LogRobust().fit(batch([CYCLE] * 4), labels)


def test_an_explanation_names_the_most_surprising_event_and_what_was_expected() -> None:
    detector = learnt("gru_lm")
    judged = batch([CYCLE, [1, 2, 3, 4, 1, 2, 2, 4]])
    told = detector.explain(judged, detector.score(judged), 1, TEXTS)
    assert told.title.startswith("api: `template 2` after `template 2` (chance ")
    assert "expected `template 3` (" in told.title
    assert told.contributions[0].template_id == 2
    assert sum(c.weight for c in told.contributions) == pytest.approx(1.0)
    assert 10 in told.line_ids


def test_one_of_the_statistics_is_the_score() -> None:
    detector = GruLm(publish="max_nll", width=16)
    detector.load(learnt("gru_lm").save())
    judged = batch([CYCLE, [1, 1]])
    found = detector.statistics(judged)
    assert detector.score(judged).score == pytest.approx(found["max_nll"], abs=1e-6)
    assert found["mean_nll"][1] < found["rms_nll"][1] < found["max_nll"][1]
    with pytest.raises(ConfigError, match="there are mean_nll"):
        GruLm(publish="median")


def test_the_chance_of_what_was_never_seen_is_that_of_something_new() -> None:
    detector = GruLm(("template",), width=16)
    detector.fit(batch([*turns(40), [1, 2, 3, 4, 77]]))
    events = sum(map(len, turns(40))) + 5
    novelty = 1.5 / (events + 1)  # one template was seen once
    unseen = detector.statistics(batch([[99]]))["max_nll"][0]
    assert unseen == pytest.approx(-np.log(1e-3 * novelty), rel=1e-6)
    assert unseen > detector.statistics(batch([[1, 1, 77, 3]]))["max_nll"][0]


def test_new_templates_are_learnt_by_training_on_and_the_old_ones_kept() -> None:
    detector = GruLm(("template",), width=16)
    detector.load(learnt("gru_lm").save())
    judged = batch([[*CYCLE, 8, 9], CYCLE])
    before = detector.statistics(judged)["mean_nll"]
    detector.partial_fit(batch([[*CYCLE, 8, 9]] * 200))
    after = detector.statistics(judged)["mean_nll"]
    assert after[0] < before[0] / 2
    assert after[1] < before[1] + 1.0


def test_the_same_seed_learns_the_same_and_leaves_torch_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    states = []
    for seed in (1, 1, 2):
        detector = GruLm(width=8, plan=Plan(steps=10, epochs=1))
        detector.fit(batch(turns(12)), seed=seed)
        states.append(detector.save())
    assert states[0] == states[1] != states[2]
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads


def test_a_fitted_detector_and_a_loaded_one_judge_alike() -> None:
    for name in ("gru_lm", "deeplog", "logbert"):
        fitted, loaded = learnt(name), DETECTORS.make(name, width=16)
        loaded.load(fitted.save())
        judged = batch([*turns(5, seed=2), [9, 9]])
        assert loaded.score(judged).score.tolist() == fitted.score(judged).score.tolist()


def test_a_state_of_another_detector_or_of_other_settings_is_refused() -> None:
    state = learnt("gru_lm").save()
    with pytest.raises(DetectorError, match="not one of 'deeplog'"):
        DETECTORS.make("deeplog").load(state)
    with pytest.raises(DetectorError, match="other settings"):
        GruLm(width=8).load(state)


def test_deterministic_algorithms_are_all_that_is_used() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        for name in ("gru_lm", "transformer_lm", "deeplog", "loganomaly", "logbert"):
            detector = DETECTORS.make(name, width=8, plan=Plan(steps=3, epochs=1))
            detector.fit(batch(turns(12)))
            detector.score(batch(turns(3)))
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", ["gru_lm", "transformer_lm", "deeplog", "loganomaly", "logbert"])
def test_a_state_stays_below_50_mb_however_many_templates_there_are(name: str) -> None:
    detector = DETECTORS.make(name, plan=Plan(events=20, steps=1))
    detector.fit(batch([list(range(n, n + 20)) for n in range(0, 20_000, 20)]))
    assert len(detector.save()) < 50e6


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["gru_lm", "transformer_lm", "deeplog", "loganomaly", "logbert"])
def test_a_gpu_judges_as_a_cpu_does(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    fitted = DETECTORS.make(name, width=16, device="cuda")
    fitted.fit(batch(turns(60)))
    cpu = DETECTORS.make(name, width=16)
    cpu.load(fitted.save())
    judged = batch([*turns(20, seed=1), [1, 1, 4, 2]])
    assert fitted.score(judged).score == pytest.approx(cpu.score(judged).score, abs=1e-5)


def test_the_table_is_read_without_torch() -> None:
    code = "import sys, detectors, driftwood; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_torch_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [m for m in sys.modules if m.startswith("detectors.neural.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"needs the package 'torch'.*driftwood\[models\]"):
        DETECTORS.make("gru_lm")
