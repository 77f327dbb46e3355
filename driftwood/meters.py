"""How fast it goes: lines per second over the last seconds, and how long commits take."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from itertools import accumulate
from typing import Any

import numpy as np


class Throughput:
    """Rows per second over the last `span_s` seconds. One thread adds, any may read."""

    def __init__(self, span_s: float = 10.0) -> None:
        self._span = span_s
        self._seen: deque[tuple[float, int]] = deque()
        self._started = time.monotonic()

    def add(self, rows: int) -> None:
        now = time.monotonic()
        self._seen.append((now, rows))
        while self._seen[0][0] < now - self._span:
            self._seen.popleft()

    def rate(self) -> float:
        now = time.monotonic()
        span = min(self._span, max(now - self._started, 1.0))
        return sum(rows for at, rows in tuple(self._seen) if at >= now - self._span) / span


class Latency:
    """Durations: quantiles of the last thousand, and a histogram of all of them."""

    BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)

    def __init__(self) -> None:
        self._ms: deque[float] = deque(maxlen=1_000)
        self._sum_s = 0.0
        self._buckets = [0] * (len(self.BOUNDS_S) + 1)

    def add(self, seconds: float) -> None:
        self._ms.append(seconds * 1_000)
        self._sum_s += seconds
        self._buckets[bisect_left(self.BOUNDS_S, seconds)] += 1

    def quantiles(self) -> dict[str, float]:
        """p50, p99 and the last one in milliseconds; 0 before the first."""
        if not self._ms:
            return {"p50": 0.0, "p99": 0.0, "last": 0.0}
        p50, p99 = np.percentile(tuple(self._ms), (50, 99))
        return {
            "p50": round(float(p50), 2),
            "p99": round(float(p99), 2),
            "last": round(self._ms[-1], 2),
        }

    def histogram(self) -> dict[str, Any]:
        """count, sum_s and cumulative (upper bound in s, count) pairs without +Inf, as Prometheus has them."""
        cumulative = list(accumulate(self._buckets))
        return {
            "count": cumulative[-1],
            "sum_s": self._sum_s,
            "buckets": list(zip(self.BOUNDS_S, cumulative, strict=False)),
        }
