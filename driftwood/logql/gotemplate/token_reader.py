"""Tokens with a look ahead, and the messages about those that do not fit."""

from __future__ import annotations

from typing import NoReturn

from driftwood.logql.gotemplate.errors import TemplateError
from driftwood.logql.gotemplate.tokens import Kind, Lexer, Token


class TokenReader:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lexer = Lexer(text)
        self._pushed: list[Token] = []
        self._line = 1
        """Where the last token was read; messages name it."""
        self._action_line = 0
        """Where the action began that is being read, 0 outside of one."""

    def _next(self) -> Token:
        if self._pushed:
            return self._pushed.pop()
        token = self._lexer.next()
        self._line = token.line
        return token

    def _push(self, *tokens: Token) -> None:
        """Tokens to be read again, the first of them last."""
        self._pushed.extend(tokens)

    def _peek(self) -> Token:
        token = self._next()
        self._push(token)
        return token

    def _next_non_space(self) -> Token:
        while (token := self._next()).kind is Kind.SPACE:
            pass
        return token

    def _peek_non_space(self) -> Token:
        token = self._next_non_space()
        self._push(token)
        return token

    def _expect(self, kind: Kind, context: str) -> Token:
        token = self._next_non_space()
        if token.kind is not kind:
            self._unexpected(token, context)
        return token

    def _fail(self, wrong: object) -> NoReturn:
        raise TemplateError(f"template: {self._name}:{self._line}: {wrong}")

    def _unexpected(self, token: Token, context: str) -> NoReturn:
        if token.kind is not Kind.ERROR:
            self._fail(f"unexpected {token} in {context}")
        extra = ""
        if self._action_line not in (0, token.line):
            extra = f" in action started at {self._name}:{self._action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        self._fail(f"{token}{extra}")
