"""Is a session strange as a sequence? Two views of it as one (`detectors.ensemble` says how).

Which events does it hold, compared with the normal session nearest to it, and in which order do they come, to a
language model of all? The first does not see order, the second does not see that each step is usual, but elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.ensemble import Ensemble

VIEWS = ("tfidf_knn_set", "ngram_lm_10")


class SequenceEnsemble(Ensemble):
    name = "sequence_ensemble"

    def __init__(self, members: Sequence[str] = VIEWS, half_life: float = 10_000.0) -> None:
        super().__init__(members, half_life)
