"""A language model of events: counts of what followed which context, mixed from the longest context to the shortest.

Witten & Bell, IEEE Trans. Information Theory 1991 (method C), interpolated: with c occurrences of a context and t
distinct values after it,

    p(value | context) = (c(context, value) + t p(value | shorter context)) / (c + t)

down to a uniform distribution over all values and one more, the unknown. Counts add up, so learning is exact however
it is cut. Contexts are 64-bit hashes in sorted arrays: no Python runs per event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.vectors import Floats, Ints, Keys, mixed, place_in

NOTHING = -(2**63)
"""What a history says where there is none: such contexts do not exist."""

History = Callable[[int, Ints], Ints]
"""(level, rows) -> what the context of that level knows more of these rows than the one before; levels from 1 on."""


@dataclass(frozen=True)
class _Level:
    """All contexts of one length, ascending, and what came after each, ascending."""

    context: Keys
    """(C,)"""
    parent: Keys
    """(C,) the next shorter context, in the level before"""
    bounds: Ints
    """(C + 1,) what followed context c is in rows `bounds[c] : bounds[c + 1]` of the next two"""
    value: Ints
    """(P,)"""
    count: Ints
    """(P,)"""


@dataclass(frozen=True)
class _Ready:
    """What a level's counts say, in nats."""

    log_p: Floats
    """(P,) of a value given its context, mixed"""
    log_rest: Floats
    """(C,) what is left to the shorter context"""
    entropy: Floats
    """(C,) of the whole mixed distribution: the mean of -log p"""
    variance: Floats
    """(C,) of -log p"""
    pair: Ints
    """(P,) context's row * values + value's row, ascending"""


@dataclass(frozen=True)
class Surprise:
    """(N,) each; nats."""

    nll: Floats
    entropy: Floats
    """The nll that had to be expected there."""
    variance: Floats
    """Of the nll, likewise."""
    depth: Ints
    """The level of the longest known context."""
    context: Ints
    """Its row."""


