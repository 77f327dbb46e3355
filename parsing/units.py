"""What a typed value of a line is worth: a duration in seconds, a size in bytes, a number as it is."""

from __future__ import annotations

import re

SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?([a-zµ]+)")
_SIZE = re.compile(r"([+-]?\d+(?:\.\d+)?)\s?([KMGTPkmgtp]?)(i?)(?:[Bb]|bytes?)?(?:/s|ps)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
# A unit that stands behind a number as a word of its own. One letter may be anything but a second.
_BEHIND = re.compile(
    r"\s?(ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|hours?|days?|[KMGTPkmgtp]i?[Bb]|[Bb]ytes?)(?![A-Za-z0-9_])"
)


def number(text: str) -> float | None:
    """Of a text that is one number.

    >>> number("-3e2"), number("3 of 4")
    (-300.0, None)
    """
    return float(text) if _NUMBER.fullmatch(text) else None


def seconds(text: str) -> float | None:
    """Of a duration of one or more parts.

    >>> seconds("1m30s"), seconds("250ms"), seconds("soon")
    (90.0, 0.25, None)
    """
    parts = _PART.findall(text)
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text.replace(" ", ""):
        return None
    if any(unit not in SECONDS for _, unit in parts):
        return None
    return float(sum(float(n) * SECONDS[unit] for n, unit in parts))


def size(text: str) -> float | None:
    """In bytes. `K`, `KB` are 1024 of them, as in the logs of most programs.

    >>> size("2KB"), size("1.5 MiB"), size("much")
    (2048.0, 1572864.0, None)
    """
    found = _SIZE.fullmatch(text)
    if not found:
        return None
    return float(found[1]) * 1024.0 ** _POWERS[found[2].lower()]


def with_unit(text: str, behind: str) -> tuple[str, float] | None:
    """Kind and value of a number in view of the text behind it; None where no unit is there.

    >>> with_unit("12", " ms for bob"), with_unit("12", " msgs")
    (('duration', 0.012), None)
    """
    unit = _BEHIND.match(behind)
    if unit is None or number(text) is None:
        return None
    if unit[1] in SECONDS:
        return "duration", float(text) * SECONDS[unit[1]]
    in_bytes = float(text) if unit[1].lower().startswith("byte") else size(text + unit[1])
    return None if in_bytes is None else ("size", in_bytes)
