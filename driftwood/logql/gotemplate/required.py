"""Which labels a template may read, so that a parser need not extract the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftwood.logql.gotemplate import nodes
from driftwood.logql.gotemplate.functions import LINE, TIMESTAMP
from driftwood.logql.gotemplate.nodes import Body, BranchKind, Operand


@dataclass(frozen=True, slots=True)
class TemplateNeeds:
    names: frozenset[str]
    all_labels: bool
    loki: frozenset[str]
    """Loki's own rule: the names of all fields, at any depth, but not in templates that are called."""
    line: bool
    timestamp: bool


def needs(trees: Mapping[str, Body], name: str) -> TemplateNeeds:
    walk = _Walk()
    for tree, body in trees.items():
        walk.body(body, labels=tree == name, loki=tree == name)
    return TemplateNeeds(
        frozenset(walk.names),
        walk.all_labels,
        frozenset(walk.loki),
        LINE in walk.functions,
        TIMESTAMP in walk.functions,
    )


@dataclass(slots=True)
class _Walk:
    """`labels`: the dot is the label map there. `$` is taken for it everywhere."""

    names: set[str] = field(default_factory=set)
    loki: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    all_labels: bool = False

    def body(self, body: Body, labels: bool, loki: bool) -> None:
        for statement in body:
            match statement:
                case nodes.Action():
                    self._pipe(statement.pipe, labels, loki)
                case nodes.TemplateCall():
                    if statement.pipe is not None:
                        self._pipe(statement.pipe, labels, False)
                case nodes.Branch():
                    self._branch(statement, labels, loki)

    def _branch(self, branch: nodes.Branch, labels: bool, loki: bool) -> None:
        keeps_dot = branch.kind is BranchKind.IF
        for clause in branch.clauses:
            self._pipe(clause.pipe, labels, loki)
            self.body(clause.body, labels and keeps_dot, loki)
        self.body(branch.otherwise or (), labels, loki)

    def _pipe(self, pipe: nodes.Pipe, labels: bool, loki: bool) -> None:
        for command in pipe.commands:
            args = command.args
            if self._looks_up(args, labels):
                self._operand(args[0], labels, loki)
                args = args[3:]
            for operand in args:
                self._operand(operand, labels, loki)

    def _looks_up(self, args: tuple[Operand, ...], labels: bool) -> bool:
        """`index . "x"`, whose dot means but one label."""
        if len(args) < 3 or not isinstance(args[0], nodes.Identifier) or args[0].name != "index":
            return False
        if not self._is_labels(args[1], labels) or not isinstance(args[2], nodes.String):
            return False
        self.names.add(args[2].value)
        return True

    @staticmethod
    def _is_labels(operand: Operand, labels: bool) -> bool:
        if isinstance(operand, nodes.Dot):
            return labels
        return isinstance(operand, nodes.Variable) and operand.names == ("$",)

    def _operand(self, operand: Operand, labels: bool, loki: bool) -> None:
        if self._is_labels(operand, labels):
            self.all_labels = True
        match operand:
            case nodes.Field():
                self.names.update(operand.names)
                if loki:
                    self.loki.update(operand.names)
            case nodes.Variable():
                self.names.update(operand.names[1:])
            case nodes.Identifier():
                self.functions.add(operand.name)
            case nodes.Chain():
                self.names.update(operand.names)
                self._operand(operand.operand, labels, False)
            case nodes.Pipe():
                self._pipe(operand, labels, loki)