@dataclass
class WittenBell:
    levels: int
    """Contexts of 0 .. levels - 1 values."""
    _table: list[_Level] = field(init=False)

    def __post_init__(self) -> None:
        none = np.zeros(0, np.int64)
        keys = none.astype(np.uint64)
        empty = _Level(keys, keys, np.zeros(1, np.int64), none, none)
        self._table = [empty] * self.levels

    @property
    def values(self) -> Ints:
        """All values that were seen, ascending."""
        return self._table[0].value

    @property
    def size(self) -> int:
        """Rows in all tables."""
        return sum(len(level.value) for level in self._table)

    def learn(self, values: Ints, history: History, weight: Ints) -> None:
        """Count `values`, each `weight` times; `history` tells of their contexts."""
        rows, keys = _all(len(values))
        parents = keys
        for level in range(self.levels):
            if level:
                rows, keys, parents = _longer(history, level, rows, keys)
            if not len(rows):
                break
            new = _counted(keys, parents, values[rows], weight[rows])
            self._table[level] = _merged(self._table[level], new)
        self.__dict__.pop("_ready", None)

    def surprise(self, values: Ints, history: History) -> Surprise:
        said = self.values
        nll = np.full(len(values), np.log(len(said) + 1.0))
        entropy, variance = nll.copy(), np.zeros(len(values))
        depth, context = np.full(len(values), -1), np.zeros(len(values), np.int64)
        code = place_in(said, values)
        rows, keys = _all(len(values) if len(said) else 0)
        for level, (table, ready) in enumerate(zip(self._table, self._ready, strict=True)):
            if level:
                rows, keys, _ = _longer(history, level, rows, keys)
            at = place_in(table.context, keys)
            kept = at >= 0
            if not kept.all():
                rows, keys, at = rows[kept], keys[kept], at[kept]
            if not len(rows):
                break
            entropy[rows], variance[rows] = ready.entropy[at], ready.variance[at]
            depth[rows], context[rows] = level, at
            # The pair of a value that was never seen is the one before the context's first: none, or another's last.
            found = place_in(ready.pair, at * len(said) + code[rows])
            hit = (found >= 0) & (code[rows] >= 0)
            nll[rows] = np.where(hit, -ready.log_p[found], nll[rows] - ready.log_rest[at])
        return Surprise(nll, entropy, variance, depth, context)

    def likeliest(self, depth: int, context: int) -> tuple[int, float]:
        """What is expected most in a known context, and its probability."""
        table, ready = self._table[depth], self._ready[depth]
        span = slice(int(table.bounds[context]), int(table.bounds[context + 1]))
        best = span.start + int(np.argmax(ready.log_p[span]))
        return int(table.value[best]), float(np.exp(ready.log_p[best]))

    @cached_property
    def _ready(self) -> list[_Ready]:
        said = self.values
        uniform = np.log(len(said) + 1.0)
        ready: list[_Ready] = []
        for level, table in enumerate(self._table):
            size = np.diff(table.bounds)
            owner = np.repeat(np.arange(len(size)), size)
            code = np.searchsorted(said, table.value)
            if level:
                parent = np.searchsorted(self._table[level - 1].context, table.parent)
                place = np.searchsorted(ready[-1].pair, parent[owner] * len(said) + code)
                shorter = ready[-1].log_p[place]
                above = ready[-1].entropy[parent], ready[-1].variance[parent]
            else:
                shorter = np.full(len(said), -uniform)
                above = np.full(len(size), uniform), np.zeros(len(size))
            total = np.bincount(owner, table.count, len(size))
            log_rest = np.log(size) - np.log(total + size)
            p = (table.count + size[owner] * np.exp(shorter)) / (total + size)[owner]
            entropy, variance = _spread(owner, p, shorter, log_rest, *above)
            pair = owner * len(said) + code
            ready.append(_Ready(np.log(p), log_rest, entropy, variance, pair))
        return ready

    def save(self) -> dict[str, npt.NDArray[Any]]:
        return {
            f"{level} {name}": getattr(table, name)
            for level, table in enumerate(self._table)
            for name in _COLUMNS
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._table = [
            _Level(*(arrays[f"{level} {name}"] for name in _COLUMNS))
            for level in range(self.levels)
        ]
        self.__dict__.pop("_ready", None)


_COLUMNS = ("context", "parent", "bounds", "value", "count")


def _all(rows: int) -> tuple[Ints, Keys]:
    """All rows, with the empty context."""
    return np.arange(rows), np.zeros(rows, np.uint64)


def _longer(history: History, level: int, rows: Ints, keys: Keys) -> tuple[Ints, Keys, Keys]:
    """The rows that have a context of this level, its keys, and those of the level before."""
    more = history(level, rows)
    kept = more != NOTHING
    if not kept.all():
        rows, keys, more = rows[kept], keys[kept], more[kept]
    return rows, mixed(keys ^ mixed(more)), keys


def _spread(
    owner: Ints, p: Floats, shorter: Floats, log_rest: Floats, entropy: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """(C,) mean and variance of -log p in each context; those of the shorter contexts are given.

    Values that never followed have the shorter context's probability times the rest: their part is the shorter one's
    less what the followers had there.
    """

    def of_followers(each: Floats) -> Floats:
        return np.bincount(owner, each, len(log_rest)).astype(np.float64)

    log_p, p_shorter, rest = np.log(p), np.exp(shorter), np.exp(log_rest)
    mass = np.maximum(1.0 - of_followers(p_shorter), 0.0)
    first = np.maximum(entropy + of_followers(p_shorter * shorter), 0.0)
    second = np.maximum(variance + entropy**2 - of_followers(p_shorter * shorter**2), 0.0)
    mean = rest * (first - mass * log_rest) - of_followers(p * log_p)
    square = rest * (second - 2 * log_rest * first + mass * log_rest**2)
    square += of_followers(p * log_p**2)
    return mean, np.maximum(square - mean**2, 0.0)


_Counted = tuple[Keys, Keys, Ints, Ints]
"""context, its parent, value, count: a row for each distinct pair"""


def _counted(keys: Keys, parents: Keys, values: Ints, weight: Ints) -> _Counted:
    pair = mixed(keys ^ mixed(values))
    order = np.argsort(pair)
    ordered = pair[order]
    heads = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    first = order[heads]
    return keys[first], parents[first], values[first], np.add.reduceat(weight[order], heads)


def _merged(old: _Level, new: _Counted) -> _Level:
    owner = np.repeat(np.arange(len(old.context)), np.diff(old.bounds))
    key = np.concatenate((old.context[owner], new[0]))
    parent = np.concatenate((old.parent[owner], new[1]))
    value = np.concatenate((old.value, new[2]))
    count = np.concatenate((old.count, new[3]))
    order = np.lexsort((value, key))
    key, value = key[order], value[order]
    news = np.concatenate(([True], key[1:] != key[:-1]))
    heads = np.flatnonzero(news | np.concatenate(([True], value[1:] != value[:-1])))
    firsts = np.flatnonzero(news)
    bounds = np.append(np.searchsorted(heads, firsts), len(heads))
    return _Level(
        key[firsts],
        parent[order][firsts],
        bounds,
        value[heads],
        np.add.reduceat(count[order], heads),
    )
