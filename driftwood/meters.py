"""How fast it goes: lines per second over the last seconds, and how long commits take."""

from __future__ import annotations

import time
from collections import deque

import numpy as np


class Throughput:
    """Rows per second over the last `span_s` seconds."""

    def __init__(self, span_s: float = 10.0) -> None:
        self._span = span_s
        self._seen: deque[tuple[float, int]] = deque()
        self._started = time.monotonic()

    def add(self, rows: int) -> None:
        now = time.monotonic()
        self._seen.append((now, rows))
        self._forget(now)

    def rate(self) -> float:
        now = time.monotonic()
        self._forget(now)
        span = min(self._span, max(now - self._started, 1.0))
        return sum(rows for _, rows in tuple(self._seen)) / span

    def _forget(self, now: float) -> None:
        while self._seen and self._seen[0][0] < now - self._span:
            self._seen.popleft()


class Latency:
    """Quantiles of the last thousand durations, in milliseconds."""

    def __init__(self) -> None:
        self._ms: deque[float] = deque(maxlen=1_000)

    def add(self, seconds: float) -> None:
        self._ms.append(seconds * 1_000)

    def quantiles(self) -> dict[str, float | None]:
        """p50, p99 and the last one; None before the first."""
        if not self._ms:
            return {"p50": None, "p99": None, "last": None}
        p50, p99 = np.percentile(tuple(self._ms), (50, 99))
        return {"p50": round(p50, 2), "p99": round(p99, 2), "last": round(self._ms[-1], 2)}
