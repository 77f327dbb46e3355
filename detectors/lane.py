"""What the stage asks of each of its lanes: the streams that one rule names, and how they are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from driftwood.records import Anomaly, Events


class Lane(Protocol):
    """Depends on its rows in the order of their line ids, on what it was told of anomalies, and on nothing else."""

    name: str
    """What a snapshot knows it by."""
    after: int
    """The last line id that was taken in."""

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        """Take in rows of this lane, in order; rows up to `after` fill what a snapshot left open, or are ignored."""

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        """A look at what is silent by now (ns)."""

    def finish(self) -> tuple[Anomaly, ...]:
        """A look at what is open when nothing more comes."""

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        """Take to heart what a person said; what undoes that, None when this lane learns nothing from it."""

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict would do, in a sentence; {} when nothing. May be called from any thread."""

    def save(self) -> bytes: ...

    def load(self, state: bytes) -> int:
        """Go on from `save`; rows since this time (ns) are needed to fill what it left open."""

    def status(self) -> list[dict[str, Any]]:
        """One row per detector. May be called from any thread."""
