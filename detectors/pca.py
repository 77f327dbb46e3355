"""Principal components of count vectors: what does not lie in the space of normal variation?

Xu et al., SOSP 2009: counts weighed by ln(sessions / sessions that hold the template), centred; the components that
explain 95 % of the variance are the normal space; the score is the squared length of the rest, over Jackson and
Mudholkar's threshold for it at alpha = .001 (1979), so that 1 is where they would alarm.

It is a function of sums (sessions, sums of counts, sums of products of counts), so learning in parts is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from detectors.lookup import Lookup
from detectors.vectors import Floats, Ints, Vectors, place_in

_MAX_TEMPLATES = 500
"""Those held by the most sessions span the space; what lies in others is a rest by itself."""
_VARIANCE = 0.95
_ALPHA = 0.001


@dataclass(frozen=True)
class _Space:
    template: Ints
    """(D,) ascending"""
    weight: Floats
    """(D + 1,) the last one is that of all other templates"""
    mean: Floats
    """(D,) of weighed counts"""
    components: Floats
    """(D, k)"""
    limit: float
    """Squared length of the rest where Xu et al. alarm."""


class Pca(Lookup):
    name = "pca"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        self._space: _Space | None = None

    def distances(self, asked: Vectors) -> Floats:
        if self._space is None:
            self._space = _space(self.known)
        space = self._space
        place = place_in(space.template, asked.template)
        value = asked.count * space.weight[place]
        known = place >= 0
        centred = np.tile(-space.mean, (len(asked), 1))
        centred[asked.row[known], place[known]] += value[known]
        # Component by component and not as a matrix product, whose last bits depend on what else is in the batch.
        inside = np.zeros(len(asked))
        for component in space.components.T:
            inside += (centred * component).sum(axis=1) ** 2
        rest = np.maximum((centred**2).sum(axis=1) - inside, 0.0)
        strange: Floats = (rest + asked.summed(np.where(known, 0.0, value) ** 2)) / space.limit
        return strange


def _space(known: Vectors) -> _Space:
    template, place = np.unique(known.template, return_inverse=True)
    sessions = float(known.times.sum())
    times = known.times[known.row].astype(np.float64)
    held = np.bincount(place, times, len(template))
    chosen = np.sort(np.argsort(-held, kind="stable")[:_MAX_TEMPLATES])
    template, held = template[chosen], held[chosen]
    weight = np.log((1 + sessions) / np.append(held, 1.0))
    column = place_in(template, known.template)
    inside = column >= 0
    counts = np.zeros((len(known), len(template)))
    counts[known.row[inside], column[inside]] = known.count[inside]
    counts *= weight[:-1]
    share = known.times / max(sessions, 1.0)
    mean = share @ counts
    covariance = (counts - mean).T @ ((counts - mean) * share[:, None])
    variance, components = np.linalg.eigh(covariance)
    variance, components = np.maximum(variance[::-1], 0.0), components[:, ::-1]
    within = np.cumsum(variance) / max(variance.sum(), 1e-300)
    k = int(np.searchsorted(within, _VARIANCE) + 1) if len(variance) else 0
    return _Space(template, weight, mean, components[:, :k].copy(), _limit(variance[k:]))


def _limit(rest: Floats) -> float:
    """Of the squared length outside, by the variances there; 1 where nothing varies there."""
    one, two, three = (float((rest**power).sum()) for power in (1, 2, 3))
    if one < 1e-12 or two == 0.0:
        return 1.0
    h = 1.0 - 2.0 * one * three / (3.0 * two**2)
    h = h if abs(h) > 1e-6 else 1e-6
    inner = norm.ppf(1 - _ALPHA) * np.sqrt(2.0 * two * h**2) / one + 1 + two * h * (h - 1) / one**2
    return max(float(one * max(inner, 1e-12) ** (1.0 / h)), 1e-12)
