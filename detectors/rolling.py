"""A threshold that follows the stream: a share of units, judged by validation and by what was scored of late.

A quantile of validation scores is kept as long as the stream stays as it was: on scenarios of AIT-ADS kept apart a
nominal 1 % became 8.5 %. So the threshold is the larger of that and the same quantile of the *unlabelled* scores of the
last two days, without the last hour, which may hold the very attack that is to be found.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from detectors.snapshot import pack, unpack
from driftwood.errors import DetectorError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HORIZON_NS = 2 * 24 * 3600 * 10**9
DELAY_NS = 3600 * 10**9
STEP_NS = 60 * 10**9
"""The threshold is taken anew once in so long, at the first unit of it."""
MAX_UNITS = 500_000
"""Of the last two days, the latest."""


class RollingThreshold:
    def __init__(self, fpr: float) -> None:
        """`fpr`: the share of units that may pass when nothing goes on."""
        self.fpr = fpr
        self.floor = math.inf
        self._forget()

    def _forget(self) -> None:
        self._start = np.empty(0, np.int64)
        self._score = np.empty(0, np.float64)
        self._step = -1
        self._now = math.inf
        """The threshold of this step."""

    def fit(self, scores: Floats) -> RollingThreshold:
        """Take the floor from the scores of validation units, and forget what came before."""
        self.floor = self._quantile(scores) if len(scores) else math.inf
        self._forget()
        return self

    def passed(self, start: Ints, scores: Floats) -> npt.NDArray[np.bool_]:
        """Which units are above the threshold of their time: rows ordered by `start`, after those of earlier calls.

        Raises DetectorError when they go back in time.
        """
        if len(start) and ((np.diff(start) < 0).any() or start[0] < self._latest()):
            raise DetectorError("the rolling threshold needs units in the order of their start")
        self._start = np.concatenate((self._start, start))
        self._score = np.concatenate((self._score, scores))
        threshold = np.empty(len(start))
        step = start // STEP_NS
        heads = [*np.flatnonzero(np.diff(step, prepend=self._step)).tolist(), len(start)]
        threshold[: heads[0]] = self._now
        for head, end in pairwise(heads):
            self._now = self._threshold(int(step[head]) * STEP_NS)
            threshold[head:end] = self._now
        if len(start):
            self._step = int(step[-1])
            self._drop()
        return scores > threshold

    def _latest(self) -> int:
        return int(self._start[-1]) if len(self._start) else -(2**62)

    def _threshold(self, now: int) -> float:
        """Of the units that start in [now - horizon, now - delay]."""
        past = self._score[slice(*self._span(now))]
        if len(past) * self.fpr < 1.0:
            return self.floor  # too few to tell such a quantile
        return max(self.floor, self._quantile(past))

    def _quantile(self, scores: Floats) -> float:
        """One more like `scores` is above it with a probability of `fpr` at most (Vovk et al. 2005)."""
        rank = min(math.ceil((len(scores) + 1) * (1.0 - self.fpr)), len(scores))
        return float(np.partition(scores, rank - 1)[rank - 1])

    def _span(self, now: int) -> tuple[int, int]:
        first, last = np.searchsorted(self._start, (now - HORIZON_NS, now - DELAY_NS)).tolist()
        return max(first, last - MAX_UNITS), last

    def _drop(self) -> None:
        first, _ = self._span(self._step * STEP_NS)
        self._start, self._score = self._start[first:], self._score[first:]

    def save(self) -> bytes:
        header = {
            "version": 1,
            "fpr": self.fpr,
            "floor": None if math.isinf(self.floor) else self.floor,
            "step": self._step,
            "now": None if math.isinf(self._now) else self._now,
        }
        return pack(header, {"start": self._start, "score": self._score})

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self.fpr, self._step = header["fpr"], header["step"]
        self.floor = math.inf if header["floor"] is None else header["floor"]
        self._now = math.inf if header["now"] is None else header["now"]
        self._start, self._score = arrays["start"], arrays["score"]
