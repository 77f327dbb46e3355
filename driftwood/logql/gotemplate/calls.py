"""Calls of functions and methods to closures: arguments in Go's order, with its checks and messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from driftwood.logql.gotemplate import nodes
from driftwood.logql.gotemplate.errors import CallError
from driftwood.logql.gotemplate.nodes import Operand
from driftwood.logql.gotemplate.signatures import NILABLE, Function, Param, WrongType, validated
from driftwood.logql.gotemplate.state import Eval, Expr, Node, State, constant
from driftwood.logql.gotemplate.times import Duration
from driftwood.logql.gotemplate.values import is_true, unwrapped

if TYPE_CHECKING:
    from driftwood.logql.gotemplate.expressions import Expressions

_CONSTANTS = (nodes.Bool, nodes.Number, nodes.String)


class Calls:
    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def call(
        self,
        function: Function,
        name: str,
        node: nodes.Identifier,
        called: Node,
        args: Sequence[Operand],
        final: Expr | None,
        own: Eval | None = None,
    ) -> Expr:
        """`own` stands for a function without parameters that needs the state."""
        if wrong := function.wrong_count(name, len(args), final is not None):
            return self._refused(wrong, node, final)
        if own is not None:
            return Expr(own, node, function.text)
        if name in ("and", "or"):
            return self._short_circuit(name == "or", args, final, node)
        if name == "call":
            function = replace(function, call=partial(function.call, _callee(args)))
        arguments = [self._argument(arg, function.param(i)) for i, arg in enumerate(args)]
        last = arguments[-1].last if arguments else node
        values = [argument.value for argument in arguments]
        if final is None:
            run = _calling(function.call, values)
        else:
            param = function.param(len(args))
            check = None if _fits(final, param) else self._checking(param, last)
            run = _piping(function.call, values, final.value, check)
        return Expr(self._reporting(run, name, called), last, function.text)

    def method(
        self,
        method: Function,
        name: str,
        node: Node,
        at: Node,
        args: Sequence[Operand],
        final: Expr | None,
    ) -> Callable[[State, object, object, object], object]:
        """Takes state, dot, receiver and, where the call is piped into, the value."""
        if wrong := method.wrong_count(name, len(args), final is not None):
            return self._refused_method(wrong, at)
        arguments = [self._argument(arg, method.param(i)) for i, arg in enumerate(args)]
        values = [argument.value for argument in arguments]
        last = arguments[-1].last if arguments else at
        check = self._checking(method.param(len(args)), last) if final is not None else None

        def run(state: State, dot: object, receiver: object, piped: object) -> object:
            given = [value(state, dot) for value in values]
            if check is not None:
                given.append(check(piped))
            try:
                return method.call(receiver, *given)
            except CallError as error:
                raise self._failed(name, error, node) from None

        return run

    def _refused_method(
        self, wrong: str, at: Node
    ) -> Callable[[State, object, object, object], object]:
        def refuse(state: State, dot: object, receiver: object, piped: object) -> object:
            raise self._expressions.error(at, wrong)

        return refuse

    def _refused(self, wrong: str, node: Node, final: Expr | None) -> Expr:
        def refuse(state: State, dot: object) -> object:
            if final is not None:
                final.value(state, dot)
            raise self._expressions.error(node, wrong)

        return Expr(refuse, node)

    def _failed(self, name: str, error: CallError, node: Node) -> Exception:
        return self._expressions.error(node, f"error calling {name}: {error}")

    def _reporting(self, run: Eval, name: str, node: Node) -> Eval:
        def reporting(state: State, dot: object) -> object:
            try:
                return run(state, dot)
            except CallError as error:
                raise self._failed(name, error, node) from None

        return reporting

    # -- arguments

    def _argument(self, operand: Operand, param: Param) -> Expr:
        if isinstance(operand, nodes.Nil) and param not in NILABLE:
            return self._refused(f"cannot assign nil to {param.value}", operand, None)
        if isinstance(operand, _CONSTANTS):
            return self._constant(operand, param)
        return self._checked(self._expressions.operand(operand), param)

    def _constant(self, operand: nodes.Bool | nodes.Number | nodes.String, param: Param) -> Expr:
        """A constant takes the type of the parameter, as far as it can."""
        if param in (Param.ANY, Param.VALUE):
            return self._expressions.operand(operand)
        value: object = None
        wanted = ""
        if param is Param.STRING:
            wanted = "string"
            value = operand.value if isinstance(operand, nodes.String) else None
        elif param in (Param.INT, Param.DURATION):
            wanted = "integer"
            value = operand.integer if isinstance(operand, nodes.Number) else None
            if param is Param.DURATION and isinstance(value, int):
                value = Duration(value)
        elif param is Param.FLOAT:
            wanted = "float"
            value = operand.float_ if isinstance(operand, nodes.Number) else None
        if not wanted:
            wrong = f"can't handle {operand} for arg of type {param.value}"
            return self._refused(wrong, operand, None)
        if value is None:
            return self._refused(f"expected {wanted}; found {operand}", operand, None)
        return constant(value, operand)

    def _checked(self, expr: Expr, param: Param) -> Expr:
        if _fits(expr, param):
            return expr
        value, check = expr.value, self._checking(param, expr.last)
        return expr._replace(value=lambda state, dot: check(value(state, dot)))

    def _checking(self, param: Param, at: Node) -> Callable[[object], object]:
        """`at` is where a message about the type points."""

        def check(value: object) -> object:
            try:
                return validated(value, param)
            except WrongType as error:
                raise self._expressions.error(at, str(error)) from None

        return check

    # -- and, or

    def _short_circuit(
        self, stop: bool, args: Sequence[Operand], final: Expr | None, node: Node
    ) -> Expr:
        """The first value that is as true as `stop`, else the last."""
        arguments = [self._argument(arg, Param.VALUE) for arg in args]
        values = [argument.value for argument in arguments]

        def run(state: State, dot: object) -> object:
            piped = final.value(state, dot) if final is not None else None
            got: object = None
            for value in values:
                got = value(state, dot)
                if is_true(got) == stop:
                    return unwrapped(got)
            return piped if final is not None else unwrapped(got)

        texts = all(expr.text for expr in (*arguments, *((final,) if final else ())))
        return Expr(run, arguments[-1].last if arguments else node, texts)


def _callee(args: Sequence[Operand]) -> str:
    return str(args[0]) if args else ""


def _fits(expr: Expr, param: Param) -> bool:
    """Whether every value of `expr` is an argument as it is."""
    return param is Param.VALUE or (expr.text and param in (Param.STRING, Param.ANY))


def _calling(call: Callable[..., object], values: list[Eval]) -> Eval:
    if not values:
        return lambda state, dot: call()
    if len(values) == 1:
        only = values[0]
        return lambda state, dot: call(only(state, dot))
    if len(values) == 2:
        first, second = values
        return lambda state, dot: call(first(state, dot), second(state, dot))
    return lambda state, dot: call(*[value(state, dot) for value in values])


def _piping(
    call: Callable[..., object],
    values: list[Eval],
    final: Eval,
    check: Callable[[object], object] | None,
) -> Eval:
    """What is piped is evaluated first, and checked last."""
    if check is not None:

        def checked(state: State, dot: object) -> object:
            piped = final(state, dot)
            return call(*[value(state, dot) for value in values], check(piped))

        return checked
    if not values:
        return lambda state, dot: call(final(state, dot))
    if len(values) == 1:
        only = values[0]

        def one(state: State, dot: object) -> object:
            piped = final(state, dot)
            return call(only(state, dot), piped)

        return one

    def many(state: State, dot: object) -> object:
        piped = final(state, dot)
        return call(*[value(state, dot) for value in values], piped)

    return many
