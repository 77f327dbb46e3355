"""Statements to closures: text, actions, branches, loops and calls of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from driftwood.logql import gotext
from driftwood.logql.gotemplate import nodes, printer
from driftwood.logql.gotemplate.errors import DEEPEST, MOST_STEPS, too_long
from driftwood.logql.gotemplate.expressions import Expressions
from driftwood.logql.gotemplate.nodes import Body, BranchKind, Statement
from driftwood.logql.gotemplate.state import Expr, Run, Source, State
from driftwood.logql.gotemplate.values import (
    AnyMap,
    Interface,
    Uint8,
    is_true,
)


class BreakLoop(Exception):
    pass


class ContinueLoop(Exception):
    pass


class Statements:
    """Compiles one template of a text. `bodies` holds all of them by name, filled while they are compiled."""

    def __init__(self, source: Source, name: str, bodies: Mapping[str, Run]) -> None:
        self._expressions = Expressions(source, name)
        self._error = self._expressions.error
        self._bodies = bodies

    def compile(self, body: Body, dot_is_labels: bool = False) -> Run:
        self._expressions.dot_is_labels = dot_is_labels
        return self._body(body)

    def _body(self, body: Body) -> Run:
        runs = tuple(self._statement(statement) for statement in body)
        if len(runs) == 1:
            return runs[0]

        def run(state: State, dot: object) -> None:
            for statement in runs:
                statement(state, dot)

        return run

    def _body_of_another_dot(self, body: Body) -> Run:
        kept, self._expressions.dot_is_labels = self._expressions.dot_is_labels, False
        run = self._body(body)
        self._expressions.dot_is_labels = kept
        return run

    def _statement(self, statement: Statement) -> Run:
        match statement:
            case nodes.Text():
                return _writing(statement.text)
            case nodes.Action():
                return self._action(statement)
            case nodes.Jump():
                return _break if statement.breaks else _continue
            case nodes.TemplateCall():
                return self._template_call(statement)
        if statement.kind is BranchKind.RANGE:
            return self._range(statement)
        return self._branch(statement)

    def _action(self, action: nodes.Action) -> Run:
        expr = self._expressions.pipeline(action.pipe)
        value = expr.value
        if action.pipe.variables:

            def run(state: State, dot: object) -> None:
                value(state, dot)

        else:
            shown = text_value(expr)

            def run(state: State, dot: object) -> None:
                write(state, shown(state, dot))

        return run

    # -- branches

    def _branch(self, branch: nodes.Branch) -> Run:
        """`if` and `with`; variables of the conditions live to the end of all."""
        sets_dot = branch.kind is BranchKind.WITH
        compile_body = self._body_of_another_dot if sets_dot else self._body
        clauses = []
        for clause in branch.clauses:
            condition = self._expressions.pipeline(clause.pipe).value
            clauses.append((condition, compile_body(clause.body)))
        otherwise = self._body(branch.otherwise) if branch.otherwise is not None else None

        def run(state: State, dot: object) -> None:
            mark = len(state.variables)
            try:
                for condition, body in clauses:
                    value = condition(state, dot)
                    if is_true(value):
                        body(state, value if sets_dot else dot)
                        return
                if otherwise is not None:
                    otherwise(state, dot)
            finally:
                del state.variables[mark:]

        return run

    # -- loops

    def _range(self, branch: nodes.Branch) -> Run:
        (clause,) = branch.clauses
        pipe = clause.pipe
        expr = self._expressions.pipeline(pipe)
        body = self._body_of_another_dot(clause.body)
        otherwise = self._body(branch.otherwise) if branch.otherwise is not None else None
        assign = self._assigning(pipe, expr)
        cost = 1 + _size(clause.body)

        def run(state: State, dot: object) -> None:
            before = len(state.variables)
            try:
                value = expr.value(state, dot)
                mark = len(state.variables)
                empty = True
                for index, element in self._elements(value, pipe, expr):
                    empty = False
                    self._charge(state, cost, expr)
                    assign(state, index, element)
                    try:
                        body(state, element)
                    except ContinueLoop:
                        pass
                    finally:
                        del state.variables[mark:]
                if empty and otherwise is not None:
                    otherwise(state, dot)
            except BreakLoop:
                pass
            finally:
                del state.variables[before:]

        return run

    def _charge(self, state: State, cost: int, expr: Expr) -> None:
        state.steps -= cost
        if state.steps < 0:
            raise self._error(expr.last, f"more than {MOST_STEPS} steps")

    def _assigning(self, pipe: nodes.Pipe, expr: Expr) -> Callable[[State, object, object], None]:
        """Gives an iteration its variables: with one it is the element, with two the index comes first."""
        names = [variable.names[0] for variable in pipe.variables]
        two = len(names) == 2

        def declared(state: State, index: object, element: object) -> None:
            state.variables[-1][1] = element
            if two:
                state.variables[-2][1] = index

        def assigned(state: State, index: object, element: object) -> None:
            first = index if two else element
            self._expressions.set_variable(state, names[0], first, expr.last)
            if two:
                self._expressions.set_variable(state, names[1], element, expr.last)

        if not names:
            return lambda state, index, element: None
        return assigned if pipe.assigns else declared

    def _elements(
        self, value: object, pipe: nodes.Pipe, expr: Expr
    ) -> Iterable[tuple[object, object]]:
        if isinstance(value, AnyMap):
            return ((key, Interface(value[key])) for key in sorted(value))
        if isinstance(value, Mapping):
            return ((key, value[key]) for key in sorted(value))
        if isinstance(value, list):
            return ((index, Interface(item)) for index, item in enumerate(value))
        if isinstance(value, bytes):
            return ((index, Uint8(byte)) for index, byte in enumerate(value))
        if value is None:
            return ()
        if isinstance(value, int) and not isinstance(value, bool):
            if len(pipe.variables) > 1:
                wrong = f"can't use {int(value)} to iterate over more than one variable"
                raise self._error(expr.last, wrong)
            kind = type(value)
            return ((None, kind(number)) for number in range(value))
        raise self._error(expr.last, f"range can't iterate over {printer.text_of(value)}")

    # -- templates

    def _template_call(self, call: nodes.TemplateCall) -> Run:
        pipe = self._expressions.pipeline(call.pipe) if call.pipe is not None else None
        bodies, name = self._bodies, call.name

        def run(state: State, dot: object) -> None:
            body = bodies.get(name)
            if body is None:
                raise self._error(call, f"template {gotext.quote(name)} not defined")
            if state.depth >= DEEPEST:
                raise self._error(call, f"exceeded maximum template depth ({DEEPEST})")
            state.steps -= 1
            if state.steps < 0:
                raise self._error(call, f"more than {MOST_STEPS} steps")
            argument = pipe.value(state, dot) if pipe is not None else None
            kept, state.variables = state.variables, [["$", argument]]
            state.depth += 1
            body(state, argument)
            state.depth -= 1
            state.variables = kept

        return run


def write(state: State, text: str) -> None:
    state.room -= len(text)
    if state.room < 0:
        raise too_long()
    state.pieces.append(text)


def text_value(expr: Expr) -> Callable[[State, object], str]:
    """What an action prints."""
    value = expr.value
    if expr.text:
        return value  # type: ignore[return-value]  # as `text` says

    def shown(state: State, dot: object) -> str:
        got = value(state, dot)
        return "<no value>" if got is None else printer.text_of(got)

    return shown


def _writing(text: str) -> Run:
    return lambda state, dot: write(state, text)


def _break(state: State, dot: object) -> None:
    raise BreakLoop


def _continue(state: State, dot: object) -> None:
    raise ContinueLoop


def _size(body: Body) -> int:
    """Statements within."""
    size = len(body)
    for statement in body:
        if isinstance(statement, nodes.Branch):
            size += sum(_size(clause.body) for clause in statement.clauses)
            size += _size(statement.otherwise or ())
    return size
