"""Event count vector clustering: how far is a session's count vector from the nearest normal one, as a share?

Landauer et al., FSE 2024: the Manhattan distance over the largest that it could be, sum |a - b| / sum max(a, b): 0 of
the same, 1 with nothing in common. `ecvc_idf` weighs a template by ln((1 + sessions) / sessions that hold it): one that
all hold counts very little, but not nothing, so that sessions of such templates alone can still be compared.
"""

from __future__ import annotations

import numpy as np

from detectors.lookup import Lookup
from detectors.references import References
from detectors.vectors import Floats, Ints, Vectors, place_in

_CELLS = 1 << 20
_FINE = 2.0**30
"""Steps of a weight: what nearly all sessions hold weighs about 1 / sessions."""


class Ecvc(Lookup):
    name = "ecvc"

    def values(self, vectors: Vectors) -> Floats:
        return vectors.count.astype(np.float64)

    def distances(self, asked: Vectors) -> Floats:
        out = np.zeros(len(asked))
        new = np.flatnonzero(self.known.find(asked.key) < 0)
        if len(new):
            vectors = asked.at(new)
            out[new], _ = nearest_share(self.references, vectors, self.values(vectors))
        return out

    def nearest(self, asked: Vectors) -> Ints:
        return nearest_share(self.references, asked, self.values(asked))[1]

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        return [(t, n, m, float(abs(n - m))) for t, n, m in differing.tolist()]


class EcvcIdf(Ecvc):
    name = "ecvc_idf"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        template, place = np.unique(self.known.template, return_inverse=True)
        sessions = int(self.known.times.sum())
        held = np.bincount(place, self.known.times[self.known.row], len(template))
        weight = np.log((1 + sessions) / np.append(held, 1))
        # In whole steps, as all that distances are made of.
        self._idf = template, np.round(weight * _FINE)

    def weights(self, template: Ints) -> Floats:
        known, weight = self._idf
        return weight[place_in(known, template)]

    def values(self, vectors: Vectors) -> Floats:
        return vectors.count * self.weights(vectors.template)

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        weight = self.weights(differing[:, 0]).tolist()
        return [
            (t, n, m, abs(n - m) * w)
            for (t, n, m), w in zip(differing.tolist(), weight, strict=True)
        ]


def nearest_share(references: References, asked: Vectors, value: Floats) -> tuple[Floats, Ints]:
    """(V,) the smallest distance and the row of its reference; 1 and -1 when there is none."""
    best, row = np.where(np.diff(asked.bounds) > 0, 1.0, 0.0), np.full(len(asked), -1)
    of_asked, of_known = asked.summed(value), references.vectors.summed(references.value)
    for known, block in references.blocks(_CELLS):
        size = max(_CELLS // len(block), 1)
        for first in range(0, len(asked), size):
            rows = slice(first, min(first + size, len(asked)))
            common = _common(references.dense(asked, value, rows), block)
            limit = of_asked[rows, None] + of_known[known] - common
            share = np.where(limit > 0, 1.0 - common / np.where(limit > 0, limit, 1.0), 0.0)
            place = share.argmin(axis=1)
            near = share[np.arange(len(place)), place]
            better = (near < best[rows]) | (row[rows] < 0)
            best[rows] = np.where(better, near, best[rows])
            row[rows] = np.where(better, known[place], row[rows])
    return best, row


def _common(a: Floats, b: Floats) -> Floats:
    """(rows of a, rows of b) sum of the smaller values, column by column."""
    out = np.zeros((len(a), len(b)))
    for column in np.flatnonzero(a.any(axis=0)):
        out += np.minimum(a[:, column, None], b[:, column])
    return out
