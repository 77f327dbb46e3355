r"""Regular expressions as Go has them: RE2's syntax and time, Go's error texts. Nothing else imports the package.

Offsets are those of the text as a str. `.` leaves out the newline unless `(?s)` is on, `$` is the end of the text
unless `(?m)` is, and both `(?P<name>...)` and `(?<name>...)` name a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

DEEPEST = 1_000
"""Go refuses an expression that nests further."""

_GO_TEXTS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
    "pattern too large - compile failed": "expression too large",
}
_BYTES_OF_MEMORY = (8 << 20, 256 << 20)
"""What the automata of one expression may take: the second where the first does not do."""


class RegexError(ValueError):
    """Go's text of why an expression is refused."""


class Match:
    """Where an expression was found. Group 0 is the whole; a group that took no part is None."""

    __slots__ = ("_found", "_regex", "_text")

    def __init__(self, found: Any, regex: Regex, text: bytes) -> None:
        self._found = found
        self._regex = regex
        self._text = text

    def group(self, index: int = 0) -> str | None:
        start, end = self._found.span(index)
        return None if start < 0 else _text(self._text[start:end])

    def span(self, index: int = 0) -> tuple[int, int]:
        """(-1, -1) where the group took no part."""
        start, end = self._found.span(index)
        if start < 0:
            return -1, -1
        before = len(_text(self._text[:start]))
        return before, before + len(_text(self._text[start:end]))

    def expand(self, template: str) -> str:
        """`template` with $1, $name, ${1} and ${name} replaced, $$ a dollar; an unknown one is empty: Regexp.Expand."""
        return _REFERENCE.sub(self._referred, template)

    def _referred(self, reference: re.Match[str]) -> str:
        if reference["dollar"]:
            return "$"
        name = reference["braced"] or reference["bare"]
        if re.fullmatch(r"0|[1-9][0-9]{0,8}", name):
            index = int(name)
            return (self.group(index) or "") if index < len(self._regex.names) else ""
        named = (i for i, group in enumerate(self._regex.names) if group == name)
        return next((value for i in named if (value := self.group(i)) is not None), "")


_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<braced>\w+)\}|(?P<bare>\w+))")


class Regex:
    """A compiled expression."""

    __slots__ = ("_compiled", "names", "pattern")

    def __init__(self, pattern: str, compiled: Any, names: tuple[str, ...]) -> None:
        self.pattern = pattern
        self.names = names
        """Of all groups by number; "" for one without a name, such as the whole, 0. Two may have the same."""
        self._compiled = compiled

    def matches(self, text: str) -> bool:
        """Whether it is found anywhere in `text`."""
        return self._compiled.search(_bytes(text)) is not None

    def fullmatches(self, text: str) -> bool:
        return self._compiled.fullmatch(_bytes(text)) is not None

    def search(self, text: str) -> Match | None:
        encoded = _bytes(text)
        found = self._compiled.search(encoded)
        return Match(found, self, encoded) if found is not None else None

    def fullmatch(self, text: str) -> Match | None:
        encoded = _bytes(text)
        found = self._compiled.fullmatch(encoded)
        return Match(found, self, encoded) if found is not None else None

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches from left to right, none overlapping; as in Go, no empty one directly behind another."""
        encoded = _bytes(text)
        at, last = 0, -1
        while at <= len(encoded):
            found = self._compiled.search(encoded, at)
            if found is None:
                return
            start, end = found.span()
            if end > start or start != last:
                yield Match(found, self, encoded)
            last = end
            at = end if end > start else end + _width(encoded, end)

    def replace_all(self, text: str, template: str) -> str:
        """Every match replaced by `template`, in which $1 and ${name} stand for groups: ReplaceAllString.

        >>> compile("(a+)(?P<rest>b*)").replace_all("-aab-", "<${rest}$1>")
        '-<baa>-'
        """
        return self._replaced(text, template, literal="$" not in template)

    def replace_all_literal(self, text: str, replacement: str) -> str:
        return self._replaced(text, replacement, literal=True)

    def _replaced(self, text: str, template: str, literal: bool) -> str:
        pieces: list[str] = []
        encoded, at = _bytes(text), 0
        for match in self.finditer(text):
            start, end = match._found.span()
            pieces.append(_text(encoded[at:start]))
            pieces.append(template if literal else match.expand(template))
            at = end
        return "".join(pieces) + _text(encoded[at:])


@lru_cache(maxsize=2_048)
def compile(pattern: str) -> Regex:  # noqa: A001  (as everywhere)
    r"""The expression that `pattern` means. Raises RegexError with Go's text.

    >>> compile(r"(?<code>\d+)").search("HTTP 404").group(1)
    '404'
    >>> compile("^(?:()$")
    Traceback (most recent call last):
    driftwood.logql.re2.RegexError: error parsing regexp: missing closing ): `^(?:()$`
    """
    syntax = _Syntax(pattern)
    if syntax.any_byte is not None and _refusal_before(pattern[: syntax.any_byte]) is None:
        raise _error("invalid escape sequence", r"\C")  # RE2 has it, Go does not
    compiled = _compiled(pattern)
    if syntax.foreign_name is not None:
        raise _error("invalid named capture", syntax.foreign_name)
    if syntax.depth >= DEEPEST:
        raise _error("expression nests too deeply", pattern)
    return Regex(pattern, compiled, tuple(syntax.names))


def escape(text: str) -> str:
    r"""An expression that matches just `text`: regexp.QuoteMeta."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text)


