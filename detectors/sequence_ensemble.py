"""Is a session strange as a sequence? Three views of it as one (`detectors.ensemble` says how they are summed).

Which events does it hold, compared with the normal session nearest to it; in which order do they come, to a language
model of all; and how seldom does it repeat itself? The first does not see order, the second does not see that each step
is usual, but elsewhere.

Sequences are few where they are long, so none is set aside: members are calibrated by cross-conformal prediction (Vovk,
2015). Each fifth of the training sessions is judged by members that learnt the others, then all is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors import DETECTORS
from detectors.ensemble import Ensemble
from driftwood.protocols import Labels, LogBatch

VIEWS = ("tfidf_knn_set", "ngram_lm_10", "diversity")
_FOLDS = 5


class SequenceEnsemble(Ensemble):
    name = "sequence_ensemble"

    def __init__(self, members: Sequence[str] = VIEWS, half_life: float = 10_000.0) -> None:
        super().__init__(members, half_life)

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        """Labels say what to leave out; the members all weigh the same."""
        self._reset()
        batch = batch.normal(labels)
        order = np.argsort(batch.start, kind="stable")
        scores = np.zeros((len(self._members), len(order)))
        for fold in range(_FOLDS):
            out = np.arange(len(order)) % _FOLDS == fold
            known, asked = batch.at(order[~out]), batch.at(order[out])
            for place, name in enumerate(self._names):
                member = DETECTORS.make(name)
                member.fit(known, seed=seed)
                scores[place, out] = member.score(asked).of_units(len(asked))
        own = np.zeros(len(order))
        for column, calibrator in zip(scores, self._calibrators, strict=True):
            calibrator.learn(column)
            own -= np.log10(calibrator.own_p_values())
        self._whole.learn(own)
        for member in self._members:
            member.fit(batch, seed=seed)
