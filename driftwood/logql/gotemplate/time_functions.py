"""Loki's functions on times, and the methods that templates may call on what they give."""

from __future__ import annotations

import math
from collections.abc import Callable

from driftwood.logql.gotemplate import layouts, numbers, printer, times
from driftwood.logql.gotemplate.errors import CallError, bounded
from driftwood.logql.gotemplate.layout_parsing import NoSuchTime, parse_time
from driftwood.logql.gotemplate.number_functions import seconds_of
from driftwood.logql.gotemplate.signatures import Function, Param
from driftwood.logql.gotemplate.times import (
    LOCAL,
    SECOND,
    UTC,
    YEAR_ONE,
    Duration,
    Location,
    Month,
    Time,
    Weekday,
)
from driftwood.logql.gotemplate.values import Int64, encoded, wrap_int64

# -- functions


def _date(layout: str, value: object) -> str:
    """A time, or seconds since 1970; the time now for all else."""
    if isinstance(value, Time):
        time = value
    elif type(value) in (int, Int64):
        assert isinstance(value, int)
        time = times.from_unix(value)
    else:
        time = times.now()
    return _format(time.at(LOCAL), layout)


def _format(time: Time, layout: str) -> str:
    return bounded(layouts.format_time(time, layout))


def _to_date(layout: str, text: str) -> Time:
    return _parsed(layout, text, LOCAL)


def _to_date_in_zone(layout: str, zone: str, text: str) -> Time:
    return _parsed(layout, text, times.location(zone) or UTC)


def _parsed(layout: str, text: str, location: Location) -> Time:
    try:
        return parse_time(layout, text, location)
    except NoSuchTime:
        return YEAR_ONE


_UNITS = {5: 86_400 * SECOND, 10: SECOND, 13: 1_000_000, 16: 1_000, 19: 1}
"""ns of what a number of so many digits counts: days, s, ms, µs, ns."""


