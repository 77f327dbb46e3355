"""A detector of sessions in force: its state, what people taught it, and what normal sessions score with it."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from detectors import DETECTORS
from detectors.election import Call, Result, elect, teach
from detectors.sessions import Session
from driftwood.protocols import Detector

MAX_CALM = 10_000
"""Scores of normal sessions that one detector's threshold rests on, the newest."""


@dataclass(slots=True)
class Champion:
    """One detector in force."""

    name: str
    detector: Detector | None = None
    """None until the first election."""
    base: bytes = b""
    """Its state without what people taught."""
    calm: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_CALM))
    """What normal sessions scored, the oldest first."""
    ordered: list[float] = field(default_factory=list)
    """The same, ascending."""
    log: list[str] = field(default_factory=list)

    def load(self, state: bytes, taught: Sequence[Session]) -> None:
        self.base = state
        self.detector = DETECTORS.make(self.name)
        self.detector.load(state)
        teach(self.detector, taught)

    def calmly(self, scores: Sequence[float]) -> None:
        self.calm = deque(scores, MAX_CALM)
        self.ordered = sorted(self.calm)

    def saw(self, score: float) -> None:
        """A normal session scored this."""
        if len(self.calm) == MAX_CALM:
            gone = self.calm[0]
            del self.ordered[bisect_left(self.ordered, gone)]
        self.calm.append(score)
        insort(self.ordered, score)


def aside(champion: Champion, call: Call) -> Future[Result]:
    """Hold an election on a thread of its own, which nobody waits for at the end of the process."""
    future: Future[Result] = Future()
    state = champion.base if champion.detector is not None else None

    def work() -> None:
        try:
            future.set_result(elect(champion.name, state, call))
        except BaseException as error:  # whoever decides gets it
            future.set_exception(error)

    threading.Thread(target=work, name=f"election-{champion.name}", daemon=True).start()
    return future
