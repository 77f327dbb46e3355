"""Numbers, sizes, times and ages the way a tired person reads them fastest."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def count(number: float) -> str:
    """At most four digits and a unit.

    >>> [count(n) for n in (0, 7, 0.42, 999, 1_234, 45_678, 1_200_000, 3.2e9)]
    ['0', '7', '0.42', '999', '1,234', '45.7k', '1.2M', '3.2G']
    """
    if number < 0:
        return f"-{count(-number)}"
    if number and number < 10 and number != int(number):
        return f"{number:.2g}"
    if number < 10_000:
        return f"{number:,.0f}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G")):
        if number < limit:
            scaled = number / limit * 1_000
            return (
                f"{scaled:.0f}{unit}"
                if scaled >= 100
                else f"{scaled:.1f}".removesuffix(".0") + unit
            )
    return f"{number / 1e12:.1f}T"


def size(number: float) -> str:
    """Bytes.

    >>> [size(n) for n in (0, 812, 20_480, 5.5e6, 2.5e9)]
    ['0 B', '812 B', '20 kB', '5.5 MB', '2.5 GB']
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1_000:
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1_000
    return f"{number:.1f} TB"


def percent(share: float) -> str:
    """A share of one.

    >>> [percent(s) for s in (0, 0.00004, 0.0123, 0.5, 1)]
    ['0 %', '<0.01 %', '1.2 %', '50 %', '100 %']
    """
    if 0 < share < 0.0001:
        return "<0.01 %"
    scaled = share * 100
    if 0 < scaled < 1:
        return f"{scaled:.2f} %"
    return f"{scaled:.1f} %" if 0 < scaled < 10 else f"{scaled:.0f} %"


def span(seconds: float) -> str:
    """How long.

    >>> [span(s) for s in (0.2, 4, 95, 3_700, 90_000, 900_000)]
    ['0.2 s', '4 s', '1 min 35 s', '1 h 1 min', '1 d 1 h', '10 d']
    """
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    for big, small, per, limit in (("min", "s", 60, 3_600), ("h", "min", 3_600, 86_400)):
        if seconds < limit:
            rest = int(seconds % per // (1 if small == "s" else 60))
            return f"{int(seconds // per)} {big}" + (f" {rest} {small}" if rest else "")
    days, hours = int(seconds // 86_400), int(seconds % 86_400 // 3_600)
    return f"{days} d" + (f" {hours} h" if hours and days < 10 else "")


def duration(seconds: float) -> str:
    """How long something took, down to nanoseconds.

    >>> [duration(s) for s in (0, 3e-9, 0.00042, 0.25, 95)]
    ['0 s', '3 ns', '420 µs', '250 ms', '1 min 35 s']
    """
    if seconds <= 0 or seconds >= 1:
        return span(seconds) if seconds > 0 else f"{count(seconds)} s"
    for unit, per in (("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= per:
            return f"{count(round(seconds / per, 2))} {unit}"
    return f"{count(seconds / 1e-9)} ns"


def ago(then_s: float, now_s: float) -> str:
    """An age in one unit; a time to come is said to be one.

    >>> ago(0, 3), ago(0, 300), ago(0, 7_200), ago(0, 400_000), ago(60, 0)
    ('now', '5 min ago', '2 h ago', '4 d ago', 'in 1 min')
    """
    age = now_s - then_s
    if age < -5:
        return f"in {span(-age)}"
    if age < 5:
        return "now"
    for limit, per, unit in ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h")):
        if age < limit:
            return f"{int(age // per)} {unit} ago"
    return f"{int(age // 86_400)} d ago"


def moment(text: str) -> datetime:
    """An RFC 3339 time, with any number of digits after the second, as an aware datetime.

    >>> moment("2026-11-21T10:00:00.123456789Z").isoformat()
    '2026-11-21T10:00:00.123456+00:00'
    """
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def seconds(text: str | None) -> float:
    """An RFC 3339 time in seconds since 1970; 0.0 where there is none."""
    return moment(text).timestamp() if text else 0.0


def clock(at_s: float, zone: tzinfo = UTC, *, millis: bool = False) -> str:
    """The time of day.

    >>> clock(1.5), clock(1.5, millis=True)
    ('00:00:01', '00:00:01.500')
    """
    shown = datetime.fromtimestamp(at_s, zone)
    return shown.strftime("%H:%M:%S") + (f".{shown.microsecond // 1000:03d}" if millis else "")


def date_clock(at_s: float, zone: tzinfo = UTC) -> str:
    """Day and time of day.

    >>> date_clock(0)
    '1 Jan 00:00:00'
    """
    shown = datetime.fromtimestamp(at_s, zone)
    return f"{shown.day} {shown.strftime('%b %H:%M:%S')}"
