"""How well a ranking of units tells the anomalous from the normal: AP, AUC, recall at a fixed FPR, F1 at a threshold.

Units of equal score are one step of every curve: a threshold takes all of them or none. Nothing is interpolated, so
recall at a false positive rate is what a threshold really reaches (the conservative reading), and AP is the step sum
of `sklearn.metrics.average_precision_score`. A weight says how many units of the natural population one stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from driftwood.protocols import Labels

Floats = npt.NDArray[np.float64]

DRAWS = 1_000
"""Of the bootstrap."""
_CELLS = 2_000_000
"""Units times draws at once."""


class AtThreshold(NamedTuple):
    precision: float
    recall: float
    f1: float
    fpr: float


@dataclass(frozen=True)
class Ranking:
    """Units by falling score; `tp[i]` and `fp[i]` weigh what lies at `threshold[i]` or above."""

    threshold: Floats
    tp: Floats
    fp: Floats

    @staticmethod
    def of(truth: Labels, score: Floats, weight: Floats | None = None) -> Ranking:
        order = _Order.of(truth, score)
        return order.ranking(np.ones(len(truth)) if weight is None else weight)

    @property
    def positive(self) -> float:
        return float(self.tp[-1]) if len(self.tp) else 0.0

    @property
    def negative(self) -> float:
        return float(self.fp[-1]) if len(self.fp) else 0.0

    @property
    def prevalence(self) -> float:
        """The share of anomalous units: what AP is when nothing is known, and the precision of flagging all."""
        return _share(self.positive, self.positive + self.negative)

    @property
    def recall(self) -> Floats:
        return self.tp / self.positive

    @property
    def precision(self) -> Floats:
        return self.tp / np.maximum(self.tp + self.fp, 1e-300)

    def ap(self) -> float:
        """Average precision: the precision at each step, weighed by the recall that it gains. NaN without anomalies."""
        if not self.positive:
            return float("nan")
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())

    def auc(self) -> float:
        """The chance that an anomalous unit scores above a normal one, a tie counting half. NaN without either."""
        if not self.positive or not self.negative:
            return float("nan")
        below = np.diff(self.fp, prepend=0.0)
        won = self.tp - np.diff(self.tp, prepend=0.0) / 2
        return float((below * won).sum() / (self.positive * self.negative))

    def recall_at(self, fpr: float) -> float:
        """The largest recall of a threshold that flags at most this share of the normal units."""
        if not self.positive:
            return float("nan")
        within = self.fp <= fpr * self.negative * (1 + 1e-12)
        return float(self.recall[within].max(initial=0.0))

    def at(self, threshold: float) -> AtThreshold:
        """What is flagged is what scores *above* `threshold`."""
        above = int(np.searchsorted(-self.threshold, -threshold, side="left"))
        tp, fp = (float(x[above - 1]) if above else 0.0 for x in (self.tp, self.fp))
        recall = _share(tp, self.positive)
        return AtThreshold(
            _share(tp, tp + fp),
            recall,
            _share(2 * tp, self.positive + tp + fp),
            _share(fp, self.negative),
        )

    def best_f1(self) -> float:
        """F1 at the threshold that is best on these very units: an oracle's, never what one gets."""
        return float((2 * self.tp / (self.positive + self.tp + self.fp)).max(initial=0.0))

    def all_positive_f1(self) -> float:
        """F1 of flagging everything."""
        return _share(2 * self.positive, 2 * self.positive + self.negative)


