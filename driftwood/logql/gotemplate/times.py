"""Go's time.Time, with its locations, durations, months and days of the week. What it prints is in `layouts`.

The local time of the server is UTC, as in Loki's images; Go then calls it so, too.
"""

from __future__ import annotations

import datetime
import time
import zoneinfo
from functools import lru_cache
from typing import Final, NamedTuple

from driftwood.logql import gotext
from driftwood.logql.gotemplate.values import TYPE_NAMES, wrap_int64

SECOND: Final = 1_000_000_000
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_STARTED = time.monotonic_ns()
_UNIX_TO_YEAR_ONE = 62_135_596_800
_UNIX_TO_GO_ZERO = 9_223_372_028_741_760_000  # to March of the year -292277022400
_DAYS_TO_UNIX = 719_468  # from 0000-03-01
_CYCLE = 146_097  # days of 400 years


class Duration(int):
    """ns"""

    __slots__ = ()

    def __str__(self) -> str:
        return gotext.format_duration(int(self))


class Month(int):
    __slots__ = ()

    def __str__(self) -> str:
        return MONTHS[self - 1] if 1 <= self <= 12 else f"%!Month({int(self)})"


class Weekday(int):
    """Sunday is 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return WEEKDAYS[self] if 0 <= self < 7 else f"%!Weekday({int(self)})"


class Zone(NamedTuple):
    """What the clocks of a location show at one time."""

    name: str
    offset: int
    """s east of UTC"""
    summer: bool = False


class Location:
    """Where a time is read; of one zone for ever unless it comes from the time zone database."""

    def __init__(self, name: str, zone: Zone, rules: zoneinfo.ZoneInfo | None = None) -> None:
        self.name = name
        self._zone = zone
        self._rules = rules

    def __str__(self) -> str:
        return self.name

    def at(self, unix: int) -> Zone:
        """The zone at `unix` s after 1970."""
        if self._rules is None:
            return self._zone
        local = _within_datetime(unix).astimezone(self._rules)
        offset, summer = local.utcoffset(), local.dst()
        seconds = int(offset.total_seconds()) if offset else 0
        return Zone(local.tzname() or "", seconds, bool(summer))

    def named(self, abbreviation: str, unix: int) -> int | None:
        """The offset of the zone of this name; where there are several, of the one in use at `unix`, local time."""
        offsets = [zone.offset for zone in self._zones() if zone.name == abbreviation]
        for offset in offsets:
            if (zone := self.at(unix - offset)).name == abbreviation:
                return zone.offset
        return offsets[0] if offsets else None

    def _zones(self) -> list[Zone]:
        """All that were ever in use."""
        if self._rules is None:
            return [self._zone]
        return _zones_of(self)


@lru_cache(maxsize=64)
def _zones_of(location: Location) -> list[Zone]:
    months = (
        datetime.datetime(y, m, 1, tzinfo=datetime.UTC) for y in range(1800, 2038) for m in (1, 7)
    )
    return list(dict.fromkeys(location.at(int(month.timestamp())) for month in months))


def _within_datetime(unix: int) -> datetime.datetime:
    """`unix` as Python's datetime; beyond the years 2..9998 the same day of a year like it."""
    days, second = divmod(unix, 86_400)
    if not -718_000 < days < 2_932_000:
        days = days % _CYCLE + (2_700_000 // _CYCLE) * _CYCLE if days > 0 else -718_000
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days, second)


UTC: Final = Location("UTC", Zone("UTC", 0))
LOCAL: Final = Location("UTC", Zone("UTC", 0))


def fixed(name: str, offset: int) -> Location:
    return Location(name, Zone(name, offset))


@lru_cache(maxsize=256)
def location(name: str) -> Location | None:
    """time.LoadLocation; None for one that does not exist."""
    if name in ("", "UTC"):
        return UTC
    if name == "Local":
        return LOCAL
    try:
        rules = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return Location(name, UTC.at(0), rules)


