"""Template ids to small numbers: what was seen in training has one, all else is `UNKNOWN`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

UNKNOWN, END = 0, 1
"""Tokens that stand for no id: one that training never saw, and what stands before and after a session."""
FIRST = 2
"""The token of the first id."""


class Vocabulary:
    """Grows at its end, so that what a model learnt of a token stays with it.

    >>> words = Vocabulary(8)
    >>> words.learn(np.array([70, 40, 70]))
    >>> words.tokens(np.array([40, 70, 99])).tolist(), words.size
    ([2, 3, 0], 4)
    """

    def __init__(self, most: int) -> None:
        """`most`: ids that are kept, the commonest first."""
        self._most = most
        self.ids = np.zeros(0, np.int64)
        """By token, from `FIRST` on."""
        self._count = np.zeros(0, np.int64)
        self._events = 0

    @property
    def size(self) -> int:
        return FIRST + len(self.ids)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """(size,) how often each token comes; of `UNKNOWN`, the chance of something new (`novelty`)."""
        share = np.concatenate(([0.0, 0.0], self._count / max(self._events, 1)))
        share *= 1.0 - self.novelty
        share[UNKNOWN] = self.novelty
        return share

    @property
    def novelty(self) -> float:
        """How likely the next event is one that was never seen. Good & Turing: ids seen once / events."""
        once = int(np.count_nonzero(self._count == 1))
        return min((once + 0.5) / (self._events + 1.0), 1.0)

    def learn(self, values: Ints) -> None:
        """Count `values`, and give tokens to the new ones."""
        found, count = np.unique(values, return_counts=True)
        known = self.tokens(found)
        self._events += len(values)
        np.add.at(self._count, known[known >= FIRST] - FIRST, count[known >= FIRST])
        new = np.flatnonzero(known < FIRST)
        room = self._most - len(self.ids)
        kept = np.sort(new[np.argsort(-count[new], kind="stable")[:room]])
        self.ids = np.concatenate((self.ids, found[kept]))
        self._count = np.concatenate((self._count, count[kept]))

    def tokens(self, values: Ints) -> Ints:
        if not len(self.ids):
            return np.full(len(values), UNKNOWN, np.int64)
        order = np.argsort(self.ids)
        place = np.searchsorted(self.ids, values, sorter=order).clip(max=len(order) - 1)
        found = order[place]
        return np.where(self.ids[found] == values, found + FIRST, UNKNOWN)

    def save(self) -> dict[str, npt.NDArray[Any]]:
        return {"ids": self.ids, "count": self._count, "events": np.array([self._events])}

    def load(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.ids, self._count = arrays["ids"], arrays["count"]
        self._events = int(arrays["events"][0])
