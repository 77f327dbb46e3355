"""Times and durations as people write them, and back. A time is ns since the epoch, UTC; a duration is ns.

a time       2026-11-21T02:47:58.404Z   2026-11-21   1795229278 (s, ms, us or ns by size)   -1h   now
a duration   30s   5m   1h30m   2d   1.5h   250ms   (no unit: seconds)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from driftwood.errors import QueryError

SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
    "y": 365 * 86_400 * SECOND,
}
_NUMBER = r"[0-9]{1,19}(?:\.[0-9]{1,9})?"
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h|d|w|y)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_EPOCH = re.compile(rf"-?{_NUMBER}")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt _](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?)?\s*([Zz]|[+-]\d\d:?\d\d)?"
)
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**63 - 1


def parse_time(text: str, now: int) -> int:
    """The moment that `text` means; a relative one counts from `now`. Raises QueryError.

    A number is read by its size: below 1e11 it is seconds, below 1e14 ms, below 1e17 us, else ns.

    >>> parse_time("1970-01-01T00:00:01.5+00:00", now=0), parse_time("-1m", now=90 * SECOND)
    (1500000000, 30000000000)
    """
    text = text.strip()
    if text == "now":
        return now
    if _EPOCH.fullmatch(text):
        return _within(_epoch(Decimal(text)), text)
    if text[:1] in ("-", "+") and _DURATION.fullmatch(text[1:]):
        moved = parse_duration(text[1:])
        return _within(now - moved if text[0] == "-" else now + moved, text)
    if match := _RFC3339.fullmatch(text):
        return _within(_calendar(match, text), text)
    hint = "write 2026-11-21T02:47:58Z, seconds since 1970 (or ms, us, ns), or -1h for an hour ago"
    raise QueryError(f"{text!r} is not a time: {hint}", text)


def parse_duration(text: str) -> int:
    """Raises QueryError.

    >>> parse_duration("1h30m") // SECOND, parse_duration("15") // SECOND, parse_duration("250ms")
    (5400, 15, 250000000)
    """
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        return _within(int(Decimal(text) * SECOND), text)
    if not _DURATION.fullmatch(text):
        raise QueryError(f"{text!r} is not a duration: write 30s, 5m, 1h30m or 2d", text)
    parts = (int(Decimal(number) * _UNITS[unit]) for number, unit in _PART.findall(text))
    return _within(sum(parts), text)


def format_time(ns: int) -> str:
    """RFC 3339 in UTC, to the ns, without needless digits.

    >>> format_time(1_795_229_278_404_000_000)
    '2026-11-21T02:47:58.404Z'
    """
    seconds, fraction = divmod(ns, SECOND)
    whole = (_EPOCH_START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def format_duration(ns: int) -> str:
    """The shortest way to write it with one or more units.

    >>> [format_duration(n * SECOND) for n in (0, 90, 5400, 172_800)]
    ['0s', '1m30s', '1h30m', '2d']
    """
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, ns = divmod(ns, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _epoch(number: Decimal) -> int:
    size = abs(number)
    unit = SECOND if size < 10**11 else 10**6 if size < 10**14 else 1_000 if size < 10**17 else 1
    return int(number * unit)


def _calendar(match: re.Match[str], text: str) -> int:
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone is None or zone in "Zz" else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}")
    except ValueError as error:
        raise QueryError(f"{text!r} is not a time: {error}", text) from error
    elapsed = whole - _EPOCH_START
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return seconds * SECOND + int((fraction or "0").ljust(9, "0"))


def _within(ns: int, text: str) -> int:
    if abs(ns) > _LARGEST:
        raise QueryError(f"{text!r} lies outside of the years 1678 to 2262", text)
    return ns
