"""Rates are learnt, followed, and called strange as rarely as their p-values say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.bank import ALL, Bank
from detectors.rates import HOUR_NS, Expected, Rates

MINUTE_NS = 60 * 10**9


def learnt(
    counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]], half_life: float = 60.0
) -> Rates:
    """`counts`: (windows, slots), a minute each."""
    rates = Rates(half_life)
    rates.grow(counts.shape[1])
    for number, seen in enumerate(counts.astype(np.float64)):
        rates.learn(seen, number * MINUTE_NS)
    return rates


def test_tails_are_those_of_scipys_negative_binomial() -> None:
    mean, sd, seen = (
        np.array([0.3, 5.0, 200.0]),
        np.array([1.0, 4.0, 30.0]),
        np.array([2.0, 11.0, 290.0]),
    )
    size = mean**2 / (sd**2 - mean)
    law = stats.nbinom(size, size / (size + mean))
    expected = Expected(mean, sd)
    np.testing.assert_allclose(expected.at_least(seen), law.sf(seen - 1), rtol=1e-9)
    np.testing.assert_allclose(expected.at_most(seen), law.cdf(seen), rtol=1e-9)
    assert (expected.at_least(np.zeros(3)) == 1.0).all()


def test_a_steady_rate_is_learnt_and_a_new_level_is_followed() -> None:
    rng = np.random.default_rng(1)
    rates = learnt(rng.poisson((30.0, 0.5), (600, 2)))
    assert rates.expect(600 * MINUTE_NS).mean == pytest.approx([30.0, 0.5], rel=0.15)
    for number in range(600, 1_100):
        rates.learn(rng.poisson((60.0, 0.5)).astype(np.float64), number * MINUTE_NS)
    assert rates.expect(1_100 * MINUTE_NS).mean[0] == pytest.approx(60.0, rel=0.1)


def test_an_incident_is_not_taken_for_normal_at_once() -> None:
    rates = learnt(np.random.default_rng(2).poisson(30.0, (600, 1)))
    for number in range(600, 605):
        rates.learn(np.array([3_000.0]), number * MINUTE_NS)
    assert rates.expect(605 * MINUTE_NS).mean[0] < 60.0
    assert rates.expect(605 * MINUTE_NS).at_least(np.array([3_000.0]))[0] < 1e-6


def test_what_bursts_once_an_hour_becomes_normal() -> None:
    counts = np.zeros((24 * 60, 1), np.int64)
    counts[7::60] = 20
    rates = learnt(counts)
    assert rates.expect(0).at_least(np.array([20.0]))[0] > 1e-4
    # The same burst is strange where there were single lines at that rate.
    single = learnt(np.random.default_rng(3).poisson(20 / 60, (24 * 60, 1)))
    assert single.expect(0).at_least(np.array([20.0]))[0] < 1e-9


def test_the_time_of_day_is_learnt_after_a_day_and_not_guessed_before() -> None:
    minutes = np.arange(3 * 1_440)
    level = 60.0 * (1.0 - 0.8 * np.cos(2 * np.pi * minutes / 1_440))
    rates = learnt(np.random.default_rng(4).poisson(level)[:, None])
    midnight = 3 * 1_440 * MINUTE_NS
    noon = midnight + 12 * HOUR_NS
    assert rates.expect(noon).mean[0] / rates.expect(midnight).mean[0] > 5.0
    young = learnt(np.random.default_rng(4).poisson(level[:600])[:, None])
    assert young.expect(noon).mean[0] == young.expect(midnight).mean[0]


@pytest.mark.parametrize("dispersion", [1.0, 4.0])
@pytest.mark.parametrize("mean", [0.2, 5.0, 80.0])
def test_p_values_keep_their_promise_on_normal_counts(mean: float, dispersion: float) -> None:
    rng = np.random.default_rng(5)
    size = mean / max(dispersion - 1.0, 1e-6)
    counts = rng.poisson(rng.gamma(size, mean / size, 6_000)).astype(np.float64)
    rates, up, down = Rates(60.0), [], []
    rates.grow(1)
    for number, seen in enumerate(counts):
        if number >= 300:
            expected = rates.expect(number * MINUTE_NS)
            up.append(expected.at_least(np.array([seen]))[0])
            down.append(expected.at_most(np.array([seen]))[0])
        rates.learn(np.array([seen]), number * MINUTE_NS)
    for p_values in (np.array(up), np.array(down)):
        for level in (0.1, 0.01, 0.001):
            n = len(p_values)
            # Discrete counts make p-values larger than uniform; a half more than promised is noise and drift.
            assert (p_values <= level).mean() <= 1.5 * level + 3 * (level / n) ** 0.5
    if mean > 1:
        assert 0.3 < np.median(up) < 0.7


def test_a_bank_is_bounded_and_gives_the_slots_of_the_rarest_away() -> None:
    bank = Bank(half_life=60.0, max_templates=3)
    for number in range(20):
        bank.learn(np.array([1, 2, 3]), np.array([50, 5, 1]), number * MINUTE_NS)
    bank.learn(np.array([1, 2, 9]), np.array([50, 5, 7]), 20 * MINUTE_NS)
    assert bank.templates == [ALL, 1, 2, 9]
    bank.learn(np.arange(1, 100), np.full(99, 2), 21 * MINUTE_NS)
    assert len(bank.templates) == 4
    assert len(bank.rates) == 4
