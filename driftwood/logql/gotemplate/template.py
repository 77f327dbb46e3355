"""A template of line_format or label_format, ready to run on lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from driftwood.logql.gotemplate import nodes, parser, required
from driftwood.logql.gotemplate.errors import (
    LONGEST_TEXT,
    CallError,
    TemplateError,
    TemplateExecutionError,
    too_long,
)
from driftwood.logql.gotemplate.expressions import Expressions
from driftwood.logql.gotemplate.functions import is_function
from driftwood.logql.gotemplate.nodes import Body
from driftwood.logql.gotemplate.state import Run, Source, State
from driftwood.logql.gotemplate.statements import Statements, text_value
from driftwood.logql.gotemplate.values import valid

_FEW = 64
"""A straight template of so many parts is joined at once."""
Execute = Callable[[Mapping[str, str], str, int], str]


class Field(NamedTuple):
    """`{{.name}}`"""

    name: str


class Template:
    """Compiled once, executed for each line. `name` is what messages call it: "line" or "label".

    >>> Template("line", "{{.level | ToUpper}}: {{__line__}}").execute({"level": "warn"}, "disk full", 0)
    'WARN: disk full'
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        try:
            trees = parser.parse(name, text, is_function)
            self._body = trees[name]
            self._needs = required.needs(trees, name)
            self._execute = self._compiled(trees)
        except RecursionError:
            raise TemplateError(f"template: {name}:1: the template nests too deeply") from None

    @property
    def needs(self) -> frozenset[str]:
        """Names of labels that it may read, as far as they can be told."""
        return self._needs.names

    @property
    def needs_all(self) -> bool:
        """Whether it may read any label: it prints or ranges over all, or looks one up by a computed name."""
        return self._needs.all_labels

    @property
    def required(self) -> frozenset[str]:
        """What Loki takes for the labels it reads: all names after a dot, but not those of `index . "x"` and `$.x`."""
        return self._needs.loki

    @property
    def uses_line(self) -> bool:
        return self._needs.line

    @property
    def uses_timestamp(self) -> bool:
        return self._needs.timestamp

    def execute(self, labels: Mapping[str, str], line: str, ts: int) -> str:
        """The text for one line; `ts` in ns. Bytes that are not UTF-8 become U+FFFD. Raises TemplateExecutionError."""
        try:
            text = self._execute(labels, line, ts)
        except CallError as error:
            raise TemplateExecutionError(f"template: {self.name}: {error}") from None
        except RecursionError:
            raise TemplateExecutionError(
                f"template: {self.name}: the execution nests too deeply"
            ) from None
        return text if text.isascii() else valid(text)

    def simple_parts(self) -> list[str | Field] | None:
        """Texts and plain fields, if the template is nothing but these."""
        parts: list[str | Field] = []
        for statement in self._body:
            if isinstance(statement, nodes.Text):
                parts.append(statement.text)
            elif (name := _plain_field(statement)) is not None:
                parts.append(Field(name))
            else:
                return None
        return parts

    # -- compiling

    def _compiled(self, trees: Mapping[str, Body]) -> Execute:
        parts = self.simple_parts()
        if parts is not None and len(parts) <= _FEW:
            return _joining(parts)
        source = Source(self.name, self.text)
        straight = self._straight(source)
        if straight is not None:
            return straight
        bodies: dict[str, Run] = {}
        for name, body in trees.items():
            bodies[name] = Statements(source, name, bodies).compile(body, name == self.name)
        run = bodies[self.name]
        called = any(calls(body, self.name) for body in trees.values())
        if called:  # with another dot, perhaps
            bodies[self.name] = Statements(source, self.name, bodies).compile(self._body)

        def execute(labels: Mapping[str, str], line: str, ts: int) -> str:
            state = State(labels, line, ts)
            run(state, labels)
            return "".join(state.pieces)

        return execute

    def _straight(self, source: Source) -> Execute | None:
        """For a few texts and actions without variables."""
        if len(self._body) > _FEW:
            return None
        expressions = Expressions(source, self.name)
        expressions.dot_is_labels = True
        shown = []
        for statement in self._body:
            if isinstance(statement, nodes.Text):
                shown.append(_constantly(statement.text))
            elif isinstance(statement, nodes.Action) and not statement.pipe.variables:
                shown.append(text_value(expressions.pipeline(statement.pipe)))
            else:
                return None
        if len(shown) == 1:
            return _bounded(lambda labels, line, ts: shown[0](State(labels, line, ts), labels))

        def execute(labels: Mapping[str, str], line: str, ts: int) -> str:
            state = State(labels, line, ts)
            return "".join([part(state, labels) for part in shown])

        return _bounded(execute)


def simple_parts(template: Template) -> list[str | Field] | None:
    """Texts and plain `{{.x}}` fields, if `template` is nothing but these.

    >>> simple_parts(Template("line", "{{.method}} {{.path}}"))
    [Field(name='method'), ' ', Field(name='path')]
    """
    return template.simple_parts()


def _plain_field(statement: nodes.Statement) -> str | None:
    if not isinstance(statement, nodes.Action):
        return None
    pipe = statement.pipe
    if pipe.variables or len(pipe.commands) != 1 or len(pipe.commands[0].args) != 1:
        return None
    (operand,) = pipe.commands[0].args
    if isinstance(operand, nodes.Field) and len(operand.names) == 1:
        return operand.names[0]
    return None


def _joining(parts: list[str | Field]) -> Execute:
    form = "".join("%s" if isinstance(part, Field) else part.replace("%", "%%") for part in parts)
    names = [part.name for part in parts if isinstance(part, Field)]
    if parts == [Field(names[0])] if names else False:
        (only,) = names
        return lambda labels, line, ts: labels.get(only, "")
    blanks = [""] * len(names)
    if len(names) == 2:
        first, second = names
        return _bounded(
            lambda labels, line, ts: form % (labels.get(first, ""), labels.get(second, ""))
        )
    return _bounded(lambda labels, line, ts: form % tuple(map(labels.get, names, blanks)))


def _bounded(execute: Execute) -> Execute:
    def bounded(labels: Mapping[str, str], line: str, ts: int) -> str:
        text = execute(labels, line, ts)
        if len(text) > LONGEST_TEXT:
            raise too_long()
        return text

    return bounded


def _constantly(text: str) -> Callable[[State, object], str]:
    return lambda state, dot: text


def calls(body: Body, name: str) -> bool:
    """Whether `{{template "name"}}` stands anywhere within."""
    for statement in body:
        if isinstance(statement, nodes.TemplateCall) and statement.name == name:
            return True
        if isinstance(statement, nodes.Branch):
            inner = [clause.body for clause in statement.clauses]
            if any(calls(part, name) for part in (*inner, statement.otherwise or ())):
                return True
    return False
