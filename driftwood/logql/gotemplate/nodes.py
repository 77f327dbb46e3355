"""A template as a tree. `at` is where a node stands in the text; `str()` of one is what messages show of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from driftwood.logql import gotext

# -- operands


@dataclass(frozen=True, slots=True)
class Dot:
    at: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Bool:
    at: int
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, as each of the types that can hold it."""

    at: int
    text: str
    integer: int | None = None
    float_: float | None = None
    complex_: complex | None = None
    unsigned: bool = False
    """Whether an uint64 holds it."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class String:
    at: int
    quoted: str
    value: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`"""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`; the first name has its dollar."""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A function."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chain:
    """`(...).a.b`"""

    at: int
    operand: Operand
    names: tuple[str, ...]

    def __str__(self) -> str:
        return _in_parens(self.operand) + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command:
    """A function or a value, and its arguments; never empty."""

    at: int
    args: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join(_in_parens(arg) for arg in self.args)


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each with the value of the one before as its last argument, declared or assigned to variables."""

    at: int
    variables: tuple[Variable, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        text = " | ".join(map(str, self.commands))
        if self.variables:
            names = ", ".join(map(str, self.variables))
            return f"{names} {'=' if self.assigns else ':='} {text}"
        return text


Operand: TypeAlias = (
    Dot | Nil | Bool | Number | String | Field | Variable | Identifier | Chain | Pipe
)


def _in_parens(operand: Operand) -> str:
    return f"({operand})" if isinstance(operand, Pipe) else str(operand)


# -- statements


@dataclass(frozen=True, slots=True)
class Text:
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`"""

    at: int
    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


class BranchKind(StrEnum):
    IF = "if"
    WITH = "with"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition and what it guards."""

    pipe: Pipe
    body: Body


@dataclass(frozen=True, slots=True)
class Branch:
    """The first clause that holds, with all its `else if` or `else with`; a range has just one clause."""

    at: int
    kind: BranchKind
    clauses: tuple[Clause, ...]
    otherwise: Body | None


@dataclass(frozen=True, slots=True)
class Jump:
    """`{{break}}` or `{{continue}}`"""

    at: int
    breaks: bool


@dataclass(frozen=True, slots=True)
class TemplateCall:
    at: int
    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        argument = f" {self.pipe}" if self.pipe is not None else ""
        return f"{{{{template {gotext.quote(self.name)}{argument}}}}}"


Statement: TypeAlias = Text | Action | Branch | Jump | TemplateCall
Body: TypeAlias = tuple[Statement, ...]


def is_empty(body: Body) -> bool:
    """Nothing but blanks."""
    return all(isinstance(part, Text) and not part.text.strip() for part in body)
