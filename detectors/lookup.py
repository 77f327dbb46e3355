"""What look-ups of count vectors share: they remember the distinct vectors of normal sessions and compare with them.

The memory is bounded: beyond `max_vectors` vectors or `max_entries` counts, those seen in the fewest sessions go first,
of equals those not seen for longest. Until then `fit` in parts equals `fit` at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np

from detectors.references import References, difference, log_steps
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats, Ints, Vectors
from detectors.wording import MAX_CONTRIBUTIONS, amount, evidence, quoted, span_of, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

MAX_VECTORS = 50_000
MAX_ENTRIES = 1_500_000
"""Templates and counts of all vectors: 24 MB before compression."""


class Lookup:
    name = "lookup"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self, max_vectors: int = MAX_VECTORS, max_entries: int = MAX_ENTRIES) -> None:
        self._max = (max_vectors, max_entries)
        self._know(Vectors.none())

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._know(Vectors.none())
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        new, _ = Vectors.of(batch.normal(labels))
        self._know(self.known.merged(new).capped(*self._max) if len(self.known) else new)

    def _know(self, known: Vectors) -> None:
        """Called with all that is known now; what is derived from it is derived here."""
        self.known = known.capped(*self._max)
        self.__dict__.pop("references", None)

    @cached_property
    def references(self) -> References:
        """What distances are taken to; made when it is first asked for after learning."""
        return References(self.known, self.values(self.known))

    def values(self, vectors: Vectors) -> Floats:
        """(T,) the number that stands for each count, a whole one."""
        return log_steps(vectors.count)

    def distances(self, asked: Vectors) -> Floats:
        """(V,) 0 where nothing is strange."""
        raise NotImplementedError

    def nearest(self, asked: Vectors) -> Ints:
        """(V,) the row of `known` that an explanation compares with, -1 for none."""
        return self.references.nearest(asked, self.values(asked))[1]

    def score(self, batch: LogBatch) -> Scores:
        asked, kind = Vectors.of(batch)
        return session_scores(self.name, self.distances(asked)[kind])

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        asked, _ = Vectors.of(batch.at(np.array([unit])))
        row = int(self.nearest(asked)[0])
        return compared(batch, unit, self._weighed(difference(asked, 0, self.known, row)), texts)

    def _weighed(self, differing: Ints) -> list[tuple[int, int, int, float]]:
        """(template, seen, expected, part in the score)"""
        part = np.diff(np.log1p(differing[:, 1:]), axis=1)[:, 0] ** 2
        return list(zip(*differing.T.tolist(), part.tolist(), strict=True))

    def save(self) -> bytes:
        return pack({"version": 1}, self.known.arrays())

    def load(self, state: bytes) -> None:
        self._know(Vectors.from_arrays(unpack(state)[1]))


def session_scores(kind: str, strange: Floats) -> Scores:
    """One finding for each unit that is stranger than 0."""
    unit = np.flatnonzero(strange > 0)
    kinds = np.empty(len(unit), np.object_)
    kinds[:] = kind
    return Scores(
        unit=unit.astype(np.int32),
        score=strange[unit].astype(np.float64),
        p_value=np.full(len(unit), np.nan),
        kind=kinds,
        subject=np.zeros(len(unit), np.int64),
    )


def compared(
    batch: LogBatch,
    unit: int,
    differing: list[tuple[int, int, int, float]],
    texts: Mapping[int, str],
    beside: str = "",
) -> Explanation:
    """A session beside normal ones, by (template, seen, expected, part in the score), in the words of the worst.

    `beside` says what was expected where that is no number of the nearest normal session.
    """
    ordered = sorted(differing, key=lambda d: (-d[3], d[0]))
    shown = ordered[:MAX_CONTRIBUTIONS]
    if not shown:
        return Explanation(f"{who(batch, unit)}: a session of a rare kind")
    template, seen, expected, _ = shown[0]
    title = (
        f"{who(batch, unit)}: {quoted(template, texts)} occurs {often(seen)}, "
        f"{beside or f'in the nearest normal session {often(expected)}'}"
    )
    if len(ordered) > 1:
        title += f", and {len(ordered) - 1} more that differ"
    total = sum(part for *_, part in ordered) or 1.0
    contributions = tuple(
        Contribution(TemplateId(t), texts.get(t, ""), float(n), float(m), part / total)
        for t, n, m, part in shown
    )
    span = span_of(batch, unit)
    rows = np.isin(batch.template_id[span], [t for t, n, _, _ in shown if n])
    return Explanation(title, contributions, evidence(batch, rows, span))


def often(count: float) -> str:
    """
    >>> often(0), often(1), often(1200)
    ('never', 'once', '1,200 times')
    """
    return {0: "never", 1: "once"}.get(round(count), f"{amount(count)} times")
