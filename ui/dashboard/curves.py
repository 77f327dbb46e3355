"""Numbers over time as a chart: a line for each series, marks on both axes, all values at the pointer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo

from ui.axes import clocks, marks, moments, short
from ui.dashboard import severity
from ui.dashboard.formats import date_clock
from ui.dashboard.markup import Html, tag
from ui.dashboard.timerange import Range
from ui.series import Series, number

DRAWN = 16
"""Lines; more cannot be told apart."""
HUES = 8
TOLD = 12
"""Values in the note at the pointer."""
WIDTH, HEIGHT = 1_000.0, 100.0


def look(series: Sequence[Series]) -> list[str]:
    """A class for each series: its severity's colour where that tells them apart, else colours in turn.

    >>> look([Series({"level": "error"}, []), Series({"level": "info"}, [])]), look([Series({}, [])])
    (['sev-error', 'sev-info'], ['hue-0'])
    """
    levels = [each.labels.get("level", each.labels.get("detected_level", "")) for each in series]
    if len(set(levels)) == len(levels) and set(levels) <= set(severity.ORDER) and any(levels):
        return [severity.css(level) for level in levels]
    return [f"hue-{i % HUES}" + (" is-dashed" if i >= HUES else "") for i in range(len(series))]


def curves(
    series: Sequence[Series],
    looks: Sequence[str],
    within: Range,
    step_s: float,
    *,
    zone: tzinfo = UTC,
    height_px: int = 260,
    alt: str,
) -> Html:
    """`within` starts and ends at a step. A stretch can be dragged out; `looks` are of `look`."""
    slots = max(round(within.seconds / step_s), 0) + 1
    # Each step has a column of its own, and its point in the middle of it.
    shown = Range(within.start - step_s / 2, within.start + (slots - 0.5) * step_s)
    values = [value for each in series for value in each.finite]
    low, high = min(values, default=0.0), max(values, default=1.0)
    ys = marks(min(low, 0.0), max(high, 0.0), 6)
    return tag(
        "figure",
        tag("div", [_at("top", 1 - _share(y, ys), short(y)) for y in ys], cls="dw-curves-y"),
        tag(
            "div",
            tag(
                "svg",
                [_rule(1 - _share(y, ys), "is-zero" if y == 0 else "") for y in ys],
                [
                    _curve(each, shown, step_s, ys, cls)
                    for each, cls in reversed(list(zip(series, looks, strict=True)))
                ],
                viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
                preserveAspectRatio="none",
                role="img",
                aria_label=alt,
            ),
            cls="dw-curves-plot",
            data_brush=f"{shown.start:.3f},{shown.end:.3f}",
            data_tips=json.dumps(
                list(_tips(series, looks, within.start, slots, step_s, zone)), ensure_ascii=False
            ),
        ),
        tag("div", list(_times(shown, zone)), cls="dw-curves-x"),
        cls="dw-curves",
        style=f"--height:{height_px}px",
    )


def _share(value: float, ys: Sequence[float]) -> float:
    """How high a value lies between the lowest mark (0) and the highest (1)."""
    return (value - ys[0]) / (ys[-1] - ys[0])


def _at(side: str, share: float, label: str) -> Html:
    return tag("span", label, style=f"{side}:{share * 100:.3f}%")


def _rule(share: float, cls: str) -> Html:
    y = share * HEIGHT
    return tag("line", x1=0, x2=WIDTH, y1=f"{y:.3f}", y2=f"{y:.3f}", cls=cls or None)


def _curve(each: Series, shown: Range, step_s: float, ys: Sequence[float], cls: str) -> Html:
    """Points in a row are joined and a gap stays one; a point without neighbours is a dot."""
    runs: list[list[str]] = []
    before = -math.inf
    for at_s, value in each.points:
        if not math.isfinite(value):
            continue
        x = (at_s - shown.start) / shown.seconds * WIDTH
        y = (1 - _share(value, ys)) * HEIGHT
        if at_s - before > step_s * 1.5:
            runs.append([])
        runs[-1].append(f"{x:.2f},{y:.2f}")
        before = at_s
    lines = "".join("M" + "L".join(run) for run in runs if len(run) > 1)
    dots = "".join(f"M{run[0]}h.01" for run in runs if len(run) == 1)
    return tag(
        "g",
        tag("path", d=lines) if lines else None,
        tag("path", d=dots, cls="is-dots") if dots else None,
        cls=cls,
    )


def _tips(
    series: Sequence[Series],
    looks: Sequence[str],
    start_s: float,
    slots: int,
    step_s: float,
    zone: tzinfo,
) -> Iterator[list[object]]:
    """For each step its time and the values there, the largest first: ["12:00", [class, value, name], ...]."""
    names = _short_names(series)
    at_slot: list[list[tuple[float, int]]] = [[] for _ in range(slots)]
    for i, each in enumerate(series):
        for at_s, value in each.points:
            slot = round((at_s - start_s) / step_s)
            if 0 <= slot < slots:
                at_slot[slot].append((value, i))
    for slot, found in enumerate(at_slot):
        found.sort(key=lambda pair: -pair[0] if math.isfinite(pair[0]) else math.inf)
        rows: list[object] = [[looks[i], number(value), names[i]] for value, i in found[:TOLD]]
        more = [["", "", f"and {len(found) - TOLD} more"]] if len(found) > TOLD else []
        time = date_clock(start_s + slot * step_s, zone)
        yield [time, *(rows or [["", "", "no value"]]), *more]


def _short_names(series: Sequence[Series]) -> list[str]:
    """Only values where there are one or two labels, as `sum by` makes them.

    >>> _short_names([Series({"a": "x", "b": "y"}, []), Series({"b": "z"}, []), Series({}, [])])
    ['x · y', 'z', '{}']
    """
    if len({name for each in series for name in each.labels}) > 2:
        return [each.name for each in series]
    return [
        " · ".join(value for _, value in sorted(each.labels.items())) or "{}" for each in series
    ]


def _times(shown: Range, zone: tzinfo) -> Iterator[Html]:
    times = moments(shown.start, shown.end, 8, zone)
    for at_s, label in zip(times, clocks(times, zone), strict=True):
        share = (at_s - shown.start) / shown.seconds
        if 0.02 <= share <= 0.98:
            yield _at("left", share, label)
