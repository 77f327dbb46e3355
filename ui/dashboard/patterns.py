"""Templates on the screen: the text with its slots coloured, the table, one in detail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo

from ui.dashboard import charts, severity
from ui.dashboard.formats import ago, count, date_clock, duration, percent, seconds, size
from ui.dashboard.lines import short
from ui.dashboard.markup import Html, join, tag
from ui.shapes import ChangedTemplate, SlotValue, Spread, Template, TemplateDetail

SLOT = re.compile(r"<(\*|:?[A-Z][A-Z0-9_]{0,31}:?)>")
SHOWN = 600
_FAMILY = {
    "num": ("NUM", "NUMBER", "INT", "FLOAT", "HEX", "SIZE", "DUR", "DURATION", "PCT", "PERCENT"),
    "net": ("IP", "IPV4", "IPV6", "MAC", "HOST", "URL", "PORT", "EMAIL"),
    "id": ("ID", "UUID", "HASH", "KEY", "TOKEN"),
    "path": ("PATH", "FILE", "SEQ"),
    "time": ("TIME", "DATE", "TS", "TIMESTAMP", "DATETIME"),
}
_FAMILIES = {name: family for family, names in _FAMILY.items() for name in names}


def family(kind: str) -> str:
    """Which colour a slot has.

    >>> family("NUM"), family("duration"), family("*"), family("SOMETHING")
    ('num', 'num', 'any', 'any')
    """
    return _FAMILIES.get(kind.strip(":").upper(), "any")


def slots(template: str, limit: int = SHOWN) -> Html:
    """A template's text, its slots coloured by kind.

    >>> slots("took <NUM> ms <b>")
    'took <var class="slot-num">NUM</var> ms &lt;b&gt;'
    """
    shown, at = template[:limit], 0
    pieces: list[Html | str] = []
    for found in SLOT.finditer(shown):
        pieces += [
            shown[at : found.start()],
            tag("var", "∗" if found[1] == "*" else found[1], cls=f"slot-{family(found[1])}"),
        ]
        at = found.end()
    return join(*pieces, shown[at:], "…" if len(template) > limit else None)


def table(
    templates: Sequence[Template | ChangedTemplate],
    *,
    now_s: float,
    selected: str = "",
    compared: bool = False,
) -> Html:
    """Templates, one a row; a click picks `template:ID`. `compared`: how often now and before, instead of the share."""
    most = max((each["count"] for each in templates), default=1) or 1
    return tag(
        "table",
        tag(
            "thead",
            tag(
                "tr",
                tag("th", "Pattern"),
                tag("th", "Lines", cls="n"),
                tag("th", "Before → now" if compared else "Share", cls="n wide"),
                tag("th", "Trend", cls="wide"),
                tag("th", "Severity", cls="mid"),
                tag("th", "Services", cls="wide"),
                tag("th", "First seen", cls="n mid"),
            ),
        ),
        tag("tbody", [_row(each, most, now_s, selected, compared) for each in templates]),
        cls="dw-table",
    )


def _row(
    each: Template | ChangedTemplate, most: int, now_s: float, selected: str, compared: bool
) -> Html:
    return tag(
        "tr",
        tag(
            "td",
            tag("span", short(each["id"]), cls="dw-id"),
            tag("em", "new", cls="dw-new") if each["is_new"] else None,
            tag("b", each["name"]) if each["name"] else None,
            tag("code", slots(each["text"])),
            cls="what",
        ),
        tag("td", count(each["count"]), charts.meter(each["count"] / most), cls="n"),
        tag("td", change(each) if compared else percent(each["share"]), cls="n wide"),
        tag("td", charts.bars(each["spark"], cls=worst(each["severities"])), cls="wide"),
        tag("td", charts.mix(each["severities"]), cls="mid"),
        tag("td", services(each["services"]), cls="wide"),
        tag("td", ago(seconds(each["first_seen"]), now_s), cls="n mid", title=each["first_seen"]),
        data_pick=f"template:{each['id']}",
        tabindex=0,
        cls="is-on" if each["id"] == selected else None,
    )


def change(each: Template | ChangedTemplate) -> Html:
    """What became of a template: how often before and now, and how many times as often.

    >>> change({"count": 90, "base_count": 30, "ratio": 3.0})  # type: ignore[typeddict-item]
    '30 → 90 <b class="up">×3</b>'
    """
    before, ratio = int(each.get("base_count", 0)), float(each.get("ratio", 1.0))  # type: ignore[call-overload, arg-type]
    if not before or not each["count"]:
        return join(f"{count(before)} → {count(each['count'])}")
    rising = ratio >= 1
    times = f"×{count(ratio)}" if rising else f"÷{count(1 / max(ratio, 1e-9))}"
    return join(
        f"{count(before)} → {count(each['count'])} ",
        tag("b", times, cls="up" if rising else "down"),
    )


def services(names: Sequence[str], shown: int = 2) -> Html:
    """The first few, and how many more."""
    more = len(names) - shown
    return tag(
        "span",
        ", ".join(names[:shown]) or "–",
        tag("em", f" +{more}") if more > 0 else None,
        title=", ".join(names),
    )


def worst(severities: Mapping[str, int]) -> str:
    """The class of the severity that most of its lines have, the worse one on a draw."""
    ranked = [name for name in severity.ORDER if severities.get(name)]
    return severity.css(max(ranked, key=lambda name: severities[name])) if ranked else "sev-none"


def headline(each: TemplateDetail, *, now_s: float, zone: tzinfo = UTC) -> Html:
    """One template: its text large, its numbers, its trend."""
    facts = [
        ("lines in range", f"{each['count']:,}"),
        ("share", percent(each["share"])),
        ("services", ", ".join(each["services"]) or "–"),
        (
            "first seen",
            f"{date_clock(seconds(each['first_seen']), zone)} · {ago(seconds(each['first_seen']), now_s)}",
        ),
        ("last seen", ago(seconds(each["last_seen"]), now_s)),
        ("id", each["id"]),
    ]
    return tag(
        "article",
        tag(
            "header",
            tag("span", short(each["id"]), cls="dw-id"),
            tag("em", "new", cls="dw-new") if each["is_new"] else None,
            tag("b", each["name"]) if each["name"] else None,
            tag(
                "span",
                tag("button", "Lines →", cls="dw-act", data_pick=f"like:{each['id']}"),
                tag("button", "copy text", cls="dw-act", data_copy=each["text"]),
                tag("button", "copy link", cls="dw-act", data_copy="@url"),
                tag("button", "close", cls="dw-act", data_pick="close:"),
                cls="dw-acts",
            ),
        ),
        tag("pre", slots(each["text"], 8_000), cls="dw-raw"),
        charts.bars(each["spark"], cls=f"is-tall {worst(each['severities'])}"),
        charts.mix(each["severities"]),
        tag("dl", [tag("div", tag("dt", k), tag("dd", v)) for k, v in facts], cls="dw-fields"),
        cls="dw-detail",
    )


def values(slot_values: Sequence[SlotValue], sampled: int) -> Html:
    """What stands in each slot: the most frequent values as bars with their share, and how numbers are spread."""
    return tag(
        "div",
        tag("h4", "What stands in the slots ", tag("em", f"of {sampled:,} lines looked at")),
        tag("div", [_slot(each, sampled) for each in slot_values[:12]], cls="dw-slots"),
        cls="dw-detail",
    )


def _slot(each: SlotValue, sampled: int) -> Html:
    different = f"{each['distinct']:,} different" if each["distinct"] > 1 else "always the same"
    spread = each["spread"] if each["distinct"] > 1 else None
    return tag(
        "section",
        tag(
            "h5",
            tag("var", each["name"] or each["kind"], cls=f"slot-{family(each['kind'])}"),
            tag("em", f"{each['kind']}, {different}" if each["name"] else different),
        ),
        tag("p", spread_text(each["kind"], spread), cls="spread") if spread else None,
        [
            tag(
                "p",
                tag("code", value[:80] or "(empty)", title=value[:500]),
                charts.meter(n / max(each["top"][0][1], 1)),
                tag("b", percent(n / max(sampled, n)), title=f"{n:,} lines"),
            )
            for value, n in each["top"][:6]
        ],
    )


def spread_text(kind: str, spread: Spread) -> str:
    """
    >>> spread_text("duration", {"min": 0.002, "median": 0.25, "max": 12.0})
    '2 ms … median 250 ms … 12 s'
    """
    shown = {"duration": duration, "size": size}.get(kind, count)
    least, middle, most = (shown(spread[name]) for name in ("min", "median", "max"))
    return f"{least} … median {middle} … {most}"


def history(each: TemplateDetail, *, zone: tzinfo = UTC) -> Html | None:
    """How the template came to be: its versions, and what it was joined with. None where nothing happened."""
    if len(each["versions"]) < 2 and not each["parents"] and not each["children"]:
        return None
    related = [("came out of", each["parents"]), ("taken over by", each["children"])]
    return tag(
        "div",
        tag("h4", "How it came to be"),
        tag(
            "ol",
            [
                tag(
                    "li",
                    tag("b", f"v{version['version']}"),
                    tag("time", date_clock(seconds(version["created"]), zone)),
                    tag("code", slots(version["text"], 300)),
                )
                for version in each["versions"][:10]
            ],
            cls="dw-versions",
        ),
        [tag("p", f"{name} ", [_chip(other) for other in ids[:8]]) for name, ids in related if ids],
        cls="dw-detail",
    )


def _chip(template_id: str) -> Html:
    return tag("button", short(template_id), cls="dw-chip", data_pick=f"template:{template_id}")
