"""What happened just before makes a strange unit stranger: an event-time stage after a detector, itself no detector.

An attack is a run of steps, on several sources, that are each a little strange. So the score of a unit is raised by how
strange the units before it were, on any source of the stream:

    ctx(t) = sum over the units before of min(CAP, max(0, s - theta)) * exp(-dt / DECAY)
    score  = s * (1 + WEIGHT * ln(1 + ctx(t)))

`theta`, the 99.9 % quantile of validation scores, keeps the ordinary out of it. *Before* is the order of the rows, by
start, so that nothing depends on how they were cut into batches.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import orjson

from driftwood.errors import DetectorError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DECAY_NS = 20 * 60 * 10**9
"""After so long a strange unit counts 1/e."""
CAP = 20.0
"""The most that one unit adds: one huge burst is one sign, not a hundred."""
WEIGHT = 0.3
QUANTILE = 0.999


class Context:
    def __init__(self) -> None:
        self.theta = math.inf
        self._at = 0
        """Start of the last strange unit, ns."""
        self._sum = 0.0
        """ctx just after it."""

    def fit(self, scores: Floats) -> Context:
        """Take theta from the scores of validation units, and forget what came before."""
        self.theta = float(np.quantile(scores, QUANTILE)) if len(scores) else math.inf
        self._at, self._sum = 0, 0.0
        return self

    def apply(self, source: npt.NDArray[np.object_], start: Ints, scores: Floats) -> Floats:
        """Scores with context, of rows ordered by `start`, which follow all those of earlier calls.

        Raises DetectorError when they go back in time.
        """
        if len(start) and (start[0] < self._at or (np.diff(start) < 0).any()):
            raise DetectorError("context needs units in the order of their start, each once")
        excess = np.clip(scores - self.theta, 0.0, CAP)
        strange = np.flatnonzero(excess > 0)
        at, after = [self._at], [self._sum]
        for time, more in zip(start[strange].tolist(), excess[strange].tolist(), strict=True):
            after.append(after[-1] * math.exp((at[-1] - time) / DECAY_NS) + more)
            at.append(time)
        last = np.searchsorted(strange, np.arange(len(start)))
        silence = start - np.array(at, np.int64)[last]
        ctx = np.array(after)[last] * np.exp(-silence / DECAY_NS)
        self._at, self._sum = at[-1], after[-1]
        return np.asarray(scores * (1.0 + WEIGHT * np.log1p(ctx)), np.float64)

    def save(self) -> bytes:
        theta = self.theta if math.isfinite(self.theta) else None
        return orjson.dumps({"version": 1, "theta": theta, "at": self._at, "sum": self._sum})

    def load(self, state: bytes) -> None:
        stored = orjson.loads(state)
        self.theta = math.inf if stored["theta"] is None else stored["theta"]
        self._at, self._sum = stored["at"], stored["sum"]
