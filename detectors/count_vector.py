"""Has any normal session held the same templates just as often? Exactly, or with counts in powers of two."""

from __future__ import annotations

import numpy as np

from detectors.lookup import Lookup
from detectors.vectors import Floats, Keys, Vectors, mixed, mixed_ids, sums


class CountVector(Lookup):
    """1 when the count vector was never seen."""

    name = "count_vector"

    def distances(self, asked: Vectors) -> Floats:
        return (self.known.find(asked.key) < 0).astype(np.float64)


class CountVectorBucketed(Lookup):
    """1 when it was never seen, where 1, 2-3, 4-7, 8-15, ... occurrences are all the same."""

    name = "count_vector_bucketed"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        self._seen = np.unique(_bucket_keys(self.known))

    def distances(self, asked: Vectors) -> Floats:
        return (~np.isin(_bucket_keys(asked), self._seen)).astype(np.float64)


def _bucket_keys(vectors: Vectors) -> Keys:
    power = np.frexp(vectors.count)[1].astype(np.uint64)
    return sums(mixed(mixed_ids(vectors.template) + power), vectors.bounds)
