"""The last minutes of the server's own numbers, remembered by this process while somebody looks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ui.shapes import Stats

KEPT = 90  # looks; two seconds apart that is three minutes
APART_S = 1.0


class History:
    """Numbers of past looks at the server, oldest first; shared by sessions, so looks close together count once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: deque[dict[str, float]] = deque(maxlen=KEPT)
        self._last = float("-inf")
        self._lock = threading.Lock()

    def add(self, known: Stats) -> None:
        with self._lock:
            if self._clock() - self._last < APART_S:
                return
            self._last = self._clock()
            self._looks.append(
                {
                    "lines_per_s": known["lines_per_s"],
                    "behind": max(
                        (row["lag_seconds"] or 0.0 for row in known["sources"]), default=0.0
                    ),
                    "queue": known["queue"]["rows"] / max(known["queue"]["capacity"], 1),
                    "commit": known["commit_ms"]["last"],
                    "memory": known["memory_mb"],
                }
            )

    def of(self, name: str) -> list[float]:
        with self._lock:
            return [look[name] for look in self._looks]
