"""Every metric against its definition, written out the slow way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.detection.metrics import Bootstrap, Ranking, p_greater, spread, threshold_of

Case = tuple[npt.NDArray[np.int8], npt.NDArray[np.float64], npt.NDArray[np.float64]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Truth with both kinds, scores with many ties, weights."""
    size = draw(st.integers(2, 30))
    truth = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    truth[0], truth[1] = 0, 1
    score = draw(st.lists(st.integers(-3, 6), min_size=size, max_size=size))
    weight = draw(st.lists(st.integers(1, 5), min_size=size, max_size=size))
    return np.array(truth, np.int8), np.array(score, float) / 2, np.array(weight, float)


def flagged(case: Case, threshold: float) -> tuple[float, float, float, float]:
    """Weights of: true positives, false positives, all positives, all negatives, for scores >= threshold."""
    truth, score, weight = case
    tp = sum(w for t, s, w in zip(truth, score, weight, strict=True) if t and s >= threshold)
    fp = sum(w for t, s, w in zip(truth, score, weight, strict=True) if not t and s >= threshold)
    return tp, fp, float(weight[truth == 1].sum()), float(weight[truth == 0].sum())


@given(cases())
def test_average_precision_sums_precision_over_what_each_threshold_gains(case: Case) -> None:
    total, before = 0.0, 0.0
    for threshold in sorted(set(case[1].tolist()), reverse=True):
        tp, fp, positive, _ = flagged(case, threshold)
        total += (tp - before) / positive * tp / (tp + fp)
        before = tp
    assert Ranking.of(*case).ap() == pytest.approx(total)


@given(cases())
def test_auc_is_the_share_of_pairs_in_the_right_order(case: Case) -> None:
    truth, score, weight = case
    won = all_pairs = 0.0
    for i in np.flatnonzero(truth == 1):
        for j in np.flatnonzero(truth == 0):
            pair = weight[i] * weight[j]
            all_pairs += pair
            won += pair * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    assert Ranking.of(*case).auc() == pytest.approx(won / all_pairs)


