"""Which stretch of time a page shows, how finely it is cut, and with what it is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ui.dashboard.formats import moment

CHIPS = {"15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
CUSTOM = "custom"
DEFAULT = "1h"
STEPS = (
    10,
    15,
    30,
    60,
    120,
    180,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    21_600,
    43_200,
    86_400,
    604_800,
)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"(?:now\s*)?-\s*(\d+(?:\.\d+)?)\s*([smhdw])")
_EPOCH_DIGITS = {10: 1, 13: 1_000, 16: 1_000_000, 19: 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Range:
    """Seconds since 1970, [start, end); `live` moves along with the newest line."""

    start: float
    end: float
    live: bool = False

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def before(self) -> Range:
        """The stretch of the same length that ends where this one starts."""
        return Range(self.start - self.seconds, self.start)

    @property
    def yesterday(self) -> Range:
        """The same hours of the day before; of the week before where a day is too short to lie apart."""
        back = 86_400.0 if self.seconds <= 86_400 else 604_800.0
        return Range(self.start - back, self.end - back)

    @property
    def refresh_s(self) -> float | None:
        """How often a live page asks again; the past does not change."""
        if not self.live:
            return None
        return 2.0 if self.seconds <= 3_600 else 5.0 if self.seconds <= 21_600 else 15.0

    def step(self, buckets: int = 120) -> int:
        """Seconds a bar stands for, so that there are at most about `buckets`.

        >>> Range(0, 900).step(), Range(0, 3_600).step(), Range(0, 604_800).step()
        (10, 30, 7200)
        """
        return next((step for step in STEPS if self.seconds / step <= buckets), STEPS[-1])

    def rounded(self, step: int) -> Range:
        """Both ends moved outwards to whole steps, so that the bars stand still and answers can be shared.

        >>> Range(61, 130).rounded(60)
        Range(start=60, end=180, live=False)
        """
        return Range(int(self.start // step) * step, -int(-self.end // step) * step, self.live)


def stamp(at_s: float) -> str:
    """A time as the API reads it.

    >>> stamp(0)
    '1970-01-01T00:00:00.000Z'
    """
    return (
        datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{int(at_s % 1 * 1000):03d}Z"
    )


def short(at_s: float) -> str:
    """A time as it stands in a link: to the second.

    >>> short(0.7)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str, anchor: float) -> float:
    """RFC 3339, epoch in s, ms, us or ns, or relative to `anchor` (-1h). Raises ValueError with what would be right.

    >>> parse("-15m", 1_000), parse("1700000000", 0), parse("1700000000000", 0), parse("now", 5.0)
    (100.0, 1700000000.0, 1700000000.0, 5.0)
    """
    text = text.strip()
    if text == "now":
        return anchor
    if relative := _RELATIVE.fullmatch(text):
        return anchor - float(relative[1]) * _UNITS[relative[2]]
    if text.isdigit() and (scale := _EPOCH_DIGITS.get(len(text))):
        return int(text) / scale
    try:
        return moment(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a time; write 2026-11-21T10:00:00Z, an epoch in s, ms or ns, or -1h"
        ) from error


def chosen(chip: str | None, start: str, end: str, anchor: float) -> Range:
    """The range that the frame's widgets say. Raises ValueError when a custom time cannot be read.

    `anchor` is the newest line's time: pages open on the newest data, however old it is.

    >>> chosen("15m", "", "", 10_000.0)
    Range(start=9100.0, end=10000.0, live=True)
    >>> chosen("custom", "-2h", "-1h", 10_000.0)
    Range(start=2800.0, end=6400.0, live=False)
    """
    if chip != CUSTOM:
        return Range(anchor - CHIPS.get(chip or DEFAULT, CHIPS[DEFAULT]), anchor, live=True)
    last = parse(end, anchor) if end else anchor
    first = parse(start, anchor) if start else last - CHIPS[DEFAULT]
    if first >= last:
        raise ValueError("the range ends before it starts")
    return Range(first, max(last, first + 1.0))


def anchor(newest_s: float, now_s: float) -> float:
    """Where ranges end: at the newest line, or now while lines keep coming (and when a clock runs ahead).

    >>> anchor(0.0, 500.0), anchor(100.0, 500.0), anchor(460.0, 500.0), anchor(9_999.0, 500.0)
    (500.0, 100.0, 500.0, 500.0)
    """
    if not newest_s or newest_s > now_s - 120:
        return now_s
    return newest_s