@dataclass(frozen=True)
class _Order:
    """The order of units by score, which stays the same when their weights change."""

    rows: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    """The last place of each run of equal scores."""
    positive: npt.NDArray[np.bool_]
    """In that order."""
    threshold: Floats

    @staticmethod
    def of(truth: Labels, score: Floats) -> _Order:
        rows = np.argsort(-score, kind="stable")
        ranked = score[rows]
        ends = np.flatnonzero(np.append(np.diff(ranked) != 0, len(ranked) > 0))
        return _Order(rows, ends, truth[rows] == 1, ranked[ends])

    def ranking(self, weight: Floats) -> Ranking:
        weighed = weight[self.rows]
        tp = np.cumsum(weighed * self.positive)[self.ends]
        fp = np.cumsum(weighed * ~self.positive)[self.ends]
        return Ranking(self.threshold, tp, fp)

    def aps(self, weights: Floats) -> Floats:
        """(draws,) AP for each row of weights (draws, units)."""
        weighed = weights[:, self.rows]
        tp = np.cumsum(weighed * self.positive, axis=1)[:, self.ends]
        seen = np.cumsum(weighed, axis=1)[:, self.ends]
        gained = np.diff(tp, axis=1, prepend=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(seen > 0, tp / seen, 0.0)
            return np.asarray((gained * precision).sum(axis=1) / tp[:, -1], np.float64)


def threshold_of(validation: Floats, fpr: float) -> float:
    """The score that at most this share of the validation units exceed; 0 without any. Between two, the larger.

    >>> threshold_of(np.array([0.0, 0.0, 1.0, 2.0]), 0.25), threshold_of(np.arange(5.0), 0.25)
    (2.0, 3.0)
    """
    if not len(validation):
        return 0.0
    return float(np.quantile(validation, 1.0 - fpr, method="higher"))


@dataclass(frozen=True)
class Bootstrap:
    """The same resamples of a data set for all that is measured on it, so that two subjects can be compared in pairs.

    Each unit, or each group of units that belong together, is drawn a Poisson(1) number of times: for parts of a data
    set that is the usual bootstrap (Hanley and MacGibbon, 2006), and splits that share units share draws.
    """

    group: npt.NDArray[np.int64]
    """(U,) numbers from 0 on; what shares one is drawn together."""
    draws: int = DRAWS
    seed: int = 0

    def aps(
        self,
        truth: Labels,
        scores: Sequence[Floats],
        rows: npt.NDArray[np.int64],
        weight: Floats | None = None,
    ) -> Floats:
        """(subjects, draws) AP of the units `rows` in each resample; NaN in one without anomalies.

        Units that no subject tells apart are counted first: test sets of logs are mostly copies.
        """
        weight = np.ones(len(rows)) if weight is None else weight
        kind, cell = np.unique(
            np.stack([truth.astype(np.float64), weight, *scores], axis=1),
            axis=0,
            return_inverse=True,
        )
        by_cell = np.argsort(cell.reshape(-1), kind="stable")
        heads = np.searchsorted(cell.reshape(-1)[by_cell], np.arange(len(kind)))
        group = self.group[rows][by_cell]
        orders = [_Order.of(kind[:, 0].astype(np.int8), score) for score in kind.T[2:]]
        out: list[list[Floats]] = [[] for _ in scores]
        for times in self._times:
            drawn = np.add.reduceat(times[:, group], heads, axis=1, dtype=np.float64) * kind[:, 1]
            for found, order in zip(out, orders, strict=True):
                found.append(order.aps(drawn))
        return np.array([np.concatenate(found) for found in out])

    @cached_property
    def _times(self) -> list[npt.NDArray[np.uint8]]:
        """How often each group is drawn, in parts of (some draws, groups)."""
        groups = int(self.group.max(initial=-1)) + 1
        rng = np.random.default_rng(self.seed)
        size = max(min(_CELLS // max(groups, 1), self.draws), 1)
        return [
            rng.poisson(1.0, (min(size, self.draws - first), groups)).astype(np.uint8)
            for first in range(0, self.draws, size)
        ]


def spread(draws: Floats) -> tuple[float, float]:
    """The 95 % interval of resampled values; NaN when there are none."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975]).tolist()
    return low, high


def p_greater(draws: Floats, others: Floats) -> float:
    """How often `draws` does not exceed `others` in the same resample: the p-value of being better, one-sided."""
    known = ~(np.isnan(draws) | np.isnan(others))
    return float((1 + (draws[known] <= others[known]).sum()) / (1 + known.sum()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
