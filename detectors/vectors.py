"""Units as count vectors and as sequences, each distinct one once: what every look-up and every count detector asks.

Logs repeat themselves: half a million sessions of HDFS hold 27 thousand distinct sequences and 666 distinct count
vectors. So units are hashed first, in a few passes over the column of template ids, and everything that costs more
than a pass is done for one unit of each kind.

A hash is the sum, modulo 2^64, of well mixed 64-bit numbers, one per event: of the template alone for a count vector
(so order does not matter and nothing has to be sorted), of template and place for a sequence. Two of a million
different units share a hash with probability 3e-8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STEPS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST = np.uint64(31)
_TABLE = 1 << 16
"""Template ids below this are mixed once and looked up."""


def mixed(numbers: Ints | Keys) -> Keys:
    """Numbers to well spread ones, one to one: the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    x = numbers.astype(np.uint64, copy=False) + _GOLDEN
    for shift, factor in _STEPS:
        x = (x ^ (x >> shift)) * factor
    return x ^ (x >> _LAST)


_MIXED = mixed(np.arange(_TABLE))


def mixed_ids(template: Ints) -> Keys:
    """`mixed`, by table where the ids are small, as ours are."""
    if len(template) < 64 or template.min() < 0 or template.max() >= _TABLE:
        return mixed(template)
    return _MIXED[template]


def sums(values: Keys, bounds: Ints) -> Keys:
    """The sum modulo 2^64 of each span `bounds[i] : bounds[i + 1]`, 0 of an empty one."""
    total = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=total[1:])
    return total[bounds[1:]] - total[bounds[:-1]]


def vector_keys(batch: LogBatch) -> Keys:
    """(U,) equal where two units hold the same templates equally often."""
    return sums(mixed_ids(batch.template_id), batch.bounds)


def sequence_keys(batch: LogBatch) -> Keys:
    """(U,) equal where two units hold the same templates in the same order."""
    bounds = batch.bounds
    place = np.arange(len(batch.unit)) - np.repeat(bounds[:-1], np.diff(bounds))
    return sums(mixed(mixed_ids(batch.template_id) + place.astype(np.uint64) * _GOLDEN), bounds)


_KEPT = "distinct vectors"


@dataclass(frozen=True)
class Distinct:
    """Which units are alike."""

    key: Keys
    """(V,) ascending"""
    first: Ints
    """(V,) a unit of each kind"""
    kind: Ints
    """(U,) row of `key`"""
    times: Ints
    """(V,) units of each kind"""


def distinct(keys: Keys) -> Distinct:
    key, first, kind, times = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return Distinct(key, first, kind.reshape(-1), times)


def plain(batch: LogBatch, units: Ints) -> LogBatch:
    """These units without the fields of their events."""
    if len(units) == len(batch) and np.array_equal(units, np.arange(len(units))):
        return batch
    return replace(batch, fields=None).at(units)


