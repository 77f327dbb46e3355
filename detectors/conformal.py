"""From scores of any scale to p-values: split-conformal (Vovk et al. 2005), one object per stream, with decay.

A unit's p-value is the share of normal units that scored at least as high, counting itself. That is a promise, not a
model: if normal units are exchangeable, at most a share a of them gets p <= a, whatever the detector. Streams drift,
so older scores count less (weighted conformal prediction; Barber et al., Annals of Statistics 2023).

Scores that only grow stranger beyond all that were seen would all get the same smallest p-value. There p goes on
falling with a heavy tail, p_min s / (s + excess), where s is how far, on average, normal scores that are above the
median lie above it: that keeps the order, promises less than a model of the tail would, and lets members of an ensemble
that say "somewhat beyond" together outweigh one that says "far beyond".

`detectors.calibrator` is for windows of the live stage: it corrects p-values that detectors give themselves, and counts
incidents, not units. This one is for scores without a model, of sessions or windows.
"""

from __future__ import annotations

import numpy as np

from detectors.vectors import Floats

MAX_SCORES = 20_000


class Conformal:
    def __init__(self, half_life: float = 10_000.0, max_scores: int = MAX_SCORES) -> None:
        """`half_life`: units after which a score counts half; the oldest beyond `max_scores` are forgotten."""
        self._keep = 0.5 ** (1.0 / half_life)
        self._max = max_scores
        self._know(np.zeros(0))

    def learn(self, scores: Floats) -> None:
        """Take in scores of normal units that no detector has learnt from, oldest first."""
        self._know(np.concatenate([self.scores, scores])[-self._max :])

    def _know(self, scores: Floats) -> None:
        self.scores = scores
        """Oldest first."""
        weight = self._keep ** np.arange(len(scores) - 1, -1, -1.0)
        order = np.argsort(scores, kind="stable")
        self._sorted, self._weight = scores[order], weight
        self._above = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
        """Weight of the scores from each on."""
        self._scale = _excess(self._sorted, weight[order], self._above)

    def p_values(self, scores: Floats) -> Floats:
        """In (0, 1]; of the same score always the same."""
        rank = self._above[np.searchsorted(self._sorted, scores)]
        largest = self._sorted[-1] if len(self._sorted) else 0.0
        return self._p(rank, self._above[0], scores - largest)

    def own_p_values(self) -> Floats:
        """Of each score that was learnt, oldest first, as if it were the only one that had not been.

        What is calibrated on these must not know them: with itself among the ranks, no unit would look as strange as
        a new one can.
        """
        scores, weight = self.scores, self._weight
        rank = self._above[np.searchsorted(self._sorted, scores)] - weight
        largest = self._sorted[-2] if len(scores) > 1 else 0.0
        return self._p(np.maximum(rank, 0.0), self._above[0] - weight, scores - largest)

    def _p(self, rank: Floats, total: Floats | float, excess: Floats) -> Floats:
        tail = self._scale / (self._scale + np.maximum(excess, 0.0))
        return np.maximum((rank + 1.0) / (total + 1.0) * tail, 1e-300)

    @property
    def smallest(self) -> float:
        """The p-value of a unit beyond all that were seen, before its tail: nothing finer is promised."""
        return float(1.0 / (self._above[0] + 1.0))

    def save(self) -> Floats:
        """The whole state, as an array for `detectors.snapshot`."""
        return self.scores

    def load(self, state: Floats) -> None:
        self._know(state)


def _excess(ordered: Floats, weight: Floats, above: Floats) -> float:
    """How far the scores above the median lie above it on average; 1 when none does."""
    if not len(ordered):
        return 1.0
    median = ordered[np.searchsorted(-above[:-1], -above[0] / 2.0, "right") - 1]
    beyond = ordered > median
    if not beyond.any():
        return 1.0
    return float(np.average(ordered[beyond] - median, weights=weight[beyond]))
