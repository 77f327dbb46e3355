"""The values that templates work on: Go's types, each as the Python type that stands for it.

    string  str; bytes that are not UTF-8 are kept by `surrogateescape`      bool  bool
    int     int            int64  Int64       uint8  Uint8       uint64  Uint64
    float64 float          complex128  complex                   []byte  bytes
    map[string]string       any Mapping: the labels
    map[string]interface {} AnyMap, and []interface {} list: what fromJson gives; nil in them is None
    time.Time, time.Duration, time.Month, time.Weekday, *time.Location      the classes of the same name in `times`

None is Go's invalid value: a nil that has lost its type, printed as `<no value>`.
An element of a list or an AnyMap is typed `interface {}` until a pipeline has unpacked it, which messages show and nil
depends on: `range` hands such elements out as `Interface`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


class Int64(int):
    __slots__ = ()


class Uint8(int):
    __slots__ = ()


class Uint64(int):
    __slots__ = ()


class AnyMap(dict[str, object]):
    """An object of JSON."""

    __slots__ = ()


class Interface:
    """A value typed `interface {}`; None within is a typed nil."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


NIL: Final = Interface(None)

TYPE_NAMES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int",
    Int64: "int64",
    Uint8: "uint8",
    Uint64: "uint64",
    float: "float64",
    complex: "complex128",
    bytes: "[]uint8",
    list: "[]interface {}",
    AnyMap: "map[string]interface {}",
    Interface: "interface {}",
}
"""`times` adds its own."""


def type_name(value: object) -> str:
    """As reflect.Type.String() has it; any other mapping is the labels."""
    return TYPE_NAMES.get(type(value), "map[string]string")


def unwrapped(value: object) -> object:
    return value.value if isinstance(value, Interface) else value


def wrap_int64(value: int) -> int:
    """As int64 overflows."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def to_int64(value: float) -> int:
    """int64(value) as amd64 does it: towards zero, the least number for what does not fit."""
    if -9223372036854775808.0 <= value < 9223372036854775808.0:
        return int(value)
    return -(1 << 63)


def is_true(value: object) -> bool:
    """Whether `if` takes it; times are always true."""
    value = unwrapped(value)
    if isinstance(value, str | int | float | complex | list | bytes | Mapping):
        return bool(value)
    return value is not None


def encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return "".join("\ufffd" if _is_foreign(char) else char for char in text).encode(
            "utf-8", "surrogateescape"
        )


def _is_foreign(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff"


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def valid(text: str) -> str:
    """`text` with every byte that is not UTF-8 replaced by U+FFFD; halves that meet are a character again."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in decoded(encoded(text)))
    return text
