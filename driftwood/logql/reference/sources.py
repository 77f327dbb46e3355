"""Where the reference engine takes lines from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from driftwood.logql import re2
from driftwood.logql.answer import Labels
from driftwood.logql.ast import Matcher, MatchOp


class StoredEntry(NamedTuple):
    ts: int
    """ns"""
    line: str
    structured_metadata: Labels
    line_id: int
    """Orders lines of equal time."""


class LogSource(Protocol):
    """A store of lines, as far as a query sees it."""

    def select(
        self, matchers: Sequence[Matcher], start: int, end: int
    ) -> Iterable[tuple[Labels, Iterable[StoredEntry]]]:
        """The entries with start <= ts < end of each stream for which all `matchers` hold, in any order."""
        ...


@dataclass(slots=True)
class MemorySource:
    """Lines in memory. As in Loki, an entry that equals a stored one in stream, time, line and metadata is dropped."""

    _streams: dict[tuple[tuple[str, str], ...], dict[tuple[object, ...], StoredEntry]] = field(
        default_factory=dict
    )
    _count: int = 0

    def add(
        self,
        labels: Labels,
        entries: Iterable[tuple[int, str] | tuple[int, str, Labels]],
    ) -> None:
        """Stores `entries`: (ts, line) or (ts, line, structured metadata). Labels without a value do not exist."""
        key = tuple(sorted((name, value) for name, value in labels.items() if value))
        stream = self._streams.setdefault(key, {})
        for ts, line, *rest in entries:
            metadata: Mapping[str, str] = dict(rest[0]) if rest else {}
            entry = StoredEntry(ts, line, metadata, self._count)
            self._count += 1
            stream.setdefault((ts, line, *sorted(metadata.items())), entry)

    def select(
        self, matchers: Sequence[Matcher], start: int, end: int
    ) -> Iterator[tuple[Labels, Iterable[StoredEntry]]]:
        for key, entries in self._streams.items():
            labels = dict(key)
            if all(matches(matcher, labels) for matcher in matchers):
                yield labels, [entry for entry in entries.values() if start <= entry.ts < end]


def matches(matcher: Matcher, labels: Labels) -> bool:
    """A label that is absent has the empty text; regular expressions match whole values."""
    value = labels.get(matcher.name, "")
    match matcher.op:
        case MatchOp.EQUAL:
            return value == matcher.value
        case MatchOp.NOT_EQUAL:
            return value != matcher.value
        case MatchOp.MATCHES:
            return _whole(matcher.value).fullmatches(value)
        case MatchOp.NOT_MATCHES:
            return not _whole(matcher.value).fullmatches(value)


def _whole(pattern: str) -> re2.Regex:
    return re2.compile(f"(?s:{pattern})")  # in a label's value `.` matches newlines too
