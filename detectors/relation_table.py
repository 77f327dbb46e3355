"""What was seen of relations, that is of templates said by a source: in how many windows, and how often at most.

Sources and templates are numbered as they come, a relation's key holds both numbers, and the columns are ordered by
key, so that a whole batch is looked up at once. What is saved is ordered by names instead and does not depend on how
the rows were cut into batches. The table is bounded per source and as a whole: what was not seen for longest goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch

Ints = npt.NDArray[np.int64]
Name = TypeVar("Name")

MAX_PER_SOURCE = 4_096
MAX_RELATIONS = 400_000
_BITS = 32
_MASK = (1 << _BITS) - 1


class Numbers(Generic[Name]):
    """Names by number, in the order of their first appearance."""

    def __init__(self) -> None:
        self.names: list[Name] = []
        self._of: dict[Name, int] = {}

    def of(self, names: Iterable[Name], *, add: bool = False) -> Ints:
        """The number of each name; an unknown one is added, or else -1."""
        known, names = self._of, list(names)
        if add:
            for name in names:
                if name not in known:
                    known[name] = len(self.names)
                    self.names.append(name)
        return np.array([known.get(name, -1) for name in names], np.int64)


@dataclass(frozen=True)
class Rows:
    """A row per (unit, template) of a batch, ordered by unit; numbers are -1 where unknown."""

    unit: Ints
    source: Ints
    number: Ints
    """of the template"""
    template: Ints
    """id"""
    count: Ints

    @property
    def key(self) -> Ints:
        key = (self.source << _BITS) | self.number
        return np.where((self.source < 0) | (self.number < 0), -1, key)


@dataclass(frozen=True)
class Seen:
    """What the table holds of relations, and of their templates over all sources; zeros where it holds nothing."""

    windows: Ints
    """of this source that it was seen in"""
    largest: Ints
    """the most lines in one of them"""
    everywhere: Ints
    """windows of any source"""
    anywhere: Ints
    """the most lines in a window of any source"""
    sources: Ints
    """sources that it was seen on"""


@dataclass(frozen=True)
class Columns:
    """Ordered by key, each once."""

    key: Ints
    windows: Ints
    largest: Ints
    last: Ints
    """start of the last window it was seen in, ns"""

    @classmethod
    def of(cls, key: Ints, windows: Ints, largest: Ints, last: Ints) -> Columns:
        """Rows of one key become one."""
        order = np.argsort(key, kind="stable")
        key = key[order]
        heads = np.flatnonzero(np.diff(key, prepend=-1))
        if not len(heads):
            return cls.none()
        return cls(
            key[heads],
            np.add.reduceat(windows[order], heads),
            np.maximum.reduceat(largest[order], heads),
            np.maximum.reduceat(last[order], heads),
        )

    @classmethod
    def none(cls) -> Columns:
        return cls(*(np.empty(0, np.int64) for _ in range(4)))

    def at(self, rows: npt.NDArray[Any]) -> Columns:
        return Columns(self.key[rows], self.windows[rows], self.largest[rows], self.last[rows])

    def joined(self, more: Columns) -> Columns:
        mine = (self.key, self.windows, self.largest, self.last)
        theirs = (more.key, more.windows, more.largest, more.last)
        return Columns.of(*(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)))

    @cached_property
    def by_template(self) -> tuple[Ints, Ints, Ints]:
        """Windows, largest and sources of each template, by its number, and a zero after them."""
        template = self.key & _MASK
        size = int(template.max(initial=-1)) + 2
        windows, largest = np.zeros(size, np.int64), np.zeros(size, np.int64)
        np.add.at(windows, template, self.windows)
        np.maximum.at(largest, template, self.largest)
        return windows, largest, np.bincount(template, minlength=size).astype(np.int64)


class RelationTable:
    def __init__(
        self, max_per_source: int = MAX_PER_SOURCE, max_relations: int = MAX_RELATIONS
    ) -> None:
        self._max = (max_per_source, max_relations)
        self.columns = Columns.none()
        self.sources: Numbers[str] = Numbers()
        self._templates: Numbers[int] = Numbers()

    def rows(self, batch: LogBatch, *, add: bool = False) -> Rows:
        """What `batch` says; with `add` its sources and templates are numbered, otherwise nothing changes."""
        tally = batch.tally
        unit = np.repeat(np.arange(len(batch)), np.diff(tally.bounds))
        source = self.sources.of(batch.source.tolist(), add=add)[unit]
        distinct, which = np.unique(tally.template_id, return_inverse=True)
        number = self._templates.of(distinct.tolist(), add=add)[which]
        return Rows(unit, source, number, tally.template_id, tally.count)

    def seen(self, rows: Rows) -> Seen:
        held, key = self.columns, rows.key
        at = np.searchsorted(held.key, key)
        at = np.where(np.append(held.key, -2)[at] == key, at, len(held.key))
        everywhere, anywhere, sources = held.by_template
        template = np.where(rows.number < 0, len(sources) - 1, rows.number)
        template = np.minimum(template, len(sources) - 1)
        return Seen(
            np.append(held.windows, 0)[at],
            np.append(held.largest, 0)[at],
            everywhere[template],
            anywhere[template],
            sources[template],
        )

    def add(self, more: Columns) -> None:
        if len(more.key):
            self.columns = self.columns.joined(more)
            self._evict()

    def _evict(self) -> None:
        held, (per_source, overall) = self.columns, self._max
        size = np.bincount(held.key >> _BITS)
        if len(held.key) <= overall and size.max() <= per_source:
            return
        newest = np.lexsort((held.key, -held.last))[:overall]
        source = (held.key >> _BITS)[newest]
        order = np.argsort(source, kind="stable")
        place = np.arange(len(order)) - np.searchsorted(source[order], source[order])
        self.columns = held.at(np.sort(newest[order][place < per_source]))

    @property
    def crowded(self) -> bool:
        """More names than relations can need: `load` of what was saved forgets those without any."""
        return len(self._templates.names) + len(self.sources.names) > 4 * self._max[1]

    def names(self, key: Ints) -> tuple[list[str], Ints, Ints]:
        """The sources of `key` in order, and for each key the row of its source there and the id of its template."""
        used = np.unique(key >> _BITS)
        names = sorted(self.sources.names[number] for number in used.tolist())
        row = np.zeros(len(self.sources.names) + 1, np.int64)
        row[self.sources.of(names)] = np.arange(len(names))
        return names, row[key >> _BITS], np.array(self._templates.names, np.int64)[key & _MASK]

    def keys(self, names: list[str], source: Ints, template: Ints) -> Ints:
        """The keys that `names` told of."""
        number = self.sources.of(names, add=True)
        distinct, which = np.unique(template, return_inverse=True)
        return (number[source] << _BITS) | self._templates.of(distinct.tolist(), add=True)[which]
