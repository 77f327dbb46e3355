"""Reading a time by a Go layout: time.ParseInLocation."""

from __future__ import annotations

import re

from driftwood.logql.gotemplate import layouts, times
from driftwood.logql.gotemplate.layouts import Element
from driftwood.logql.gotemplate.times import MONTHS, WEEKDAYS, Location, Time


class NoSuchTime(ValueError):
    """The text does not fit the layout. Loki's functions show no more of it than a zero time, so there is no text."""


def parse_time(layout: str, text: str, location: Location) -> Time:
    """What stands for no zone, or for a zone that `location` knows, is read there. Raises NoSuchTime.

    >>> parse_time("2006-01-02 3pm", "2024-05-06 4pm", times.UTC).unix
    1715011200
    """
    reader = _Reader(text)
    parts = layouts.elements(layout)
    for part, following in zip(parts, (*parts[1:], Element("", "")), strict=True):
        reader.skip(part.text)
        reader.read(part.element, following)
    if reader.rest:
        raise NoSuchTime
    return reader.time(location)


_TWO = re.compile(r"[0-9]{2}")
_ONE_OR_TWO = re.compile(r"[0-9]{1,2}")
_UP_TO_THREE = re.compile(r"[0-9]{1,3}")
_THREE = re.compile(r"[0-9]{3}")
_YEAR = re.compile(r"[0-9]{4}")
_SHORT_YEAR = re.compile(r"[0-9]{2}|[+-][0-9]")
_FRACTION = re.compile(r"[.,][0-9]+")
_SIGNED = re.compile(r"[+-]?[0-9]*")
_NAMED_ZONE = re.compile(
    r"ChST|MeST|GMT(?P<hours>[+-](?:0*[01]?[0-9]|0*2[0-3])(?![0-9]))?|[+-](?:0*[01]?[0-9]|0*2[0-3])(?![0-9])"
    r"|(?:[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3})(?![A-Z])"
)
_OFFSETS = {
    "07": re.compile(r"([+-])([0-9]{2})"),
    "0700": re.compile(r"([+-])([0-9]{2})([0-9]{2})"),
    "07:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2})"),
    "070000": re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})"),
    "07:00:00": re.compile(r"([+-])([0-9]{2}):([0-9]{2}):([0-9]{2})"),
}


