"""Distance to the nearest normal session: Euclidean, between logarithms of template counts.

One occurrence more or less of a template that is otherwise absent is ln 2 = .69, whatever the length of the session;
5 instead of 4 are .18. So it holds what `event_set` finds and ranks the rest.

`knn_scaled` weighs templates by how freely they vary. How often a block is read is chance, how often it is written is
not: the counts of the first differ even between a normal session and the normal one nearest to it, those of the second
never do. So with d_t the sum, over normal vectors, of squared differences in template t to the nearest other one, and
a the mean square of all such differences, a template weighs sqrt(a / (a + d_t)): 1 where it never differs or was never
seen, little where it differs often.
"""

from __future__ import annotations

import numpy as np

from detectors.lookup import Lookup
from detectors.references import SCALE, References, log_steps
from detectors.vectors import Floats, Ints, Vectors, place_in

_SAMPLE = 1_000
"""Vectors from which weights are learnt: their cost is quadratic. Those seen most often."""


class NearestNeighbour(Lookup):
    name = "knn"

    def distances(self, asked: Vectors) -> Floats:
        out = np.zeros(len(asked))
        new = np.flatnonzero(self.known.find(asked.key) < 0)
        if len(new):
            vectors = asked.at(new)
            square, _ = self.references.nearest(vectors, self.values(vectors))
            out[new] = np.sqrt(square) / SCALE
        return out


class ScaledNeighbour(NearestNeighbour):
    name = "knn_scaled"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        self._scale: tuple[Ints, Floats] | None = None

    def weights(self, template: Ints) -> Floats:
        """(T,) of each template, 0..1."""
        if self._scale is None:
            self._scale = _weights(self.known.capped(_SAMPLE, len(self.known.template)))
        known, weight = self._scale
        return np.append(weight, 1.0)[place_in(known, template)]

    def values(self, vectors: Vectors) -> Floats:
        return np.round(log_steps(vectors.count) * self.weights(vectors.template))

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        weight = self.weights(differing[:, 0]) ** 2
        return [
            (t, seen, expected, part * float(w))
            for (t, seen, expected, part), w in zip(
                super()._weighed(differing), weight, strict=True
            )
        ]


def _weights(vectors: Vectors) -> tuple[Ints, Floats]:
    """Templates, ascending, and what they weigh."""
    references = References(vectors, log_steps(vectors.count))
    template, logs = references.vocabulary, references.whole / SCALE
    if len(logs) < 2:
        return template, np.ones(len(template))
    other = logs[references.nearest_others()]
    differs = np.round(((logs - other) ** 2).sum(axis=0), 9)
    mean = differs.sum() / logs.size
    return template, np.sqrt(mean / (mean + differs)) if mean else np.ones(len(template))
