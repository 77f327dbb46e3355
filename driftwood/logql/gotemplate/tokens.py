"""A template's text to tokens, one at a time: the parser's errors come before those of what follows."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from driftwood.logql import gotext
from driftwood.logql.gotemplate.values import encoded


class Kind(Enum):
    ERROR = "error"
    BOOL = "bool"
    CHAR = "char"  # a sign such as the comma
    CHAR_CONSTANT = "char constant"
    COMPLEX = "complex"
    ASSIGN = "="
    DECLARE = ":="
    EOF = "EOF"
    FIELD = "field"
    IDENTIFIER = "identifier"
    LEFT_DELIM = "{{"
    LEFT_PAREN = "("
    NUMBER = "number"
    PIPE = "|"
    RAW_STRING = "raw string"
    RIGHT_DELIM = "}}"
    RIGHT_PAREN = ")"
    SPACE = "space"
    STRING = "string"
    TEXT = "text"
    VARIABLE = "variable"
    DOT = "."
    BLOCK = "block"
    BREAK = "break"
    CONTINUE = "continue"
    DEFINE = "define"
    ELSE = "else"
    END = "end"
    IF = "if"
    NIL = "nil"
    RANGE = "range"
    TEMPLATE = "template"
    WITH = "with"


KEYWORDS = {
    word.value: word
    for word in (
        Kind.BLOCK,
        Kind.BREAK,
        Kind.CONTINUE,
        Kind.DEFINE,
        Kind.ELSE,
        Kind.END,
        Kind.IF,
        Kind.NIL,
        Kind.RANGE,
        Kind.TEMPLATE,
        Kind.WITH,
    )
}


class Token(NamedTuple):
    kind: Kind
    text: str
    """As written; of an ERROR what is wrong."""
    at: int
    line: int

    def __str__(self) -> str:
        """As Go's messages name it."""
        if self.kind is Kind.EOF:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.text
        if self.kind in KEYWORDS.values() or self.kind is Kind.DOT:
            return f"<{self.text}>"
        if len(encoded(self.text)) > 10:
            return f"{gotext.quote(self.text[:10])}..."
        return gotext.quote(self.text)


_SPACES = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]+")
_RIGHT_DELIM = re.compile(r"(?P<trim>[ \t\r\n]-)?\}\}")
_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_CHAR_CONSTANT = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_RAW_STRING = re.compile(r"`[^`]*`")
_NUMBER = re.compile(
    r"""[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
        |0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?
        |[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?""",
    re.VERBOSE,
)
_SIGNS = {"=": Kind.ASSIGN, "|": Kind.PIPE}
_LITERALS = {
    '"': (_STRING, Kind.STRING, "unterminated quoted string"),
    "`": (_RAW_STRING, Kind.RAW_STRING, "unterminated raw quoted string"),
    "'": (_CHAR_CONSTANT, Kind.CHAR_CONSTANT, "unterminated character constant"),
}


