"""Sessions cut into pieces that a model reads at once; what occurs many times is read once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ALIKE = 1.25
"""Rows of one bucket differ in length by at most this factor: padding is read, too."""


def distinct(keys: Iterable[Hashable]) -> tuple[Ints, Ints]:
    """Where each distinct key is met first, and which of them each key is.

    >>> [a.tolist() for a in distinct("abca")]
    [[0, 1, 2], [0, 1, 2, 0]]
    """
    known: dict[Hashable, int] = {}
    which = np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int64)
    first = np.unique(which, return_index=True)[1]
    return first.astype(np.int64), which


def spans(start: Ints, size: Ints) -> Ints:
    """All rows of the spans [start, start + size) one after another.

    >>> spans(np.array([4, 0]), np.array([2, 1])).tolist()
    [4, 5, 0]
    """
    before = np.cumsum(size) - size
    return np.repeat(start - before, size) + np.arange(int(size.sum()))


@dataclass(frozen=True)
class Pieces:
    """The distinct pieces of some sessions.

    A session of n events is cut every `stride` events. A piece begins with the `lead` events before it, which are read
    and not judged, and the last one of a session ends with its end. An empty session is one piece without events.
    """

    tokens: Ints
    """(N, F) of all events"""
    start: Ints
    """(D,) the first row in `tokens`, the lead's"""
    length: Ints
    """(D,) rows, those of the lead too"""
    lead: Ints
    """(D,)"""
    last: npt.NDArray[np.bool_]
    """(D,) whether the session ends with it"""
    which: Ints
    """(P,) for each piece of the sessions, in order, the distinct one that it is"""
    bounds: Ints
    """(U + 1,) the pieces of session u are `which[bounds[u] : bounds[u + 1]]`"""

    @staticmethod
    def of(tokens: Ints, bounds: Ints, *, stride: int, lead: int) -> Pieces:
        """`lead` is at most `stride`."""
        number = np.maximum(-(-np.diff(bounds) // stride), 1)
        unit = np.repeat(np.arange(len(number)), number)
        ends = np.concatenate(([0], np.cumsum(number)))
        place = np.arange(len(unit)) - ends[unit]
        begin = bounds[unit] + place * stride
        context = np.where(place > 0, lead, 0)
        start, stop = begin - context, np.minimum(begin + stride, bounds[unit + 1])
        last = place + 1 == number[unit]
        small = np.ascontiguousarray(tokens, np.int32)
        rows = zip(start.tolist(), stop.tolist(), context.tolist(), last.tolist(), strict=True)
        first, which = distinct((small[a:b].tobytes(), c, e) for a, b, c, e in rows)
        length = (stop - start)[first]
        return Pieces(tokens, start[first], length, context[first], last[first], which, ends)

    def __len__(self) -> int:
        return len(self.start)

    def padded(self, rows: Ints) -> Ints:
        """(B, L, F) tokens of these distinct pieces, zeros behind their ends."""
        out = np.zeros(
            (len(rows), int(self.length[rows].max(initial=0)), self.tokens.shape[1]), np.int64
        )
        inside = np.arange(out.shape[1]) < self.length[rows, None]
        out[inside] = self.tokens[spans(self.start[rows], self.length[rows])]
        return out

    @cached_property
    def sessions(self) -> tuple[Ints, Ints]:
        """As `distinct`, of whole sessions."""
        cuts = pairwise(self.bounds.tolist())
        return distinct(self.which[a:b].tobytes() for a, b in cuts)

    def whole(self, values: npt.NDArray[Any], at: Ints) -> tuple[npt.NDArray[Any], Ints]:
        """Values of pieces (those of piece d are rows at[d] : at[d + 1]) as those of distinct sessions."""
        first, _ = self.sessions
        number = np.diff(self.bounds)[first]
        parts = self.which[spans(self.bounds[first], number)]
        size = np.diff(at)[parts]
        owner = np.repeat(np.arange(len(first)), number)
        total = np.zeros(len(first), np.int64)
        np.add.at(total, owner, size)
        return values[spans(at[parts], size)], np.concatenate(([0], np.cumsum(total)))


def buckets(length: Ints, most: int) -> Iterator[Ints]:
    """All rows in groups of like length: rows times the longest is at most `most`, unless one row alone is longer.

    >>> [rows.tolist() for rows in buckets(np.array([90, 2, 1, 2]), 9)]
    [[2, 1, 3], [0]]
    """
    order = np.argsort(length, kind="stable")
    ordered = length[order] + 1
    begin = 0
    while begin < len(order):
        cells = ordered[begin:] * np.arange(1, len(order) - begin + 1)
        alike = np.searchsorted(ordered[begin:], ordered[begin] * _ALIKE + 4, "right")
        size = max(min(int(np.searchsorted(cells, most, "right")), int(alike)), 1)
        yield order[begin : begin + size]
        begin += size
