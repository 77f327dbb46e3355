"""What people said of units that were found strange: one question for each new pattern, and never learning unasked.

Streams change, and what is new is told once and again until somebody says what it is. A detector that learns each unit
as it comes stops telling: anomalies repeat, too. So it learns only what a person called normal (`partial_fit` with
label 0), and a pattern that was called anomalous is anomalous from then on, above whatever is only suspected.

A *pattern* is a count vector: units with the same templates as often. Units of a pattern that was asked about keep
their score until the answer comes.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.snapshot import pack, unpack
from detectors.units import FOREVER
from detectors.vectors import Floats, Keys, vector_keys
from driftwood.protocols import Detector, LogBatch

CONFIRMED = 1e6
"""What a pattern that was called anomalous scores beyond what its detector says."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a person."""

    unit: int
    """Row of the batch."""
    asked: int
    """ns: when the unit was over."""
    answered: int
    anomalous: bool


class Acknowledgements:
    """A detector and the verdicts that it was given. The detector is taught: hand over one of its own."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._asked: set[int] = set()
        self._anomalous: set[int] = set()

    def score(self, batch: LogBatch) -> Floats:
        """(U,) of each unit, larger is stranger."""
        scores = self.detector.score(batch).of_units(len(batch))
        return scores + CONFIRMED * _among(vector_keys(batch), self._anomalous)

    def ask(self, keys: Keys, scores: Floats, threshold: float) -> int | None:
        """The first unit above `threshold` whose pattern nobody was asked about; from now on somebody was.

        `keys`: the patterns of the units, as `vector_keys` gives them.
        """
        new = (scores > threshold) & ~_among(keys, self._asked)
        if not new.any():
            return None
        first = int(new.argmax())
        self._asked.add(int(keys[first]))
        return first

    def answer(self, unit: LogBatch, anomalous: bool) -> None:
        """A person's verdict on a batch of one unit."""
        keys = vector_keys(unit).tolist()
        self._asked.update(keys)
        if anomalous:
            self._anomalous.update(keys)
        else:
            self._anomalous.difference_update(keys)
            self.detector.partial_fit(unit, np.zeros(len(unit), np.int8))

    def save(self) -> bytes:
        state = np.frombuffer(self.detector.save(), np.uint8)
        header = {"asked": sorted(self._asked), "anomalous": sorted(self._anomalous)}
        return pack({"version": 1, **header}, {"detector": state})

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self.detector.load(arrays["detector"].tobytes())
        self._asked, self._anomalous = set(header["asked"]), set(header["anomalous"])


def acknowledged(
    detector: Detector,
    batch: LogBatch,
    truth_oracle: Callable[[int], bool],
    delay_ns: int,
    threshold: float,
) -> tuple[Floats, list[Query]]:
    """What the units would have scored, had a person answered each question `delay_ns` after it came up.

    A unit is judged when it is over (`end`), by what was answered by then, and asked about there and then if it scores
    above `threshold` and its pattern is new. `truth_oracle` tells whether the unit in a row is anomalous; it is asked
    for queries only. `detector` stays as it is.
    """
    people = Acknowledgements(copy.deepcopy(detector))
    order = np.lexsort((np.arange(len(batch)), batch.end))
    batch, end = batch.at(order), batch.end[order]
    keys = vector_keys(batch)
    judged, queries = np.zeros(len(batch)), list[Query]()
    waiting: deque[tuple[int, Query]] = deque()
    scores, at = people.score(batch), 0
    while at < len(batch):
        due = waiting[0][1].answered if waiting else FOREVER
        stop = max(int(np.searchsorted(end, due)), at)
        asked = people.ask(keys[at:stop], scores[at:stop], threshold)
        upto = stop if asked is None else at + asked + 1
        judged[at:upto] = scores[at:upto]
        at = upto
        if asked is not None:
            row, now = int(order[at - 1]), int(end[at - 1])
            query = Query(row, now, now + delay_ns, truth_oracle(row))
            queries.append(query)
            waiting.append((at - 1, query))
        elif at < len(batch):
            place, query = waiting.popleft()
            people.answer(batch.at(np.array([place])), query.anomalous)
            scores = people.score(batch)
    out = np.empty(len(batch))
    out[order] = judged
    return out, queries


def _among(keys: Keys, known: set[int]) -> npt.NDArray[np.bool_]:
    return np.isin(keys, np.array(sorted(known), np.uint64))
