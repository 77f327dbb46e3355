"""From a detector's own p-value to one that keeps its promise on this source: an event-time stage with saved state.

A model is never quite right about a source. Two corrections, per detector and source, learnt from every window:

- *Scale.* Under a true model -ln p is exponential with mean 1. Where its forgetful mean is larger, the tail is heavier
  than the model says, and -ln p is divided by that mean. What one window may add is capped: an incident adds little.
- *Rank* (conformal, Vovk et al. 2005): the share of the past `horizon` windows in which something at least as strange
  happened. Strange windows close together count once, as they are told once: an incident is one event, not ten.

The rank is what keeps the budget when a model is badly wrong: what happens every hour is no news, whatever its p-value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from detectors.units import NEVER

HORIZON = 1_440
"""Windows that are remembered: a day of minutes."""
COOL_DOWN = 10
"""Strange windows at most this far apart are one event."""
_STRANGE = -math.log(0.01)
_CAP = -math.log(1e-4)
_KEEP = 0.5 ** (1.0 / 720.0)
_MAX_STRANGE = 512
_PRIOR = 60.0
"""Windows worth of belief in the model."""


@dataclass(slots=True)
class _History:
    windows: int = 0
    total: float = 0.0
    weight: float = 0.0
    strange: list[tuple[int, float]] = field(default_factory=list)
    """(window, -ln p) of the strange ones, oldest first."""

    def alike(self, strange: float, window: int) -> int:
        """Events before `window`, and not part of what goes on there, that were at least as strange."""
        events, last = 0, NEVER
        for past, value in self.strange:
            if value >= strange and window - HORIZON <= past < window - COOL_DOWN:
                events += past - last > COOL_DOWN
                last = past
        return events


class Calibrator:
    def __init__(self) -> None:
        self._histories: dict[tuple[str, str], _History] = {}

    def calibrate(self, detector: str, source: str, window: int, p_value: float) -> float:
        """The larger of the p-value, rescaled, and the rank, where anything alike has happened before."""
        history = self._histories.get((detector, source), _History())
        strange = -math.log(max(p_value, 1e-300))
        scale = max(1.0, (history.total + _PRIOR) / (history.weight + _PRIOR))
        model = math.exp(-strange / scale)
        alike = history.alike(strange, window)
        rank = (alike + 1) / (min(history.windows, HORIZON) + 1) if alike else 0.0
        return max(model, min(rank, 1.0))

    def learn(self, detector: str, source: str, window: int, p_value: float) -> None:
        """Take in the smallest p-value that a window had, 1 when it had no finding; windows of a source in order."""
        history = self._histories.setdefault((detector, source), _History())
        strange = -math.log(max(p_value, 1e-300))
        history.windows += 1
        history.total = history.total * _KEEP + min(strange, _CAP)
        history.weight = history.weight * _KEEP + 1.0
        if strange >= _STRANGE:
            history.strange.append((window, strange))
            if history.strange[0][0] < window - HORIZON or len(history.strange) > _MAX_STRANGE:
                del history.strange[0]

    def save(self) -> list[Any]:
        return [
            [*key, h.windows, h.total, h.weight, h.strange] for key, h in self._histories.items()
        ]

    def load(self, state: list[Any]) -> None:
        self._histories = {
            (detector, source): _History(windows, total, weight, [(w, s) for w, s in strange])
            for detector, source, windows, total, weight, strange in state
        }
