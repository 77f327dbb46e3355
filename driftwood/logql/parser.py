"""Tokens to a `Query`, by recursive descent. Every refusal says what would be right."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from driftwood.errors import QueryError
from driftwood.logql.ast import FilterOp, LineFilter, Matcher, MatchOp, Query
from driftwood.logql.lexer import Kind, Token, tokens

Op = TypeVar("Op", bound=StrEnum)


def parse(text: str) -> Query:
    """The query that `text` means. Raises QueryError, and nothing else, for any other text.

    >>> str(parse('{app = "api"}|="error"'))
    '{app="api"} |= "error"'
    """
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0

    def query(self) -> Query:
        matchers = self._selector()
        filters: list[LineFilter] = []
        while self._peek().kind is not Kind.END:
            filters.append(self._filter())
        return Query(matchers, tuple(filters), self._text)

    def _selector(self) -> tuple[Matcher, ...]:
        if not self._take("{"):
            raise self._wrong('a query starts with a selector, as in {service_name="api"}')
        matchers: list[Matcher] = []
        while not self._take("}"):
            if matchers and not self._take(","):
                raise self._wrong("after a matcher comes , or }")
            matchers.append(self._matcher())
        return tuple(matchers)

    def _matcher(self) -> Matcher:
        name = self._peek()
        if name.kind is not Kind.NAME:
            raise self._wrong('a label name is needed, as in service_name="api"')
        self._next += 1
        op = self._operator(MatchOp)
        if op is None:
            raise self._wrong(f"after the label {name.text} comes =, !=, =~ or !~")
        value = self._string(f"{name.text}{op}", "api")
        return Matcher(name.text, op, value.text, value.at)

    def _filter(self) -> LineFilter:
        op = self._operator(FilterOp)
        if op is None:
            raise self._wrong("after the selector come |=, !=, |~ or !~ with a string each")
        value = self._string(op, "error")
        return LineFilter(op, value.text, value.at)

    def _operator(self, ops: type[Op]) -> Op | None:
        sign = self._peek()
        if sign.kind is not Kind.SIGN or sign.text not in set(ops):
            return None
        self._next += 1
        return ops(sign.text)

    def _string(self, after: str, example: str) -> Token:
        token = self._peek()
        if token.kind is not Kind.STRING:
            raise self._wrong(f'after {after} a quoted string is needed, as in {after} "{example}"')
        self._next += 1
        return token

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self, sign: str) -> bool:
        token = self._peek()
        taken = token.kind is Kind.SIGN and token.text == sign
        self._next += taken
        return taken

    def _wrong(self, message: str) -> QueryError:
        return QueryError(message, self._text, self._peek().at)
