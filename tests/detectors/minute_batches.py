"""Minutes of hosts as short text: `minutes((5, "web", "aab"))` is minute 5 of `web`, two alerts `a` and one `b`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch, Scores

MINUTE = 60 * 10**9
TEXTS = {ord(letter): f"{letter} happened" for letter in "abcdefghijklmnopqrstuvwxyz"}

Minute = tuple[int, str, str]
"""(minute, host, a letter per alert)"""


def minutes(*units: Minute) -> LogBatch:
    start = np.array([minute for minute, _, _ in units], np.int64) * MINUTE
    length = [len(said) for _, _, said in units]
    events = sum(length)
    return LogBatch(
        source=_objects([f'{{"service_name":"{host}"}}' for _, host, _ in units]),
        service=_objects([host for _, host, _ in units]),
        start=start,
        end=start + MINUTE,
        unit=np.repeat(np.arange(len(units), dtype=np.int32), length),
        ts=np.repeat(start, length),
        template_id=np.array([ord(each) for _, _, said in units for each in said], np.int64),
        severity=np.full(events, 9, np.uint8),
        line_id=np.arange(events, dtype=np.int64),
    )


def strange(scores: Scores, units: int) -> list[float]:
    return [float(score) for score in scores.of_units(units)]


def _objects(texts: list[str]) -> npt.NDArray[np.object_]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out
