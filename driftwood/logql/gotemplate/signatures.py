"""What functions take, and how values become arguments: Go's reflection on the types of their parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from driftwood.logql.gotemplate.times import Duration, Location, Time
from driftwood.logql.gotemplate.values import Interface, type_name


class Param(Enum):
    """The type of a parameter, by the name that messages give it."""

    ANY = "interface {}"
    VALUE = "reflect.Value"
    """A built-in function looks at the value itself: it tells a typed nil from none."""
    STRING = "string"
    INT = "int"
    FLOAT = "float64"
    TIME = "time.Time"
    DURATION = "time.Duration"
    LOCATION = "*time.Location"
    BYTES = "[]uint8"

    __hash__ = object.__hash__


_CLASSES: dict[Param, type] = {
    Param.STRING: str,
    Param.INT: int,
    Param.FLOAT: float,
    Param.TIME: Time,
    Param.DURATION: Duration,
    Param.LOCATION: Location,
    Param.BYTES: bytes,
}
NILABLE = {Param.ANY, Param.VALUE, Param.LOCATION, Param.BYTES}


class WrongType(Exception):
    """A value that a parameter does not take; the text is Go's."""


@dataclass(frozen=True, slots=True)
class Function:
    """`call` gets validated arguments, for a method after its receiver, and raises CallError."""

    call: Callable[..., object]
    params: tuple[Param, ...] = ()
    variadic: Param | None = None
    text: bool = False
    """It always gives a string."""
    unusable: str = ""
    """Why templates may not call this method, with {} for its name."""

    def param(self, index: int) -> Param:
        if index < len(self.params):
            return self.params[index]
        assert self.variadic is not None
        return self.variadic

    def wrong_count(self, name: str, written: int, piped: bool) -> str:
        """What Go says of this number of arguments, nothing if it fits."""
        given = written + piped
        if self.variadic is not None:
            if given < len(self.params):
                return f"wrong number of args for {name}: want at least {len(self.params)} got {written}"
        elif given != len(self.params):
            return f"wrong number of args for {name}: want {len(self.params)} got {given}"
        return self.unusable.format(name)


def validated(value: object, param: Param) -> object:
    """`value` as an argument. Raises WrongType."""
    if type(value) is _CLASSES.get(param):
        return value
    if param is Param.VALUE:
        return value
    if isinstance(value, Interface):
        if param is not Param.ANY and value.value is None:
            raise WrongType(f"wrong type for value; expected {param.value}; got interface {{}}")
        value = value.value
    if param is Param.ANY or (value is None and param in NILABLE):
        return value
    if value is None:
        raise WrongType(f"invalid value; expected {param.value}")
    if type(value) is not _CLASSES[param]:
        raise WrongType(f"wrong type for value; expected {param.value}; got {type_name(value)}")
    return value