class Time:
    """An instant of `ns` after 1970 UTC, read at a location."""

    __slots__ = ("location", "monotonic", "ns")

    def __init__(self, ns: int, location: Location = LOCAL, monotonic: int | None = None) -> None:
        self.ns = ns
        self.location = location
        self.monotonic = monotonic
        """ns since the program began, in a time that `now` gave; part of what is printed."""

    @property
    def unix(self) -> int:
        return self.ns // SECOND

    @property
    def nanosecond(self) -> int:
        return self.ns % SECOND

    @property
    def zone(self) -> Zone:
        return self.location.at(self.unix)

    @property
    def _local(self) -> int:
        """Go counts in a uint64 from a year far back, and so starts again there where that overflows."""
        local = self.unix + self.zone.offset
        return (local + _UNIX_TO_GO_ZERO) % (1 << 64) - _UNIX_TO_GO_ZERO

    @property
    def date(self) -> tuple[int, int, int]:
        return civil(self._local // 86_400)

    @property
    def clock(self) -> tuple[int, int, int]:
        second = self._local % 86_400
        return second // 3_600, second // 60 % 60, second % 60

    @property
    def weekday(self) -> Weekday:
        return Weekday((self._local // 86_400 + 4) % 7)

    @property
    def yearday(self) -> int:
        """1 for the first of January."""
        year, month, day = self.date
        return days_of(year, month, day) - days_of(year, 1, 1) + 1

    @property
    def seconds_since_year_one(self) -> int:
        return self.unix + _UNIX_TO_YEAR_ONE

    def moved(self, ns: int) -> Time:
        monotonic = None if self.monotonic is None else self.monotonic + ns
        return Time(self.ns + ns, self.location, monotonic)

    def at(self, location: Location) -> Time:
        return Time(self.ns, location, self.monotonic)

    def since(self, other: Time) -> Duration:
        """At most what an int64 of ns holds."""
        ns = self.ns - other.ns
        if self.monotonic is not None and other.monotonic is not None:
            ns = self.monotonic - other.monotonic
        return Duration(max(-(1 << 63), min(ns, (1 << 63) - 1)))

    def rounded_down(self, unit: int) -> Time:
        """time.Truncate, which counts from year one; without the monotonic clock."""
        if unit <= 0:
            return Time(self.ns, self.location)
        return Time(self.ns - (self.ns + _UNIX_TO_YEAR_ONE * SECOND) % unit, self.location)

    def rounded(self, unit: int) -> Time:
        """time.Round: half a unit goes up."""
        if unit <= 0:
            return Time(self.ns, self.location)
        down = self.rounded_down(unit)
        return down if (self.ns - down.ns) * 2 < unit else Time(down.ns + unit, self.location)


YEAR_ONE: Final = Time(-_UNIX_TO_YEAR_ONE * SECOND, UTC)
"""Go's zero time."""


def now() -> Time:
    return Time(time.time_ns(), LOCAL, time.monotonic_ns() - _STARTED)


def from_unix(seconds: int, ns: int = 0) -> Time:
    """time.Unix, whose seconds are an int64 counted from year one within."""
    seconds, ns = seconds + ns // SECOND, ns % SECOND
    seconds = wrap_int64(seconds + _UNIX_TO_YEAR_ONE) - _UNIX_TO_YEAR_ONE
    return Time(seconds * SECOND + ns)


def at_civil(
    date: tuple[int, int, int], clock: tuple[int, int, int], ns: int, location: Location
) -> Time:
    """time.Date: a month 13 is January of the next year; a local time that does not exist, or exists twice, takes the
    offset that Go picks.
    """
    year, month, day = date
    hour, minute, second = clock
    days = days_of(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) + day - 1
    unix = days * 86_400 + hour * 3_600 + minute * 60 + second
    offset = location.at(unix).offset
    if offset:
        guess = unix - offset
        if location.at(guess).offset != offset:
            guess = unix - location.at(guess).offset
        unix = guess
    return Time(unix * SECOND + ns, location)


def days_of(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar, before its time too."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * _CYCLE + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _DAYS_TO_UNIX


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of `days_of`."""
    era, of_era = divmod(days + _DAYS_TO_UNIX, _CYCLE)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


TYPE_NAMES.update(
    {
        Time: "time.Time",
        Duration: "time.Duration",
        Month: "time.Month",
        Weekday: "time.Weekday",
        Location: "*time.Location",
    }
)
