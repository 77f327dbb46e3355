"""Champion and challenger: a detector fitted anew is taken only if it is no worse on sessions that it has not seen.

The sessions since the last election, in order, without those that are strange or called anomalous, are parted: the
older ones teach the challenger, on the next ones both find their own threshold, and on the newest it is counted how
many each would tell (false alarms) and how many of the anomalies that people confirmed each finds. The challenger is
taken when neither number is worse. Where there is no champion yet, it is taken as it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors import DETECTORS
from detectors.sessions import Session, batch_of
from driftwood.protocols import Detector

TEACHING, CALIBRATING = 0.7, 0.85
"""Where the sessions are parted, in order: these shares lie before."""
LEAST_SHARE = 1e-3
"""No more than this share of sessions is called strange, however few there are in a day: a threshold that a handful
of sessions passes every day by design would say nothing."""

Scored = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Call:
    """An election that is due: what it is about, fixed at one place among the sessions."""

    at: int
    """The number of the session after which it was called."""
    normal: tuple[Session, ...]
    """In order."""
    taught: tuple[Session, ...]
    """Told once, and called normal by people."""
    anomalous: tuple[Session, ...]
    """Confirmed by people."""
    share: float
    """Of normal sessions that may be told."""


@dataclass(frozen=True, slots=True)
class Result:
    taken: bool
    state: bytes
    """Of the challenger, before it learnt what people taught."""
    calm: tuple[float, ...]
    """What normal sessions score that it has not seen, in order."""
    said: str
    """The decision in one sentence."""


def elect(name: str, champion: bytes | None, call: Call, seed: int = 0) -> Result:
    """Whether a challenger takes over from the `champion` (its state, without what people taught it)."""
    first, second = (int(share * len(call.normal)) for share in (TEACHING, CALIBRATING))
    parts = call.normal[:first], call.normal[first:second], call.normal[second:]
    challenger = DETECTORS.make(name)
    challenger.fit(batch_of(parts[0]), seed=seed)
    state = challenger.save()
    teach(challenger, call.taught)
    new = _tried(challenger, parts[1], parts[2], call)
    calm = (*scores(challenger, parts[1]).tolist(), *scores(challenger, parts[2]).tolist())
    taught = f"{len(parts[0]):,} sessions"
    if champion is None:
        said = f"learnt from {taught}; {new.said(len(parts[2]), call)}"
        return Result(True, state, calm, said)
    old = DETECTORS.make(name)
    old.load(champion)
    teach(old, call.taught)
    was = _tried(old, parts[1], parts[2], call)
    taken = new.false <= was.false and new.found >= was.found
    said = (
        f"{'a new model was taken' if taken else 'a new model was turned down'} ({taught}): "
        f"{new.said(len(parts[2]), call)}; the old one {was.said(len(parts[2]), call)}"
    )
    return Result(taken, state, calm, said)


def teach(detector: Detector, sessions: Sequence[Session]) -> None:
    """What people called normal, all at once: a detector that trains on is kept from training long."""
    if sessions:
        detector.partial_fit(batch_of(sessions), np.zeros(len(sessions), np.int8))


def scores(detector: Detector, sessions: Sequence[Session]) -> Scored:
    if not sessions:
        return np.zeros(0)
    batch = batch_of(sessions)
    return detector.score(batch).of_units(len(batch))


def conformal(score: float, calm: Sequence[float]) -> float:
    """How often a normal session scores at least `score`, by the ascending scores of normal ones (Vovk et al. 2005).

    >>> conformal(2.0, [0.0, 1.0, 2.0]), conformal(3.0, [0.0, 1.0, 2.0])
    (0.5, 0.25)
    """
    return (len(calm) - bisect_left(calm, score) + 1) / (len(calm) + 1)


def is_strange(p_value: float, calm: int, share: float) -> bool:
    """Rare enough for the budget; or, where too few are known to say so, stranger than all of them."""
    return p_value <= max(min(share, LEAST_SHARE), 1.0 / (calm + 1))


def loudness(score: float, p_value: float, calm: Sequence[float]) -> float:
    """-log10 of the p-value, and beyond all that is known as much more as the score is off its usual spread."""
    loud = -float(np.log10(p_value))
    if calm and score > calm[-1]:
        spread = calm[-1] - calm[len(calm) // 2] or abs(calm[-1]) or 1.0
        loud += min(float(np.log2(1.0 + (score - calm[-1]) / spread)), 10.0)
    return loud


@dataclass(frozen=True, slots=True)
class _Tried:
    false: int
    found: int

    def said(self, among: int, call: Call) -> str:
        anomalies = (
            f", finds {self.found} of {len(call.anomalous)} confirmed anomalies"
            if call.anomalous
            else ""
        )
        return f"tells {self.false} of {among:,} normal sessions{anomalies}"


def _tried(
    detector: Detector, calibrating: Sequence[Session], judged: Sequence[Session], call: Call
) -> _Tried:
    calm = sorted(scores(detector, calibrating).tolist())

    def told(sessions: Sequence[Session]) -> int:
        return sum(
            is_strange(conformal(score, calm), len(calm), call.share)
            for score in scores(detector, sessions).tolist()
        )

    return _Tried(told(judged), told(call.anomalous))
