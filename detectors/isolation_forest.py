"""Isolation forest (Liu et al., ICDM 2008), scikit-learn's, on logarithms of template counts.

It asks which sessions are rare, so how often a vector was seen matters: each distinct one is put in as often as it was
seen, scaled down together where there are too many. A forest is not saved: vectors, their numbers and the seed are, and
give the same one again. It learns nothing about templates that it never saw.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from detectors.lookup import Lookup
from detectors.references import SCALE
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats, Vectors
from driftwood.protocols import Labels, LogBatch

_TREES = 300
_MAX_ROWS = 50_000
_MAX_CELLS = 10_000_000


class IsolationForest(Lookup):
    """The score is Liu's, 0..1, and about .5 where a session is like any other."""

    name = "isolation_forest"

    def __init__(self) -> None:
        super().__init__(max_vectors=10_000)
        self._seed = 0

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._seed = seed
        super().fit(batch, labels, seed=seed)

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        self._forest: Forest | None = None

    def distances(self, asked: Vectors) -> Floats:
        if not len(self.references.vocabulary) or not len(asked):
            return np.zeros(len(asked))
        if self._forest is None:
            self._forest = self._grown()
        rows = self.references.dense(asked, self.values(asked), slice(0, len(asked)))
        score: Floats = -self._forest.score_samples(rows / SCALE)
        return score

    def _grown(self) -> Forest:
        times = self.known.times
        most = min(_MAX_ROWS, _MAX_CELLS // len(self.references.vocabulary))
        if times.sum() > most:
            times = np.maximum(np.round(times * (most / times.sum())), 1).astype(np.int64)
        rows = np.repeat(self.references.whole / SCALE, times, axis=0)
        return Forest(n_estimators=_TREES, random_state=self._seed, n_jobs=1).fit(rows)

    def save(self) -> bytes:
        return pack({"version": 1, "seed": self._seed}, self.known.arrays())

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._seed = header["seed"]
        self._know(Vectors.from_arrays(arrays))
