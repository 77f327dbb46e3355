"""Is the set of templates of this session one that some normal session had? And if not, how far is it from one?

The distance is the number of templates that would have to come or go to reach the nearest known set, so any new set
is found at the natural threshold of zero and worse ones rank higher.
"""

from __future__ import annotations

import numpy as np

from detectors.lookup import Lookup
from detectors.references import References, ones
from detectors.vectors import Floats, Ints, Vectors, distinct, set_keys


class EventSet(Lookup):
    name = "event_set"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        sets = distinct(set_keys(self.known))
        self._seen, self._rows = sets.key, np.sort(sets.first)
        vectors = self.known.at(self._rows)
        self._sets = References(vectors, ones(vectors.count))

    def distances(self, asked: Vectors) -> Floats:
        out = np.zeros(len(asked))
        new = np.flatnonzero(~np.isin(set_keys(asked), self._seen))
        if len(new):
            vectors = asked.at(new)
            out[new], _ = self._sets.nearest(vectors, ones(vectors.count))
        return out

    def nearest(self, asked: Vectors) -> Ints:
        _, row = self._sets.nearest(asked, ones(asked.count))
        return np.append(self._rows, -1)[row]

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        """Only what comes or goes counts."""
        rows = differing[(differing[:, 1:] == 0).any(axis=1)]
        return [(t, seen, expected, 1.0) for t, seen, expected in rows.tolist()]
