"""Is a session shorter or longer than any normal one? By how much, as a ratio: |ln((n + 1) / (limit + 1))|."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from detectors.lookup import session_scores
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats
from detectors.wording import amount, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores


class Length:
    name = "length"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self) -> None:
        self._range: tuple[int, int] | None = None
        """Events of the shortest and of the longest normal session."""

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._range = None
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        length = np.diff(batch.normal(labels).bounds).tolist()
        if length or self._range:
            seen = [*length, *(self._range or ())]
            self._range = min(seen), max(seen)

    def score(self, batch: LogBatch) -> Scores:
        shortest, longest = self._range or (0, 0)
        length = np.diff(batch.bounds)
        outside = np.log1p(np.clip(length, shortest, longest)) - np.log1p(length)
        strange: Floats = np.abs(outside)
        return session_scores(self.name, strange)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        shortest, longest = self._range or (0, 0)
        lines = batch.line_id[batch.bounds[unit] : batch.bounds[unit + 1]]
        return Explanation(
            f"{who(batch, unit)}: a session of {amount(len(lines))} events, normally "
            f"{amount(shortest)} to {amount(longest)}",
            line_ids=tuple(lines[:1].tolist()),
        )

    def save(self) -> bytes:
        return pack({"version": 1, "range": self._range}, {})

    def load(self, state: bytes) -> None:
        limits = unpack(state)[0]["range"]
        self._range = (limits[0], limits[1]) if limits else None
