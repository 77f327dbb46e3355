"""The functions that every Go template has, but for `and` and `or`, which the compiler knows."""

from __future__ import annotations

from collections.abc import Mapping

from driftwood.logql.gotemplate import encodings, gofmt, printer
from driftwood.logql.gotemplate.errors import CallError, bounded
from driftwood.logql.gotemplate.signatures import Function, Param
from driftwood.logql.gotemplate.times import Location, Time
from driftwood.logql.gotemplate.values import (
    AnyMap,
    Interface,
    Uint8,
    Uint64,
    decoded,
    encoded,
    is_true,
    type_name,
    unwrapped,
)

# -- comparison


def _kind(value: object) -> str:
    """Of what can be ordered; "" for all else."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Uint8 | Uint64 | int):
        return "int"  # Go compares signed with unsigned by their values, too
    if isinstance(value, float):
        return "float"
    if isinstance(value, complex):
        return "complex"
    return "string" if isinstance(value, str) else ""


def _eq(first: object, *others: object) -> bool:
    """Whether it equals any of the others."""
    if len(others) == 1 and isinstance(first, str) and isinstance(others[0], str):
        return first == others[0]
    first = unwrapped(first)
    if not others:
        raise CallError("missing argument for comparison")
    return any(_equal(first, unwrapped(other)) for other in others)


def _equal(left: object, right: object) -> bool:
    kind = _kind(left)
    if kind != _kind(right):
        if left is not None and right is not None:
            raise _incompatible(left, right)
        return False
    if kind:
        return left == right
    if left is None or right is None:
        return left is right
    if _shape(left) != _shape(right):
        raise CallError(
            f"non-comparable types {gofmt.sprintf('%s', [left])}: {type_name(left)}, "
            f"{type_name(right)}: {printer.text_of(right)}"
        )
    if isinstance(left, Time) and isinstance(right, Time):
        same_clock = left.monotonic == right.monotonic
        return left.ns == right.ns and left.location is right.location and same_clock
    if isinstance(right, Location):
        return left is right
    raise CallError(f"non-comparable type {gofmt.sprintf('%s', [right])}: {type_name(right)}")


def _shape(value: object) -> str:
    """Go's kind of what has no order."""
    if isinstance(value, Time):
        return "struct"
    if isinstance(value, Location):
        return "ptr"
    return "slice" if isinstance(value, list | bytes) else "map"


def _incompatible(left: object, right: object) -> CallError:
    return CallError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")


def _ne(left: object, right: object) -> bool:
    return not _eq(left, right)


