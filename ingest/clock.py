"""The clock of one source: time stamps as written -> ns since the epoch, in the source's time zone.

    full date     as written; a zone that stands there wins over the source's
    no year       the year that puts it nearest before `before` (the arrival, or the file's last change)
    no date       likewise the day
    epoch         seconds, ms, us or ns, told by the size

Lines come in bursts, so what is expensive (calendar, time zone) is done once per distinct minute and remembered.
What is no time (February 30th), and what does not fit in 64 bits of ns (before 1677, after 2262), is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from driftwood.errors import ConfigError
from ingest.timestamps import (
    BASIC,
    CTIME,
    DAY_FIRST,
    ISO,
    MONTHS,
    NO_YEAR_WORDS,
    RFC_1123,
    SYSLOG_YEAR,
    Stamp,
)

SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND
_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1

# How far "nearest before" may lie after: a log's clock may be ahead of ours, its zone east of the one we assume.
_AHEAD_NO_YEAR: Final = DAY
_AHEAD_NO_DATE: Final = 3_600 * SECOND

_REMEMBERED: Final = 65_536
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_SECOND: Final = timedelta(seconds=1)
_NS: Final = tuple(10 ** (9 - digits) for digits in range(10))

# What the value of a time key may be, the most common first.
_TEXTS: Final = tuple(
    (re.compile(stamp.pattern), stamp)
    for stamp in (ISO, BASIC, DAY_FIRST, RFC_1123, CTIME, SYSLOG_YEAR, NO_YEAR_WORDS)
)
_NUMBER: Final = re.compile(r"([0-9]{9,19})(?:\.([0-9]{1,9})[0-9]*)?")
_OLDEST_EPOCH: Final = 10**8  # 1973; a smaller number of a "time" key is a duration


class Clock:
    """Thread-confined: it remembers minutes that it has seen."""

    def __init__(self, zone: str = "UTC") -> None:
        """Raises ConfigError for a zone that the time zone database does not know."""
        try:
            self._zone: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(
                f"unknown time zone {zone!r}; use an IANA name such as 'Europe/Berlin' or 'UTC'"
            ) from error
        # The text of a minute -> (ns, from, until): what it means as long as `before` lies in [from, until).
        self._seen: dict[str, tuple[int, int, int]] = {}

    def read(
        self, stamp: Stamp, second: str, fraction: str | None, zone: str | None, before: int
    ) -> int | None:
        """The groups of a match of `stamp.pattern` -> ns."""
        more, key = 0, second
        if stamp.seconds_last:  # the minute is looked up, the seconds are added
            seconds = int(second[-2:])
            if seconds > 60:
                return None
            more, key = seconds * SECOND, second[:-2]
            before -= more
        if zone:
            key += zone
        known = self._seen.get(key)
        if known is None or not known[1] <= before < known[2]:
            known = self._meant(stamp, second, zone, before)
            if known is None:
                return None
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[key] = known
        if fraction:
            more += int(fraction) * (1_000_000 if stamp.millis else _NS[len(fraction)])
        return known[0] + more

    def minute(self, stamp: Stamp, second: str, zone: str, before: tuple[int, int]) -> int | None:
        """The minute that all of its seconds share, in ns; of a stamp whose second does not stand last: that second.

        None when it is no time, or when it is not the same for all that come `before` (from, to) and all its seconds.
        """
        key = (second[:-2] if stamp.seconds_last else second) + zone
        earliest, latest = before[0] - (60 * SECOND if stamp.seconds_last else 0), before[1]
        known = self._seen.get(key)
        if known is None or not (known[1] <= earliest and latest < known[2]):
            known = self._meant(stamp, second, zone, latest)
            if known is None or not (known[1] <= earliest and latest < known[2]):
                return None
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[key] = known
        return known[0]

    def value(self, value: object, before: int) -> int | None:
        """The value of a time key in JSON or logfmt: text in one of the forms, or an epoch as number or text."""
        if isinstance(value, str):
            for pattern, stamp in _TEXTS:
                if match := pattern.fullmatch(value):
                    return self.read(stamp, match[1], match[2], match[3], before)
            number = _NUMBER.fullmatch(value)
            return _epoch(int(number[1]), number[2]) if number else None
        if isinstance(value, float) and _OLDEST_EPOCH <= value < 2**63:
            # A float of epoch seconds is good to the microsecond and no further.
            whole, part = divmod(round(value * 1e6), 10**6)
            return _epoch(whole, f"{part:06}")
        if isinstance(value, int) and not isinstance(value, bool):
            return _epoch(value)
        return None

    def _meant(
        self, stamp: Stamp, second: str, zone: str | None, before: int
    ) -> tuple[int, int, int] | None:
        match = stamp.fields.match(second)
        if match is None:
            return None
        part = match.groupdict()
        hour, minute = int(part.get("H") or part["h"]), int(part.get("M") or part["n"])
        sec = 0 if stamp.seconds_last else int(part.get("S") or part["s"])
        if "p" in part:
            hour = hour % 12 + (12 if part["p"] == "PM" else 0)
        if "D" not in part and "d" not in part:
            days, ahead = _days(before + _AHEAD_NO_DATE), _AHEAD_NO_DATE
        else:
            month = int(part["m"]) if "m" in part else MONTHS[part["b"]]
            day = int(part.get("D") or part["d"])
            if "Y" in part or "y" in part:
                year = int(part["Y"]) if "Y" in part else 2000 + int(part["y"])
                ns = self._ns((year, month, day), (hour, minute, sec), zone)
                return None if ns is None else (ns, _MIN, _MAX)
            days = ((year, month, day) for year in _years(before + _AHEAD_NO_YEAR))
            ahead = _AHEAD_NO_YEAR
        until = _MAX
        for candidate in days:
            ns = self._ns(candidate, (hour, minute, sec), zone)
            if ns is not None:
                if ns <= before + ahead:
                    return ns, ns - ahead, until
                until = ns - ahead
        return None

    def _ns(
        self, day: tuple[int, int, int], time: tuple[int, int, int], zone: str | None
    ) -> int | None:
        leap = time[2] == 60  # a leap second: the first moment of the next minute
        try:
            moment = datetime(*day, time[0], time[1], 59 if leap else time[2], tzinfo=_zone(zone))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone)
            ns = ((moment - _EPOCH) // _ONE_SECOND + leap) * SECOND
        except (ValueError, OverflowError):
            return None
        return ns if _MIN <= ns <= _MAX - 62 * SECOND else None


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text[0] in "+-":
        offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
        return timezone(-offset if text[0] == "-" else offset)
    return UTC


def _years(before: int) -> Iterator[int]:
    """The year of `before` (UTC) and its neighbours, newest first; nine of them, so that a leap year is among them."""
    year = (_EPOCH + timedelta(microseconds=before // 1000)).year
    return iter(range(year + 1, year - 9, -1))


def _days(before: int) -> Iterator[tuple[int, int, int]]:
    day = (_EPOCH + timedelta(microseconds=before // 1000)).date()
    for back in (-1, 0, 1, 2):
        near: date = day - timedelta(days=back)
        yield near.year, near.month, near.day


def _epoch(whole: int, fraction: str | None = None) -> int | None:
    """An epoch in s, ms, us or ns: each is a thousand times the one before, so that the size tells.

    >>> _epoch(1718378161, "5"), _epoch(1718378161500), _epoch(1718378161500000000), _epoch(30)
    (1718378161500000000, 1718378161500000000, 1718378161500000000, None)
    """
    if whole < _OLDEST_EPOCH:
        return None
    if whole < 10**11:
        ns = whole * SECOND + (int(fraction) * _NS[len(fraction)] if fraction else 0)
    elif whole < 10**14:
        ns = whole * 1_000_000
    elif whole < 10**17:
        ns = whole * 1_000
    else:
        ns = whole
    return ns if ns <= _MAX else None