class Lexer:
    """Hands out the tokens of `text`; after an ERROR nothing but EOF."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._inside = False
        """Between {{ and }}."""
        self._parens = 0
        self._counted = (0, 1)
        """Where lines were last counted, and the line there."""

    def next(self) -> Token:
        return self._action() if self._inside else self._plain()

    # -- outside of actions

    def _plain(self) -> Token:
        while True:
            start = self._at
            opening = self._text.find("{{", start)
            if opening < 0:
                self._at = len(self._text)
                return self._token(Kind.TEXT if start < self._at else Kind.EOF, start)
            self._at = opening
            piece = self._text[start:opening]
            if self._trims(opening + 2):
                piece = piece.rstrip(_SPACES)
            if piece:
                return Token(Kind.TEXT, piece, start, self._line(start))
            after = opening + (4 if self._trims(opening + 2) else 2)
            if not self._text.startswith("/*", after):
                self._inside, self._parens, self._at = True, 0, after
                return Token(Kind.LEFT_DELIM, "{{", opening, self._line(opening))
            if wrong := self._skip_comment(after):
                return wrong

    def _trims(self, at: int) -> bool:
        return self._text.startswith("-", at) and self._text[at + 1 : at + 2] in tuple(_SPACES)

    def _skip_comment(self, start: int) -> Token | None:
        end = self._text.find("*/", start + 2)
        if end < 0:
            return self._error("unclosed comment", start)
        closing = _RIGHT_DELIM.match(self._text, end + 2)
        if closing is None:
            return self._error("comment ends before closing delimiter", start)
        self._at = closing.end()
        if closing["trim"]:
            self._skip_spaces()
        return None

    def _skip_spaces(self) -> None:
        if spaces := _SPACE.match(self._text, self._at):
            self._at = spaces.end()

    # -- inside of actions

    def _action(self) -> Token:
        start = self._at
        if closing := _RIGHT_DELIM.match(self._text, start):
            return self._right_delim(closing)
        if start == len(self._text):
            return self._error("unclosed action", start)
        char = self._text[start]
        if char in _SPACES:
            return self._space(start)
        if char in _SIGNS:
            return self._to(_SIGNS[char], start, start + 1)
        if char == ":":
            if not self._text.startswith(":=", start):
                return self._error("expected :=", start)
            return self._to(Kind.DECLARE, start, start + 2)
        if char in _LITERALS:
            form, kind, wrong = _LITERALS[char]
            literal = form.match(self._text, start)
            return self._to(kind, start, literal.end()) if literal else self._error(wrong, start)
        if char in "()":
            return self._paren(char, start)
        return self._word(char, start)

    def _right_delim(self, closing: re.Match[str]) -> Token:
        if self._parens:
            return self._error("unclosed left paren", closing.start())
        start = closing.end() - 2
        self._inside, self._at = False, closing.end()
        if closing["trim"]:
            self._skip_spaces()
        return Token(Kind.RIGHT_DELIM, "}}", start, self._line(start))

    def _space(self, start: int) -> Token:
        """The last blank may belong to a ` -}}`; it is not alone here, or that would have been read."""
        spaces = _SPACE.match(self._text, start)
        assert spaces is not None
        end = spaces.end()
        if _RIGHT_DELIM.match(self._text, end - 1) and self._text[end : end + 1] == "-":
            end -= 1
        return self._to(Kind.SPACE, start, end)

    def _paren(self, char: str, start: int) -> Token:
        if char == "(":
            self._parens += 1
            return self._to(Kind.LEFT_PAREN, start, start + 1)
        if not self._parens:
            return self._error("unexpected right paren", start)
        self._parens -= 1
        return self._to(Kind.RIGHT_PAREN, start, start + 1)

    def _word(self, char: str, start: int) -> Token:
        if char == "$":
            return self._name(Kind.VARIABLE, start)
        digit_next = self._text[start + 1 : start + 2] in tuple("0123456789")
        if char == "." and not digit_next and start + 1 < len(self._text):
            return self._name(Kind.FIELD, start)
        if char in ".+-" or "0" <= char <= "9":
            return self._number(start)
        if is_alphanumeric(char):
            return self._identifier(start)
        if " " <= char <= "~":
            return self._to(Kind.CHAR, start, start + 1)
        return self._error(f"unrecognized character in action: {_code_point(char)}", start)

    def _name(self, kind: Kind, start: int) -> Token:
        """`.name` or `$name`, or the sign alone."""
        end = self._end_of_word(start + 1)
        if not self._terminated(end):
            return self._error(f"bad character {_code_point(self._text[end])}", start)
        if kind is Kind.FIELD and end == start + 1:
            kind = Kind.DOT
        return self._to(kind, start, end)

    def _identifier(self, start: int) -> Token:
        end = self._end_of_word(start)
        word = self._text[start:end]
        if not self._terminated(end):
            return self._error(f"bad character {_code_point(self._text[end])}", start)
        if word in ("true", "false"):
            return self._to(Kind.BOOL, start, end)
        return self._to(KEYWORDS.get(word, Kind.IDENTIFIER), start, end)

    def _end_of_word(self, at: int) -> int:
        while at < len(self._text) and is_alphanumeric(self._text[at]):
            at += 1
        return at

    def _terminated(self, at: int) -> bool:
        return (
            at == len(self._text)
            or self._text[at] in " \t\r\n.,|:()"
            or self._text.startswith("}}", at)
        )

    def _number(self, start: int) -> Token:
        end, fine = self._scan_number(start)
        kind = Kind.NUMBER
        if fine and self._text[end : end + 1] in ("+", "-"):  # 1+2i
            kind = Kind.COMPLEX
            end, fine = self._scan_number(end)
            fine = fine and self._text[end - 1] == "i"
        if not fine:
            return self._error(f"bad number syntax: {gotext.quote(self._text[start:end])}", start)
        return self._to(kind, start, end)

    def _scan_number(self, start: int) -> tuple[int, bool]:
        """Where it ends, with the character that should not be there if one is."""
        number = _NUMBER.match(self._text, start)
        assert number is not None
        end = number.end()
        if end < len(self._text) and is_alphanumeric(self._text[end]):
            return end + 1, False
        return end, True

    # -- tokens

    def _to(self, kind: Kind, start: int, end: int) -> Token:
        self._at = end
        return self._token(kind, start)

    def _token(self, kind: Kind, start: int) -> Token:
        return Token(kind, self._text[start : self._at], start, self._line(start))

    def _error(self, wrong: str, start: int) -> Token:
        token = Token(Kind.ERROR, wrong, start, self._line(start))
        self._text, self._at, self._inside = "", 0, False
        return token

    def _line(self, at: int) -> int:
        counted, line = self._counted
        line += self._text.count("\n", counted, at)
        self._counted = (at, line)
        return line


def is_alphanumeric(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()


def _code_point(char: str) -> str:
    """`U+002D '-'`"""
    code = 0xFFFD if "\ud800" <= char <= "\udfff" else ord(char)
    shown = f" '{chr(code)}'" if chr(code).isprintable() else ""
    return f"U+{code:04X}{shown}"
