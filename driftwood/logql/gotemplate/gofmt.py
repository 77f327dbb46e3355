"""Go's package fmt for the values of templates: Sprint, Sprintln and Sprintf.

Wrong verbs and counts are no errors but part of the text, as in Go: `%!d(string=hi)`, `%!s(MISSING)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from driftwood.logql.gotemplate.formats import Flags
from driftwood.logql.gotemplate.printer import Printer, rune, text_of
from driftwood.logql.gotemplate.values import type_name

_WIDEST = 1_000_000


def sprint(values: Sequence[object]) -> str:
    """A blank stands between two values of which neither is a string."""
    printer = Printer()
    before = True
    for index, value in enumerate(values):
        is_string = isinstance(value, str)
        if index and not is_string and not before:
            printer.write(" ")
        printer.write(text_of(value))
        before = is_string
    return printer.text()


def sprintln(values: Sequence[object]) -> str:
    printer = Printer()
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
    printer = Printer()
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
        self._printer = Printer()
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
            self._printer.write(f"%!{rune(verb)}(BADINDEX)")
        elif self._next >= len(self._values):
            self._printer.write(f"%!{rune(verb)}(MISSING)")
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
