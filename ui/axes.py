"""Where an axis gets its marks, and how a number is written beside one: for plots in terminals and in pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (1, 2, 5, 10, 15, 30)
_STEPS = (
    *_SECONDS,
    *(60 * each for each in _SECONDS),
    *(3_600 * each for each in (1, 2, 3, 6, 12)),
    *(86_400 * each for each in (1, 2, 5, 7, 14, 30, 90, 365)),
)
"""Seconds between marks of time that people count in."""
_UNITS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def marks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers at equal distances that enclose [low, high], `most` of them or a few less.

    >>> marks(0, 93), marks(-1.2, 0.3, 4), marks(7, 7)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [-2.0, -1.0, 0.0, 1.0], [6.0, 6.5, 7.0, 7.5, 8.0])
    """
    if not high > low:
        spare = abs(low) / 10 or 1.0
        low, high = low - min(spare, 1.0), high + min(spare, 1.0)
    for power in range(math.floor(math.log10((high - low) / most)), 310):
        for nice in _NICE[:-1]:
            step = nice * 10.0**power
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first < most:
                return [round(each * step, 12 - power) for each in range(first, last + 1)]
    return [low, high]


def moments(start_s: float, end_s: float, most: int = 5, zone: tzinfo = UTC) -> list[float]:
    """Round times of day in [start, end], at most `most` of them.

    >>> moments(50, 3_700, 5)
    [900, 1800, 2700, 3600]
    """
    step = next((s for s in _STEPS if (end_s - start_s) / s <= most), _STEPS[-1])
    # Days begin at midnight of the zone that is shown.
    offset = datetime.fromtimestamp(start_s, zone).utcoffset()
    ahead = offset.total_seconds() if offset else 0
    first = math.ceil((start_s + ahead) / step) * step - ahead
    return [first + step * i for i in range(most + 1) if first + step * i <= end_s][:most]


def clocks(times_s: Sequence[float], zone: tzinfo = UTC) -> list[str]:
    """What stands at marks of time: no finer than their distance, and the day where it changes.

    >>> clocks([900, 1800]), clocks([5, 10]), clocks([82_800, 86_400, 90_000])
    (['00:15', '00:30'], ['00:00:05', '00:00:10'], ['23:00', '2 Jan', '01:00'])
    """
    told = [datetime.fromtimestamp(at, zone) for at in times_s]
    fine = any(each.second for each in told)
    written = []
    for at, each in enumerate(told):
        day = f"{each.day} {each:%b}"
        midnight = (each.hour, each.minute, each.second) == (0, 0, 0)
        if midnight and (at or (len(told) > 1 and (told[1] - each).total_seconds() >= 86_400)):
            written.append(day)
        else:
            written.append(f"{each:%H:%M:%S}" if fine else f"{each:%H:%M}")
    return written


def short(value: float) -> str:
    """A number in few characters, four digits that count.

    >>> [short(v) for v in (0, 0.25, 12.5, 1234, 1_234_567, -45_600, 3.2e-7, 1e25)]
    ['0', '0.25', '12.5', '1234', '1.235M', '-45.6k', '3.2e-07', '1e+25']
    >>> short(float("nan")), short(float("-inf"))
    ('NaN', '-Inf')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    size = abs(value)
    if size < 10_000 or size >= 1e21:
        return f"{value:.4g}"
    unit, sign = next((unit, sign) for unit, sign in _UNITS if size >= unit)
    return f"{value / unit:.4g}{sign}"
