"""How seldom does a session repeat itself? A view for an ensemble; alone it says little.

Programs loop: what they do in normal use they do many times. An intruder's steps are done once. The score is the share
of events that end a run of events which the session had not held before, for runs of 2 and of 10, averaged: pairs see
whether it does the same things again, long runs whether in the same way. Nothing is learnt: what is usual, the
calibration of the ensemble knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from detectors.lookup import session_scores
from detectors.reading import END, read
from detectors.snapshot import pack
from detectors.vectors import Floats, Ints, mixed
from detectors.wording import MAX_EVIDENCE, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores

RUNS = (2, 10)


class Diversity:
    name = "diversity"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        """Nothing is learnt."""

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Nothing is learnt."""

    def score(self, batch: LogBatch) -> Scores:
        shares = [_new_share(batch, run) for run in RUNS]
        total: Floats = np.sum(shares, axis=0) / len(RUNS)
        return session_scores(self.name, total)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        alone = batch.at(np.array([scores.unit[finding]]))
        share = float(_new_share(alone, RUNS[0])[0])
        title = (
            f"{who(alone, 0)}: the session repeats little, {int(100 * share)} % of its pairs of "
            "events are new to it"
        )
        return Explanation(title, (), tuple(alone.line_id[:MAX_EVIDENCE].tolist()))

    def save(self) -> bytes:
        return pack({"version": 1}, {})

    def load(self, state: bytes) -> None:
        """There is no state."""


def _new_share(batch: LogBatch, run: int) -> Floats:
    """(U,) of the events of each unit, those that end a run of `run` events for the first time; 0 without events.

    A run that would begin before its session begins with it.
    """
    found = read(batch, ("template",))
    text = found.fields["template"]
    rows = np.flatnonzero(text.values != END)
    session = found.session[rows]
    keys = np.full(len(rows), run, np.uint64)
    for level in range(run):
        before = text.history(level, rows) if level else text.values[rows]
        keys = mixed(keys ^ mixed(before))
    new = _first(mixed(keys ^ mixed(session)))
    sessions = len(found.times)
    count = np.maximum(np.bincount(session, minlength=sessions), 1)
    share: Floats = np.bincount(session, new, sessions) / count
    return share[found.kind]


def _first(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Whether a key is the first of its kind."""
    first: Ints = np.unique(keys, return_index=True)[1]
    out = np.zeros(len(keys), np.bool_)
    out[first] = True
    return out
