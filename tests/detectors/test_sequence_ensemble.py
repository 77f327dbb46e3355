from __future__ import annotations

import numpy as np

from detectors.sequence_ensemble import SequenceEnsemble
from eval.detection.loaders.columns import untimed


def test_what_is_made_of_odd_events_and_what_is_out_of_order_are_both_strange() -> None:
    rng = np.random.default_rng(0)
    normal = [np.array([1, *rng.permutation([2, 3, 4]), 5, 6]) for _ in range(200)]
    detector = SequenceEnsemble()
    detector.fit(untimed(normal, {}))
    odd, backwards, usual = ([1, 2, 9, 4, 5, 6], [6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6])
    judged = untimed([np.array(each) for each in (odd, backwards, usual)], {})
    scores = detector.score(judged).of_units(3)
    assert scores[:2].min() > 2 * scores[2]
    told = detector.explain(judged, detector.score(judged), 1, {})
    assert "`template 6`" in told.title
