r"""Text to tokens, as Loki's lexer cuts it, which is Go's with some rules that look at what stands around a word.

* A function's name is one only before `(`, `by (` or `without (`; elsewhere it is a label's name.
* A number runs on into a duration (`1h30m`) or a size (`5KiB`) if what follows makes it one; so does a minus (`-5m`).
* `[...]` is one token, a range. `--strict` and `--keep-empty` are flags. Keywords are read in any case.
* Blanks, `# ...`, `// ...` and `/* ... */` separate tokens. A character that means nothing is an IDENTIFIER.

The first thing that is no token ends the list as an `ERROR`: what stands before it may be wrong, too, and comes first.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from driftwood.errors import QueryError
from driftwood.logql import gotext
from driftwood.logql.ast import Conversion, RangeOp, VectorOp
from driftwood.logql.number_literals import number_end

LONGEST = 128 * 1024
"""Bytes of a query; Loki refuses one of this length."""

IDENTIFIER, STRING, NUMBER = "IDENTIFIER", "STRING", "NUMBER"
DURATION, BYTES, RANGE, FLAG = "DURATION", "BYTES", "RANGE", "FUNCTION_FLAG"
END, ERROR = "$end", "ERROR"

FUNCTIONS = {op.value: op.value.upper() for op in (*RangeOp, *VectorOp)} | {
    "vector": "VECTOR",
    "label_replace": "label_replace",
    Conversion.BYTES.value: "BYTES_CONV",
    Conversion.DURATION.value: "DURATION_CONV",
    Conversion.DURATION_SECONDS.value: "DURATION_SECONDS_CONV",
    "ip": "ip",
}
KEYWORDS = frozenset(
    (
        *("by", "without", "bool", "on", "ignoring", "group_left", "group_right", "offset"),
        *("or", "and", "unless", "unwrap", "json", "regexp", "logfmt", "unpack", "pattern"),
        *("label_format", "line_format", "decolorize", "drop", "keep"),
    )
)
_PAIRS = frozenset(("=~", "!~", "!=", "!>", "|=", "|~", "|>", "==", ">=", "<="))
_SIGNS = frozenset(",.{}=|()]+-*/%^><")
_FLAGS = ("--strict", "--keep-empty")


class Token(NamedTuple):
    kind: str
    """As Loki's messages call it: a sign or keyword itself, or what it is (`STRING`, `COUNT_OVER_TIME`, `$end`)."""
    text: str
    """As written; of an ERROR, what is wrong."""
    at: int
    line: int
    """From 1; 0 for a token of several characters that are no word, because Loki says so."""
    column: int
    """From 1, in characters."""
    value: str | int | None = None
    """What a STRING says, what a DURATION or RANGE takes in ns, what BYTES are."""


