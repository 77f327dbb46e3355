"""Windows of relations that wait until their episode is over, so that an attack under way does not teach itself.

An *episode* of a relation is a run of its windows at most `GAP_NS` apart. It is over once event time, the latest start
of a window of any source, is further past its last window than that. What keeps coming without a pause would never be
learnt: so the windows of an hour that ended `PATIENCE_NS` ago are over in any case. Windows of one relation, hour and
episode are kept as one row; beyond `MAX_ROWS` the oldest are over, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.relation_table import Columns, Ints

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
GAP_NS = 30 * MINUTE_NS
PATIENCE_NS = 6 * HOUR_NS
MAX_ROWS = 400_000


@dataclass(frozen=True)
class Waiting:
    """Rows by (key, first)."""

    key: Ints
    windows: Ints
    largest: Ints
    first: Ints
    """start of its first window, ns"""
    last: Ints

    @classmethod
    def none(cls) -> Waiting:
        return cls(*(np.empty(0, np.int64) for _ in range(5)))

    @classmethod
    def of(cls, key: Ints, windows: Ints, largest: Ints, first: Ints, last: Ints) -> Waiting:
        """What belongs to one relation, hour and episode becomes one row."""
        order = np.lexsort((first, key))
        key, first, last = key[order], first[order], last[order]
        cut = _episode_heads(key, first, last)
        cut[1:] |= np.diff(first // HOUR_NS) != 0
        heads = np.flatnonzero(cut)
        if not len(heads):
            return cls.none()
        return cls(
            key[heads],
            np.add.reduceat(windows[order], heads),
            np.maximum.reduceat(largest[order], heads),
            first[heads],
            np.maximum.reduceat(last, heads),
        )

    def joined(self, key: Ints, largest: Ints, start: Ints) -> Waiting:
        """With the counts `largest` of single windows."""
        return Waiting.of(
            np.concatenate((self.key, key)),
            np.concatenate((self.windows, np.ones(len(key), np.int64))),
            np.concatenate((self.largest, largest)),
            np.concatenate((self.first, start)),
            np.concatenate((self.last, start)),
        )

    def parted(self, now: int) -> tuple[Columns, Waiting]:
        """What is over by `now`, and what still waits."""
        heads = np.flatnonzero(_episode_heads(self.key, self.first, self.last))
        episode = np.repeat(np.arange(len(heads)), np.diff(np.append(heads, len(self.key))))
        last = np.maximum.reduceat(self.last, heads)[episode] if len(heads) else self.last
        hour_end = (self.first // HOUR_NS + 1) * HOUR_NS
        over = (last < now - GAP_NS) | (hour_end < now - PATIENCE_NS)
        waiting = np.flatnonzero(~over)
        if len(waiting) > MAX_ROWS:
            oldest = np.argsort(self.first[waiting], kind="stable")[: len(waiting) - MAX_ROWS]
            over[waiting[oldest]] = True
        done, rest = self.at(over), self.at(~over)
        return Columns.of(done.key, done.windows, done.largest, done.last), rest

    def at(self, rows: npt.NDArray[np.bool_] | Ints) -> Waiting:
        return Waiting(
            self.key[rows],
            self.windows[rows],
            self.largest[rows],
            self.first[rows],
            self.last[rows],
        )


def _episode_heads(key: Ints, first: Ints, last: Ints) -> npt.NDArray[np.bool_]:
    head = np.ones(len(key), np.bool_)
    head[1:] = (np.diff(key) != 0) | (first[1:] - last[:-1] > GAP_NS)
    return head
