"""What changed, in sentences: anomalies first, then patterns that are new, rise, or fell silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from ui.dashboard import severity
from ui.dashboard.anomalies import titled
from ui.dashboard.formats import ago, clock, count, seconds
from ui.dashboard.markup import Child, Html, tag
from ui.dashboard.patterns import slots
from ui.shapes import Anomaly, ChangedTemplate, RewordedTemplate, TemplateDiff

RISEN = 3.0  # times as often is worth a sentence
LINES = 20  # fewer lines than this rise or fall by chance


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence: how much it matters (larger is first), what it is, where a click leads."""

    rank: float
    mark: str
    said: tuple[Child, ...]
    pick: str


def changes(
    anomalies: Sequence[Anomaly],
    diff: TemplateDiff,
    *,
    now_s: float,
    zone: tzinfo = UTC,
    most: int = 7,
) -> list[Change]:
    """At most `most` sentences, the ones that matter most first; two of them never say the same thing."""
    told = [_anomaly(each, now_s) for each in anomalies if each["status"] in ("open", "real")]
    covered = {row["template_id"] for each in anomalies for row in each["contributions"][:3]}
    told += [_new(each, zone) for each in diff["new"] if each["id"] not in covered]
    for each in diff["changed"]:
        if each["id"] in covered or max(each["count"], each["base_count"]) < LINES:
            continue
        if each["ratio"] >= RISEN:
            told.append(_risen(each))
    told += [
        _reworded(each)
        for each in diff["reworded"]
        if each["id"] != each["base_id"] and each["id"] not in covered
    ]
    told += [
        _vanished(each)
        for each in diff["vanished"]
        if each["base_count"] >= LINES and each["id"] not in covered
    ]
    return sorted(told, key=lambda change: -change.rank)[:most]


def told(sentences: Sequence[Change]) -> Html:
    """The sentences as a list; a click picks what they are about."""
    if not sentences:
        return tag(
            "p",
            "Nothing new, nothing louder, nothing gone. The same patterns as before.",
            cls="dw-quiet",
        )
    return tag(
        "ul",
        [
            tag(
                "li",
                tag("i", cls=f"mark {each.mark}"),
                tag("span", *each.said),
                data_pick=each.pick,
                tabindex=0,
            )
            for each in sentences
        ],
        cls="dw-changes",
    )


def _bad(each: ChangedTemplate) -> float:
    whole = sum(each["severities"].values()) or 1
    return sum(each["severities"].get(name, 0) for name in severity.BAD) / whole


def _who(each: ChangedTemplate) -> Html:
    return tag("b", each["services"][0] if each["services"] else "a source")


def _anomaly(each: Anomaly, now_s: float) -> Change:
    said = (
        tag("b", each["service"] or "?"),
        ": ",
        titled(each["title"], each["service"]),
        " ",
        tag("time", ago(seconds(each["start"]), now_s)),
    )
    return Change(1_000 + each["score"], "anomaly", said, f"anomaly:{each['id']}")


def _new(each: ChangedTemplate, zone: tzinfo) -> Change:
    bad = _bad(each) > 0.5
    said = (
        *(_who(each), ": new ", "error pattern " if bad else "pattern "),
        tag("code", slots(each["text"], 160)),
        f" {count(each['count'])} times since {clock(seconds(each['first_seen']), zone)[:5]}",
    )
    return Change(
        (500 if bad else 100) + min(each["count"], 99), "new", said, f"template:{each['id']}"
    )


def _risen(each: ChangedTemplate) -> Change:
    said = (
        _who(each),
        ": ",
        tag("code", slots(each["text"], 160)),
        " is ",
        tag("b", f"{count(each['ratio'])} times"),
        f" as frequent ({count(each['base_count'])} → {count(each['count'])})",
    )
    return Change(
        200 + 200 * _bad(each) + min(each["ratio"], 99), "rising", said, f"template:{each['id']}"
    )


def _reworded(each: RewordedTemplate) -> Change:
    """Of one that another took the place of; that a template became wider is no news."""
    said = (
        *(_who(each), ": ", tag("code", slots(each["base_text"], 160))),
        *(" now reads ", tag("code", slots(each["text"], 160))),
    )
    return Change(60 + min(each["count"], 39), "new", said, f"template:{each['id']}")


def _vanished(each: ChangedTemplate) -> Change:
    said = (
        _who(each),
        ": ",
        tag("code", slots(each["text"], 160)),
        f" fell silent after {count(each['base_count'])} lines",
    )
    return Change(50 + min(each["base_count"], 49), "vanished", said, f"template:{each['id']}")
