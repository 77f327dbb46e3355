"""All label sets, kept in memory: which streams a selector means is known without asking the database.

Streams are only ever added. What a selector found is remembered, and later only the new ones are looked at.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from driftwood.labels import LEVELS, stable_id
from driftwood.logql import re2
from driftwood.logql.ast import Matcher, MatchOp
from driftwood.store.schema import PLACE

Labels = Mapping[str, str]
Int64s = npt.NDArray[np.int64]

REMEMBERED = 256
"""Selectors."""


class Stream(NamedTuple):
    sid: int
    key: str
    """Its labels as canonical JSON."""
    service: str


class Places(NamedTuple):
    """From the first to the last, both included."""

    first: int
    last: int


MAX_PLACES = 64
"""Ranges that one question is cut into; beyond that, the streams between two of them are taken along."""


def place_of(stream: Stream) -> int:
    """Where the lines of a stream lie in a segment: by service, then by level. 63 bits, the same for ever.

    Two streams may share a place: it says where to look, not what is found there.
    """
    service = stable_id(stream.service.encode("utf-8", "surrogatepass")) >> 40
    level = orjson.loads(stream.key).get("level", "")
    rank = LEVELS.index(level) + 1 if level in LEVELS else 0
    return service << 40 | rank << 37 | stream.sid >> 26


class Streams:
    """Any thread may ask; `add` is for the writing thread, after the commit."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._places: dict[int, int] = {}
        self._ordered: tuple[int, Int64s] = (0, np.empty(0, np.int64))
        self._sids: list[int] = []
        self._keys: list[str] = []
        self._labels: dict[int, Labels] = {}
        self._found: OrderedDict[tuple[Matcher, ...], _Found] = OrderedDict()
        self._lock = threading.Lock()
        self.add(streams)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, sid: object) -> bool:
        return sid in self._places

    def add(self, streams: Iterable[Stream]) -> None:
        """What is known already stays."""
        for stream in streams:
            if stream.sid not in self._places:
                self._places[stream.sid] = place_of(stream)
                self._sids.append(stream.sid)
                self._keys.append(stream.key)  # last: its length says how many there are

    def labels(self, sid: int) -> Labels:
        """The label set of a stream that `matching` gave."""
        return self._labels[sid]

    def places(self) -> pa.Table:
        """(sid, place) of every stream."""
        known = self._places.copy()
        return pa.table(
            {
                "sid": pa.array(list(known), pa.int64()),
                PLACE: pa.array(list(known.values()), pa.int64()),
            }
        )

    def places_of(self, sids: Collection[int]) -> Sequence[Places]:
        """Ranges that hold these streams, and no more others than MAX_PLACES makes necessary; () means anywhere."""
        everywhere = self._all_places()
        wanted = np.unique(np.fromiter((self._places[sid] for sid in sids), np.int64, len(sids)))
        if not len(wanted) or len(wanted) == len(everywhere):
            return ()
        at = np.searchsorted(everywhere, wanted)
        gaps = np.diff(at) - 1
        breaks = np.flatnonzero(gaps > 0)
        if len(breaks) >= MAX_PLACES:
            breaks = np.sort(breaks[np.argsort(gaps[breaks])[::-1][: MAX_PLACES - 1]])
        firsts = wanted[np.concatenate(([0], breaks + 1))]
        lasts = wanted[np.concatenate((breaks, [len(wanted) - 1]))]
        return [Places(*each) for each in zip(firsts.tolist(), lasts.tolist(), strict=True)]

    def _all_places(self) -> Int64s:
        count, ordered = self._ordered
        if count != len(self._places):
            known = list(self._places.copy().values())
            ordered = np.unique(np.array(known, np.int64))
            self._ordered = len(known), ordered
        return ordered

    def matching(self, matchers: Sequence[Matcher]) -> Mapping[int, Labels]:
        """The streams for which all `matchers` hold, in the order in which they came. The caller may not change it."""
        asked = tuple(matchers)
        with self._lock:
            found = self._found.get(asked)
            if found is None:
                found = self._found[asked] = _Found()
            self._found.move_to_end(asked)
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
            seen = len(self._keys)
            if found.seen < seen:
                found.streams = MappingProxyType(
                    {**found.streams, **self._new(asked, found.seen, seen)}
                )
                found.seen = seen
            return found.streams

    def _new(self, matchers: Sequence[Matcher], start: int, end: int) -> dict[int, Labels]:
        tests = [(matcher.name, test_of(matcher)) for matcher in matchers]
        new: dict[int, Labels] = {}
        for at in range(start, end):
            sid = self._sids[at]
            labels = self._labels.get(sid)
            if labels is None:
                labels = self._labels[sid] = orjson.loads(self._keys[at])
            if all(test(labels.get(name, "")) for name, test in tests):
                new[sid] = labels
        return new


class _Found:
    __slots__ = ("seen", "streams")

    def __init__(self) -> None:
        self.seen = 0
        self.streams: Mapping[int, Labels] = MappingProxyType({})


def test_of(matcher: Matcher) -> Callable[[str], bool]:
    """Whether a value is meant; a label that is absent has the empty text."""
    match matcher.op:
        case MatchOp.EQUAL:
            return matcher.value.__eq__
        case MatchOp.NOT_EQUAL:
            return matcher.value.__ne__
        case MatchOp.MATCHES | MatchOp.NOT_MATCHES:
            matches = re2.compile(f"(?s:{matcher.value})").fullmatches  # `.` may be a newline
            known: dict[str, bool] = {}
            wanted = matcher.op is MatchOp.MATCHES

            def test(value: str) -> bool:
                if value not in known:
                    known[value] = matches(value) is wanted
                return known[value]

            return test
