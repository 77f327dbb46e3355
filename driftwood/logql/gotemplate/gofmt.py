"""Go's package fmt for the values of templates: Sprint, Sprintln and Sprintf.

Wrong verbs and counts are no errors but part of the text, as in Go: `%!d(string=hi)`, `%!s(MISSING)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from driftwood.logql import gotext
from driftwood.logql.gotemplate import formats
from driftwood.logql.gotemplate.errors import LONGEST_TEXT, too_long
from driftwood.logql.gotemplate.formats import Flags
from driftwood.logql.gotemplate.layouts import time_text
from driftwood.logql.gotemplate.times import LOCAL, UTC, Duration, Location, Month, Time, Weekday
from driftwood.logql.gotemplate.values import AnyMap, Int64, Uint8, Uint64, encoded, type_name

_STRINGERS = (Time, Duration, Month, Weekday, Location)
_UNSIGNED = (Uint8, Uint64)
_WIDEST = 1_000_000
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
    printer = _Printer()
    printer.value(value, "v", Flags())
    return printer.text()


def sprint(values: Sequence[object]) -> str:
    """A blank stands between two values of which neither is a string."""
    printer = _Printer()
    before = True
    for index, value in enumerate(values):
        is_string = isinstance(value, str)
        if index and not is_string and not before:
            printer.write(" ")
        printer.write(text_of(value))
        before = is_string
    return printer.text()


def sprintln(values: Sequence[object]) -> str:
    printer = _Printer()
    for index, value in enumerate(values):
        printer.write(" " * (index > 0) + text_of(value))
    printer.write("\n")
    return printer.text()


def sprintf(template: str, values: Sequence[object]) -> str:
    """
    >>> sprintf("%-5s|%05.1f|%x", ["ab", 2.25, "hi"])
    'ab   |002.2|6869'
    >>> sprintf("%d %s", ["hi"])
    '%!d(string=hi) %!s(MISSING)'
    """
    directives = _simple(template)
    if directives is None or len(directives) - 1 != len(values):
        return _Formatting(template, values).run()
    printer = _Printer()
    for (text, verb, flags), value in zip(directives, values, strict=False):
        printer.write(text)
        printer.argument(value, verb, flags)
    printer.write(directives[-1].text)
    return printer.text()


class _Directive(NamedTuple):
    """Plain text, then a verb; "" behind the last text."""

    text: str
    verb: str
    flags: Flags


_SIMPLE = re.compile(r"%([#0+\- ]*)([0-9]{0,4})(?:\.([0-9]{0,4}))?([a-zA-Z])")


@lru_cache(maxsize=512)
def _simple(template: str) -> tuple[_Directive, ...] | None:
    """A template in which every argument is taken in its turn, once; None for all others."""
    directives, at = [], 0
    for found in _SIMPLE.finditer(template):
        marks, width, precision, verb = found.groups()
        flags = Flags.of(marks).for_verb(verb)
        flags.width = int(width) if width else None
        if precision is not None:
            flags.precision = int(precision or 0)
        directives.append(_Directive(template[at : found.start()], verb, flags))
        at = found.end()
    directives.append(_Directive(template[at:], "", Flags()))
    return None if any("%" in part.text for part in directives) else tuple(directives)


class _Formatting:
    """One call of Sprintf: the way of its verbs through the arguments."""

    _DIRECTIVE = re.compile(r"[^%]+|%(?P<flags>[#0+\- ]*)")
    _NUMBER = re.compile(r"[0-9]+")

    def __init__(self, template: str, values: Sequence[object]) -> None:
        self._template = template
        self._values = values
        self._printer = _Printer()
        self._at = 0
        self._next = 0
        self._reordered = False
        self._good = True
        """Whether the number of the argument makes sense."""

    def run(self) -> str:
        while self._at < len(self._template):
            part = self._DIRECTIVE.match(self._template, self._at)
            assert part is not None
            self._at = part.end()
            if part["flags"] is None:
                self._printer.write(part[0])
            else:
                self._verb(Flags.of(part["flags"]))
        if not self._reordered and self._next < len(self._values):
            self._extra()
        return self._printer.text()

    def _verb(self, flags: Flags) -> None:
        self._good = True
        after_index = self._index()
        after_index = self._width(flags, after_index)
        if self._template.startswith(".", self._at):
            after_index = self._precision(flags, after_index)
        if not after_index:
            self._index()
        if self._at >= len(self._template):
            self._printer.write("%!(NOVERB)")
            return
        verb = self._template[self._at]
        self._at += 1
        if verb == "%":
            self._printer.write("%")
        elif not self._good:
            self._printer.write(f"%!{_rune(verb)}(BADINDEX)")
        elif self._next >= len(self._values):
            self._printer.write(f"%!{_rune(verb)}(MISSING)")
        else:
            self._next += 1
            self._printer.argument(self._values[self._next - 1], verb, flags.for_verb(verb))

    def _index(self) -> bool:
        """`[n]`, which names the argument to take next. Whether there was one that could be read."""
        if not self._template.startswith("[", self._at):
            return False
        self._reordered = True
        end = self._template.find("]", self._at)
        if end < 0 or len(self._template) - self._at < 3:
            self._good = False
            self._at += 1
            return False
        number = self._template[self._at + 1 : end]
        self._at = end + 1
        is_number = number.isascii() and number.isdigit() and len(number) < 8
        if not is_number or not 1 <= int(number) <= len(self._values):
            self._good = False
            return is_number
        self._next = int(number) - 1
        return True

    def _width(self, flags: Flags, after_index: bool) -> bool:
        if self._template.startswith("*", self._at):
            self._at += 1
            flags.width = self._from_argument()
            if flags.width is None:
                self._printer.write("%!(BADWIDTH)")
            elif flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            return False
        flags.width = self._number()
        if after_index and flags.width is not None:
            self._good = False
        return after_index

    def _precision(self, flags: Flags, after_index: bool) -> bool:
        if self._at + 1 >= len(self._template):  # a point at the end is a verb
            return after_index
        self._at += 1
        if after_index:
            self._good = False
        after_index = self._index()
        if self._template.startswith("*", self._at):
            self._at += 1
            flags.precision = self._from_argument()
            if flags.precision is not None and flags.precision < 0:
                flags.precision = None
            if flags.precision is None:
                self._printer.write("%!(BADPREC)")
            return False
        flags.precision = self._number() or 0
        return after_index

    def _number(self) -> int | None:
        found = self._NUMBER.match(self._template, self._at)
        if found is None:
            return None
        if len(found[0].lstrip("0")) > 7 or int(found[0]) // 10 > _WIDEST:
            self._at = len(self._template)  # Go gives up, too
            return None
        self._at = found.end()
        return int(found[0])

    def _from_argument(self) -> int | None:
        if self._next >= len(self._values):
            return None
        value = self._values[self._next]
        self._next += 1
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _WIDEST:
            return None
        return int(value)

    def _extra(self) -> None:
        self._printer.write("%!(EXTRA ")
        for index, value in enumerate(self._values[self._next :]):
            self._printer.write(", " * (index > 0))
            if value is None:
                self._printer.write("<nil>")
            else:
                self._printer.write(f"{type_name(value)}=")
                self._printer.argument(value, "v", Flags())
        self._printer.write(")")


def _rune(char: str) -> str:
    return "\ufffd" if "\ud800" <= char <= "\udfff" else char


class _Printer:
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
            self.write(f"%!{_rune(verb)}(<nil>)")

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
        self.write(f"%!{_rune(verb)}({type_name(value)}=")
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
