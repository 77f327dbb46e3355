"""All label sets, kept in memory: which streams a selector means is known without asking the database.

Streams are only ever added. What a selector found is remembered, and later only the new ones are looked at.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import orjson

from driftwood.logql import re2
from driftwood.logql.ast import Matcher, MatchOp

Labels = Mapping[str, str]

REMEMBERED = 256
"""Selectors."""


class Streams:
    """Any thread may ask; `add` is for the writing thread, after the commit."""

    def __init__(self, keys: Iterable[tuple[int, str]]) -> None:
        self._known: set[int] = set()
        self._sids: list[int] = []
        self._keys: list[str] = []
        self._labels: dict[int, Labels] = {}
        self._found: OrderedDict[tuple[Matcher, ...], _Found] = OrderedDict()
        self._lock = threading.Lock()
        self.add(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, sid: object) -> bool:
        return sid in self._known

    def add(self, keys: Iterable[tuple[int, str]]) -> None:
        """Streams with their labels as canonical JSON. What is known already stays."""
        for sid, key in keys:
            if sid not in self._known:
                self._known.add(sid)
                self._sids.append(sid)
                self._keys.append(key)  # last: its length says how many there are

    def labels(self, sid: int) -> Labels:
        """The label set of a stream that `matching` gave."""
        return self._labels[sid]

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
        tests = [(matcher.name, _test(matcher)) for matcher in matchers]
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


def _test(matcher: Matcher) -> Callable[[str], bool]:
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
