"""Of which normal session is this one a kin? Cosine distance between n-gram frequencies, to the nearest normal session.

Frequencies and not their logarithms: a session that does the same for twice as long is the same kind. Each n-gram
weighs its inverse document frequency, ln((1 + sessions) / (1 + sessions that have it)) + 1 (as scikit-learn smooths
it); n-grams that training did not have weigh most, so a session made of them is far from everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse

from detectors.lookup import MAX_ENTRIES, MAX_VECTORS, Lookup, session_scores
from detectors.vectors import Floats, Ints, Vectors, mixed, mixed_ids, place_in
from detectors.wording import MAX_CONTRIBUTIONS, evidence, quoted, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

_BLOCK = 256
"""Sessions compared at once."""


class TfidfNeighbour(Lookup):
    name = "tfidf_knn"

    def __init__(
        self,
        n: int = 1,
        presence: bool = False,
        max_vectors: int = MAX_VECTORS,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        """`n`: events of an n-gram; with `presence` only which there are counts, not how often."""
        self._n, self._presence = n, presence
        super().__init__(max_vectors, max_entries)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        super().partial_fit(_ngrams(batch.normal(labels), self._n))

    def score(self, batch: LogBatch) -> Scores:
        asked, kind = Vectors.of(_ngrams(batch, self._n))
        return session_scores(self.name, self.distances(asked)[kind])

    def distances(self, asked: Vectors) -> Floats:
        return self._nearest(asked)[0]

    def nearest(self, asked: Vectors) -> Ints:
        return self._nearest(asked)[1]

    def _nearest(self, asked: Vectors) -> tuple[Floats, Ints]:
        """(V,) cosine distance 0..1 and the row of `known`, -1 while nothing is."""
        distance: Floats = np.ones(len(asked), np.float64)
        row = np.full(len(asked), -1)
        if not len(self.known):
            return distance, row
        here, known = self._matrix(asked), self._known
        for first in range(0, len(asked), _BLOCK):
            span = slice(first, first + _BLOCK)
            alike = (here[span] @ known).toarray()
            row[span] = alike.argmax(axis=1)
            distance[span] = 1.0 - alike.max(axis=1)
        # The last bits of a product are no distance.
        distance = np.round(np.maximum(distance, 0.0), 12).astype(np.float64)
        same = self.known.find(asked.key)
        return np.where(same >= 0, 0.0, distance), np.where(same >= 0, same, row)

    @cached_property
    def _vocabulary(self) -> Ints:
        return np.unique(self.known.template)

    @cached_property
    def _idf(self) -> Floats:
        """Of each n-gram of the vocabulary, and of one that is not in it."""
        known = self.known
        place = np.searchsorted(self._vocabulary, known.template)
        having = np.bincount(place, known.times[known.row], len(self._vocabulary) + 1)
        weights: Floats = np.log((1.0 + known.times.sum()) / (1.0 + having)) + 1.0
        return weights

    @cached_property
    def _known(self) -> sparse.csc_array:
        return self._matrix(self.known).T.tocsc()

    def _matrix(self, vectors: Vectors) -> sparse.csr_array:
        """A row of length 1 for each vector, less what its unknown n-grams take of it."""
        place = place_in(self._vocabulary, vectors.template)
        times = np.ones(len(place)) if self._presence else vectors.count
        weight = times * self._idf[place]
        size = np.sqrt(vectors.summed(weight**2))[vectors.row]
        kept = place >= 0
        shape = (len(vectors), len(self._vocabulary))
        rows = (vectors.row[kept], place[kept])
        return sparse.csr_array(((weight / size)[kept], rows), shape=shape)

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        for name in ("_vocabulary", "_idf", "_known"):
            self.__dict__.pop(name, None)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        """What takes a larger part of the session than of the normal one nearest to it."""
        unit = int(scores.unit[finding])
        alone = batch.at(np.array([unit]))
        said = _ngrams(alone, self._n)
        asked, _ = Vectors.of(said)
        row = int(self.nearest(asked)[0])
        near = self.known.at(np.array([row] if row >= 0 else [], np.int64))
        here, there = _shares(asked, asked.template), _shares(near, asked.template)
        more = (here - there) * self._idf[place_in(self._vocabulary, asked.template)]
        order = [i for i in np.argsort(-more, kind="stable").tolist() if more[i] > 0]
        if not order:
            return Explanation(f"{who(alone, 0)}: a session of a rare kind")
        first = {gram: i for i, gram in reversed(list(enumerate(said.template_id.tolist())))}
        runs = [
            alone.template_id[(at := first[int(asked.template[i])]) : at + self._n] for i in order
        ]
        run = " ".join(quoted(template, texts) for template in runs[0].tolist())
        title = (
            f"{who(alone, 0)}: {run} makes up {here[order[0]]:.0%} of the session, "
            f"{there[order[0]]:.0%} of the nearest normal one"
        )
        whole = float(more[order].sum())
        parts: dict[int, list[float]] = {}
        for i, templates in zip(order, runs, strict=True):
            seen, expected, part = parts.setdefault(int(templates[0]), [0.0, 0.0, 0.0])
            usual = float(there[i]) * len(said.template_id)
            parts[int(templates[0])] = [
                seen + float(asked.count[i]),
                expected + usual,
                part + float(more[i]) / whole,
            ]
        largest = sorted(parts, key=lambda template: -parts[template][2])[:MAX_CONTRIBUTIONS]
        contributions = tuple(
            Contribution(TemplateId(template), texts.get(template, ""), *parts[template])
            for template in largest
        )
        rows = np.isin(alone.template_id, largest)
        return Explanation(title, contributions, evidence(alone, rows, slice(None)))


class TfidfSet(TfidfNeighbour):
    """Which events there are: what one session does once and another all the time is the same."""

    name = "tfidf_knn_set"

    def __init__(self) -> None:
        super().__init__(1, presence=True)


def _shares(vectors: Vectors, grams: Ints) -> Floats:
    """(G,) of each n-gram in the first of `vectors`, 0..1."""
    if not len(vectors.template):
        return np.zeros(len(grams))
    place = place_in(vectors.template, grams)
    shares: Floats = np.where(place >= 0, vectors.count[place], 0) / vectors.count.sum()
    return shares


def _ngrams(batch: LogBatch, n: int) -> LogBatch:
    """Events stand for the n-gram that begins with them, those of one event for themselves; the last n - 1 go."""
    if n == 1:
        return batch
    size = np.diff(batch.bounds)
    left = np.repeat(batch.bounds[1:], size) - np.arange(len(batch.unit))
    begins = np.flatnonzero(left >= n)
    keys = np.full(len(begins), n, np.uint64)
    for place in range(n):
        keys = mixed(keys ^ mixed_ids(batch.template_id[begins + place]))
    return replace(
        batch,
        unit=batch.unit[begins],
        ts=batch.ts[begins],
        template_id=keys.view(np.int64),
        severity=batch.severity[begins],
        line_id=batch.line_id[begins],
        fields=None,
    )