@given(cases(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_recall_at_a_rate_is_that_of_the_best_threshold_within_it(case: Case, fpr: float) -> None:
    best = 0.0
    for threshold in set(case[1].tolist()):
        tp, fp, positive, negative = flagged(case, threshold)
        if fp <= fpr * negative + 1e-9:
            best = max(best, tp / positive)
    assert Ranking.of(*case).recall_at(fpr) == pytest.approx(best)


@given(cases(), st.integers(-8, 14))
def test_at_a_threshold_what_is_above_it_is_flagged(case: Case, quarter: int) -> None:
    threshold = quarter / 4
    tp, fp, positive, negative = flagged(case, math.nextafter(threshold, math.inf))
    found = Ranking.of(*case).at(threshold)
    assert found.precision == pytest.approx(tp / (tp + fp) if tp + fp else 0.0)
    assert found.recall == pytest.approx(tp / positive)
    assert found.fpr == pytest.approx(fp / negative)
    assert found.f1 == pytest.approx(2 * tp / (tp + fp + positive))


@given(cases())
def test_the_oracle_is_the_best_of_all_thresholds_and_not_below_flagging_everything(
    case: Case,
) -> None:
    ranking = Ranking.of(*case)
    levels = [*set(case[1].tolist()), 100.0]
    assert ranking.best_f1() == pytest.approx(
        max(ranking.at(math.nextafter(t, -math.inf)).f1 for t in levels)
    )
    assert ranking.best_f1() >= ranking.all_positive_f1() - 1e-12
    assert ranking.all_positive_f1() == pytest.approx(ranking.at(-100.0).f1)


@settings(deadline=None)  # the first call imports it
@given(cases())
def test_it_agrees_with_scikit_learn(case: Case) -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics")
    truth, score, weight = case
    ranking = Ranking.of(*case)
    assert ranking.ap() == pytest.approx(
        metrics.average_precision_score(truth, score, sample_weight=weight)
    )
    assert ranking.auc() == pytest.approx(metrics.roc_auc_score(truth, score, sample_weight=weight))


@given(cases())
def test_a_weight_is_as_many_units(case: Case) -> None:
    truth, score, weight = case
    times = weight.astype(int)
    many = Ranking.of(np.repeat(truth, times), np.repeat(score, times))
    one = Ranking.of(*case)
    assert many.ap() == pytest.approx(one.ap())
    assert many.recall_at(0.1) == pytest.approx(one.recall_at(0.1))


def test_without_anomalies_there_is_nothing_to_measure() -> None:
    ranking = Ranking.of(np.zeros(3, np.int8), np.arange(3.0))
    assert math.isnan(ranking.ap())
    assert math.isnan(ranking.auc())
    assert math.isnan(ranking.recall_at(0.01))
    nothing = Ranking.of(np.zeros(0, np.int8), np.zeros(0))
    assert (nothing.prevalence, nothing.best_f1(), nothing.at(0.0).f1) == (0.0, 0.0, 0.0)


@given(
    st.lists(st.floats(0, 9), min_size=1, max_size=50),
    st.sampled_from([0.001, 0.01, 0.1, 0.5]),
)
def test_a_threshold_of_validation_is_exceeded_by_no_more_than_its_share(
    scores: list[float], fpr: float
) -> None:
    found = threshold_of(np.array(scores), fpr)
    assert found in scores
    assert sum(score > found for score in scores) <= fpr * len(scores)


def resampled(truth: npt.NDArray[np.int8], score: npt.NDArray[np.float64]) -> float:
    return Ranking.of(truth, score).ap()


def test_the_bootstrap_spreads_as_the_usual_one_does() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(400) < 0.2).astype(np.int8)
    score = rng.normal(truth * 1.0, 1.0)
    ours = Bootstrap(np.arange(400), 2_000).aps(truth, [score], np.arange(400))[0]
    picks = [rng.integers(0, 400, 400) for _ in range(2_000)]
    usual = np.array([resampled(truth[p], score[p]) for p in picks])
    assert np.std(ours) == pytest.approx(np.std(usual), rel=0.1)
    assert spread(ours) == pytest.approx(spread(usual), abs=0.02)
    low, high = spread(ours)
    assert low < resampled(truth, score) < high


def test_a_resample_is_the_same_units_for_every_subject_and_every_view() -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random(90) < 0.3).astype(np.int8)
    score, rows = rng.random(90), np.arange(90)
    bootstrap = Bootstrap(rows // 3, 50)
    whole = bootstrap.aps(truth, [score], rows)[0]
    assert (bootstrap.aps(truth, [score], rows)[0] == whole).all()
    times = np.random.default_rng(0).poisson(1.0, (50, 30)).astype(np.uint8)[0][rows // 3]
    assert whole[0] == pytest.approx(Ranking.of(truth, score, times.astype(float)).ap())
    part = rows[truth == 1][:5]
    found = bootstrap.aps(truth[part], [score[part]], part)[0]
    assert found[~np.isnan(found)] == pytest.approx(1.0), "anomalies alone, where any is drawn"


@given(cases())
def test_units_that_nobody_tells_apart_are_counted_first_without_a_difference(case: Case) -> None:
    truth, score, weight = case
    rows, other = np.arange(len(truth)), np.arange(len(truth), dtype=float)
    bootstrap = Bootstrap(rows, 5)
    together = bootstrap.aps(truth, [score], rows, weight)[0]
    apart = bootstrap.aps(truth, [score, other], rows, weight)[0]
    assert together == pytest.approx(apart, nan_ok=True)


def test_the_better_of_two_is_told_from_luck() -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(600) < 0.2).astype(np.int8)
    good, bad = rng.normal(truth * 2.0, 1.0), rng.normal(truth * 1.0, 1.0)
    bootstrap, rows = Bootstrap(np.arange(600)), np.arange(600)
    one, other = bootstrap.aps(truth, [good, bad], rows)
    assert p_greater(one, other) < 0.01
    assert p_greater(other, one) > 0.99
    assert p_greater(one, one) == 1.0
