"""Where a parser stands in its tokens, and what it says when the next one does not fit.

Loki's parser is an LALR automaton: it names what it expected only in a state where at most four tokens may follow and
nothing is complete yet. Where that is so, the caller lists them, in the order in which Loki declares its tokens.
"""

from __future__ import annotations

from difflib import get_close_matches

from driftwood.errors import QueryError
from driftwood.logql import lexer
from driftwood.logql.lexer import Token, tokens

_IN_WORDS = {
    lexer.IDENTIFIER: "a name",
    lexer.STRING: 'a string in double quotes or `backticks`, as in "error"',
    lexer.NUMBER: "a number",
    lexer.DURATION: "a duration, as in 5m",
    lexer.RANGE: "a range, as in [5m]",
    "BYTES_CONV": "bytes(...)",
    "DURATION_CONV": "duration(...)",
    "DURATION_SECONDS_CONV": "duration_seconds(...)",
}
_LEXICAL_HINTS = {
    "invalid char escape": r"a backslash is written \\ between double quotes; in `backticks` it needs no escape",
    "literal not terminated": "this string never ends: its closing quote is missing",
    "invalid char literal": 'strings stand in double quotes, as in "error", or in `backticks`',
    "comment not terminated": "this comment never ends: */ is missing",
    "missing closing ']' in duration": "a range ends with ], as in [5m]",
}
_RANGE_HINT = "a range is whole numbers with the units y w d h m s ms, largest first, as in [1h30m]"


class Cursor:
    """The tokens of one query, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._next = 0

    def peek(self) -> Token:
        """The next token. Raises QueryError if what stands there is none."""
        token = self._tokens[self._next]
        if token.kind == lexer.ERROR:
            hint = _LEXICAL_HINTS.get(token.text, "")
            if not hint and self.text.startswith("[", token.at):
                hint = _RANGE_HINT
            raise self._refused(token.text, token, hint)
        return token

    def take(self) -> Token:
        token = self.peek()
        if token.kind != lexer.END:
            self._next += 1
        return token

    def takes(self, *kinds: str) -> Token | None:
        """The next token if it is one of `kinds`; then it is read."""
        return self.take() if self.peek().kind in kinds else None

    def takes_before(self, kind: str, follows: str) -> Token | None:
        """The next token if it is a `kind` and a `follows` stands behind it; then both are read."""
        if self.peek().kind != kind or self._tokens[self._next + 1].kind != follows:
            return None
        self._next += 2
        return self._tokens[self._next - 2]

    def expect(self, *kinds: str, hint: str = "") -> Token:
        """The next token, which must be one of `kinds`: the only ones that may stand here."""
        if self.peek().kind in kinds:
            return self.take()
        raise self.unexpected(*kinds, hint=hint)

    def unexpected(self, *expected: str, hint: str = "") -> QueryError:
        token = self.peek()
        message = f"syntax error: unexpected {token.kind}"
        if expected:
            message += f", expecting {' or '.join(expected)}"
        return self._refused(message, token, self._about(token) or hint or _in_words(expected))

    def _refused(self, message: str, token: Token, hint: str) -> QueryError:
        if token.column == 0:
            return QueryError(f"parse error : {message}", self.text, token.at, hint)
        place = f"line {token.line}, col {token.column}"
        return QueryError(f"parse error at {place}: {message}", self.text, token.at, hint)

    def _about(self, token: Token) -> str:
        """What is known of a token that stands where no token of its kind may."""
        if token.kind == lexer.END and not self.text.strip():
            return 'a query starts with a selector, as in {service_name="api"}'
        if token.text.startswith("'"):
            return 'strings stand in double quotes, as in "error", or in `backticks`'
        for near in (token, *self._tokens[max(self._next - 1, 0) : self._next]):
            if near.kind == lexer.IDENTIFIER and not _is_name(near.text):
                return f"{near.text} means nothing here"
        if token.kind == lexer.IDENTIFIER and self.text[token.at + len(token.text) :][:1] == "(":
            return _no_function(token.text)
        if token.kind == "offset":
            return "an offset stands directly behind a range, as in rate({...}[5m] offset 1h)"
        if token.kind == "unwrap":
            return "unwrap makes values of lines over time, as in sum_over_time({...} | unwrap bytes [5m])"
        return ""


def _is_name(text: str) -> bool:
    return text[0].isalpha() or text[0] == "_"


def _no_function(name: str) -> str:
    near = get_close_matches(name.lower(), lexer.FUNCTIONS, n=1, cutoff=0.75)
    return f"there is no function {name}" + (f"; did you mean {near[0]}?" if near else "")


def _in_words(expected: tuple[str, ...]) -> str:
    if not expected:
        return ""
    return f"here comes {' or '.join(_IN_WORDS.get(kind, kind) for kind in expected)}"
