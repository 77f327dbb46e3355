"""Anomalies on the screen: the inbox, the headline, why, the summary to paste into a ticket."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo

from ui.dashboard.charts import Mark
from ui.dashboard.formats import ago, clock, count, date_clock, seconds, span
from ui.dashboard.markup import Html, join, tag
from ui.dashboard.patterns import slots
from ui.dashboard.timerange import Range
from ui.dashboard.timerange import short as short_time
from ui.shapes import Anomaly, AnomalyDetail, Contribution

VERDICTS = {"real": "Real", "noise": "Noise", "expected": "Expected change", "open": "Open"}
LEADING_TIME = re.compile(r"^(?:ts=|time=)?<TIME>[\s\-|:]*")
KINDS = {
    "new_template": "never seen before",
    "rate_up": "more than usual",
    "rate_down": "less than usual",
    "silence": "fell silent",
    "error_burst": "burst of errors",
    "episode_memory": "new, rare or more than ever",
    "prefix_vectors": "unlike other sessions",
    "knn": "unlike other sessions",
    "ngram_lm": "unexpected order",
    "confirmed": "like a confirmed one",
}


def kind(name: str) -> str:
    """What a person calls the kind of anomaly.

    >>> kind("error_burst"), kind("odd_order")
    ('burst of errors', 'odd order')
    """
    return KINDS.get(name, name.replace("_", " "))


def weight(score: float) -> str:
    """How loud an anomaly is on the screen: its class. A score is -log10 of the calibrated p-value.

    >>> weight(15), weight(4), weight(2.5)
    ('loud', 'mid', 'quiet')
    """
    return "loud" if score >= 6 else "mid" if score >= 3.5 else "quiet"


def scored(score: float) -> str:
    """A score on the screen.

    >>> scored(15.2), scored(2.76)
    ('15', '2.8')
    """
    return f"{score:.0f}" if score >= 9.95 else f"{score:.1f}"


def titled(title: str, service: str) -> Html:
    """A title without the service in front and the times in patterns, which stand beside it; patterns as such.

    >>> titled("api: 9 × `<TIME> - took <NUM> ms` in one minute", "api")
    '9 × <code>took <var class="slot-num">NUM</var> ms</code> in one minute'
    """
    pieces = title.removeprefix(f"{service}: ").split("`")
    return join(
        *(
            tag("code", slots(LEADING_TIME.sub("", piece))) if at % 2 else piece
            for at, piece in enumerate(pieces)
        )
    )


def inbox(found: Sequence[Anomaly], *, selected: str, now_s: float) -> Html:
    """The list on the left, in the order given; a click picks `anomaly:ID`."""
    return tag(
        "div",
        [_entry(each, selected, now_s) for each in found],
        cls="dw-inbox",
        role="list",
        data_scroll=True,
    )


def _entry(each: Anomaly, selected: str, now_s: float) -> Html:
    return tag(
        "div",
        tag("b", scored(each["score"]), cls=f"dw-score {weight(each['score'])}"),
        tag(
            "div",
            tag("strong", titled(each["title"], each["service"])),
            tag(
                "p",
                tag("span", each["service"] or "–", cls="who"),
                tag("span", kind(each["kind"])),
                tag("time", ago(seconds(each["start"]), now_s), title=each["start"]),
                status(each["status"]),
            ),
        ),
        cls="dw-entry"
        + (" is-on" if each["id"] == selected else "")
        + (" is-done" if each["status"] != "open" else ""),
        data_pick=f"anomaly:{each['id']}",
        tabindex=0,
        role="listitem",
    )


def status(name: str) -> Html | None:
    return (
        tag("em", VERDICTS.get(name, name), cls=f"dw-status is-{name}") if name != "open" else None
    )


def window(each: Anomaly) -> Range:
    """The time that was judged."""
    return Range(
        int(each["start_ns"]) / 1e9, max(int(each["end_ns"]) / 1e9, int(each["start_ns"]) / 1e9 + 1)
    )


def around(each: Anomaly, now_s: float) -> Range:
    """The stretch that is shown for it: before it what was normal, after it whether it went on."""
    inner = window(each)
    before = min(max(inner.seconds * 20, 1_800), 86_400)
    return Range(inner.start - before, max(min(inner.end + before / 3, now_s), inner.end)).rounded(
        60
    )


def headline(each: AnomalyDetail, *, now_s: float, zone: tzinfo = UTC) -> Html:
    """What, where, when, how sure."""
    when = window(each)
    sure = "" if each["p_value"] is None else f"p {probability(each['p_value'])}"
    return tag(
        "article",
        tag(
            "header",
            tag("b", scored(each["score"]), cls=f"dw-score is-big {weight(each['score'])}"),
            tag(
                "div",
                tag("h2", titled(each["title"], each["service"])),
                tag(
                    "p",
                    tag("strong", each["service"] or "no service"),
                    tag("span", kind(each["kind"])),
                    tag(
                        "span",
                        f"{date_clock(when.start, zone)} – {clock(when.end, zone)} ({span(when.seconds)})",
                    ),
                    tag("span", ago(when.start, now_s)),
                    tag("span", sure) if sure else None,
                    tag("span", each["detector"]),
                    status(each["status"]),
                    cls="dw-meta",
                ),
            ),
        ),
        tag(
            "p",
            tag("button", "Lines of this window →", cls="dw-act is-wide", data_pick="lines:"),
            tag("button", "copy summary", cls="dw-act is-wide", data_copy=summary(each, zone)),
            tag("button", "copy link", cls="dw-act is-wide", data_copy="@url"),
            cls="dw-acts",
        ),
        cls="dw-headline",
    )


def probability(p: float) -> str:
    """How often chance alone would do this.

    >>> probability(0.03), probability(0.0000004), probability(0)
    ('0.03', '4e-07', '< 1e-300')
    """
    return f"{p:.2g}" if p > 0 else "< 1e-300"


def why(contributions: Sequence[Contribution], shown: int = 12) -> Html:
    """Which patterns made it, each with what was seen and what would have been normal, as two bars on one scale."""
    ranked = sorted(contributions, key=lambda each: -each["weight"])[:shown]
    most = max((max(each["seen"], each["expected"]) for each in ranked), default=1) or 1
    whole = sum(each["weight"] for each in contributions) or 1
    return tag(
        "div",
        tag(
            "h4",
            "Why ",
            tag("span", tag("i", cls="key-seen"), "seen"),
            tag("span", tag("i", cls="key-expected"), "expected"),
        ),
        [
            tag(
                "div",
                tag(
                    "code",
                    slots(each["template"]) if each["template"] else "lines without a pattern",
                ),
                tag(
                    "div",
                    tag(
                        "span",
                        tag("i", cls="seen", style=f"width:{each['seen'] / most * 100:.2f}%"),
                        tag("b", count(each["seen"])),
                    ),
                    tag(
                        "span",
                        tag(
                            "i", cls="expected", style=f"width:{each['expected'] / most * 100:.2f}%"
                        ),
                        tag("b", expected(each["expected"])),
                    ),
                    cls="pair",
                ),
                tag(
                    "span",
                    f"{each['weight'] / whole * 100:.0f} %",
                    cls="weight",
                    data_tip="its part in the score",
                ),
                cls="dw-why-row",
                data_pick=f"template:{each['template_id']}",
                tabindex=0,
            )
            for each in ranked
        ],
        tag("p", f"and {len(contributions) - shown} more", cls="dw-hint")
        if len(contributions) > shown
        else None,
        None if ranked else tag("p", "This detector names no patterns.", cls="dw-hint"),
        cls="dw-why",
    )


def expected(number: float) -> str:
    """
    >>> expected(0), expected(0.03), expected(41.2)
    ('none', '0.03', '41')
    """
    return "none" if number <= 0 else f"{number:.2g}" if number < 10 else count(number)


def summary(each: AnomalyDetail, zone: tzinfo = UTC) -> str:
    """The anomaly as Markdown, to paste into a ticket."""
    when = window(each)
    rows = [
        f"- `{row['template'] or 'no pattern'}`: seen {count(row['seen'])}, expected {expected(row['expected'])}"
        for row in sorted(each["contributions"], key=lambda row: -row["weight"])[:8]
    ]
    return "\n".join(
        [
            f"**{each['title']}**",
            "",
            f"{each['service'] or 'no service'} · {kind(each['kind'])} · score {scored(each['score'])} · "
            f"{short_time(when.start)} – {short_time(when.end)} ({zone})",
            "",
            *rows,
            "",
            f"Status: {VERDICTS.get(each['status'], each['status'])}"
            + (f" – {each['note']}" if each["note"] else ""),
            f"Anomaly {each['id']}",
        ]
    )


def marks(found: Sequence[Anomaly], now_s: float) -> list[Mark]:
    """The anomalies as marks on a chart of time; judged ones are pale."""
    return [
        Mark(
            window(each).start,
            f"{each['title']}\n{each['service']} · score {scored(each['score'])} · {ago(window(each).start, now_s)}",
            f"anomaly:{each['id']}",
            weight(each["score"]) if each["status"] in ("open", "real") else "is-done",
        )
        for each in found
    ]


def verdicts(each: AnomalyDetail, *, now_s: float) -> Html | None:
    """What people said of it, the newest first."""
    if not each["feedback"]:
        return None
    return tag(
        "div",
        [
            tag(
                "p",
                status(said["verdict"]) or tag("em", "Reopened", cls="dw-status"),
                tag("span", said["note"]),
                tag("time", ago(seconds(said["created"]), now_s)),
            )
            for said in each["feedback"][:5]
        ],
        cls="dw-verdicts",
    )


def lessons(effects: Mapping[str, str]) -> Html:
    """What the detector learns from each verdict; verdicts that teach the same stand together.

    >>> print(lessons({"noise": "Learnt.", "expected": "Learnt."}))
    <p class="dw-hint"><strong>Noise, Expected change</strong> Learnt.</p>
    """
    verdicts: dict[str, list[str]] = {}
    for name in VERDICTS:
        if name in effects and name != "open":
            verdicts.setdefault(effects[name], []).append(VERDICTS[name])
    return join(
        *(
            tag("p", tag("strong", ", ".join(names)), f" {effect}", cls="dw-hint")
            for effect, names in verdicts.items()
        )
    )


def pick_first(found: Sequence[Anomaly]) -> str:
    """The one that is open on the right when nothing was chosen: the loudest that nobody judged yet.

    >>> pick_first([])
    ''
    """
    waiting = [each for each in found if each["status"] == "open"] or list(found)
    return max(waiting, key=lambda each: (each["score"], each["start_ns"]))["id"] if waiting else ""
