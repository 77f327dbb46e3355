"""The expressions of `| json x="a.b[0]"`, and what they find in a line."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import TypeAlias

from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.json_text import (
    NO_JSON,
    JsonError,
    Kind,
    Value,
    block_end,
    elements,
    members,
    skip,
    unescape,
    value_at,
)

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places in arrays."""

# -- the expression

_END = "$end"
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r'"([^"\]\0]*)["\]\0]?')
_SIGNS = {"[": "LSB", "]": "RSB", ".": "DOT"}


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.error: str | None = None
        """What the last token was, if none at all; it then reads as the end."""

    def next(self) -> tuple[str, str | int]:
        """The kind of the next token, and its value."""
        text = self._text
        while text[self._at : self._at + 1] in (" ", "\t", "\n"):
            self._at += 1
        char = text[self._at : self._at + 1]
        if char in ("", "\0"):
            return _END, ""
        if char in "0123456789":
            return self._index()
        if char in _SIGNS:
            self._at += 1
            return _SIGNS[char], char
        if field := _FIELD.match(text, self._at):
            self._at = field.end()
            return "FIELD", field[0]
        if char == '"':
            quoted = _QUOTED.match(text, self._at)
            assert quoted is not None
            self._at = quoted.end()
            return "STRING", quoted[1]
        self.error = f"unexpected char {char}"
        return _END, ""

    def _index(self) -> tuple[str, str | int]:
        digits = ""
        while True:
            char = self._text[self._at : self._at + 1] or "\0"
            if char == ".":
                self.error = "cannot use float as array index"
                return _END, ""
            if char in " \t\n]":
                return "INDEX", int(digits)
            if char not in "0123456789":
                self.error = f"non-integer value: {char}"
                return _END, ""
            digits += char
            self._at += 1


def parse(text: str) -> Path:
    """Raises StageError in Loki's words.

    >>> parse('a.b["c d"][0]')
    ('a', 'b', 'c d', 0)
    """
    tokens = _Tokens(text)
    path: list[str | int] = []
    kind, value = tokens.next()
    if kind not in ("FIELD", "LSB"):
        raise _unexpected(text, kind, ", expecting LSB or FIELD")
    while kind != _END:
        if kind == "DOT" and path:
            kind, value = tokens.next()
            if kind != "FIELD":
                raise _unexpected(text, kind, ", expecting FIELD")
            path.append(value)
        elif kind == "LSB":
            kind, value = tokens.next()
            if kind not in ("STRING", "INDEX"):
                raise _unexpected(text, kind, ", expecting STRING or INDEX")
            path.append(value)
            kind, _ = tokens.next()
            if kind != "RSB":
                raise _unexpected(text, kind, ", expecting RSB")
        elif not path:
            path.append(value)
        else:
            raise _unexpected(text, kind, "")
        kind, value = tokens.next()
    if tokens.error:
        raise StageError(f"cannot parse expression [{text}]: {tokens.error}")
    return tuple(path)


def _unexpected(text: str, kind: str, expected: str) -> StageError:
    return StageError(
        f"cannot parse expression [{text}]: syntax error: unexpected {kind}{expected}"
    )


# -- what it finds

_STEP = re.compile(r'"((?:[^"\\]|\\.)*)("?)|[{}\[\]]', re.DOTALL)


def find(text: str, paths: Sequence[Path]) -> Iterator[tuple[int, Value | JsonError]]:
    """The first value of each path by the path's place, in the order of `text`, or why it is none.

    The text is read up to where all are found. Only what is looked for must be JSON; other faults end it silently.
    """
    open_paths = set(range(len(paths)))
    deepest = max(map(len, paths))
    keys: list[str | int] = [""] * deepest
    """The last key of each level."""
    level = 0
    at = 0
    while open_paths and (step := _STEP.search(text, at)) is not None:
        at = step.end()
        sign = text[step.start()]
        if sign == '"':
            at = skip(text, at)
            if not step[2] or at >= len(text):
                return
            if text[at] != ":":
                continue
            at += 1
            key = unescape(step[1])
            if key is None:
                return
            if level > deepest:
                continue
            if level < 1:
                yield -1, JsonError(NO_JSON)
                return
            keys[level - 1] = key
            here = tuple(keys[:level])
            for place in sorted(open_paths):
                if paths[place] == here:
                    open_paths.discard(place)
                    yield place, _value_or_error(text, at)
        elif sign == "{":
            level += 1
        elif sign == "[":
            if level < 0:
                yield -1, JsonError(NO_JSON)
                return
            here = tuple(keys[:level])
            wanted = [] if level >= deepest else _through(here, paths, open_paths)
            if wanted:
                array = text[step.start() :]
                at = step.start() + (yield from _in_array(array, paths, open_paths, wanted, level))
                level += 1  # up to the bracket that closes it
                continue
            at = block_end(text, step.start())
            if at < 0:
                return
        else:
            level -= 1


def _value_or_error(text: str, at: int) -> Value | JsonError:
    try:
        return value_at(text, at)
    except JsonError as error:
        return error


def _through(here: Path, paths: Sequence[Path], open_paths: set[int]) -> list[int]:
    """The places of the paths that go through an array at `here`."""
    depth = len(here)
    return [
        place
        for place in sorted(open_paths)
        if len(paths[place]) > depth
        and paths[place][:depth] == here
        and isinstance(paths[place][depth], int)
    ]


def _in_array(
    text: str, paths: Sequence[Path], open_paths: set[int], wanted: Sequence[int], depth: int
) -> Generator[tuple[int, Value], None, int]:
    """The values of the `wanted` paths in the array that `text` begins with; where that was read to, is returned."""
    reading = elements(text)
    index = 0
    while True:
        try:
            element = next(reading)
        except StopIteration as stop:
            end: int = stop.value
            return end
        for place in wanted:
            if paths[place][depth] == index:
                open_paths.discard(place)
                value = _below(element, paths[place][depth + 1 :])
                if value is not None:
                    yield place, value
        index += 1


def _below(value: Value, path: Path) -> Value | None:
    if not path:
        return value
    if isinstance(path[0], int):
        if value.kind is not Kind.ARRAY:
            return None
        for index, element in enumerate(elements(value.text)):
            if index == path[0]:
                return _below(element, path[1:])
        return None
    if value.kind is not Kind.OBJECT:
        return None
    try:
        for key, member in members(value.text):
            if key == path[0] and (found := _below(member, path[1:])) is not None:
                return found
    except JsonError:
        return None
    return None
