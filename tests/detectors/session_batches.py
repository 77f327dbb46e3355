"""Sessions written as words: a letter is a template, so `sessions("aab", "b")` are two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch, Scores

SECOND = 10**9
TEXTS = {ord(letter): f"{letter} happened" for letter in "abcdefghijklmnopqrstuvwxyz"}


def sessions(*words: str) -> LogBatch:
    """In this order, one starting each second; line ids number all events."""
    start = np.arange(len(words), dtype=np.int64) * SECOND
    length = [len(word) for word in words]
    template = np.array([ord(letter) for letter in "".join(words)], np.int64)
    events = len(template)
    return LogBatch(
        source=_repeated('{"service_name":"hdfs"}', len(words)),
        service=_repeated("hdfs", len(words)),
        start=start,
        end=start + SECOND,
        unit=np.repeat(np.arange(len(words), dtype=np.int32), length),
        ts=np.repeat(start, length) + np.arange(events),
        template_id=template,
        severity=np.full(events, 9, np.uint8),
        line_id=np.arange(events, dtype=np.int64),
    )


def strange(scores: Scores, units: int) -> list[float]:
    return [float(score) for score in scores.of_units(units)]


def _repeated(text: str, times: int) -> npt.NDArray[np.object_]:
    out = np.empty(times, np.object_)
    out[:] = text
    return out
