"""Boxes of count vectors, `low` to `high` per template, and how far a unit lies outside the nearest.

`detectors.prefix_vectors` says what they stand for, and why distances are what they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.references import SCALE, log_steps
from detectors.snapshot import joined
from detectors.vectors import Floats, Ints, distinct, mixed, mixed_ids, place_in, plain, sums
from driftwood.protocols import LogBatch

WARN = 13
_BLOCK = 1 << 22
_DOUBLED = round(float(np.log(2)) * SCALE)
_BEYOND = 50

Box = tuple[bytes, bytes]
"""Two count vectors, each as `vector_of(...).tobytes()`: what a session had said at a silence, and at the next one."""


@dataclass(frozen=True)
class Asked:
    """The distinct units of a batch, by count vector and by which of their templates are bad."""

    kind: Ints
    """(U,) row of each unit"""
    bounds: Ints
    """(V + 1,)"""
    template: Ints
    """(T,)"""
    count: Ints
    """(T,)"""
    bad: npt.NDArray[np.bool_]
    """(T,) one of its lines in the unit is a warning or worse"""

    @staticmethod
    def of(batch: LogBatch) -> Asked:
        hashes = mixed_ids(batch.template_id)
        bad = batch.severity >= WARN
        found = distinct(sums(np.where(bad, mixed(hashes), hashes), batch.bounds))
        few = plain(batch, found.first)
        tally = few.tally
        order = np.lexsort((few.template_id, few.unit))
        head = np.cumsum(tally.count) - tally.count
        severity = few.severity[order]
        worst = np.maximum.reduceat(severity, head) if len(head) else severity
        return Asked(
            found.kind,
            tally.bounds.astype(np.int64),
            tally.template_id,
            tally.count,
            worst >= WARN,
        )


@dataclass(frozen=True)
class Boxes:
    """Boxes as rows of two matrices over the templates that they hold; whole numbers, so that sums are exact."""

    low: Floats
    """(R, K) as `log_steps`"""
    high: Floats
    vocabulary: Ints
    """(K,) ascending"""
    common: npt.NDArray[np.bool_]
    """(K,) a supported reference has it"""
    weight: Floats
    """(K,) what it weighs where it is missing and not common, squared"""
    templates: Ints
    """All of training, ascending"""
    bad: npt.NDArray[np.bool_]

    @staticmethod
    def of(
        supported: list[Box], told: list[Box], templates: Ints, bad: npt.NDArray[np.bool_]
    ) -> Boxes:
        boxes = supported + told
        lows, highs = ([unpacked(box[side]) for box in boxes] for side in (0, 1))
        vocabulary = np.unique(joined([high[:, 0] for high in highs], np.zeros(0, np.int64)))
        common = np.isin(
            vocabulary, joined([h[:, 0] for h in highs[: len(supported)]], np.zeros(0, np.int64))
        )
        worse = np.append(bad, False)[place_in(templates, vocabulary)]
        return Boxes(
            _dense(lows, vocabulary),
            _dense(highs, vocabulary),
            vocabulary,
            common,
            np.where(worse, 4.0, 1.0),
            templates,
            bad,
        )

    def nearest(self, asked: Asked, weight: Floats) -> tuple[Floats, Ints]:
        """(V,) the squared distance to the nearest box and its row, -1 when there is none."""
        units = len(asked.bounds) - 1
        count, own, other = self._unfolded(asked, weight)
        far, row = other.copy(), np.full(units, -1)
        if not len(self.low):
            return far, row
        for first in range(0, units, self._step):
            rows = slice(first, first + self._step)
            differ = self._differ(count[rows])
            common = (differ[:, :, self.common] ** 2).sum(axis=2)
            strange = differ[:, :, ~self.common] ** 2 * own[rows, None][:, :, ~self.common]
            square = common + np.maximum(strange.max(axis=2, initial=0.0), other[rows, None])
            row[rows] = square.argmin(axis=1)
            far[rows] = square.min(axis=1)
        return far, row

    @property
    def _step(self) -> int:
        return max(_BLOCK // max(self.low.size, 1), 1)

    def _differ(self, count: Floats) -> Floats:
        """(u, R, K) how far outside each box."""
        outside = np.maximum(self.low - count[:, None], count[:, None] - self.high)
        return _damped(np.maximum(outside, 0.0))

    def _unfolded(self, asked: Asked, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """(V, K) counts and weights, and (V,) the most that a template outside the vocabulary adds."""
        units, steps = len(asked.bounds) - 1, log_steps(asked.count)
        unit = np.repeat(np.arange(units), np.diff(asked.bounds))
        column = place_in(self.vocabulary, asked.template)
        known = column >= 0
        count = np.zeros((units, len(self.vocabulary)))
        own = np.tile(self.weight, (units, 1))
        count[unit[known], column[known]] = steps[known]
        own[unit[known], column[known]] = weight[known]
        other = np.zeros(units)
        np.maximum.at(other, unit[~known], (_damped(steps) ** 2 * weight)[~known])
        return count, own, other

    def differing(self, asked: Asked, weight: Floats) -> list[tuple[int, int, int, float]]:
        """Of the only vector asked: (template, seen, expected by the nearest box, part in the score)."""
        _, row = self.nearest(asked, weight)
        count, own, _ = self._unfolded(asked, weight)
        seen = dict(zip(asked.template.tolist(), asked.count.tolist(), strict=True))
        found = []
        if row[0] >= 0:
            differ = self._differ(count)[0, row[0]]
            for k in np.flatnonzero(differ).tolist():
                nearest = np.clip(count[0, k], self.low[row[0], k], self.high[row[0], k])
                expected = round(float(np.expm1(nearest / SCALE)))
                part = float(differ[k] ** 2 * (1.0 if self.common[k] else own[0, k]))
                template = int(self.vocabulary[k])
                found.append((template, seen.get(template, 0), expected, part))
        parts = _damped(log_steps(asked.count)) ** 2 * weight
        outside = place_in(self.vocabulary, asked.template) < 0
        return found + [
            (t, n, 0, float(part))
            for t, n, part, new in zip(
                asked.template.tolist(), asked.count.tolist(), parts, outside, strict=True
            )
            if new
        ]


def _damped(steps: Floats) -> Floats:
    """Differences of logarithms as they count, whole numbers again."""
    return np.minimum(steps, _DOUBLED) + np.floor(np.maximum(steps - _DOUBLED, 0.0) / _BEYOND)


def vector_of(templates: Ints) -> Ints:
    """(templates, 2): each and how often."""
    return np.stack(np.unique(templates, return_counts=True), axis=1).astype(np.int64)


def unpacked(vector: bytes) -> Ints:
    return np.frombuffer(vector, np.int64).reshape(-1, 2)


def _dense(vectors: Iterable[Ints], vocabulary: Ints) -> Floats:
    rows = list(vectors)
    out = np.zeros((len(rows), len(vocabulary)))
    for row, vector in enumerate(rows):
        out[row, place_in(vocabulary, vector[:, 0])] = log_steps(vector[:, 1])
    return out
