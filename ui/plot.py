"""A plot of several series in a terminal: lines of braille dots, an axis of numbers, an axis of time.

A character holds 2 x 4 dots and has one colour: where lines cross, the series that is listed first is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from typing import TypeAlias

from rich.text import Text

from ui.axes import clocks, marks, moments, short

COLORS = ("cyan", "yellow", "magenta", "green", "red", "blue", "bright_white", "bright_black")
"""Of the first series, the second, ...; they come round again."""

Points: TypeAlias = Sequence[tuple[float, float]]
"""(epoch s, value) in the order of time; NaN and infinities are left out."""

_BLANK = 0x2800
# The bit of each dot of a braille character, by column and row from the top.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def plot(
    series: Sequence[Points],
    start_s: float,
    end_s: float,
    step_s: float,
    *,
    width: int = 80,
    height: int = 14,
    zone: tzinfo = UTC,
) -> Text:
    """The series over [start, end], in `width` characters; points more than `step_s` apart are not joined."""
    drawn = [[(at, v) for at, v in points if math.isfinite(v)] for points in series]
    values = [v for points in drawn for _, v in points]
    if not values:
        return Text("no value to plot", "bright_black")
    low, high = min(values), max(values)
    ys = marks(min(low, 0.0) if low >= 0 else low, max(high, 0.0) if high <= 0 else high)
    labels = [short(y) for y in ys]
    margin = max(map(len, labels))
    canvas = _Canvas(max(width - margin - 2, 8), max(height, len(ys)))
    scale = _Scale(start_s, max(end_s, start_s + 1e-9), ys[0], ys[-1], canvas)
    for place in reversed(range(len(drawn))):
        for ends in _joined(drawn[place], step_s):
            canvas.line(*scale.dot(*ends[0]), *scale.dot(*ends[-1]), place)
    at_row = {scale.row(y): label for y, label in zip(ys, labels, strict=True)}
    told = Text()
    for row in range(canvas.height):
        label = at_row.get(row)
        told.append(f"{label or '':>{margin}} {'┤' if label else '│'}", "bright_black")
        told.append_text(canvas.row(row))
        told.append("\n")
    return told.append(_time_axis(scale, margin, zone), "bright_black")


def _joined(points: Points, step_s: float) -> Iterator[Points]:
    """Neighbours that belong together, and points that have none by themselves."""
    for at, point in enumerate(points):
        following = points[at + 1 : at + 2]
        if following and following[0][0] - point[0] <= step_s * 1.5:
            yield (point, following[0])
        else:
            yield (point,)


class _Canvas:
    """Characters of dots; a dot has the number of its series."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits = [[0] * width for _ in range(height)]
        self._of = [[0] * width for _ in range(height)]

    def line(self, x0: int, y0: int, x1: int, y1: int, place: int) -> None:
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            self._dot(round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps), place)

    def _dot(self, x: int, y: int, place: int) -> None:
        column, row = x // 2, y // 4
        self._bits[row][column] |= _DOTS[x % 2][y % 4]
        self._of[row][column] = place

    def row(self, row: int) -> Text:
        told = Text()
        for bits, place in zip(self._bits[row], self._of[row], strict=True):
            told.append(chr(_BLANK + bits) if bits else " ", color(place) if bits else "")
        return told


class _Scale:
    """From times and values to dots; the first and the last value lie in the middle of their characters."""

    def __init__(self, start: float, end: float, low: float, high: float, canvas: _Canvas) -> None:
        self.start, self.end, self.width = start, end, canvas.width
        self._low, self._high, self._height = low, high, canvas.height

    def dot(self, at_s: float, value: float) -> tuple[int, int]:
        across = min(max((at_s - self.start) / (self.end - self.start), 0), 1)
        down = (self._high - value) / (self._high - self._low)
        return round(across * (self.width * 2 - 1)), round(down * (self._height - 1) * 4 + 1.5)

    def row(self, value: float) -> int:
        return self.dot(self.start, value)[1] // 4

    def column(self, at_s: float) -> int:
        return self.dot(at_s, self._low)[0] // 2


def _time_axis(scale: _Scale, margin: int, zone: tzinfo) -> str:
    """A rule with a tick at each mark of time, and below it what time it is; labels never touch."""
    times = moments(scale.start, scale.end, max(scale.width // 14, 2), zone)
    rule, below = ["─"] * scale.width, [" "] * scale.width
    free = 0
    for at_s, label in zip(times, clocks(times, zone), strict=True):
        column = scale.column(at_s)
        left = min(max(column - len(label) // 2, 0), scale.width - len(label))
        if left < free:
            continue
        rule[column] = "┬"
        below[left : left + len(label)] = label
        free = left + len(label) + 2
    indent = " " * margin
    return f"{indent} └{''.join(rule)}\n{indent}  {''.join(below)}".rstrip()