class _Reader:
    def __init__(self, text: str) -> None:
        self.rest = text
        self._year = 0
        self._month: int | None = None
        self._day: int | None = None
        self._yearday: int | None = None
        self._hour = self._minute = self._second = self._ns = 0
        self._half = ""
        """PM or AM."""
        self._utc = False
        self._offset: int | None = None
        self._zone = ""

    def skip(self, text: str) -> None:
        """A run of blanks stands for any other, none at the end of the text included."""
        while text:
            if text[0] == " ":
                if self.rest and self.rest[0] != " ":
                    raise NoSuchTime
                text, self.rest = text.lstrip(" "), self.rest.lstrip(" ")
            elif self.rest[:1] == text[0]:
                text, self.rest = text[1:], self.rest[1:]
            else:
                raise NoSuchTime

    def read(self, element: str, following: Element) -> None:
        if not element:
            return
        if layouts.is_fraction(element):
            self._read_fraction(element)
        elif element in layouts.ZONES:
            self._read_offset(element)
        elif element == "MST":
            self._read_zone()
        elif not self._read_date(element):
            self._read_clock(element, following)

    def _read_date(self, element: str) -> bool:
        match element:
            case "2006":
                self._year = self._number(_YEAR)
            case "06":
                year = self._number(_SHORT_YEAR)
                self._year = year + (1900 if year >= 69 else 2000)
            case "January" | "Jan":
                self._month = self._name(MONTHS, short=element == "Jan") + 1
            case "1" | "01":
                self._month = self._number(_ONE_OR_TWO if element == "1" else _TWO, 1, 12)
            case "Monday" | "Mon":
                self._name(WEEKDAYS, short=element == "Mon")
            case "2" | "_2" | "02":
                if element == "_2":
                    self.rest = self.rest.removeprefix(" ")
                self._day = self._number(_TWO if element == "02" else _ONE_OR_TWO)
            case "002":
                self._yearday = self._number(_THREE)
            case "__2":
                self.rest = self.rest.removeprefix(" ").removeprefix(" ")
                self._yearday = self._number(_UP_TO_THREE)
            case _:
                return False
        return True

    def _read_clock(self, element: str, following: Element) -> None:
        match element:
            case "15":
                self._hour = self._number(_ONE_OR_TWO, 0, 23)
            case "3" | "03":
                self._hour = self._number(_ONE_OR_TWO if element == "3" else _TWO, 0, 12)
            case "4" | "04":
                self._minute = self._number(_ONE_OR_TWO if element == "4" else _TWO, 0, 59)
            case "5" | "05":
                self._second = self._number(_ONE_OR_TWO if element == "5" else _TWO, 0, 59)
                # a fraction may follow the seconds where the layout has none
                if not layouts.is_fraction(following.element) and _FRACTION.match(self.rest):
                    self._read_fraction(".9")
            case "PM" | "pm":
                half, self.rest = self.rest[:2], self.rest[2:]
                if half not in (("PM", "AM") if element == "PM" else ("pm", "am")):
                    raise NoSuchTime
                self._half = half.upper()

    def _number(self, form: re.Pattern[str], low: int = 0, high: int = 9_999) -> int:
        found = form.match(self.rest)
        if found is None:
            raise NoSuchTime
        self.rest = self.rest[found.end() :]
        number = int(found[0])
        if not low <= number <= high and form is not _SHORT_YEAR:
            raise NoSuchTime
        return number

    def _name(self, names: list[str], short: bool) -> int:
        """In any case."""
        for index, name in enumerate(names):
            name = name[:3] if short else name
            if self.rest[: len(name)].lower() == name.lower() and self.rest[: len(name)].isascii():
                self.rest = self.rest[len(name) :]
                return index
        raise NoSuchTime

    def _read_fraction(self, element: str) -> None:
        """`.000` needs just so many digits, `.999` takes any number of them, or nothing at all."""
        length = len(element)
        if element[1] == "9":
            found = _FRACTION.match(self.rest)
            if found is None:
                return
            length = found.end()
        elif len(self.rest) < length or self.rest[0] not in ".,":
            raise NoSuchTime
        digits, self.rest = self.rest[1:length][:9], self.rest[length:]
        if not _SIGNED.fullmatch(digits):
            raise NoSuchTime
        number = (
            int(digits) if digits.strip("+-") else 0
        )  # a sign is read as if it were one of the digits
        if number < 0:
            raise NoSuchTime
        self._ns = number * 10 ** (9 - len(digits))

    def _read_offset(self, element: str) -> None:
        if element[0] == "Z" and self.rest[:1] == "Z":
            self.rest = self.rest[1:]
            self._utc = True
            return
        found = _OFFSETS[element[1:]].match(self.rest)
        if found is None:
            raise NoSuchTime
        self.rest = self.rest[found.end() :]
        sign, *numbers = found.groups()
        hour, minute, second = (int(number) for number in [*numbers, "0", "0"][:3])
        if hour > 24 or minute > 60 or second > 60:
            raise NoSuchTime
        offset = (hour * 60 + minute) * 60 + second
        self._offset = -offset if sign == "-" else offset

    def _read_zone(self) -> None:
        if self.rest.startswith("UTC"):
            self.rest = self.rest[3:]
            self._utc = True
            return
        found = _NAMED_ZONE.match(self.rest)
        if found is None or len(self.rest) < 3:
            raise NoSuchTime
        self._zone, self.rest = found[0], self.rest[found.end() :]

    def time(self, location: Location) -> Time:
        date = self._civil_date()
        hour = self._hour
        if self._half == "PM" and hour < 12:
            hour += 12
        elif self._half == "AM" and hour == 12:
            hour = 0
        clock = (hour, self._minute, self._second)
        if self._utc:
            return times.at_civil(date, clock, self._ns, times.UTC)
        if self._offset == -1:  # as Go: this second west of Greenwich means that none was read
            self._offset = None
        if self._offset is None and not self._zone:
            return times.at_civil(date, clock, self._ns, location)
        return self._in_zone(times.at_civil(date, clock, self._ns, times.UTC), location)

    def _in_zone(self, local: Time, location: Location) -> Time:
        """`local` read with the offset or the name that was given, at `location` if it knows it."""
        if self._offset is not None:
            time = local.moved(-self._offset * times.SECOND)
            zone = location.at(time.unix)
            if zone.offset == self._offset and self._zone in ("", zone.name):
                return time.at(location)
            return time.at(times.fixed(self._zone, self._offset))
        offset = location.named(self._zone, local.unix)
        if offset is not None:
            return local.moved(-offset * times.SECOND).at(location)
        # a name that nobody knows is kept, but moves nothing, except GMT+3
        hours = int(self._zone[3:]) if self._zone.startswith("GMT") and self._zone[3:] else 0
        return local.at(times.fixed(self._zone, hours * 3_600))

    def _civil_date(self) -> tuple[int, int, int]:
        month, day = self._month, self._day
        if self._yearday is not None:
            last = 366 if times.is_leap(self._year) else 365
            if not 1 <= self._yearday <= last:
                raise NoSuchTime
            first = times.days_of(self._year, 1, 1)
            _, of_month, of_day = times.civil(first + self._yearday - 1)
            if month not in (None, of_month) or day not in (None, of_day):
                raise NoSuchTime
            return self._year, of_month, of_day
        month, day = month or 1, 1 if day is None else day
        if not 1 <= day <= times.days_in(self._year, month):
            raise NoSuchTime
        return self._year, month, day
