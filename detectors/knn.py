"""Distance to the nearest normal session: Euclidean, between logarithms of template counts.

One occurrence more or less of a template that is otherwise absent is ln 2 = .69, whatever the length of the session;
5 instead of 4 are .18. So it holds what `event_set` finds and ranks the rest.
"""

from __future__ import annotations

import numpy as np

from detectors.lookup import Lookup
from detectors.references import SCALE, log_steps
from detectors.vectors import Floats, Vectors


class NearestNeighbour(Lookup):
    name = "knn"

    def distances(self, asked: Vectors) -> Floats:
        out = np.zeros(len(asked))
        new = np.flatnonzero(self.known.find(asked.key) < 0)
        if len(new):
            vectors = asked.at(new)
            square, _ = self.references.nearest(vectors, log_steps(vectors.count))
            out[new] = np.sqrt(square) / SCALE
        return out
