"""Is the set of templates of this session one that some normal session had? And if not, how far is it from one?

The distance is the number of templates that would have to come or go to reach the nearest known set, so any new set
is found at the natural threshold of zero and worse ones rank higher.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors.lookup import Lookup
from detectors.references import References, ones
from detectors.vectors import Floats, Ints, Vectors, distinct, place_in, set_keys


class EventSet(Lookup):
    name = "event_set"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        found = distinct(set_keys(self.known))
        self._example = np.sort(found.first)
        """A vector of each set, by which sets are ordered."""
        self._keys, self._place = found.key, np.searchsorted(self._example, found.first)
        self.set_of_known = self._place[found.kind]
        times = np.bincount(self.set_of_known, self.known.times, len(self._example))
        sets = replace(self.known.at(self._example), times=times.astype(np.int64))
        self.sets = References(sets, ones(sets.count))

    def nearest_sets(self, asked: Vectors) -> tuple[Floats, Ints]:
        """(V,) how many templates come or go to reach the nearest known set, and its row in `sets`, -1 without any."""
        place = place_in(self._keys, set_keys(asked))
        far, row = np.zeros(len(asked)), np.append(self._place, -1)[place]
        new = np.flatnonzero(place < 0)
        if len(new):
            vectors = asked.at(new)
            far[new], row[new] = self.sets.nearest(vectors, ones(vectors.count))
        return far, row

    def distances(self, asked: Vectors) -> Floats:
        return self.nearest_sets(asked)[0]

    def nearest(self, asked: Vectors) -> Ints:
        return np.append(self._example, -1)[self.nearest_sets(asked)[1]]

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        """Only what comes or goes counts."""
        rows = differing[(differing[:, 1:] == 0).any(axis=1)]
        return [(t, seen, expected, 1.0) for t, seen, expected in rows.tolist()]
