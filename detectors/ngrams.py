"""How much of a session is made of runs of templates that no normal session held?

The score is the share of its n-grams that were never seen, where a session begins and ends with a marker: a beginning
or an end out of place is an n-gram, too. An n-gram is known by its hash, so a session of any length is a few passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from detectors.lookup import session_scores
from detectors.snapshot import pack, unpack
from detectors.vectors import (
    Floats,
    Ints,
    Keys,
    distinct,
    mixed,
    mixed_ids,
    place_in,
    plain,
    sequence_keys,
)
from detectors.wording import MAX_CONTRIBUTIONS, MAX_EVIDENCE, quoted, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

_MAX_NGRAMS = 2_000_000
"""Beyond these, those of the fewest sessions are forgotten; 16 MB of hashes."""
_BEGIN, _END = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
_TURN = np.uint64(0x9E3779B97F4A7C15)


class NgramUnseen:
    name = "ngram_unseen"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self, n: int = 3) -> None:
        self._n = n
        self._forget()

    def _forget(self) -> None:
        self._known = np.zeros(0, np.uint64)
        self._times = np.zeros(0, np.int64)
        """Sessions that held each."""

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._forget()
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        found = distinct(sequence_keys(batch))
        grams, unit, _ = _grams(plain(batch, found.first), self._n)
        pairs = np.unique(np.stack([grams, unit.astype(np.uint64)]), axis=1)
        grams, times = pairs[0], found.times[pairs[1].astype(np.int64)]
        known, place = np.unique(np.append(self._known, grams), return_inverse=True)
        self._times = np.bincount(place, np.append(self._times, times), len(known)).astype(np.int64)
        self._known = known
        if len(known) > _MAX_NGRAMS:
            kept = np.sort(np.lexsort((known, -self._times))[:_MAX_NGRAMS])
            self._known, self._times = known[kept], self._times[kept]

    def score(self, batch: LogBatch) -> Scores:
        found = distinct(sequence_keys(batch))
        grams, unit, _ = _grams(plain(batch, found.first), self._n)
        new = place_in(self._known, grams) < 0
        units = len(found.key)
        share: Floats = np.bincount(unit[new], minlength=units) / np.maximum(
            np.bincount(unit, minlength=units), 1
        )
        return session_scores(self.name, share[found.kind])

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        alone = replace(batch, fields=None).at(np.array([unit]))
        grams, _, first = _grams(alone, self._n)
        new = place_in(self._known, grams) < 0
        place = int(first[new][0])
        run = alone.template_id[max(place, 0) : place + self._n].tolist()
        said = [*["the beginning"] * (place < 0), *(quoted(t, texts) for t in run)]
        said += ["the end"] * (place + self._n > len(alone.unit))
        title = f"{who(batch, unit)}: no normal session has {', then '.join(said)}"
        if new.sum() > 1:
            title += f", and {int(new.sum()) - 1} more runs that are new"
        # Every event within a new run took part in it.
        part = np.zeros(len(alone.unit) + 2, np.int64)
        for step in range(self._n):
            part[first[new] + 1 + step] += 1
        part = part[1:-1]
        templates, at = np.unique(alone.template_id, return_inverse=True)
        weight = np.bincount(at, part, len(templates)) / max(int(part.sum()), 1)
        shown = np.argsort(-weight, kind="stable")[:MAX_CONTRIBUTIONS]
        contributions = tuple(
            Contribution(
                TemplateId(int(templates[t])),
                texts.get(int(templates[t]), ""),
                float((at == t).sum()),
                float((at == t).sum() - ((at == t) & (part > 0)).sum()),
                float(weight[t]),
            )
            for t in shown.tolist()
            if weight[t] > 0
        )
        return Explanation(
            title, contributions, tuple(alone.line_id[part > 0][:MAX_EVIDENCE].tolist())
        )

    def save(self) -> bytes:
        return pack({"version": 1, "n": self._n}, {"known": self._known, "times": self._times})

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._n, self._known, self._times = header["n"], arrays["known"], arrays["times"]


class BigramUnseen(NgramUnseen):
    name = "ngram_unseen_2"

    def __init__(self) -> None:
        super().__init__(2)


def _grams(batch: LogBatch, n: int) -> tuple[Keys, Ints, Ints]:
    """Hash, unit and place of the first event (-1: the marker before it) of every n-gram, by (unit, place)."""
    length = np.diff(batch.bounds) + 2
    start = np.cumsum(length) - length
    tokens = np.zeros(int(length.sum()), np.uint64)
    unit = np.repeat(np.arange(len(batch)), length)
    tokens[np.arange(len(batch.unit)) + 2 * batch.unit.astype(np.int64) + 1] = mixed_ids(
        batch.template_id
    )
    tokens[start], tokens[start + length - 1] = _BEGIN, _END
    whole = max(len(tokens) - n + 1, 0)
    keys = np.zeros(whole, np.uint64)
    for step in range(n):
        keys = mixed(keys * _TURN + tokens[step : step + whole])
    inside = unit[:whole] == unit[n - 1 : n - 1 + whole]
    place = np.arange(whole) - start[unit[:whole]] - 1
    return keys[inside], unit[:whole][inside], place[inside]
