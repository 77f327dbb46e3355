"""When to speak: a budget of false alarms per source and day, and one row for one incident.

The detectors share the budget: each may call `alerts_per_day / detectors` of a day's windows strange, by the model
and by the calibrator's rank. So what happens more often than that is not told any more, unless it gets stranger.

An *episode* is an incident as one detector tells it: same source, same kind, strange windows at most `COOL_DOWN`
windows apart. It gives a row at its onset, another when something else in it is stranger than all before, and one
each `FOLLOW_UP` windows while it lasts; all other strange windows only prolong it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from detectors.calibrator import COOL_DOWN

DAY_S = 86_400.0
FOLLOW_UP = 60
"""Windows after which a lasting incident is told again."""


@dataclass(frozen=True, slots=True)
class Threshold:
    alerts_per_day: float
    window_s: float
    detectors: int

    @property
    def share(self) -> float:
        """How often one detector may tell of a normal window."""
        return min(self.alerts_per_day * self.window_s / DAY_S / self.detectors, 1.0)

    def passed(self, p_value: float) -> bool:
        return p_value <= self.share


@dataclass(slots=True)
class _Episode:
    last: int
    told: int
    largest: float
    subjects: list[int] = field(default_factory=list)


class Episodes:
    def __init__(self) -> None:
        self._episodes: dict[tuple[str, str, str], _Episode] = {}

    def tell(
        self, detector: str, source: str, kind: str, subject: int, window: int, score: float
    ) -> bool:
        """Note a strange window (of one source in order); True when it deserves a row of its own."""
        key = (detector, source, kind)
        episode = self._episodes.get(key)
        if episode is None or window - episode.last > COOL_DOWN:
            self._episodes[key] = _Episode(window, window, score, [subject])
            return True
        worse = score > episode.largest and subject not in episode.subjects
        due = window - episode.told >= FOLLOW_UP
        episode.last = window
        episode.largest = max(score, episode.largest)
        if subject not in episode.subjects:
            episode.subjects.append(subject)
        if worse or due:
            episode.told = window
        return worse or due

    def of(self, sources: set[str]) -> Episodes:
        """A copy of what is known of `sources`, to try something out on."""
        copy = Episodes()
        copy._episodes = {
            key: _Episode(e.last, e.told, e.largest, list(e.subjects))
            for key, e in self._episodes.items()
            if key[1] in sources
        }
        return copy

    def save(self) -> list[Any]:
        return [[*key, e.last, e.told, e.largest, e.subjects] for key, e in self._episodes.items()]

    def load(self, state: list[Any]) -> None:
        self._episodes = {
            (detector, source, kind): _Episode(last, told, largest, subjects)
            for detector, source, kind, last, told, largest, subjects in state
        }
