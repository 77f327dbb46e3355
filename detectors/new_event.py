"""How many templates of a session did no normal session hold? Landauer et al., FSE 2024: the floor of all floors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from detectors.lookup import compared, session_scores
from detectors.snapshot import pack, unpack
from detectors.vectors import Ints, place_in
from driftwood.protocols import Explanation, Labels, LogBatch, Scores

_MAX_TEMPLATES = 500_000
"""Beyond these, templates with the smallest ids, the oldest, are forgotten."""


class NewEvent:
    name = "new_event"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self) -> None:
        self._known = np.zeros(0, np.int64)

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._known = np.zeros(0, np.int64)
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        template = batch.normal(labels).template_id
        self._known = np.union1d(self._known, template)[-_MAX_TEMPLATES:]

    def _news(self, batch: LogBatch) -> tuple[Ints, Ints, Ints]:
        """Unit, template and number of lines of what is new."""
        new = place_in(self._known, batch.template_id) < 0
        pairs = np.stack([batch.unit[new].astype(np.int64), batch.template_id[new]])
        found, count = np.unique(pairs, axis=1, return_counts=True)
        return found[0], found[1], count

    def score(self, batch: LogBatch) -> Scores:
        unit, _, _ = self._news(batch)
        return session_scores(self.name, np.bincount(unit, minlength=len(batch)).astype(float))

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        _, template, count = self._news(batch.at(np.array([unit])))
        news = [(t, n, 0, 1.0) for t, n in zip(template.tolist(), count.tolist(), strict=True)]
        return compared(batch, unit, news, texts, "in no normal session")

    def save(self) -> bytes:
        return pack({"version": 1}, {"known": self._known})

    def load(self, state: bytes) -> None:
        self._known = unpack(state)[1]["known"]
