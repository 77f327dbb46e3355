"""The row of numbers on top of a page, and the table of services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ui.dashboard import charts
from ui.dashboard.formats import count, percent
from ui.dashboard.markup import Html, tag
from ui.shapes import Service


@dataclass(frozen=True, slots=True)
class Card:
    """One number: what it is, its unit, how it moved, where it has been, where a click leads."""

    name: str
    value: str
    unit: str = ""
    moved: str = ""
    tone: str = ""
    """good | bad | "" of the movement"""
    spark: Sequence[float] = ()
    hue: str = ""
    """class of the sparkline"""
    least: float = 0.0
    """what its scale reaches at least"""
    pick: str = ""
    tip: str = ""


def cards(shown: Sequence[Card]) -> Html:
    return tag("div", [_card(each) for each in shown], cls="dw-cards")


def _card(each: Card) -> Html:
    return tag(
        "div",
        tag("h3", each.name),
        tag("p", tag("b", each.value), tag("span", each.unit) if each.unit else None),
        tag("small", each.moved or "\u00a0", cls=each.tone),
        charts.sparkline(each.spark, cls=each.hue, least=each.least) if each.spark else None,
        cls="dw-card",
        data_pick=each.pick or None,
        data_tip=each.tip or None,
        tabindex=0 if each.pick else None,
    )


def moved(now: float, before: float, *, up_is: str = "") -> tuple[str, str]:
    """How a number moved, and whether that is good or bad. `up_is`: what rising means.

    >>> moved(120, 100, up_is="bad"), moved(0, 0), moved(5, 0, up_is="bad"), moved(400, 100)
    (('▲ 20 %', 'bad'), ('unchanged', ''), ('▲ from none', 'bad'), ('▲ ×4', ''))
    """
    if now == before:
        return "unchanged", ""
    up = now > before
    tone = "" if not up_is else up_is if up else {"bad": "good", "good": "bad"}[up_is]
    if not before:
        return "▲ from none", tone
    ratio = now / before
    if ratio >= 3:
        return f"▲ ×{count(round(ratio, 1))}", tone
    return f"{'▲' if up else '▼'} {percent(abs(ratio - 1))}", tone


def services(
    found: Sequence[Service],
    trends: Mapping[str, Sequence[float]],
    seconds: float,
    *,
    selected: str = "",
    shown: int = 12,
) -> Html:
    """One service a row, the ones with most errors first; a click picks `service:NAME`."""
    ranked = sorted(found, key=lambda each: (-each["errors"], -each["count"]))
    most = max((each["count"] for each in ranked), default=1) or 1
    return tag(
        "table",
        tag(
            "thead",
            tag(
                "tr",
                tag("th", "Service"),
                tag("th", "Lines/s", cls="n"),
                tag("th", "Errors", cls="n"),
                tag("th", "Patterns", cls="n wide"),
                tag("th", "Trend", cls="trend"),
            ),
        ),
        tag(
            "tbody",
            [
                _service(each, trends.get(each["service"], ()), seconds, most, selected)
                for each in ranked[:shown]
            ],
        ),
        tag("caption", f"and {len(ranked) - shown} more") if len(ranked) > shown else None,
        cls="dw-table is-services",
    )


def _service(
    each: Service, trend: Sequence[float], seconds: float, most: int, selected: str
) -> Html:
    share = each["errors"] / each["count"] if each["count"] else 0.0
    tone = "bad" if share >= 0.05 else "warn" if share >= 0.01 else "calm"
    return tag(
        "tr",
        tag("td", tag("b", each["service"] or "(no service)")),
        tag("td", count(each["count"] / seconds), charts.meter(each["count"] / most), cls="n"),
        tag(
            "td",
            tag("span", percent(share), cls=f"dw-rate {tone}"),
            cls="n",
            data_tip=f"{each['errors']:,} of {each['count']:,} lines",
        ),
        tag("td", count(each["templates"]), cls="n wide"),
        tag("td", charts.sparkline(trend), cls="trend"),
        data_pick=f"service:{each['service']}",
        tabindex=0,
        cls="is-on" if each["service"] == selected else None,
    )
