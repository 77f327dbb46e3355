"""What a request to Loki's paths says: parameters of its URL and of a form in its body, read as Loki reads them.

    time      2026-11-21T02:47:58.5Z   1795229278 (up to ten digits: seconds)   1795229278.5   1795229278404000000 (ns)
    duration  30 (seconds)   1.5   5m   1h30m (as Prometheus writes them)

A parameter that is not known is ignored and an empty one counts as absent, as there. Refusals have Loki's texts.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request

from driftwood.errors import QueryError
from driftwood.logql.answer import Direction, Range
from driftwood.logql.gotext import LONGEST, parse_float, parse_prometheus_duration, quote
from driftwood.timeparse import SECOND, parse_time
from ui.loki.refusals import Refusal

FORM = "application/x-www-form-urlencoded"
HOUR = 3_600 * SECOND
LIMIT = 100
"""Lines, where nothing is said."""
MAX_POINTS = 11_000
"""Of one series: a week of minutes, a year of hours."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Form:
    """Parameters by name; one may come more than once."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def first(self, name: str) -> str:
        """Empty where it is absent."""
        return self._values.get(name, [""])[0]

    def every(self, name: str) -> list[str]:
        return self._values.get(name, [])


async def form_of(request: Request) -> Form:
    """A form in the body comes before the URL's parameters."""
    pairs = parse_qsl(request.url.query, keep_blank_values=True)
    if request.method == "POST" and request.headers.get("content-type", "").startswith(FORM):
        body = (await request.body()).decode("utf-8", "replace")
        pairs = parse_qsl(body, keep_blank_values=True) + pairs
    return Form(pairs)


class Bounds(NamedTuple):
    """ns; whether `end` itself counts is up to the question."""

    start: int
    end: int


def bounds(form: Form, since: int = HOUR, now: int | None = None) -> Bounds:
    """Without `start` it is `since` ns before the end, or before now where the end lies in the future."""
    now = time.time_ns() if now is None else now
    if text := form.first("since"):
        try:
            since = parse_prometheus_duration(text)
        except ValueError as error:
            raise Refusal(400, f"could not parse 'since' parameter: {error}") from error
    end = _bound(form, "end", now)
    return Bounds(_bound(form, "start", min(end, now) - since), end)


def _bound(form: Form, name: str, default: int) -> int:
    try:
        return timestamp(form.first(name), default)
    except ValueError as error:
        raise Refusal(400, f"could not parse '{name}' parameter: {error}") from error


def moment(form: Form) -> int:
    """`time`: now where it is absent."""
    try:
        return timestamp(form.first("time"), time.time_ns())
    except ValueError as error:
        raise Refusal(400, str(error)) from error


def timestamp(text: str, default: int) -> int:
    """ns. Raises ValueError with Go's text.

    >>> timestamp("1795229278", 0) == timestamp("1795229278.0", 0) == timestamp("2026-11-21T02:47:58Z", 0)
    True
    >>> timestamp("1795229278404000000", 0), timestamp("0.25", 0)
    (1795229278404000000, 250000000)
    >>> timestamp("yesterday", 0)
    Traceback (most recent call last):
    ValueError: strconv.ParseInt: parsing "yesterday": invalid syntax
    """
    if not text:
        return default
    if "." in text and (seconds := _float(text)) is not None:
        fraction, whole = math.modf(seconds)
        return _within(int(whole) * SECOND + int(math.floor(fraction * 1000 + 0.5) / 1000 * SECOND))
    if _RFC3339.fullmatch(text):
        try:
            return parse_time(text, 0)
        except QueryError as error:
            raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax") from error
    number = integer(text, "ParseInt")
    return _within(number * SECOND if len(text) <= 10 else number)


def _float(text: str) -> float | None:
    try:
        value = parse_float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _within(ns: int) -> int:
    return max(-LONGEST, min(ns, LONGEST))


def integer(text: str, function: str = "Atoi") -> int:
    """A number of 64 bits. Raises ValueError with the text of Go's `function`."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"strconv.{function}: parsing {quote(text)}: invalid syntax")
    number = int(text) if len(text) <= 20 else LONGEST + 1
    if not -LONGEST - 1 <= number <= LONGEST:
        raise ValueError(f"strconv.{function}: parsing {quote(text)}: value out of range")
    return number


def duration(text: str) -> int:
    """ns: a number of seconds, or as Prometheus writes durations. Raises Refusal.

    >>> duration("1.5"), duration("1h30m") // SECOND
    (1500000000, 5400)
    """
    try:
        seconds = parse_float(text)
    except ValueError:
        try:
            return parse_prometheus_duration(text)
        except ValueError as error:
            raise Refusal(400, f"cannot parse {quote(text)} to a valid duration") from error
    if not abs(seconds) * SECOND <= LONGEST:
        overflow = f"cannot parse {quote(text)} to a valid duration. It overflows int64"
        raise Refusal(400, overflow)
    return int(seconds * SECOND)


def positive(form: Form, name: str, default: int) -> int:
    """A whole number above zero."""
    text = form.first(name)
    try:
        number = integer(text) if text else default
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    if number <= 0:
        raise Refusal(400, f"{name} must be a positive value")
    return number


def direction(form: Form) -> Direction:
    text = form.first("direction")
    match text.upper():
        case "" | "BACKWARD":
            return "backward"
        case "FORWARD":
            return "forward"
    raise Refusal(400, f"invalid direction '{text}'")


def step_of(form: Form, asked: Bounds) -> int:
    """ns; without `step` a 250th of the range, in whole seconds and one at least."""
    if text := form.first("step"):
        step = duration(text)
    else:
        step = max((asked.end - asked.start) // (250 * SECOND), 1) * SECOND
    if step <= 0:
        raise Refusal(
            400,
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        )
    return step


def range_of(form: Form) -> Range:
    """All that `query_range` asks, but for the query."""
    asked = ordered(bounds(form))
    limit, towards, step = positive(form, "limit", LIMIT), direction(form), step_of(form, asked)
    few_points(asked, step)
    interval = duration(text) if (text := form.first("interval")) else 0
    if interval < 0:
        raise Refusal(400, "interval must be >= 0")
    return Range(asked.start, asked.end, step, limit, towards, interval)


def ordered(asked: Bounds) -> Bounds:
    if asked.end < asked.start:
        raise Refusal(400, "end timestamp must not be before or equal to start time")
    return asked


def few_points(asked: Bounds, step: int) -> None:
    if (asked.end - asked.start) // step > MAX_POINTS:
        raise Refusal(
            400,
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step "
            "parameter",
        )


def names(text: str) -> list[str]:
    """A list with commas: `targetLabels`."""
    return [name.strip() for name in text.split(",") if name.strip()]