def _unix_to_time(text: str) -> Time:
    wrong = f"unable to parse time '{text}': "
    try:
        number = numbers.parse_int(text)
    except ValueError as error:
        raise CallError(f"{wrong}{error}") from None
    unit = _UNITS.get(printer.length(text))
    if unit is None:
        raise CallError(f"{wrong}%!w(<nil>)")  # Loki prints an error that it does not have
    if unit >= SECOND:
        return times.from_unix(number * (unit // SECOND))
    return times.from_unix(0, wrap_int64(number * unit))


def _unix_epoch(time: Time) -> str:
    return str(time.unix)


def _unix_epoch_millis(time: Time) -> str:
    return str(wrap_int64(time.ns // 1_000_000))


def _unix_epoch_nanos(time: Time) -> str:
    return str(wrap_int64(time.ns))


_S, _T, _D, _B = Param.STRING, Param.TIME, Param.DURATION, Param.BYTES
TIME_FUNCTIONS = {
    "now": Function(times.now),
    "date": Function(_date, (_S, Param.ANY), text=True),
    "toDate": Function(_to_date, (_S, _S)),
    "toDateInZone": Function(_to_date_in_zone, (_S, _S, _S)),
    "unixToTime": Function(_unix_to_time, (_S,)),
    "unixEpoch": Function(_unix_epoch, (_T,), text=True),
    "unixEpochMillis": Function(_unix_epoch_millis, (_T,), text=True),
    "unixEpochNanos": Function(_unix_epoch_nanos, (_T,), text=True),
}

# -- methods


def _compare(time: Time, other: Time) -> int:
    left, right = time.ns, other.ns
    if time.monotonic is not None and other.monotonic is not None:
        left, right = time.monotonic, other.monotonic
    return (left > right) - (left < right)


def _add_date(time: Time, years: int, months: int, days: int) -> Time:
    if max(map(abs, (years, months, days))) > 10**12:
        raise CallError("time: the date is out of range")
    year, month, day = time.date
    date = (year + years, month + months, day + days)
    return times.at_civil(date, time.clock, time.nanosecond, time.location)


def _in(time: Time, location: Location | None) -> Time:
    if location is None:
        raise CallError("time: missing Location in call to Time.In")
    return time.at(location)


def _append_format(time: Time, start: bytes | None, layout: str) -> bytes:
    return (start or b"") + encoded(_format(time, layout))


def _rfc3339(time: Time, method: str) -> str:
    if not 0 <= time.date[0] <= 9999:
        raise CallError(f"Time.{method}: year outside of range [0,9999]")
    if abs(time.zone.offset) >= 24 * 3_600:
        raise CallError(f"Time.{method}: timezone hour outside of range [0,23]")
    return layouts.format_time(time, layouts.RFC3339_NANO)


def _append_text(time: Time, start: bytes | None) -> bytes:
    return (start or b"") + _rfc3339(time, "AppendText").encode()


def _binary(time: Time) -> bytes:
    """Version, seconds since year one, ns, and minutes east of UTC, which is -1 itself."""
    minutes, rest = -1, 0
    if time.location is not UTC:
        minutes = int(math.copysign(abs(time.zone.offset) // 60, time.zone.offset))
        rest = time.zone.offset - minutes * 60
        if minutes == -1:  # that is UTC
            raise CallError("Time.MarshalBinary: unexpected zone offset")
    raw = bytes([2 if rest else 1]) + wrap_int64(time.seconds_since_year_one).to_bytes(
        8, "big", signed=True
    )
    raw += time.nanosecond.to_bytes(4, "big") + minutes.to_bytes(2, "big", signed=True)
    return raw + rest.to_bytes(1, "big", signed=True) if rest else raw


def _rounded(duration: Duration, unit: Duration) -> Duration:
    """Half a unit goes away from zero."""
    if unit <= 0:
        return duration
    rest = abs(duration) % unit
    size = abs(duration) - rest + (unit if rest * 2 >= unit else 0)
    size = size if duration >= 0 else -size
    return Duration(max(-(1 << 63), min(size, (1 << 63) - 1)))


def _truncated(duration: Duration, unit: Duration) -> Duration:
    if unit <= 0:
        return duration
    size = abs(duration) - abs(duration) % unit
    return Duration(size if duration >= 0 else -size)


def _parts(unit: int) -> Callable[[Duration], float]:
    def parts(duration: Duration) -> float:
        whole, rest = divmod(abs(int(duration)), unit)
        value = float(whole) + float(rest) / float(unit)
        return -value if duration < 0 else value

    return parts


def _towards_zero(unit: int) -> Callable[[Duration], Int64]:
    return lambda duration: Int64(abs(duration) // unit * (-1 if duration < 0 else 1))


def _results(count: int) -> Function:
    return Function(
        lambda _: None, unusable=f"function {{}} has {count} return values; should be 1 or 2"
    )


def _second_result(type_: str) -> Function:
    return Function(
        lambda _: None,
        unusable=f"invalid function signature for {{}}: second return value should be error; is {type_}",
    )


_TIME_METHODS = {
    "Add": Function(lambda t, d: t.moved(int(d)), (_D,)),
    "AddDate": Function(_add_date, (Param.INT, Param.INT, Param.INT)),
    "After": Function(lambda t, u: _compare(t, u) > 0, (_T,)),
    "AppendBinary": Function(lambda t, b: (b or b"") + _binary(t), (_B,)),
    "AppendFormat": Function(_append_format, (_B, _S)),
    "AppendText": Function(_append_text, (_B,)),
    "Before": Function(lambda t, u: _compare(t, u) < 0, (_T,)),
    "Clock": _results(3),
    "Compare": Function(_compare, (_T,)),
    "Date": _results(3),
    "Day": Function(lambda t: t.date[2]),
    "Equal": Function(lambda t, u: _compare(t, u) == 0, (_T,)),
    "Format": Function(_format, (_S,)),
    "GoString": Function(printer.go_string),
    "GobEncode": Function(_binary),
    "Hour": Function(lambda t: t.clock[0]),
    "ISOWeek": _second_result("int"),
    "In": Function(_in, (Param.LOCATION,)),
    "IsDST": Function(lambda t: t.zone.summer),
    "IsZero": Function(lambda t: t.ns == YEAR_ONE.ns),
    "Local": Function(lambda t: t.at(LOCAL)),
    "Location": Function(lambda t: t.location),
    "MarshalBinary": Function(_binary),
    "MarshalJSON": Function(lambda t: f'"{_rfc3339(t, "MarshalJSON")}"'.encode()),
    "MarshalText": Function(lambda t: _rfc3339(t, "MarshalText").encode()),
    "Minute": Function(lambda t: t.clock[1]),
    "Month": Function(lambda t: Month(t.date[1])),
    "Nanosecond": Function(lambda t: t.nanosecond),
    "Round": Function(lambda t, d: t.rounded(int(d)), (_D,)),
    "Second": Function(lambda t: t.clock[2]),
    "String": Function(layouts.time_text),
    "Sub": Function(lambda t, u: t.since(u), (_T,)),
    "Truncate": Function(lambda t, d: t.rounded_down(int(d)), (_D,)),
    "UTC": Function(lambda t: t.at(UTC)),
    "Unix": Function(lambda t: Int64(t.unix)),
    "UnixMicro": Function(lambda t: Int64(wrap_int64(t.ns // 1_000))),
    "UnixMilli": Function(lambda t: Int64(wrap_int64(t.ns // 1_000_000))),
    "UnixNano": Function(lambda t: Int64(wrap_int64(t.ns))),
    "Weekday": Function(lambda t: Weekday(t.weekday)),
    "Year": Function(lambda t: t.date[0]),
    "YearDay": Function(lambda t: t.yearday),
    "Zone": _second_result("int"),
    "ZoneBounds": _second_result("time.Time"),
}
_NAME = Function(str)
_DURATION_METHODS = {
    "Abs": Function(lambda d: Duration(min(abs(d), (1 << 63) - 1))),
    "Hours": Function(_parts(3_600 * SECOND)),
    "Microseconds": Function(_towards_zero(1_000)),
    "Milliseconds": Function(_towards_zero(1_000_000)),
    "Minutes": Function(_parts(60 * SECOND)),
    "Nanoseconds": Function(_towards_zero(1)),
    "Round": Function(_rounded, (_D,)),
    "Seconds": Function(seconds_of),
    "String": _NAME,
    "Truncate": Function(_truncated, (_D,)),
}
METHODS: dict[type, dict[str, Function]] = {
    Time: _TIME_METHODS,
    Duration: _DURATION_METHODS,
    Month: {"String": _NAME},
    Weekday: {"String": _NAME},
    Location: {"String": _NAME},
}
UNEXPORTED: dict[type, frozenset[str]] = {
    Time: frozenset({"wall", "ext", "loc"}),
    Location: frozenset({"name", "zone", "tx", "extend", "cacheStart", "cacheEnd", "cacheZone"}),
}
"""Fields of their structs, which templates must not read."""