@dataclass(frozen=True)
class Vectors:
    """Distinct count vectors: row v holds `template[b[v] : b[v + 1]]`, ascending, each `count` times."""

    key: Keys
    """(V,) ascending; see `vector_keys`"""
    bounds: Ints
    """(V + 1,)"""
    template: Ints
    """(T,)"""
    count: Ints
    """(T,) 1 or more"""
    times: Ints
    """(V,) units that had it"""
    last: Ints
    """(V,) the latest start of such a unit, ns"""

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def none() -> Vectors:
        empty = np.zeros(0, np.int64)
        return Vectors(empty.astype(np.uint64), np.zeros(1, np.int64), *[empty] * 4)

    @staticmethod
    def of(batch: LogBatch) -> tuple[Vectors, Ints]:
        """The distinct vectors of a batch, and (U,) the row of each unit; found once, whichever detectors ask."""
        kept = batch.__dict__  # where `LogBatch.tally` is kept, too
        if _KEPT not in kept:
            kept[_KEPT] = Vectors._of(batch)
        found: tuple[Vectors, Ints] = kept[_KEPT]
        return found

    @staticmethod
    def _of(batch: LogBatch) -> tuple[Vectors, Ints]:
        found = distinct(vector_keys(batch))
        last = np.full(len(found.key), np.iinfo(np.int64).min)
        np.maximum.at(last, found.kind, batch.start)
        tally = plain(batch, found.first).tally
        rows = (found.key, tally.bounds.astype(np.int64), tally.template_id, tally.count)
        return Vectors(*rows, found.times.astype(np.int64), last), found.kind

    def entries(self, rows: Ints) -> Ints:
        """The entries of some rows, one row after the other."""
        size = np.diff(self.bounds)[rows]
        return np.repeat(self.bounds[rows] - np.cumsum(size) + size, size) + np.arange(size.sum())

    def at(self, rows: Ints) -> Vectors:
        """Some rows; keys stay ascending if these are."""
        entry = self.entries(rows)
        return Vectors(
            self.key[rows],
            np.concatenate(([0], np.cumsum(np.diff(self.bounds)[rows]))),
            self.template[entry],
            self.count[entry],
            self.times[rows],
            self.last[rows],
        )

    @property
    def row(self) -> Ints:
        """(T,) the row that an entry belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def summed(self, of_entries: npt.NDArray[np.floating[Any]]) -> Floats:
        """(V,) the sum over the entries of each row."""
        return np.bincount(self.row, of_entries, len(self)).astype(np.float64)

    def find(self, keys: Keys) -> Ints:
        """The row of each key, -1 where there is none."""
        return place_in(self.key, keys)

    def merged(self, other: Vectors) -> Vectors:
        """Both; what both hold counts together."""
        whole = Vectors(
            np.concatenate([self.key, other.key]),
            np.concatenate([self.bounds, self.bounds[-1] + other.bounds[1:]]),
            np.concatenate([self.template, other.template]),
            np.concatenate([self.count, other.count]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.last, other.last]),
        )
        found = distinct(whole.key)
        kept = whole.at(found.first)
        times = np.bincount(found.kind, whole.times, len(found.key)).astype(np.int64)
        last = np.full(len(found.key), np.iinfo(np.int64).min)
        np.maximum.at(last, found.kind, whole.last)
        return replace(kept, times=times, last=last)

    def capped(self, vectors: int, entries: int) -> Vectors:
        """At most so many rows and entries: those seen most often stay, of equals the ones seen last."""
        if len(self) <= vectors and len(self.template) <= entries:
            return self
        best = np.lexsort((self.key, -self.last, -self.times))
        room = np.cumsum(np.diff(self.bounds)[best]) <= entries
        return self.at(np.sort(best[room][:vectors]))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """For a snapshot; keys follow from the rest."""
        return {
            "size": np.diff(self.bounds),
            "template": self.template,
            "count": self.count,
            "times": self.times,
            "last": self.last,
        }

    @staticmethod
    def from_arrays(arrays: dict[str, npt.NDArray[np.int64]]) -> Vectors:
        bounds = np.concatenate(([0], np.cumsum(arrays["size"])))
        key = sums(mixed_ids(arrays["template"]) * arrays["count"].astype(np.uint64), bounds)
        rest = (arrays[name] for name in ("template", "count", "times", "last"))
        return Vectors(key, bounds, *rest)


K = TypeVar("K", np.int64, np.uint64)


def place_in(known: npt.NDArray[K], asked: npt.NDArray[K]) -> Ints:
    """The place of each number in `known`, which is ascending; -1 where it is not there.

    >>> place_in(np.array([3, 7]), np.array([7, 5, 9])).tolist()
    [1, -1, -1]
    """
    if not len(known):
        return np.full(len(asked), -1)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[place] == asked, place, -1)


def set_keys(vectors: Vectors) -> Keys:
    """(V,) equal where two vectors hold the same templates, however often."""
    return sums(mixed_ids(vectors.template), vectors.bounds)