def tokens(text: str) -> list[Token]:
    """All of `text`, closed by one END or ERROR. Raises QueryError for what is no text, or too much of it."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise QueryError("parse error : invalid UTF-8 encoding", "", 0) from error
    if size >= LONGEST:
        raise QueryError(f"parse error : input size too long ({size} > {LONGEST})", text[:80], 0)
    return _Lexer(text).all()


class _Wrong(Exception):
    """What Loki says of the token at hand; `late` if it had read on behind its first part."""

    def __init__(self, message: str, late: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.late = late


_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_STRING = re.compile(r'"([^"\\\n\x00]*)"')
_ESCAPES = re.compile(
    r"""\\(?:[abfnrtv\\"']|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"""
)
_GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CALL = re.compile(rf"[{_GO_SPACE}]*(?:\(|(?:by|without)[{_GO_SPACE}]*\()", re.IGNORECASE)


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[Token] = []
        self._line, self._line_start, self._counted = 1, 0, 0

    def all(self) -> list[Token]:
        at = 1 if self._text.startswith("\ufeff") else 0
        while True:
            begin = at
            at = self._skip_blank(at)
            self._count_lines(at)
            try:
                if self._text.startswith("/*", at):
                    raise _Wrong("comment not terminated")
                if at >= len(self._text):
                    self._found.append(self._end(at))
                    return self._found
                end = self._token(at, spaced=self._text[begin : begin + 1].isspace())
                if "\0" in self._text[at : end + 1]:
                    raise _Wrong("invalid character NUL")
            except _Wrong as wrong:
                line = 0 if wrong.late else self._line
                self._found.append(Token(ERROR, wrong.message, at, line, at - self._line_start + 1))
                return self._found
            at = end

    def _skip_blank(self, at: int) -> int:
        while True:
            blank = _BLANK.match(self._text, at)
            assert blank is not None
            at = blank.end()
            if not (comment := _COMMENT.match(self._text, at)):
                return at
            at = comment.end()

    def _count_lines(self, at: int) -> None:
        newlines = self._text.count("\n", self._counted, at)
        if newlines:
            self._line += newlines
            self._line_start = self._text.rfind("\n", 0, at) + 1
        self._counted = at

    def _end(self, at: int) -> Token:
        if not self._text:
            return Token(END, "", 0, 0, 0)
        return Token(END, "", at, self._line, at - self._line_start + 1)

    def _add(
        self, kind: str, at: int, end: int, value: str | int | None = None, late: bool = False
    ) -> int:
        text = self._text[at:end]
        line = 0 if late else self._line
        self._found.append(Token(kind, text, at, line, at - self._line_start + 1, value))
        return end

    def _token(self, at: int, spaced: bool) -> int:
        """Add the token that starts at `at`; where the next one may start."""
        char = self._text[at]
        if char.isalpha() or char == "_":
            return self._word(at)
        following = self._text[at + 1 : at + 2]
        if _decimal(char) or (char == "." and _decimal(following)):
            return self._number(at, spaced)
        if char in "\"`'":
            return self._string(at, char)
        if char == "[":
            return self._range(at)
        if char == "-" and (end := self._minus(at)):
            return end
        if char + following in _PAIRS:
            return self._add(char + following, at, at + 2, late=True)
        return self._add(char if char in _SIGNS else IDENTIFIER, at, at + 1)

    def _word(self, at: int) -> int:
        plain = _WORD.match(self._text, at)
        end = plain.end() if plain else at + 1
        while end < len(self._text) and _continues_word(self._text[end]):
            end += 1
        word = self._text[at:end].lower()
        if word in FUNCTIONS:
            called = _CALL.match(self._text, end)
            return self._add(FUNCTIONS[word] if called else IDENTIFIER, at, end)
        return self._add(word if word in KEYWORDS else IDENTIFIER, at, end)

    # -- numbers, and what begins with one

    def _number(self, at: int, spaced: bool) -> int:
        try:
            end = number_end(self._text, at, spaced)
        except ValueError as error:
            raise _Wrong(str(error)) from error
        return self._measure(at, end) or self._add(NUMBER, at, end)

    def _minus(self, at: int) -> int | None:
        for flag in _FLAGS:
            end = at + len(flag)
            if self._text.startswith(flag, at) and not _continues_flag(self._text[end : end + 1]):
                return self._add(FLAG, at, end, late=True)
        end = _run(self._text, at + 1, "nuµmshdwy")
        if end > at + 1 and (ns := _duration(self._text[at:end])) is not None:
            return self._add(DURATION, at, end, ns, late=True)
        return None

    def _measure(self, at: int, number: int) -> int | None:
        """The duration or size that begins with the number up to `number`, if there is one."""
        end = _run(self._text, number, "nuµmshdwy")
        if end > number and (ns := _duration(self._text[at:end])) is not None:
            return self._add(DURATION, at, end, ns, late=True)
        end = _run(self._text, number, "BikKMGTP")
        if end > number:
            try:
                size = gotext.parse_bytes(self._text[at:end])
            except ValueError:
                return None
            return self._add(BYTES, at, end, size, late=True)
        return None

    def _range(self, at: int) -> int:
        end = self._text.find("]", at)
        if end < 0:
            raise _Wrong("missing closing ']' in duration", late=True)
        try:
            ns = gotext.parse_prometheus_duration(self._text[at + 1 : end])
        except ValueError as error:
            raise _Wrong(str(error), late=True) from error
        return self._add(RANGE, at, end + 1, ns, late=True)

    # -- strings

    def _string(self, at: int, mark: str) -> int:
        if plain := _PLAIN_STRING.match(self._text, at):
            return self._add(STRING, at, plain.end(), plain[1])
        if mark == "`":
            end = self._text.find("`", at + 1)
            if end < 0:
                raise _Wrong("literal not terminated")
            return self._add(STRING, at, end + 1, self._text[at + 1 : end])
        end = self._string_end(at, mark)
        if mark == "'":
            return self._add(IDENTIFIER, at, end)
        return self._add(STRING, at, end, _unquoted(self._text[at + 1 : end - 1]))

    def _string_end(self, at: int, mark: str) -> int:
        end, length = at + 1, 0
        while not self._text.startswith(mark, end):
            if end >= len(self._text) or self._text[end] == "\n":
                raise _Wrong("literal not terminated")
            if self._text[end] == "\\":
                escape = _ESCAPES.match(self._text, end)
                if escape is None or escape[0] in {"\\'", '\\"'} - {"\\" + mark}:
                    raise _Wrong("invalid char escape")
                end = escape.end()
            else:
                end += 1
            length += 1
        if mark == "'" and length != 1:
            raise _Wrong("invalid char literal")
        return end + 1


def _unquoted(body: str) -> str:
    r"""What stands between double quotes; bytes (`\xc3\xa9`) must together be UTF-8, and `\ud800` is no character."""
    body = re.sub(
        r"(?<!\\)((?:\\\\)*)\\(?:u|U0000)[dD][89a-fA-F][0-9a-fA-F]{2}", r"\1\\ufffd", body
    )
    try:
        text = gotext.unquote(f'"{body}"')
        text.encode()
    except UnicodeEncodeError as error:
        raise _Wrong("the escapes in this string do not make valid UTF-8") from error
    except ValueError as error:
        raise _Wrong(str(error)) from error
    return text


def _duration(text: str) -> int | None:
    for parse in (gotext.parse_prometheus_duration, gotext.parse_duration):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


def _run(text: str, at: int, letters: str) -> int:
    """Where the digits, points and `letters` from `at` on end."""
    while at < len(text):
        char = text[at]
        if not (char in letters or char == "." or unicodedata.category(char)[0] == "N"):
            break
        at += 1
    return at


def _decimal(char: str) -> bool:
    return "0" <= char <= "9"


def _continues_word(char: str) -> bool:
    return char.isalpha() or char == "_" or char.isdecimal()


def _continues_flag(char: str) -> bool:
    return char.isalpha() or char == "-"
