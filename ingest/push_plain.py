"""Entries of Loki's protobuf column by column: those that are nothing but a time of our days and a line.

That is what most agents send. Reading them as messages would make four objects of each, which takes four times as
long; here NumPy looks at all of a push at once, byte by byte of their headers:

    0a nn  08 seconds (a varint of five bytes: 1978 to 2262)  [10 nanos (a varint of up to five)]  12 length line
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_SECOND: Final = 1_000_000_000
_MAX_S: Final = (2**63 - 1) // _SECOND
_NANOS_AT: Final = 8
"""Where the nanoseconds stand: behind two tags, a length and five bytes."""


def plain(entries: list[bytes]) -> tuple[Int64s, list[bytes]] | None:
    """Times in ns and lines of serialized entries; None when one of them is another kind of entry."""
    if not entries:
        return np.zeros(0, np.int64), []
    _, offsets, content = pa.array(entries, pa.binary()).buffers()
    if offsets is None or content is None or not content.size:
        return None
    ends: Int64s = np.frombuffer(memoryview(offsets), np.int32)[: len(entries) + 1].astype(np.int64)
    read = _Reader(np.frombuffer(memoryview(content), np.uint8), ends[:-1], ends[1:])
    ts = read.time()
    starts = read.line()
    if not read.right.all():
        return None
    return ts, [entry[at:] for entry, at in zip(entries, starts.tolist(), strict=True)]


class _Reader:
    """Goes through the headers of all entries at once; `right` tells which are what they should be."""

    def __init__(self, content: Bytes, starts: Int64s, ends: Int64s) -> None:
        self._content = content
        self._starts = starts
        self._last = len(content) - 1
        self._ends = ends
        self.right: npt.NDArray[np.bool_] = ends - starts > _NANOS_AT
        self._time_size = self._byte(np.full(len(starts), 1, np.int64))

    def _byte(self, at: Int64s) -> Int64s:
        """The byte at this place of each entry; anything beyond its end."""
        found: Bytes = self._content[np.minimum(self._starts + at, self._last)]
        return found.astype(np.int64)

    def _expect(self, at: Int64s, tag: int, where: npt.NDArray[np.bool_] | None = None) -> None:
        found = self._byte(at) == tag
        self.right &= found if where is None else found | ~where

    def _varint(self, at: Int64s, most: int) -> tuple[Int64s, Int64s]:
        """The value of a varint of up to `most` bytes, and how many it has."""
        value = np.zeros(len(at), np.int64)
        size = np.zeros(len(at), np.int64)
        more = np.ones(len(at), np.bool_)
        for place in range(most):
            byte = self._byte(at + place)
            value += np.where(more, (byte & 0x7F) << (7 * place), 0)
            size += more
            more &= byte >= 0x80
        self.right &= ~more
        return value, size

    def time(self) -> Int64s:
        n = len(self._starts)
        place = np.zeros(n, np.int64)
        self._expect(place, 0x0A)
        self._expect(place + 2, 0x08)
        seconds, size = self._varint(place + 3, 5)
        self.right &= (size == 5) & (seconds < _MAX_S)
        some = self._time_size > 6  # no nanoseconds are written when there are none
        self._expect(place + _NANOS_AT, 0x10, some)
        right = self.right.copy()
        nanos, size = self._varint(place + _NANOS_AT + 1, 5)
        self.right = right & (~some | (self._time_size == 7 + size))
        self.right &= some | (self._time_size == 6)
        return seconds * _SECOND + np.where(some, nanos, 0)

    def line(self) -> Int64s:
        """Where the line of each entry starts; it has to reach to the end of the entry."""
        place = self._time_size + 2
        self._expect(place, 0x12)
        length, size = self._varint(place + 1, 4)
        at = place + 1 + size
        self.right &= self._starts + at + length == self._ends
        return at
