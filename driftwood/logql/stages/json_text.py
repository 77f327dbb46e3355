r"""JSON as Loki reads it: from left to right, forgiving what it does not look at, and keeping texts as they stand.

A number is what begins like one and ends before `,`, `}`, `]` or a space; an array or object is what lies between its
brackets, whatever that is; nothing behind the closing brace is read. So `{"a":1` still gives a, and then fails.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from enum import Enum, auto
from typing import NamedTuple

NO_OBJECT = "Value looks like object, but can't find closing '}' symbol"
NO_ARRAY = "Value is array, but can't find closing ']' symbol"
NO_STRING = "Value is string, but can't find closing '\"' symbol"
NO_JSON = "Malformed JSON error"
NO_TYPE = "Unknown value type"
NO_ESCAPE = "Encountered an invalid escape sequence in a string"


class JsonError(ValueError):
    """Why a text is no JSON, in Loki's words."""


class Kind(Enum):
    STRING = auto()
    """`text` is what lies between the quotes, escapes and all."""
    NUMBER = auto()
    BOOLEAN = auto()
    NULL = auto()
    OBJECT = auto()
    ARRAY = auto()


class Value(NamedTuple):
    kind: Kind
    text: str
    """As it stands."""
    end: int
    """Where the text behind it begins."""


_SPACES = re.compile(r"[ \n\r\t]*")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TOKEN = re.compile(r"[^ \n\r\t,}\]]*")
_IN_OBJECT = re.compile(r'[{}]|"(?:[^"\\]|\\.)*("?)', re.DOTALL)
_IN_ARRAY = re.compile(r'[\[\]]|"(?:[^"\\]|\\.)*("?)', re.DOTALL)
_LITERALS = {"true": Kind.BOOLEAN, "false": Kind.BOOLEAN, "null": Kind.NULL}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.?))", re.DOTALL)
_LOW = re.compile(r"..([0-9a-fA-F]{4})", re.DOTALL)
_MEANS = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NOT_UNICODE = re.compile("[\ufffd\ud800-\udfff]+")


def skip(text: str, at: int) -> int:
    """Where the next character that is no space stands; the length of `text` where there is none."""
    found = _SPACES.match(text, at)
    assert found is not None
    return found.end()


def value_at(text: str, at: int) -> Value:
    """The value that begins at or behind `at`. Raises JsonError."""
    at = skip(text, at)
    first = text[at : at + 1]
    if first == '"':
        found = _STRING.match(text, at)
        if found is None:
            raise JsonError(NO_STRING)
        return Value(Kind.STRING, found[1], found.end())
    if first == "{":
        end = block_end(text, at)
        if end < 0:
            raise JsonError(NO_OBJECT)
        return Value(Kind.OBJECT, text[at:end], end)
    if first == "[":
        end = block_end(text, at)
        if end < 0:
            raise JsonError(NO_ARRAY)
        return Value(Kind.ARRAY, text[at:end], end)
    if not first:
        raise JsonError(NO_JSON)
    token = _TOKEN.match(text, at)
    assert token is not None
    if first in "-0123456789":
        return Value(Kind.NUMBER, token[0], token.end())
    if token[0] in _LITERALS:
        return Value(_LITERALS[token[0]], token[0], token.end())
    raise JsonError(NO_TYPE)


def block_end(text: str, at: int) -> int:
    """Behind the bracket that closes the one at `at`; -1: there is none. Only brackets of this kind count."""
    opening = text[at]
    inside = _IN_OBJECT if opening == "{" else _IN_ARRAY
    level = 0
    for found in inside.finditer(text, at):
        sign = found[0][0]
        if sign == '"':
            if not found[1]:
                return -1
        elif sign == opening:
            level += 1
        else:
            level -= 1
            if not level:
                return found.end()
    return -1


def members(text: str) -> Iterator[tuple[str, Value]]:
    """The keys and values of the object that `text` begins with. Raises JsonError where it ceases to be one."""
    at = skip(text, 0)
    if not text.startswith("{", at):
        raise JsonError(NO_OBJECT)
    at = skip(text, at + 1)
    if at >= len(text):
        raise JsonError(NO_JSON)
    while text[at] != "}":
        key = _STRING.match(text, at)
        if key is None:
            raise JsonError(NO_JSON if text[at] == '"' else NO_OBJECT)
        name = key[1]
        if "\\" in name:
            unescaped = unescape(name)
            if unescaped is None:
                raise JsonError(NO_ESCAPE)
            name = unescaped
        at = skip(text, key.end())
        if not text.startswith(":", at):
            raise JsonError(NO_JSON)
        value = value_at(text, at + 1)
        yield name, value
        at = skip(text, value.end)
        if at >= len(text):
            raise JsonError(NO_ARRAY)
        if text[at] == "}":
            return
        if text[at] != ",":
            raise JsonError(NO_OBJECT)
        at = skip(text, at + 1)  # a comma may stand before the closing brace
        if at >= len(text):
            raise JsonError(NO_ARRAY)


def elements(text: str) -> Generator[Value, None, int]:
    """The elements of the array that `text` begins with, up to where it ends or ceases to be one: that is returned."""
    at = skip(text, skip(text, 0) + 1)
    if at >= len(text) or text[at] == "]":
        return at
    while True:
        try:
            value = value_at(text, at)
        except JsonError:
            return at
        yield value
        at = skip(text, value.end)
        if not text.startswith(",", at):
            return at
        at += 1


def unescape(text: str) -> str | None:
    """The meaning of what lies between the quotes of a string; None: an escape is wrong."""
    if "\\" not in text:
        return text
    pieces: list[str] = []
    at = 0
    while (found := _ESCAPE.search(text, at)) is not None:
        pieces.append(text[at : found.start()])
        at = found.end()
        if found[1] is None:
            if found[2] not in _MEANS:
                return None
            pieces.append(_MEANS[found[2]])
            continue
        code = int(found[1], 16)
        if 0xD800 <= code <= 0xDFFF:
            low = _LOW.match(text, at)
            if low is None or int(low[1], 16) < 0xDC00:
                return None
            at = low.end()
            code = ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00 + 0x10000
        pieces.append(chr(code) if code <= 0x10FFFF else "\ufffd")
    pieces.append(text[at:])
    return "".join(pieces)


def label_value(text: str) -> str:
    """What a string is as a label: empty where an escape is wrong, a space for each character that is none."""
    value = unescape(text) if "\\" in text else text
    if value is None:
        return ""
    return spaced(value)


def spaced(value: str) -> str:
    """U+FFFD, which stands for bytes that are no text, becomes a space, as do such bytes."""
    if value.isascii() or not _NOT_UNICODE.search(value):
        return value
    return _NOT_UNICODE.sub(lambda found: " " * len(found[0]), value)
