"""How fmt prints one value with a verb: basic values, those that print themselves, lists and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftwood.logql import gotext
from driftwood.logql.gotemplate import formats
from driftwood.logql.gotemplate.errors import LONGEST_TEXT, too_long
from driftwood.logql.gotemplate.formats import Flags
from driftwood.logql.gotemplate.layouts import time_text
from driftwood.logql.gotemplate.times import LOCAL, UTC, Duration, Location, Month, Time, Weekday
from driftwood.logql.gotemplate.values import AnyMap, Int64, Uint8, Uint64, encoded, type_name

_STRINGERS = (Time, Duration, Month, Weekday, Location)
_UNSIGNED = (Uint8, Uint64)
_PLAIN = Flags()


def text_of(value: object) -> str:
    """`value` as `%v` prints it."""
    if isinstance(value, str):
        return value
    if type(value) in (int, Int64, Uint8):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return gotext.format_float_g(value)
    printer = Printer()
    printer.value(value, "v", Flags())
    return printer.text()


def rune(char: str) -> str:
    return "\ufffd" if "\ud800" <= char <= "\udfff" else char


class Printer:
    """Collects the text, of bounded length."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = LONGEST_TEXT

    def text(self) -> str:
        return "".join(self._pieces)

    def write(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise too_long()
        self._pieces.append(text)

    def argument(self, value: object, verb: str, flags: Flags) -> None:
        if verb in "sv" and flags == _PLAIN and isinstance(value, str):
            self.write(value)
        elif verb == "T":
            name = "<nil>" if value is None else type_name(value)
            self.write(flags.padded(name if value is None else flags.truncated(name)))
        elif verb == "p" and value is not None:
            self._pointer(value, flags)
        else:
            self.value(value, verb, flags)

    def value(self, value: object, verb: str, flags: Flags, inner: bool = False) -> None:
        """`inner`: an element of a list or a map."""
        if value is None:
            self._nil(verb, flags, inner)
        elif isinstance(value, _STRINGERS):
            self._stringer(value, verb, flags)
        elif isinstance(value, str | bool | int | float | complex):
            self._basic(value, verb, flags)
        elif isinstance(value, bytes):
            self._bytes(value, verb, flags)
        elif verb == "w" and not inner:
            self.write(f"%!w({type_name(value)}=")
            self.value(value, "v", flags)
            self.write(")")
        elif isinstance(value, list):
            self._list(value, verb, flags)
        else:
            assert isinstance(value, Mapping)
            self._map(value, verb, flags)

    def _nil(self, verb: str, flags: Flags, inner: bool) -> None:
        if inner:
            self.write("interface {}(nil)" if flags.go_syntax else "<nil>")
        elif verb == "v":
            self.write(flags.padded("<nil>"))
        else:
            self.write(f"%!{rune(verb)}(<nil>)")

    def _basic(self, value: object, verb: str, flags: Flags) -> None:
        text: str | None
        if isinstance(value, str):
            text = formats.string(value, verb, flags)
        elif isinstance(value, bool):
            text = flags.padded("true" if value else "false") if verb in "tv" else None
        elif isinstance(value, int):
            text = formats.integer(int(value), verb, flags, signed=not isinstance(value, _UNSIGNED))
        elif isinstance(value, float):
            text = formats.floating(value, verb, flags)
        else:
            assert isinstance(value, complex)
            text = formats.complex_number(value, verb, flags)
        if text is not None:
            self.write(text)
        else:
            self._bad_verb(value, verb, flags)

    def _bad_verb(self, value: object, verb: str, flags: Flags) -> None:
        self.write(f"%!{rune(verb)}({type_name(value)}=")
        self._basic(value, "v", flags)
        self.write(")")

    def _stringer(self, value: object, verb: str, flags: Flags) -> None:
        if flags.go_syntax and isinstance(value, Time):
            self.write(flags.padded(go_string(value)))
        elif verb in "vsxXq" and not flags.go_syntax:
            text = formats.string(
                time_text(value) if isinstance(value, Time) else str(value), verb, flags
            )
            self.write(text or "")
        elif isinstance(value, int):
            self._basic(value, verb, flags)
        else:
            self._struct(value, verb, flags)

    def _struct(self, value: object, verb: str, flags: Flags) -> None:
        """The fields of a time; those of a location are not worth it."""
        if not isinstance(value, Time):
            self.write(f"&{{{value}}}")
            return
        fields = {"wall": Uint64(value.nanosecond), "ext": Int64(value.seconds_since_year_one)}
        self.write("{")
        for field in fields.values():
            self._basic(field, verb, flags)
            self.write(" ")
        self.write("<nil>}" if value.location is UTC else "0xc000000000}")

    def _bytes(self, value: bytes, verb: str, flags: Flags) -> None:
        if verb in "sxXq":
            self.write(formats.raw(value, verb, flags))
            return
        if flags.go_syntax:
            items = ", ".join(f"{byte:#x}" for byte in value)
            self.write(f"[]byte{{{items}}}")
            return
        self._sequence([Uint8(byte) for byte in value], verb, flags)

    def _list(self, value: list[object], verb: str, flags: Flags) -> None:
        if flags.go_syntax:
            self.write("[]interface {}{")
            self._joined(value, ", ", verb, flags)
            self.write("}")
        else:
            self._sequence(value, verb, flags)

    def _sequence(self, items: Sequence[object], verb: str, flags: Flags) -> None:
        self.write("[")
        self._joined(items, " ", verb, flags)
        self.write("]")

    def _joined(self, items: Sequence[object], separator: str, verb: str, flags: Flags) -> None:
        for index, item in enumerate(items):
            if index:
                self.write(separator)
            self.value(item, verb, flags, inner=True)

    def _map(self, value: Mapping[str, object], verb: str, flags: Flags) -> None:
        self.write(f"{type_name(value)}{{" if flags.go_syntax else "map[")
        for index, key in enumerate(sorted(value)):
            if index:
                self.write(", " if flags.go_syntax else " ")
            self.value(key, verb, flags, inner=True)
            self.write(":")
            self.value(value[key], verb, flags, inner=True)
        self.write("}" if flags.go_syntax else "]")

    def _pointer(self, value: object, flags: Flags) -> None:
        if isinstance(value, AnyMap | list | bytes | Location | Mapping):
            address = formats.integer(id(value), "x", Flags(sharp=not flags.sharp), signed=False)
            self.write(flags.padded(address or ""))
        else:
            self.write(f"%!p({type_name(value)}=")
            self.value(value, "v", flags)
            self.write(")")


def go_string(time: Time) -> str:
    """Time.GoString()."""
    year, month, day = time.date
    where = {UTC: "time.UTC", LOCAL: "time.Local"}.get(time.location)
    if where is None:
        where = f"time.Location({gotext.quote_bytes(time.location.name)})"
    clock = ", ".join(map(str, time.clock))
    return f"time.Date({year}, time.{Month(month)}, {day}, {clock}, {time.nanosecond}, {where})"


def length(text: str) -> int:
    """Bytes of its UTF-8."""
    return len(text) if text.isascii() else len(encoded(text))