def _lt(left: object, right: object) -> bool:
    left, right = unwrapped(left), unwrapped(right)
    kinds = _kind(left), _kind(right)
    if "" in kinds:
        raise CallError("invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise _incompatible(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if isinstance(left, bool | complex):
        raise CallError("invalid type for comparison")
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    return left < right


def _le(left: object, right: object) -> bool:
    return _lt(left, right) or _eq(left, right)


def _gt(left: object, right: object) -> bool:
    return not _le(left, right)


def _ge(left: object, right: object) -> bool:
    return not _lt(left, right)


def _not(value: object) -> bool:
    return not is_true(value)


# -- parts


def _len(value: object) -> int:
    if isinstance(value, Interface):
        if value.value is None:
            raise CallError("len of nil pointer")
        value = value.value
    if isinstance(value, str):
        return printer.length(value)
    if isinstance(value, Mapping | list | bytes):
        return len(value)
    if value is None:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    raise CallError(f"len of type {type_name(value).removeprefix('*')}")


def _position(index: object, capacity: int) -> int:
    if index is None:
        raise CallError("cannot index slice/array with nil")
    if isinstance(index, bool) or not isinstance(index, int):
        raise CallError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= capacity:
        raise CallError(f"index out of range: {int(index)}")
    return int(index)


def _index(item: object, *indexes: object) -> object:
    item = unwrapped(item)
    if item is None:
        raise CallError("index of untyped nil")
    for place, index in enumerate(indexes):
        if place and item is None:
            raise CallError("index of nil pointer")
        item = _element(item, unwrapped(index))
    return item


def _element(item: object, index: object) -> object:
    if isinstance(item, str):
        raw = encoded(item)
        return Uint8(raw[_within(index, len(raw), "string")])
    if isinstance(item, bytes):
        return Uint8(item[_within(index, len(item), "slice")])
    if isinstance(item, list):
        return item[_within(index, len(item), "slice")]
    if isinstance(item, Mapping):
        if index is None:
            raise CallError("value is nil; should be of type string")
        if not isinstance(index, str):
            raise CallError(f"value has type {type_name(index)}; should be string")
        return item.get(index, None if isinstance(item, AnyMap) else "")
    raise CallError(f"can't index item of type {type_name(item).removeprefix('*')}")


def _within(index: object, length: int, kind: str) -> int:
    position = _position(index, length)
    if position == length:
        raise CallError(f"reflect: {kind} index out of range")
    return position


def _slice(item: object, *indexes: object) -> object:
    item = unwrapped(item)
    if item is None:
        raise CallError("slice of untyped nil")
    if len(indexes) > 3:
        raise CallError(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str):
        if len(indexes) == 3:
            raise CallError("cannot 3-index slice a string")
        raw = encoded(item)
        start, end = _bounds(indexes, len(raw))
        return decoded(raw[start:end])
    if not isinstance(item, list | bytes):
        raise CallError(f"can't slice item of type {type_name(item).removeprefix('*')}")
    start, end = _bounds(indexes, len(item))
    return item[start:end]


def _bounds(indexes: tuple[object, ...], length: int) -> tuple[int, int]:
    positions = [_position(index, length) for index in indexes]
    start, end, last = [*positions, *(0, length, length)[len(positions) :]]
    for low, high in ((start, end), (end, last)):
        if low > high:
            raise CallError(f"invalid slice index: {low} > {high}")
    return start, end


# -- text


def _printf(template: str, *values: object) -> str:
    return gofmt.sprintf(template, values)


def _print(*values: object) -> str:
    return gofmt.sprint(values)


def _println(*values: object) -> str:
    return gofmt.sprintln(values)


def _shown(values: tuple[object, ...]) -> str:
    return gofmt.sprint(["<no value>" if value is None else value for value in values])


_HTML = str.maketrans(
    {
        "\0": "\ufffd",
        '"': "&#34;",
        "'": "&#39;",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
    }
)


def _html(*values: object) -> str:
    return bounded(_shown(values).translate(_HTML))


_JS = {"\\": r"\\", "'": r"\'", '"': r"\""}


def _js(*values: object) -> str:
    return bounded("".join(map(_js_character, _shown(values))))


def _js_character(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char in "<>&=" or char < " ":
        return f"\\u{ord(char):04X}"
    if "\ud800" <= char <= "\udfff" or char == "\x7f":
        return char
    return char if char.isprintable() else f"\\u{ord(char):04X}"


def _urlquery(*values: object) -> str:
    return encodings.urlencode(_shown(values))


def _call(written: str, callee: object, *_arguments: object) -> object:
    """No value in Loki's templates is a function; the compiler puts in how the callee was `written`, "" if piped."""
    callee = unwrapped(callee)
    if callee is None:
        raise CallError("call of nil")
    if not written:
        written = callee if isinstance(callee, str) else f"<{type_name(callee)} Value>"
    raise CallError(f"non-function {written} of type {type_name(callee)}")


_V = Param.VALUE
_TWO = (_V, _V)
BUILTINS = {
    "eq": Function(_eq, (_V,), _V),
    "ne": Function(_ne, _TWO),
    "lt": Function(_lt, _TWO),
    "le": Function(_le, _TWO),
    "gt": Function(_gt, _TWO),
    "ge": Function(_ge, _TWO),
    "not": Function(_not, (_V,)),
    "and": Function(_not, (_V,), _V),
    "or": Function(_not, (_V,), _V),
    "len": Function(_len, (_V,)),
    "index": Function(_index, (_V,), _V),
    "slice": Function(_slice, (_V,), _V),
    "print": Function(_print, (), Param.ANY, text=True),
    "printf": Function(_printf, (Param.STRING,), Param.ANY, text=True),
    "println": Function(_println, (), Param.ANY, text=True),
    "html": Function(_html, (), Param.ANY, text=True),
    "js": Function(_js, (), Param.ANY, text=True),
    "urlquery": Function(_urlquery, (), Param.ANY, text=True),
    "call": Function(_call, (_V,), _V),
}
