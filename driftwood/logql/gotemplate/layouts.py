"""Go's layouts of time: how the reference time `Mon Jan 2 15:04:05 -0700 MST 2006` would be written.

A layout is cut into elements once (`elements`); `format_time` writes them and `parse_time` reads them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from driftwood.logql.gotemplate.times import MONTHS, WEEKDAYS, Time

_ELEMENT = re.compile(
    r"""January | Jan(?![a-z]) | Monday | Mon(?![a-z]) | MST
        | 0[1-6] | 002 | 15 | 1 | 2006 | 2 | _2(?!006) | __2 | 3 | 4 | 5 | PM | pm
        | -070000 | -07:00:00 | -0700 | -07:00 | -07 | Z070000 | Z07:00:00 | Z0700 | Z07:00 | Z07
        | [.,](?:0+|9+)(?![0-9])""",
    re.VERBOSE,
)
ZONES = {sign + form for sign in "-Z" for form in ("070000", "07:00:00", "0700", "07:00", "07")}
RFC3339 = "2006-01-02T15:04:05Z07:00"
RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00"


class Element(NamedTuple):
    """Plain text, then an element of the reference time; "" behind the last text."""

    text: str
    element: str


@lru_cache(maxsize=512)
def elements(layout: str) -> tuple[Element, ...]:
    """Always closed by an Element of text alone.

    >>> [str(part.element) for part in elements("Jan _2 at 3.000pm")]
    ['Jan', '_2', '3', '.000', 'pm', '']
    """
    parts, at = [], 0
    for found in _ELEMENT.finditer(layout):
        parts.append(Element(layout[at : found.start()], found[0]))
        at = found.end()
    return (*parts, Element(layout[at:], ""))


def is_fraction(element: str) -> bool:
    return element[:1] in (".", ",")


def format_time(time: Time, layout: str) -> str:
    """Time.Format.

    >>> format_time(Time(1_700_000_000 * 10**9), "Mon Jan _2 15:04:05.000 MST 2006")
    'Tue Nov 14 22:13:20.000 UTC 2023'
    """
    writer = _Writer(time)
    return "".join([text + writer.write(element) for text, element in elements(layout)])


class _Writer:
    def __init__(self, time: Time) -> None:
        self._time = time
        self._zone = time.zone
        self._year, self._month, self._day = time.date
        self._hour, self._minute, self._second = time.clock

    def write(self, element: str) -> str:
        if not element:
            return ""
        if is_fraction(element):
            return self._fraction(element)
        if element in ZONES:
            return self._offset(element)
        if element == "MST":
            return self._zone.name or self._offset("-0700")
        return self._date(element) or self._clock(element)

    def _date(self, element: str) -> str:
        match element:
            case "2006":
                return _padded(self._year, 4)
            case "06":
                return f"{abs(self._year) % 100:02d}"
            case "January" | "Jan":
                return MONTHS[self._month - 1][: None if element == "January" else 3]
            case "1":
                return str(self._month)
            case "01":
                return f"{self._month:02d}"
            case "Monday" | "Mon":
                return WEEKDAYS[self._time.weekday][: None if element == "Monday" else 3]
            case "2":
                return str(self._day)
            case "_2":
                return f"{self._day:2d}"
            case "02":
                return f"{self._day:02d}"
            case "__2":
                return f"{self._time.yearday:3d}"
            case "002":
                return f"{self._time.yearday:03d}"
        return ""

    def _clock(self, element: str) -> str:
        match element:
            case "15":
                return f"{self._hour:02d}"
            case "3":
                return str(self._hour % 12 or 12)
            case "03":
                return f"{self._hour % 12 or 12:02d}"
            case "4":
                return str(self._minute)
            case "04":
                return f"{self._minute:02d}"
            case "5":
                return str(self._second)
            case "05":
                return f"{self._second:02d}"
            case "PM":
                return "PM" if self._hour >= 12 else "AM"
        return "pm" if self._hour >= 12 else "am"

    def _offset(self, element: str) -> str:
        """`-07:00` and the like; those that begin with Z write UTC as Z."""
        offset = self._zone.offset
        if offset == 0 and element[0] == "Z":
            return "Z"
        minutes = -(-offset // 60) if offset < 0 else offset // 60
        sign = "-" if minutes < 0 else "+"
        colon = ":" if ":" in element else ""
        text = f"{sign}{abs(minutes) // 60:02d}"
        if element[1:] != "07":
            text += f"{colon}{abs(minutes) % 60:02d}"
        if element[1:] in ("070000", "07:00:00"):
            text += f"{colon}{abs(offset) % 60:02d}"
        return text

    def _fraction(self, element: str) -> str:
        """`.000` writes as many digits, `.999` at most as many."""
        digits = f"{self._time.nanosecond:09d}"[: len(element) - 1]
        if element[1] == "9":
            digits = digits.rstrip("0")
            return element[0] + digits if digits else ""
        return element[0] + digits


def _padded(number: int, width: int) -> str:
    return f"{'-' * (number < 0)}{abs(number):0{width}d}"


def time_text(time: Time) -> str:
    """Time.String(), with the monotonic clock where there is one."""
    text = format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST")
    if time.monotonic is None:
        return text
    seconds, ns = divmod(abs(time.monotonic), 1_000_000_000)
    return f"{text} m={'-' if time.monotonic < 0 else '+'}{seconds}.{ns:09d}"
