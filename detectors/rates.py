"""A bank of rates that follows drift: how many lines of each kind the next window should hold, and how surely.

Each slot is a discounted Gamma-Poisson filter (West & Harrison, *Bayesian Forecasting and Dynamic Models*, ch. 14):
level ~ Gamma(a, b), both forgotten with a half-life, so that the next count is negative binomial. Its variance is

    mean * phi  +  mean^2 / a          phi >= 1: over-dispersion as seen; the second term: what we do not know yet

and its mean is a / b times a profile of the hour of day, which starts at 1 and is believed as counts come in.
What a strange window may teach is winsorised, so that an incident is not taken for normal at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

Floats = npt.NDArray[np.float64]

HOUR_NS = 3_600 * 10**9
_DAY = 24

# Counts worth of doubt: how many counts it takes to half believe what was seen against "no over-dispersion" and
# "no rhythm". The rhythm also needs most of a day: what a level does within hours, the filter follows by itself.
_PHI_PRIOR = 8.0
_PROFILE_PRIOR = 60.0
_PROFILE_HOURS = 20
_WINSOR_SD = 3.0
_WINSOR_SQUARES_SD = 10.0
_RESTLESS = 12.0
_TINY = 1e-9
_KEEP_HOUR = 0.5 ** (1.0 / 180.0)
"""What an hour of the day remembers from one of its windows to its next: three visits of sixty windows."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a window should hold, per slot."""

    mean: Floats
    sd: Floats

    def at_least(self, seen: Floats) -> Floats:
        """P(count >= seen): small when there are too many."""
        size, share = self._negative_binomial()
        return np.where(seen > 0, betainc(np.maximum(seen, _TINY), size, share), 1.0)

    def at_most(self, seen: Floats) -> Floats:
        """P(count <= seen): small when there are too few."""
        size, share = self._negative_binomial()
        return np.asarray(betainc(size, seen + 1.0, 1.0 - share), np.float64)

    def _negative_binomial(self) -> tuple[Floats, Floats]:
        mean = np.maximum(self.mean, _TINY)
        excess = np.maximum(self.sd**2 - mean, 1e-6 * mean)  # nearly Poisson at the least
        size = mean * mean / excess
        return size, mean / (mean + size)


class Rates:
    """The filters of one source; row i of every array is slot i."""

    def __init__(self, half_life: float) -> None:
        """`half_life`: windows after which a window counts half."""
        self._keep = 0.5 ** (1.0 / half_life)
        # How restless a template is changes more slowly than how busy it is; a job comes by once an hour or a day.
        self._keep_restless = 0.5 ** (1.0 / (_RESTLESS * half_life))
        self.a = np.zeros(0)
        self.b = np.zeros(0)
        self.squares = np.zeros(0)
        self.means = np.zeros(0)
        self.hours = np.zeros((0, _DAY))
        self.windows = np.zeros(_DAY)

    def __len__(self) -> int:
        return len(self.a)

    def grow(self, slots: int) -> None:
        """Add slots that know nothing: they believe the first count that they are taught."""
        self.a = np.concatenate((self.a, np.zeros(slots)))
        self.b = np.concatenate((self.b, np.zeros(slots)))
        self.squares = np.concatenate((self.squares, np.zeros(slots)))
        self.means = np.concatenate((self.means, np.zeros(slots)))
        self.hours = np.concatenate((self.hours, np.zeros((slots, _DAY))))

    def reset(self, slot: int) -> None:
        """Make `slot` know nothing again."""
        for column in (self.a, self.b, self.squares, self.means):
            column[slot] = 0.0
        self.hours[slot] = 0.0

    def expect(self, start: int, exposure: float = 1.0) -> Expected:
        """The window that starts at `start` (ns UTC); `exposure`: how much of what the rate is per (windows, lines)."""
        return self._expect(self._profile(start) * exposure)

    def _expect(self, exposure: Floats) -> Expected:
        a = self.a + 0.5  # Jeffreys: never seen is not never
        mean = a / np.maximum(self.b, 0.5) * exposure
        phi = np.maximum(1.0, (self.squares + _PHI_PRIOR) / (self.means + _PHI_PRIOR))
        return Expected(mean, np.sqrt(mean * phi + mean * mean / a))

    def learn(self, seen: Floats, start: int, exposure: float = 1.0) -> None:
        profile = self._profile(start) * exposure
        expected = self._expect(profile)
        mean, error = expected.mean, seen - expected.mean
        # (Not np.clip, which is slow on short arrays.)
        room = _WINSOR_SD * expected.sd + 1.0
        taught = np.maximum(mean + np.minimum(np.maximum(error, -room), room), 0.0)
        # A burst may teach restlessness more than the level: else what bursts once an hour would stay news for ever.
        room = _WINSOR_SQUARES_SD * expected.sd + 1.0
        error = np.minimum(np.maximum(error, -room), room)
        fresh = self.b == 0.0
        if fresh.any():
            taught, error, mean = np.where(
                fresh, (seen, 0.0 * seen, 0.0 * seen), (taught, error, mean)
            )
        self.a = self._keep * self.a + taught
        self.b = self._keep * self.b + profile
        self.squares = self._keep_restless * self.squares + error * error
        self.means = self._keep_restless * self.means + mean
        hour = start // HOUR_NS % _DAY
        self.hours[:, hour] = _KEEP_HOUR * self.hours[:, hour] + taught
        self.windows[hour] = _KEEP_HOUR * self.windows[hour] + exposure

    def _profile(self, start: int) -> Floats:
        """How much of its daily mean each slot does at this time of day, between the centres of the two hours."""
        known = self.windows > 0.0
        if np.count_nonzero(known) < _PROFILE_HOURS:
            return np.ones(len(self.a))
        at = start / HOUR_NS - 0.5
        left = int(np.floor(at)) % _DAY
        right, share = (left + 1) % _DAY, at - np.floor(at)
        daily = self.hours.sum(1) / self.windows.sum()
        pair = [
            (self.hours[:, h] + _PROFILE_PRIOR) / (daily * self.windows[h] + _PROFILE_PRIOR)
            for h in (left, right)
        ]
        return np.asarray(pair[0] * (1.0 - share) + pair[1] * share, np.float64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in _COLUMNS}

    @classmethod
    def of(cls, half_life: float, arrays: dict[str, npt.NDArray[Any]]) -> Rates:
        rates = cls(half_life)
        for name in _COLUMNS:
            setattr(rates, name, arrays[name])
        return rates


_COLUMNS = ("a", "b", "squares", "means", "hours", "windows")
