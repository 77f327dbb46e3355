"""What a query says, as frozen values. `str()` of each is LogQL again, and parses to an equal value.

`at` is where a part stands in the text that it was parsed from; it serves messages and does not take part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class MatchOp(StrEnum):
    """How a label's value is compared; a label that a stream lacks is the empty text."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


class FilterOp(StrEnum):
    """How a line is searched, case-sensitively."""

    CONTAINS = "|="
    NOT_CONTAINS = "!="
    MATCHES = "|~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a stream's labels. A regular expression must match the whole value."""

    name: str
    op: MatchOp
    value: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}{self.op}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class LineFilter:
    """One condition on the text of a line. A regular expression may match anywhere in it."""

    op: FilterOp
    text: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.op} {quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Query:
    """Lines of the streams for which all `matchers` hold, and that all `filters` let through."""

    matchers: tuple[Matcher, ...] = ()
    filters: tuple[LineFilter, ...] = ()
    text: str = field(default="", compare=False)
    """As it was asked, for messages."""

    def __str__(self) -> str:
        selector = "{" + ", ".join(map(str, self.matchers)) + "}"
        return " ".join([selector, *map(str, self.filters)])


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    r"""`text` as a double-quoted string with Go's escapes.

    >>> print(quoted('a "b"\n\x00'))
    "a \"b\"\n\x00"
    """
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return (
        character if character.isprintable() or ord(character) > 127 else f"\\x{ord(character):02x}"
    )
