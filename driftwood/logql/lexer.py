"""Text to tokens: names, strings and the few signs of the language. Blanks and `# comments` separate them."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from driftwood.errors import QueryError


class Kind(Enum):
    NAME = "a name"
    STRING = "a string"
    SIGN = "a sign"
    END = "the end"


class Token(NamedTuple):
    kind: Kind
    text: str
    """A string's value without quotes and escapes; otherwise as written."""
    at: int


_BLANK = re.compile(r"(?:\s|#[^\n]*)+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGN = re.compile(r"=~|!~|\|=|\|~|!=|[{},=|]")
_RAW = re.compile(r"`([^`]*)`")
_PLAIN = re.compile(r'[^"\\\n]+')
_ESCAPE = re.compile(
    r"""\\(?:(?P<simple>[abfnrtv\\"])|(?P<octal>[0-3][0-7]{2})
        |x(?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))""",
    re.VERBOSE,
)
_SIMPLE = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


def tokens(text: str) -> list[Token]:
    """All of `text`, closed by one END. Raises QueryError at the first character that belongs to no token."""
    _no_surrogates(text)
    found: list[Token] = []
    at = 0
    while True:
        if blank := _BLANK.match(text, at):
            at = blank.end()
        if at == len(text):
            return [*found, Token(Kind.END, "", at)]
        token, at = _token(text, at)
        found.append(token)


def _token(text: str, at: int) -> tuple[Token, int]:
    """The token that starts at `at`, and where the next one may start."""
    if text[at] == '"':
        value, end = _string(text, at)
        return Token(Kind.STRING, value, at), end
    if text[at] == "`":
        if raw := _RAW.match(text, at):
            return Token(Kind.STRING, raw[1].replace("\r", ""), at), raw.end()
        raise QueryError("this string never ends: a ` is missing", text, at)
    for kind, pattern in ((Kind.NAME, _NAME), (Kind.SIGN, _SIGN)):
        if match := pattern.match(text, at):
            return Token(kind, match[0], at), match.end()
    if text[at] == "'":
        raise QueryError('strings stand in double quotes, as in "error", or in backticks', text, at)
    raise QueryError(f"{text[at]!r} means nothing here", text, at)


def _string(text: str, start: int) -> tuple[str, int]:
    r"""A double-quoted string as Go reads it: `\xff` and `\377` are bytes, and the whole must be UTF-8."""
    value = bytearray()
    at = start + 1
    while not text.startswith('"', at):
        if plain := _PLAIN.match(text, at):
            value += plain[0].encode()
            at = plain.end()
        elif escape := _ESCAPE.match(text, at):
            value += _escape(escape, text)
            at = escape.end()
        elif text.startswith("\\", at) and at + 1 < len(text):
            hint = r"a backslash is written \\, and in `backticks` it needs no escape"
            raise QueryError(f"{text[at : at + 2]!r} is no escape: {hint}", text, at)
        else:
            raise QueryError('this string never ends: a " is missing', text, start)
    try:
        return value.decode(), at + 1
    except UnicodeDecodeError as error:
        raise QueryError(
            "the escapes in this string do not make valid UTF-8", text, start
        ) from error


def _escape(escape: re.Match[str], text: str) -> bytes:
    if escape["simple"]:
        return _SIMPLE[escape["simple"]].encode()
    if escape["octal"]:
        return bytes([int(escape["octal"], 8)])
    if escape["hex"]:
        return bytes([int(escape["hex"], 16)])
    code = int(escape["short"] or escape["long"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise QueryError(f"{escape[0]} is not a Unicode character", text, escape.start())
    return chr(code).encode()


def _no_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError("this is half a surrogate pair, not a character", "", 0) from error