def _compiled(pattern: str) -> Any:
    for memory in _BYTES_OF_MEMORY:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = memory
        try:
            return re2.compile(_bytes(pattern), options)
        except re2.error as error:
            refusal = error.args[0]
        if not refusal.startswith(b"pattern too large"):
            break
    raise _error(*_as_go(_text(refusal), pattern))


def _refusal_before(prefix: str) -> RegexError | None:
    """What is wrong with the start of an expression, other than that it is not complete."""
    try:
        _compiled(prefix)
    except RegexError as error:
        return error if "missing closing" not in str(error) else None
    return None


def _as_go(refusal: str, pattern: str) -> tuple[str, str]:
    """Go's words for RE2's, and the part that they are about."""
    words, _, part = refusal.partition(": ")
    if words == "pattern too large - compile failed":
        return _GO_TEXTS[words], pattern
    if words == "invalid UTF-8":  # a \x{ at the end
        return "invalid escape sequence", r"\x{"
    if part in (r"\p", r"\P") and pattern.endswith(part) and not pattern[:-2].endswith("-"):
        return "invalid character class range", part
    if part in ("(?<=", "(?<!"):  # Go looks for a name
        return _GO_TEXTS["invalid named capture group"], _name_at(pattern, part)
    if words == "invalid repetition size":
        return _GO_TEXTS[words], part.removesuffix("?")
    if words == "bad repetition operator":
        count = _COUNT.search(part)
        if count and not _possible(count):  # Go looks at the numbers first
            return _GO_TEXTS["invalid repetition size"], count[0].removesuffix("?")
    return _GO_TEXTS.get(words, words), part


def _name_at(pattern: str, opening: str) -> str:
    """From the `opening` that is refused up to the `>` that would end a name."""
    rest = pattern[pattern.find(opening) :]
    return rest[: rest.index(">") + 1] if ">" in rest else rest


_COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}\??$")


def _possible(count: re.Match[str]) -> bool:
    low = int(count[1]) if len(count[1]) < 5 else DEEPEST + 1
    high = (int(count[3]) if len(count[3]) < 5 else DEEPEST + 1) if count[3] else low
    return low <= high <= 1_000


def _error(words: str, part: str) -> RegexError:
    return RegexError(f"error parsing regexp: {words}: `{part}`")


class _Syntax:
    """What stands in a pattern that RE2 does not tell: names by group, \\C, and how deep groups nest."""

    _PART = re.compile(
        r"""\\Q(?:.*?)(?:\\E|$) | (?P<any>\\C) | \\. | \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]?
            | \(\?P?<(?P<name>[^>]*)> | (?P<plain>\(\?) | (?P<open>\() | (?P<close>\))""",
        re.VERBOSE | re.DOTALL,
    )

    def __init__(self, pattern: str) -> None:
        self.names = [""]
        self.any_byte: int | None = None
        self.foreign_name: str | None = None
        self.depth = deep = 0
        for part in self._PART.finditer(pattern):
            kind = part.lastgroup
            if kind == "any" and self.any_byte is None:
                self.any_byte = part.start()
            elif kind == "name" or kind == "open":
                self.names.append(part["name"] or "")
            if part["name"] and not part["name"].isascii() and self.foreign_name is None:
                self.foreign_name = part[0]
            if kind == "close":
                deep -= 1
            elif kind in ("name", "open", "plain"):
                deep += 1
                self.depth = max(self.depth, deep)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(encoded: bytes) -> str:
    return encoded.decode("utf-8", "surrogateescape")


def _width(encoded: bytes, at: int) -> int:
    """How many bytes the character at `at` has."""
    end = at + 1
    while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
        end += 1
    return end - at
