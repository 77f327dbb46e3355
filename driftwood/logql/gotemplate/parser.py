"""A template's text to its trees, with the messages of Go's text/template/parse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from driftwood.logql import gotext
from driftwood.logql.gotemplate import constants, nodes
from driftwood.logql.gotemplate.errors import DEEPEST
from driftwood.logql.gotemplate.nodes import Body, BranchKind, Operand
from driftwood.logql.gotemplate.token_reader import TokenReader
from driftwood.logql.gotemplate.tokens import Kind, Token


def parse(name: str, text: str, is_function: Callable[[str], bool]) -> Mapping[str, Body]:
    """The template `name` and all that it defines. Raises TemplateError."""
    return _Parser(name, text, is_function).trees()


class _End(NamedTuple):
    """What closed a body."""

    is_else: bool
    token: Token

    def __str__(self) -> str:
        return "{{else}}" if self.is_else else "{{end}}"


_OPERANDS = {
    Kind.BOOL,
    Kind.CHAR_CONSTANT,
    Kind.COMPLEX,
    Kind.DOT,
    Kind.FIELD,
    Kind.IDENTIFIER,
    Kind.NUMBER,
    Kind.NIL,
    Kind.RAW_STRING,
    Kind.STRING,
    Kind.VARIABLE,
    Kind.LEFT_PAREN,
}
_NUMBERS = (Kind.NUMBER, Kind.CHAR_CONSTANT, Kind.COMPLEX)
_NOT_EXECUTABLE = (nodes.Bool, nodes.Dot, nodes.Nil, nodes.Number, nodes.String)
_BRANCHES = {Kind.IF: BranchKind.IF, Kind.WITH: BranchKind.WITH, Kind.RANGE: BranchKind.RANGE}


class _Parser(TokenReader):
    def __init__(self, name: str, text: str, is_function: Callable[[str], bool]) -> None:
        super().__init__(name, text)
        self._is_function = is_function
        self._variables = ["$"]
        self._range_depth = 0
        self._depth = 0
        self._trees: dict[str, Body] = {}

    # -- templates

    def trees(self) -> Mapping[str, Body]:
        body: list[nodes.Statement] = []
        while (token := self._next()).kind is not Kind.EOF:
            if token.kind is Kind.LEFT_DELIM:
                keyword = self._next_non_space()
                if keyword.kind is Kind.DEFINE:
                    self._definition()
                    continue
                self._push(keyword)
            self._push(token)
            statement = self._statement()
            if isinstance(statement, _End):
                self._fail(f"unexpected {statement}")
            body.append(statement)
        self._add(self._name, tuple(body))
        return self._trees

    def _add(self, name: str, body: Body) -> None:
        if name not in self._trees or nodes.is_empty(self._trees[name]):
            self._trees[name] = body
        elif not nodes.is_empty(body):
            self._fail(f"template: multiple definition of template {gotext.quote(name)}")

    def _definition(self) -> None:
        context = "define clause"
        token = self._next_non_space()
        if token.kind not in (Kind.STRING, Kind.RAW_STRING):
            self._unexpected(token, context)
        name = self._unquoted(token)
        self._expect(Kind.RIGHT_DELIM, context)
        self._add(name, self._separate_body(context))

    def _separate_body(self, context: str) -> Body:
        """Of a template of its own: it sees no variables of what is around it."""
        kept = self._variables, self._range_depth, self._action_line
        self._variables, self._range_depth, self._action_line = ["$"], 0, 0
        body, end = self._body()
        if end.is_else:
            self._fail(f"unexpected {end} in {context}")
        self._variables, self._range_depth, self._action_line = kept
        return body

    def _unquoted(self, token: Token) -> str:
        try:
            return gotext.unquote(token.text)
        except ValueError as error:
            self._fail(error)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail("max expression depth exceeded")

    # -- statements

    def _body(self) -> tuple[Body, _End]:
        self._deeper()
        statements: list[nodes.Statement] = []
        while self._peek_non_space().kind is not Kind.EOF:
            statement = self._statement()
            if isinstance(statement, _End):
                self._depth -= 1
                return tuple(statements), statement
            statements.append(statement)
        self._fail("unexpected EOF")
        return None

    def _statement(self) -> nodes.Statement | _End:
        token = self._next_non_space()
        if token.kind is Kind.TEXT:
            return nodes.Text(token.at, token.text)
        if token.kind is not Kind.LEFT_DELIM:
            self._unexpected(token, "input")
        self._action_line = token.line
        statement = self._action()
        self._action_line = 0
        return statement

    def _action(self) -> nodes.Statement | _End:
        token = self._next_non_space()
        match token.kind:
            case Kind.BLOCK:
                return self._block()
            case Kind.BREAK | Kind.CONTINUE:
                return self._jump(token)
            case Kind.ELSE:
                return self._else()
            case Kind.END:
                return _End(False, self._expect(Kind.RIGHT_DELIM, "end"))
            case Kind.IF | Kind.RANGE | Kind.WITH:
                return self._branch(_BRANCHES[token.kind])
            case Kind.TEMPLATE:
                return self._template_call()
        self._push(token)
        return nodes.Action(token.at, self._pipeline("command", Kind.RIGHT_DELIM))

    def _jump(self, token: Token) -> nodes.Jump:
        following = self._next_non_space()
        if following.kind is not Kind.RIGHT_DELIM:
            self._unexpected(following, f"{{{{{token.text}}}}}")
        if not self._range_depth:
            self._fail(f"{{{{{token.text}}}}} outside {{{{range}}}}")
        return nodes.Jump(token.at, token.kind is Kind.BREAK)

    def _else(self) -> _End:
        following = self._peek_non_space()
        if following.kind in (Kind.IF, Kind.WITH):
            return _End(True, following)
        return _End(True, self._expect(Kind.RIGHT_DELIM, "else"))

    def _branch(self, kind: BranchKind) -> nodes.Branch:
        """All of `{{if}}..{{else if}}..{{else}}..{{end}}`."""
        known = len(self._variables)
        clauses: list[nodes.Clause] = []
        otherwise: Body | None = None
        while True:
            pipe = self._pipeline(kind.value, Kind.RIGHT_DELIM)
            self._range_depth += kind is BranchKind.RANGE
            body, end = self._body()
            self._range_depth -= kind is BranchKind.RANGE
            clauses.append(nodes.Clause(pipe, body))
            if not end.is_else:
                break
            following = self._peek()
            if (
                kind is not BranchKind.RANGE
                and following.text == kind.value
                and _is_word(following)
            ):
                self._next()
                continue
            otherwise, end = self._body()
            if end.is_else:
                self._fail(f"expected end; found {end}")
            break
        del self._variables[known:]
        return nodes.Branch(clauses[0].pipe.at, kind, tuple(clauses), otherwise)

    def _block(self) -> nodes.TemplateCall:
        context = "block clause"
        token = self._next_non_space()
        name = self._template_name(token, context)
        pipe = self._pipeline(context, Kind.RIGHT_DELIM)
        self._add(name, self._separate_body(context))
        return nodes.TemplateCall(token.at, name, pipe)

    def _template_call(self) -> nodes.TemplateCall:
        context = "template clause"
        token = self._next_non_space()
        name = self._template_name(token, context)
        following = self._next_non_space()
        pipe = None
        if following.kind is not Kind.RIGHT_DELIM:
            self._push(following)
            pipe = self._pipeline(context, Kind.RIGHT_DELIM)
        return nodes.TemplateCall(token.at, name, pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in (Kind.STRING, Kind.RAW_STRING):
            self._unexpected(token, context)
        return self._unquoted(token)

    # -- pipelines

    def _pipeline(self, context: str, end: Kind) -> nodes.Pipe:
        self._deeper()
        start = self._peek_non_space()
        variables, assigns = self._declarations(context)
        commands: list[nodes.Command] = []
        while (token := self._next_non_space()).kind is not end:
            if token.kind not in _OPERANDS:
                self._unexpected(token, context)
            self._push(token)
            commands.append(self._command())
        self._check(commands, context)
        self._depth -= 1
        return nodes.Pipe(start.at, tuple(variables), assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[list[nodes.Variable], bool]:
        """`$x :=`, `$x =`, or for a range `$i, $x :=`."""
        variables: list[nodes.Variable] = []
        while (variable := self._peek_non_space()).kind is Kind.VARIABLE:
            self._next()
            after = self._next()
            following = after if after.kind is not Kind.SPACE else self._next_non_space()
            declares = following.kind in (Kind.ASSIGN, Kind.DECLARE)
            if not declares and not (following.kind is Kind.CHAR and following.text == ","):
                spaces = (after,) if after is not following else ()
                self._push(following, *spaces, variable)
                break
            variables.append(nodes.Variable(variable.at, _split(variable.text)))
            self._variables.append(variable.text)
            if declares:
                return variables, following.kind is Kind.ASSIGN
            if context != "range" or len(variables) == 2:
                self._fail(f"too many declarations in {context}")
            if self._peek_non_space().kind not in (
                Kind.VARIABLE,
                Kind.RIGHT_DELIM,
                Kind.RIGHT_PAREN,
            ):
                self._fail("range can only initialize variables")
        return variables, False

    def _check(self, commands: list[nodes.Command], context: str) -> None:
        if not commands:
            self._fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], start=2):
            if isinstance(command.args[0], _NOT_EXECUTABLE):
                self._fail(f"non executable command in pipeline stage {stage}")

    def _command(self) -> nodes.Command:
        start = self._peek_non_space()
        args: list[Operand] = []
        while True:
            self._peek_non_space()
            operand = self._operand()
            if operand is not None:
                args.append(operand)
            token = self._next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in (Kind.RIGHT_DELIM, Kind.RIGHT_PAREN):
                self._push(token)
            elif token.kind is not Kind.PIPE:
                self._unexpected(token, "operand")
            break
        if not args:
            self._fail("empty command")
        return nodes.Command(start.at, tuple(args))

    def _operand(self) -> Operand | None:
        """A term, perhaps with fields behind it; None if what follows is neither."""
        term = self._term()
        following = self._peek()
        if term is None or following.kind is not Kind.FIELD:
            return term
        names: list[str] = []
        while self._peek().kind is Kind.FIELD:
            names.append(self._next().text[1:])
        if isinstance(term, nodes.Field):
            return nodes.Field(following.at, (*term.names, *names))
        if isinstance(term, nodes.Variable):
            return nodes.Variable(following.at, (*term.names, *names))
        if isinstance(term, _NOT_EXECUTABLE):
            self._fail(f"unexpected . after term {gotext.quote(str(term))}")
        return nodes.Chain(following.at, term, tuple(names))

    def _term(self) -> Operand | None:
        token = self._next_non_space()
        match token.kind:
            case Kind.IDENTIFIER:
                if not self._is_function(token.text):
                    self._fail(f"function {gotext.quote(token.text)} not defined")
                return nodes.Identifier(token.at, token.text)
            case Kind.DOT:
                return nodes.Dot(token.at)
            case Kind.NIL:
                return nodes.Nil(token.at)
            case Kind.VARIABLE:
                return self._variable(token)
            case Kind.FIELD:
                return nodes.Field(token.at, tuple(token.text[1:].split(".")))
            case Kind.BOOL:
                return nodes.Bool(token.at, token.text == "true")
            case Kind.LEFT_PAREN:
                return self._pipeline("parenthesized pipeline", Kind.RIGHT_PAREN)
            case Kind.STRING | Kind.RAW_STRING:
                return nodes.String(token.at, token.text, self._unquoted(token))
        if token.kind in _NUMBERS:
            try:
                return constants.number(token)
            except ValueError as error:
                self._fail(error)
        self._push(token)
        return None

    def _variable(self, token: Token) -> nodes.Variable:
        names = _split(token.text)
        if names[0] not in self._variables:
            self._fail(f"undefined variable {gotext.quote(names[0])}")
        return nodes.Variable(token.at, names)


def _split(variable: str) -> tuple[str, ...]:
    return tuple(variable.split("."))


def _is_word(token: Token) -> bool:
    return token.kind in _BRANCHES
