"""What happened just before makes a strange unit stranger: an event-time stage after a detector, itself no detector.

An attack is a run of steps, on several sources, that are each a little strange. So the score of a unit is raised by how
strange the units before it were, on any source of the stream:

    ctx(t) = sum over units of earlier starts of min(CAP, max(0, s - theta)) * exp(-dt / DECAY)
    score  = s * (1 + WEIGHT * ln(1 + ctx(t)))

`theta`, the 99.9 % quantile of validation scores, keeps the ordinary out of it. Units of one start do not see each
other, so that nothing depends on their order, nor on how they were cut into batches.
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
        self._forget()

    def _forget(self) -> None:
        self._strange = [(0, 0.0), (0, 0.0)]
        """Start (ns) of a strange unit and ctx just after it: the last two of different starts."""
        self._latest = 0

    def fit(self, scores: Floats) -> Context:
        """Take theta from the scores of validation units, and forget what came before."""
        self.theta = float(np.quantile(scores, QUANTILE)) if len(scores) else math.inf
        self._forget()
        return self

    def apply(self, source: npt.NDArray[np.object_], start: Ints, scores: Floats) -> Floats:
        """Scores with context, of rows ordered by `start`, which follow all those of earlier calls.

        Raises DetectorError when they go back in time.
        """
        if len(start) and (start[0] < self._latest or (np.diff(start) < 0).any()):
            raise DetectorError("context needs units in the order of their start, each once")
        excess = np.clip(scores - self.theta, 0.0, CAP)
        strange = np.flatnonzero(excess > 0)
        past = list(self._strange)
        for time, more in zip(start[strange].tolist(), excess[strange].tolist(), strict=True):
            last, ctx = past[-1]
            past.append((time, ctx * math.exp((last - time) / DECAY_NS) + more))
        at = np.array([time for time, _ in past], np.int64)
        after = np.array([ctx for _, ctx in past])
        before = np.maximum(np.searchsorted(at, start) - 1, 0)
        ctx_now = after[before] * np.exp((at[before] - start) / DECAY_NS)
        if len(start):
            self._latest = int(start[-1])
        earlier = [each for each in past if each[0] < past[-1][0]] or past[:1]
        self._strange = [earlier[-1], past[-1]]
        return np.asarray(scores * (1.0 + WEIGHT * np.log1p(ctx_now)), np.float64)

    def save(self) -> bytes:
        theta = self.theta if math.isfinite(self.theta) else None
        return orjson.dumps(
            {"version": 1, "theta": theta, "strange": self._strange, "latest": self._latest}
        )

    def load(self, state: bytes) -> None:
        stored = orjson.loads(state)
        self.theta = math.inf if stored["theta"] is None else stored["theta"]
        self._strange = [(time, ctx) for time, ctx in stored["strange"]]
        self._latest = stored["latest"]
