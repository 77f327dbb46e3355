"""Is a session nearer to known anomalies than to normal sessions? From a handful of labels on, at once.

With the distances of `knn_scaled` to the nearest normal and to the nearest anomalous vector, the score is
d_normal / (d_normal + d_anomalous): 0 is a normal session, 1 a known anomaly, .5 as near to one as to the other. A
vector that was seen with both labels is as anomalous as the share of its labels is. While no anomaly is known, one is
taken to be a new template away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from detectors.knn import ScaledNeighbour
from detectors.references import References, log_steps
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats, Vectors
from driftwood.errors import DetectorError
from driftwood.protocols import Explanation, Labels, LogBatch, Scores


class DistanceRatio(ScaledNeighbour):
    name = "distance_ratio_scaled"
    needs = frozenset({"labels"})

    def __init__(self) -> None:
        self._bad = Vectors.none()
        """Of the sessions that are known to be anomalous."""
        super().__init__()

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        if labels is None:
            raise DetectorError(f"{self.name} needs labels of units, 1 of the anomalous ones")
        self._bad = Vectors.none()
        super().fit(batch, labels, seed=seed)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Units without a label teach nothing, where there are labels."""
        if labels is not None:
            bad, _ = Vectors.of(batch.at(np.flatnonzero(labels == 1)))
            self._bad = self._bad.merged(bad).capped(*self._max)
            batch = batch.at(np.flatnonzero(labels == 0))
        super().partial_fit(batch)

    def distances(self, asked: Vectors) -> Floats:
        values = self.values(asked)
        normal = np.sqrt(self.references.nearest(asked, values)[0])
        anomalous = np.full(len(asked), log_steps(np.ones(1, np.int64))[0])
        if len(self._bad):
            anomalous = np.sqrt(
                References(self._bad, self.values(self._bad)).nearest(asked, values)[0]
            )
        both = normal + anomalous
        ratio = normal / np.where(both > 0, both, 1.0)
        good, bad = self.known.find(asked.key), self._bad.find(asked.key)
        times = np.append(self.known.times, 0)[good], np.append(self._bad.times, 0)[bad]
        share = times[1] / np.maximum(times[0] + times[1], 1)
        return np.where((good >= 0) & (bad >= 0), share, ratio)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        told = super().explain(batch, scores, finding, texts)
        share = float(scores.score[finding])
        return replace(told, title=f"{told.title} ({share:.0%} of the way to a known anomaly)")

    def save(self) -> bytes:
        bad = {f"bad_{name}": array for name, array in self._bad.arrays().items()}
        return pack({"version": 1}, {**self.known.arrays(), **bad})

    def load(self, state: bytes) -> None:
        _, arrays = unpack(state)
        self._bad = Vectors.from_arrays(
            {name[4:]: array for name, array in arrays.items() if name.startswith("bad_")}
        )
        self._know(Vectors.from_arrays(arrays))
