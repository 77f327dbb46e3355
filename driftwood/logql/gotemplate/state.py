"""One execution: what its closures read and write, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from driftwood.logql import gotext
from driftwood.logql.gotemplate.errors import (
    LONGEST_TEXT,
    MOST_STEPS,
    TemplateExecutionError,
)
from driftwood.logql.gotemplate.nodes import (
    Action,
    Command,
    Jump,
    Operand,
    TemplateCall,
)
from driftwood.logql.gotemplate.values import encoded, valid


class State:
    __slots__ = ("depth", "labels", "line", "pieces", "room", "steps", "ts", "variables")

    def __init__(self, labels: Mapping[str, str], line: str, ts: int) -> None:
        self.labels = labels
        self.line = line
        self.ts = ts
        self.pieces: list[str] = []
        self.room = LONGEST_TEXT
        self.steps = MOST_STEPS
        self.depth = 0
        self.variables: list[list[object]] = [["$", labels]]
        """Names with values, the innermost last."""


Eval: TypeAlias = Callable[[State, object], object]
"""Value of an operand, given the state and the dot."""
Run: TypeAlias = Callable[[State, object], None]
Node: TypeAlias = Operand | Command | Action | Jump | TemplateCall


class Expr(NamedTuple):
    """A compiled operand, command or pipeline."""

    value: Eval
    last: Node
    """What stands in a message about the result: the node that was looked at last."""
    text: bool = False
    """It always gives a string."""


def constant(value: object, node: Node) -> Expr:
    return Expr(lambda state, dot: value, node, isinstance(value, str))


class Source:
    """Where nodes stand in the text of a template, for messages."""

    def __init__(self, parse_name: str, text: str) -> None:
        self.parse_name = parse_name
        self.text = text

    def error(self, template: str, node: Node, wrong: str) -> TemplateExecutionError:
        before = self.text[: node.at]
        line = before.count("\n") + 1
        column = len(encoded(before[before.rfind("\n") + 1 :]))
        where = f"{self.parse_name}:{line}:{column}"
        message = f"template: {where}: executing {gotext.quote(template)} at <{node}>: {wrong}"
        return TemplateExecutionError(valid(message))
