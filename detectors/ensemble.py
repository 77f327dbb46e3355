"""Several detectors as one: how strange they find a unit together.

Each member's scores become p-values on normal units that it has not learnt from, the last fifth of the training units;
the ensemble's score is the sum of their -log10 p, which ranks as Fisher's statistic does. Members are not independent,
so the sum is no chi-square: its p-value is again conformal, on the same units. Members that learn exactly in parts then
learn from the last fifth, too.

What fewer than half of the members have any finding about is no finding: look-ups know what is normal without a
threshold, and so their majority does.

With labels, members are weighed by a logistic regression on -log10 p, whose weights may not be negative: a member that
finds a unit strange never speaks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from detectors import DETECTORS
from detectors.conformal import Conformal
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats, Ints
from driftwood.errors import ConfigError
from driftwood.protocols import Detector, Explanation, Labels, LogBatch, Scores

TIER_0 = ("event_set", "count_range", "knn_scaled")
_HELD_OUT = 5
"""One unit in so many, the last ones, is kept for calibration."""
_RIDGE = 1e-2


class _Judged(NamedTuple):
    """What members say of some units."""

    scores: list[Floats]
    """(U,) of each member"""
    found: npt.NDArray[np.bool_]
    """(U,) whether half of them have a finding"""


class Ensemble:
    name = "ensemble"
    early: frozenset[str] = frozenset()
    incremental = False

    def __init__(self, members: Sequence[str] = TIER_0, half_life: float = 10_000.0) -> None:
        """`members`: names of detectors of one level; `half_life`: of calibration, in units."""
        self._names = tuple(members)
        self._half_life = half_life
        self._reset()

    def _reset(self) -> None:
        self._members: list[Detector] = [DETECTORS.make(name) for name in self._names]
        if len({member.level for member in self._members}) != 1:
            raise ConfigError(
                f"an ensemble needs members of one level; {', '.join(self._names)} are of "
                f"{' and '.join(m.level for m in self._members)}"
            )
        self.level: Literal["window", "session"] = self._members[0].level
        self.needs: frozenset[str] = frozenset().union(*(m.needs for m in self._members))
        self._calibrators = [Conformal(self._half_life) for _ in self._members]
        self._whole = Conformal(self._half_life)
        self._weights = np.ones(len(self._members))

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._reset()
        order = np.argsort(batch.start, kind="stable")
        cut = len(order) - len(order) // _HELD_OUT
        first, last = order[:cut], order[cut:]
        learnt, known = batch.at(first), _of(labels, first)
        for member in self._members:
            member.fit(learnt, known, seed=seed)
        held, told = batch.at(last), _of(labels, last)
        normal = held.normal(told)
        judged = self._judged(normal)
        self._calibrate(judged)
        if labels is not None:
            # What members that learn from normal units alone were never told is as good as held out.
            unseen = last if "labels" in self.needs else np.append(last, first[labels[first] == 1])
            self._weights = self._learnt(batch.at(unseen), labels[unseen])
        own = [-np.log10(calibrator.own_p_values()) for calibrator in self._calibrators]
        self._whole.learn(self._together(judged, np.stack(own, axis=1)))
        for member in self._members:
            if member.incremental:
                member.partial_fit(held, told)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Judge first, then calibrate, then learn."""
        order = np.argsort(batch.start, kind="stable")
        batch, labels = batch.at(order), _of(labels, order)
        normal = batch.normal(labels)
        judged = self._judged(normal)
        self._whole.learn(self._together(judged, self._strange(judged)))
        self._calibrate(judged)
        for member in self._members:
            member.partial_fit(batch, labels)

    def _judged(self, batch: LogBatch) -> _Judged:
        columns = [member.score(batch) for member in self._members]
        votes = np.zeros(len(batch), np.int64)
        for scores in columns:
            votes += np.bincount(scores.unit, minlength=len(batch)) > 0
        return _Judged([c.of_units(len(batch)) for c in columns], 2 * votes >= len(columns))

    def _calibrate(self, normal: _Judged) -> None:
        for scores, calibrator in zip(normal.scores, self._calibrators, strict=True):
            calibrator.learn(scores)

    def _learnt(self, batch: LogBatch, labels: Labels) -> Floats:
        """Weights of members; all the same while only one class was seen."""
        told = labels >= 0
        if len(np.unique(labels[told])) < 2:
            return np.ones(len(self._members))
        return _logistic(self._strange(self._judged(batch))[told], labels[told] == 1)

    def _strange(self, judged: _Judged) -> Floats:
        """(U, members) -log10 p"""
        columns = [
            -np.log10(calibrator.p_values(scores))
            for scores, calibrator in zip(judged.scores, self._calibrators, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _together(self, judged: _Judged, strange: Floats) -> Floats:
        """(U,) added member by member, so that what else is in the batch cannot change a bit."""
        total = np.zeros(len(strange))
        for column, weight in enumerate(self._weights.tolist()):
            total += weight * strange[:, column]
        return np.where(judged.found, total, 0.0)

    def score(self, batch: LogBatch) -> Scores:
        judged = self._judged(batch)
        total = self._together(judged, self._strange(judged))
        unit = np.flatnonzero(total > 0)
        kind = np.empty(len(unit), np.object_)
        kind[:] = self.name
        return Scores(
            unit=unit.astype(np.int32),
            score=total[unit],
            p_value=np.minimum(self._whole.p_values(total[unit]), 1.0),
            kind=kind,
            subject=np.zeros(len(unit), np.int64),
        )

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        """In the words of the member that finds it strangest and can tell."""
        alone = batch.at(np.array([scores.unit[finding]]))
        strange = self._strange(self._judged(alone))[0] * self._weights
        for place in np.argsort(-strange, kind="stable").tolist():
            member: Detector = self._members[place]
            found = member.score(alone)
            if len(found.unit):
                return member.explain(alone, found, int(np.argmax(found.score)), texts)
        return Explanation(f"{batch.service[scores.unit[finding]]}: strange to no member alone")

    def save(self) -> bytes:
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "weights": self._weights,
            "whole": self._whole.save(),
        }
        for place, member in enumerate(self._members):
            arrays[f"member{place}"] = np.frombuffer(member.save(), np.uint8)
            arrays[f"calibrator{place}"] = self._calibrators[place].save()
        return pack({"version": 1, "members": self._names, "half_life": self._half_life}, arrays)

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._names, self._half_life = tuple(header["members"]), header["half_life"]
        self._reset()
        self._weights = arrays["weights"]
        self._whole.load(arrays["whole"])
        for place, member in enumerate(self._members):
            member.load(arrays[f"member{place}"].tobytes())
            self._calibrators[place].load(arrays[f"calibrator{place}"])


def _of(labels: Labels | None, rows: Ints) -> Labels | None:
    return None if labels is None else labels[rows]


def _logistic(strange: Floats, anomalous: npt.NDArray[np.bool_]) -> Floats:
    """(members,) weights of a ridge logistic regression in which both classes weigh the same."""
    share = np.where(anomalous, 0.5 / anomalous.sum(), 0.5 / (~anomalous).sum())
    sign = np.where(anomalous, 1.0, -1.0)

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = sign * (strange @ w[1:] + w[0])
        slope = -share * sign / (1.0 + np.exp(np.clip(margin, -500, 500)))
        value = share @ np.logaddexp(0.0, -margin) + _RIDGE * w[1:] @ w[1:]
        return float(value), np.append(slope.sum(), slope @ strange + 2 * _RIDGE * w[1:])

    start = np.append(0.0, np.ones(strange.shape[1]))
    limits = [(None, None), *[(0.0, None)] * strange.shape[1]]
    fitted = minimize(loss, start, jac=True, bounds=limits, method="L-BFGS-B").x[1:]
    return np.asarray(fitted) if fitted.any() else np.ones(strange.shape[1])
