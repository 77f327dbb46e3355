"""Operands, commands and pipelines to closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from driftwood.logql.gotemplate import nodes
from driftwood.logql.gotemplate.calls import Calls
from driftwood.logql.gotemplate.functions import FUNCTIONS, LINE, TIMESTAMP
from driftwood.logql.gotemplate.nodes import Operand
from driftwood.logql.gotemplate.signatures import Function
from driftwood.logql.gotemplate.state import Eval, Expr, Node, Source, State, constant
from driftwood.logql.gotemplate.time_functions import METHODS, UNEXPORTED
from driftwood.logql.gotemplate.times import Time
from driftwood.logql.gotemplate.values import AnyMap, Interface, type_name, unwrapped

if TYPE_CHECKING:
    from driftwood.logql.gotemplate.errors import TemplateExecutionError

Finish = Callable[[State, object, object], object]
"""The end of a chain of fields: takes state, dot and receiver."""


class Expressions:
    """Compiles for one template of a text; `name` is what messages call it."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._calls = Calls(self)
        self.dot_is_labels = False
        """Known while compiling: the dot is the label map, neither changed by `with` or `range` nor of a template."""

    def error(self, node: Node, wrong: str) -> TemplateExecutionError:
        return self._source.error(self._name, node, wrong)

    # -- pipelines

    def pipeline(self, pipe: nodes.Pipe) -> Expr:
        result: Expr | None = None
        for command in pipe.commands:
            result = self._command(command, result, pipe)
        assert result is not None
        if not pipe.variables:
            return result
        names = [variable.names[0] for variable in pipe.variables]
        store = self._assign(names, result.last) if pipe.assigns else _declare(names)
        value = result.value

        def stored(state: State, dot: object) -> object:
            got = value(state, dot)
            store(state, got)
            return got

        return Expr(stored, result.last, result.text)

    def _assign(self, names: list[str], node: Node) -> Callable[[State, object], None]:
        def assign(state: State, value: object) -> None:
            for name in names:
                self.set_variable(state, name, value, node)

        return assign

    def set_variable(self, state: State, name: str, value: object, node: Node) -> None:
        for variable in reversed(state.variables):
            if variable[0] == name:
                variable[1] = value
                return
        raise self.error(node, f"undefined variable: {name}")

    # -- commands

    def _command(self, command: nodes.Command, final: Expr | None, pipe: nodes.Pipe) -> Expr:
        """`final` is what the command before gave: the last argument."""
        first, args = command.args[0], command.args[1:]
        match first:
            case nodes.Identifier():
                return self.function(first, command, args, final)
            case nodes.Field():
                return self._unwrapped(self.field(first, args, final))
            case nodes.Chain():
                return self._unwrapped(self.chain(first, args, final))
            case nodes.Variable():
                return self._unwrapped(self.variable(first, args, final))
        if args or final is not None:
            at: Node = first
            if isinstance(first, nodes.Pipe):
                at = final.last if final is not None else pipe
            return self._failing(at, f"can't give argument to non-function {first}", final)
        return self._plain(first)

    def _plain(self, operand: Operand) -> Expr:
        """A value without arguments."""
        match operand:
            case nodes.Pipe():
                return self.pipeline(operand)
            case nodes.Dot():
                return self._unwrapped(self.dot(operand))
            case nodes.Nil():
                return self._failing(operand, "nil is not a command")
            case nodes.Number():
                return self.number(operand)
        assert isinstance(operand, nodes.Bool | nodes.String)
        return constant(operand.value, operand)

    def _failing(self, at: Node, wrong: str, final: Expr | None = None) -> Expr:
        def fail(state: State, dot: object) -> object:
            if final is not None:
                final.value(state, dot)
            raise self.error(at, wrong)

        return Expr(fail, at)

    @staticmethod
    def _unwrapped(expr: Expr) -> Expr:
        if expr.text:
            return expr
        value = expr.value
        return expr._replace(value=lambda state, dot: unwrapped(value(state, dot)))

    # -- operands; their values may be an Interface

    def operand(self, operand: Operand) -> Expr:
        """As an argument."""
        match operand:
            case nodes.Identifier():
                return self.function(operand, operand, (), None)
            case nodes.Field():
                return self.field(operand, (), None)
            case nodes.Chain():
                return self.chain(operand, (), None)
            case nodes.Variable():
                return self.variable(operand, (), None)
            case nodes.Dot():
                return self.dot(operand)
            case nodes.Nil():
                return constant(None, operand)
        return self._plain(operand)

    def dot(self, node: nodes.Dot) -> Expr:
        return Expr(lambda state, dot: dot, node)

    def number(self, node: nodes.Number) -> Expr:
        """Of the type that its syntax tells: complex with an i, float with a point or exponent, else int."""
        if node.complex_ is not None:
            return constant(node.complex_, node)
        text = node.text
        is_hexadecimal = text[:2] in ("0x", "0X") and not set("pP") & set(text)
        if not is_hexadecimal and text[0] != "'" and set(".eEpP") & set(text):
            return constant(node.float_, node)
        if node.integer is None:
            return self._failing(node, f"{text} overflows int")
        return constant(node.integer, node)

    def function(
        self,
        node: nodes.Identifier,
        called: Node,
        args: Sequence[Operand],
        final: Expr | None,
    ) -> Expr:
        """`called` is what a message shows of a call that failed."""
        if node.name == LINE:
            function = Function(lambda: "", text=True)
            own: Eval | None = lambda state, dot: state.line  # noqa: E731
        elif node.name == TIMESTAMP:
            function = Function(lambda: None)
            own = lambda state, dot: Time(state.ts)  # noqa: E731
        else:
            function, own = FUNCTIONS[node.name], None
        return self._calls.call(function, node.name, node, called, args, final, own)

    def variable(self, node: nodes.Variable, args: Sequence[Operand], final: Expr | None) -> Expr:
        name = node.names[0]

        def value(state: State, dot: object) -> object:
            for variable in reversed(state.variables):
                if variable[0] == name:
                    return variable[1]
            raise self.error(node, f"undefined variable: {name}")

        if len(node.names) > 1:
            return self._fields(Expr(value, node), node.names[1:], node, args, final)
        if args or final is not None:
            return self._failing(node, f"can't give argument to non-function {node}", final)
        return Expr(value, node)

    def chain(self, node: nodes.Chain, args: Sequence[Operand], final: Expr | None) -> Expr:
        receiver = self.operand(node.operand)
        return self._fields(receiver, node.names, node, args, final)

    def field(self, node: nodes.Field, args: Sequence[Operand], final: Expr | None) -> Expr:
        if self.dot_is_labels and len(node.names) == 1 and not args and final is None:
            name = node.names[0]

            def label(state: State, dot: object) -> object:
                return dot.get(name, "")  # type: ignore[attr-defined]  # it is the label map

            return Expr(label, node, text=True)
        return self._fields(Expr(lambda state, dot: dot, node), node.names, node, args, final)

    # -- fields and methods

    def _fields(
        self,
        receiver: Expr,
        names: Sequence[str],
        node: Node,
        args: Sequence[Operand],
        final: Expr | None,
    ) -> Expr:
        """Fields of fields; the last takes the arguments if it is a method. Messages name the last node seen."""
        at = receiver.last
        steps = [self._step(name, node, at) for name in names[:-1]]
        last = self._step(names[-1], node, at, args, final)
        start = receiver.value

        def value(state: State, dot: object) -> object:
            piped = final.value(state, dot) if final is not None else None
            got = start(state, dot)
            for step in steps:
                got = step(state, dot, got, None)
            return last(state, dot, got, piped)

        return Expr(value, at)

    def _step(
        self,
        name: str,
        node: Node,
        at: Node,
        args: Sequence[Operand] = (),
        final: Expr | None = None,
    ) -> Callable[[State, object, object, object], object]:
        methods: dict[type, Callable[[State, object, object, object], object]] = {}
        has_args = bool(args) or final is not None

        def step(state: State, dot: object, receiver: object, piped: object) -> object:
            if receiver is None:
                return None
            value = unwrapped(receiver)
            if value is None:
                raise self.error(at, f"nil pointer evaluating interface {{}}.{name}")
            if isinstance(value, Mapping):
                if has_args:
                    raise self.error(at, f"{name} is not a method but has arguments")
                if isinstance(value, AnyMap):
                    return Interface(value.get(name))
                return value.get(name, "")
            kind = type(value)
            method = METHODS.get(kind, {}).get(name)
            if method is None:
                raise self._no_field(name, receiver, value, at)
            if kind not in methods:
                methods[kind] = self._calls.method(method, name, node, at, args, final)
            return methods[kind](state, dot, value, piped)

        return step

    def _no_field(
        self, name: str, receiver: object, value: object, at: Node
    ) -> TemplateExecutionError:
        static_type = type_name(receiver)
        if name in UNEXPORTED.get(type(value), ()):
            return self.error(at, f"{name} is an unexported field of struct type {static_type}")
        return self.error(at, f"can't evaluate field {name} in type {static_type}")


def _declare(names: list[str]) -> Callable[[State, object], None]:
    def declare(state: State, value: object) -> None:
        for name in names:
            state.variables.append([name, value])

    return declare
