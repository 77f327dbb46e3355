"""Small charts as SVG: sparklines, bars over time stacked by severity, mixes. Colours come from `style.css`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from ui.dashboard import severity
from ui.dashboard.formats import clock, count, date_clock
from ui.dashboard.markup import Html, tag
from ui.dashboard.timerange import Range

HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a time on a chart: an anomaly."""

    at_s: float
    tip: str
    pick: str
    cls: str = ""


def sparkline(values: Sequence[float], *, cls: str = "", least: float = 0.0) -> Html:
    """A line with its area below, as wide as its place; the scale goes to `least` at least, so that calm looks calm.

    >>> sparkline([0, 2]).count("path")
    2
    """
    points = list(values) if len(values) > 1 else [0, *values] if values else [0, 0]
    top = max(*points, least, 1e-12)
    xy = [
        f"{i * 100 / (len(points) - 1):.4g},{23 - 21 * max(value, 0) / top:.4g}"
        for i, value in enumerate(points)
    ]
    line = "M" + "L".join(xy)
    return tag(
        "svg",
        tag("path", d=f"{line}L100,24L0,24Z", cls="area"),
        tag("path", d=line, cls="line"),
        cls=f"dw-spark {cls}".strip(),
        viewBox="0 0 100 24",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def bars(values: Sequence[float], *, cls: str = "") -> Html:
    """Thin bars side by side, for the spark column of a table."""
    top = max([*values, 1e-12])
    width = 100 / max(len(values), 1)
    path = "".join(
        f"M{i * width:.4g},24v{-max(23 * value / top, 1.2):.4g}h{width * 0.78:.4g}V24Z"
        for i, value in enumerate(values)
        if value > 0
    )
    return tag(
        "svg",
        tag("path", d=path, cls="bars"),
        cls=f"dw-spark {cls}".strip(),
        viewBox="0 0 100 24",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def mix(parts: Mapping[str, float]) -> Html:
    """How lines divide into severities: one bar, and the numbers on hovering."""
    parts = {severity.known(name): n for name, n in parts.items()}
    whole = sum(parts.values()) or 1
    shown = [(name, parts[name]) for name in severity.ORDER if parts.get(name)]
    return tag(
        "span",
        [tag("i", cls=severity.css(name), style=f"flex:{n / whole:.4f}") for name, n in shown],
        cls="dw-mix",
        data_tip="\n".join(f"{severity.name(name)} {count(n)}" for name, n in shown) or None,
    )


def meter(share: float, *, cls: str = "") -> Html:
    """A bar filled to `share`, 0..1."""
    return tag(
        "span",
        tag("i", style=f"width:{min(max(share, 0), 1) * 100:.2f}%"),
        cls=f"dw-meter {cls}".strip(),
    )


def histogram(
    series: Mapping[str, Sequence[tuple[float, float]]],
    within: Range,
    step_s: float,
    *,
    zone: tzinfo = UTC,
    marks: Sequence[Mark] = (),
    window: Range | None = None,
    height_px: int = 150,
    alt: str,
) -> Html:
    """Lines per bucket over `within`, stacked by severity with the worst at the foot, so that errors stand on the axis.

    `series`: severity -> [(epoch s of the bucket's start, lines)]. `window` is shaded. A stretch can be dragged out.
    """
    slots = max(round(within.seconds / step_s), 1)
    stacks: list[dict[str, float]] = [{} for _ in range(slots)]
    for name, points in series.items():
        for at_s, lines in points:
            slot = int((at_s - within.start) // step_s)
            if 0 <= slot < slots and lines:
                key = severity.known(name)
                stacks[slot][key] = stacks[slot].get(key, 0) + lines
    top = ceiling(max((sum(stack.values()) for stack in stacks), default=0))
    return tag(
        "figure",
        tag(
            "div",
            [tag("span", count(top * share)) for share in (1, 0.5)],
            tag("span", "0"),
            cls="dw-hist-y",
        ),
        tag(
            "div",
            tag("i", cls="dw-window", style=_extent(window, within)) if window else None,
            tag(
                "svg",
                [tag("path", d=path, cls=severity.css(name)) for name, path in _paths(stacks, top)],
                viewBox=f"0 0 {slots} {HEIGHT:g}",
                preserveAspectRatio="none",
                role="img",
                aria_label=alt,
            ),
            [_mark(mark, within) for mark in marks if within.start <= mark.at_s <= within.end],
            cls="dw-hist-plot",
            data_brush=f"{within.start:.3f},{within.end:.3f}",
            data_tips=json.dumps(
                [_tip(stack, within.start + i * step_s, zone) for i, stack in enumerate(stacks)],
                ensure_ascii=False,
            ),
        ),
        tag("div", [tag("span", label) for label in _ticks(within, step_s, zone)], cls="dw-hist-x"),
        cls="dw-hist",
        style=f"--height:{height_px}px",
    )


def ceiling(value: float) -> float:
    """The next round number, where an axis ends.

    >>> [ceiling(v) for v in (0, 3, 12, 61, 410)]
    [1, 3.0, 15.0, 80.0, 500.0]
    """
    if value <= 0:
        return 1
    power = 10.0 ** (len(str(int(value))) - 1)
    return next(power * nice for nice in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * nice >= value)


def _paths(stacks: Sequence[Mapping[str, float]], top: float) -> list[tuple[str, str]]:
    drawn: dict[str, list[str]] = {}
    for slot, stack in enumerate(stacks):
        foot = HEIGHT
        for name in severity.ORDER:
            if not (lines := stack.get(name)):
                continue
            # What is there is seen: a single error beside a million lines still is a pixel.
            rise = min(max(lines / top * HEIGHT, 1.2), foot)
            drawn.setdefault(name, []).append(
                f"M{slot + 0.09:.2f},{foot:.2f}v{-rise:.2f}h.82v{rise:.2f}Z"
            )
            foot -= rise
    return [(name, "".join(drawn[name])) for name in severity.ORDER if name in drawn]


def _tip(stack: Mapping[str, float], at_s: float, zone: tzinfo) -> str:
    rows = [
        f"{severity.name(name)}  {stack[name]:,.0f}" for name in severity.ORDER if name in stack
    ]
    return "\n".join([date_clock(at_s, zone), *(rows or ["no lines"])])


def _extent(inner: Range, outer: Range) -> str:
    left = max((inner.start - outer.start) / outer.seconds, 0)
    right = min((inner.end - outer.start) / outer.seconds, 1)
    return f"left:{left * 100:.3f}%;width:{max(right - left, 0.002) * 100:.3f}%"


def _mark(mark: Mark, within: Range) -> Html:
    left = (mark.at_s - within.start) / within.seconds * 100
    return tag(
        "button",
        cls=f"dw-mark {mark.cls}".strip(),
        style=f"left:{left:.3f}%",
        data_pick=mark.pick,
        data_tip=mark.tip,
        aria_label=mark.tip,
    )


def _ticks(within: Range, step_s: float, zone: tzinfo) -> list[str]:
    """Five times along the axis, no finer than the range needs."""
    times = [within.start + within.seconds * i / 4 for i in range(5)]
    if within.seconds > 2 * 86_400 or step_s >= 86_400:
        days = [date_clock(at, zone)[:-9] for at in times]
        return [
            day if day != before else "" for before, day in zip(["", *days], days, strict=False)
        ]
    return [clock(at, zone)[: 8 if within.seconds < 600 else 5] for at in times]


def legend(series: Mapping[str, Sequence[tuple[float, float]]]) -> Html:
    """The severities that occur, worst first, each with its number of lines."""
    totals: dict[str, float] = {}
    for name, points in series.items():
        key = severity.known(name)
        totals[key] = totals.get(key, 0) + sum(n for _, n in points)
    known = [name for name in severity.ORDER if totals.get(name)]
    return tag(
        "span",
        [
            tag(
                "span",
                tag("i", cls=severity.css(name)),
                severity.name(name),
                tag("b", count(totals[name])),
            )
            for name in known
        ],
        cls="dw-legend",
    )


def summed(many: Iterable[Sequence[tuple[float, float]]]) -> list[float]:
    """Several series over the same buckets as one.

    >>> summed([[(0, 1), (60, 2)], [(60, 5)]])
    [1, 7]
    """
    totals: dict[float, float] = {}
    for points in many:
        for at_s, lines in points:
            totals[at_s] = totals.get(at_s, 0) + lines
    return [totals[at_s] for at_s in sorted(totals)]


def tally(times_s: Iterable[float], within: Range, buckets: int = 30) -> list[float]:
    """How many of `times_s` fall into each of `buckets` equal parts of `within`.

    >>> tally([0, 1, 9], Range(0, 10), 2)
    [2.0, 1.0]
    """
    totals = [0.0] * buckets
    for at_s in times_s:
        at = int((at_s - within.start) / within.seconds * buckets)
        if 0 <= at < buckets:
            totals[at] += 1
    return totals
