"""`| drop x, y="1"` and `| keep x`: fewer labels. Here a regular expression is taken as it stands.

Its dot matches a newline, too, as in a selector, and it is never simplified as in filters.
"""

from __future__ import annotations

from collections.abc import Callable

from driftwood.logql import re2
from driftwood.logql.ast import Matcher, MatchOp
from driftwood.logql.re2 import RegexError
from driftwood.logql.stages.errors import DETAILS, ERROR, SPECIAL, StageError
from driftwood.logql.stages.labels import LabelSet

_Named = list[tuple[str, Callable[[str], bool] | None]]


class DropStage:
    """A bare name goes wherever it comes from, one with a matcher where that holds (absent is empty)."""

    __slots__ = ("_labels",)

    def __init__(self, labels: tuple[str | Matcher, ...]) -> None:
        """Raises StageError."""
        self._labels = _named(labels)

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        for name, holds in self._labels:
            if name == ERROR:
                if holds is None or holds(labels.error):
                    labels.error = ""
            elif name == DETAILS:
                if holds is None or holds(labels.details):
                    labels.details = ""
            else:
                value = labels.get(name)
                if value is not None if holds is None else holds(value or ""):
                    labels.delete(name)
        return line


class KeepStage:
    """Everything else goes, but for errors."""

    __slots__ = ("_labels",)

    def __init__(self, labels: tuple[str | Matcher, ...]) -> None:
        """Raises StageError."""
        self._labels = _named(labels)

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        for name, value in labels.as_mapping().items():
            if name not in SPECIAL and not self._keeps(name, value):
                labels.delete(name)
        return line

    def _keeps(self, name: str, value: str) -> bool:
        return any(name == kept and (holds is None or holds(value)) for kept, holds in self._labels)


def _named(labels: tuple[str | Matcher, ...]) -> _Named:
    return [(each, None) if isinstance(each, str) else (each.name, _holds(each)) for each in labels]


def _holds(matcher: Matcher) -> Callable[[str], bool]:
    wanted = matcher.value
    match matcher.op:
        case MatchOp.EQUAL:
            return lambda value: value == wanted
        case MatchOp.NOT_EQUAL:
            return lambda value: value != wanted
    try:
        re2.compile(wanted)
        regex = re2.compile(f"^(?s:{wanted})$")
    except RegexError as error:
        raise StageError(str(error)) from error
    if matcher.op is MatchOp.MATCHES:
        return regex.matches
    return lambda value: not regex.matches(value)
