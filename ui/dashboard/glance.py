"""The five numbers that say whether everything is as usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ui.dashboard import charts, kpi, severity
from ui.dashboard.anomalies import window
from ui.dashboard.formats import count, percent, seconds, span
from ui.dashboard.timerange import Range
from ui.shapes import Anomaly, Counts, Stats, TemplateDiff

LATE_S = 60.0
ALONE = "nothing older to compare"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server answered for one stretch of time and for the one it is compared with."""

    stats: Stats
    counts: Counts
    before: Counts | None
    """None where nothing was stored yet"""
    compared: str
    """with what, in words"""
    diff: TemplateDiff
    anomalies: Sequence[Anomaly]
    shown: Range


def errors(counts: Counts) -> int:
    """Lines of severity error and fatal."""
    return sum(
        n for each in counts["series"] if each["key"] in severity.BAD for _, n in each["points"]
    )


def cards(seen: Seen, late: Sequence[float]) -> list[kpi.Card]:
    """Lines, errors, new patterns, open anomalies, lag; `late` is how the lag went."""
    return [
        _lines(seen),
        _errors(seen),
        kpi.Card(
            "New patterns",
            count(len(seen.diff["new"])),
            moved=f"{count(seen.stats['templates'])} known",
            spark=charts.tally(
                (seconds(each["first_seen"]) for each in seen.diff["new"]), seen.shown
            ),
            pick="go:patterns?New",
            tip="first seen in this range",
        ),
        _anomalies(seen),
        _behind(seen.stats, late),
    ]


def _lines(seen: Seen) -> kpi.Card:
    total = seen.counts["total"]
    before = seen.before["total"] if seen.before else 0
    moved, tone = kpi.moved(total, before) if before else (ALONE, "")
    return kpi.Card(
        "Lines",
        count(total / seen.shown.seconds),
        "/s",
        moved,
        tone,
        charts.summed(each["points"] for each in seen.counts["series"]),
        pick="go:explore",
        tip=f"{total:,} lines" + (f"; {before:,} {seen.compared}" if seen.before else ""),
    )


def _errors(seen: Seen) -> kpi.Card:
    total, bad = seen.counts["total"], errors(seen.counts)
    before = seen.before["total"] if seen.before else 0
    bad_before = errors(seen.before) if seen.before else 0
    share = bad / total if total else 0.0
    moved, tone = ALONE, ""
    if before:
        moved, tone = kpi.moved(round(share, 5), round(bad_before / before, 5), up_is="bad")
    return kpi.Card(
        "Errors",
        percent(share),
        f"{count(bad)} lines",
        moved,
        tone,
        charts.summed(
            each["points"] for each in seen.counts["series"] if each["key"] in severity.BAD
        ),
        pick="go:explore?fatal+error",
        tip="error and fatal" + (f"; {bad_before:,} lines {seen.compared}" if seen.before else ""),
        hue="bad",
    )


def _anomalies(seen: Seen) -> kpi.Card:
    waiting = sum(each["status"] == "open" for each in seen.anomalies)
    judged = len(seen.anomalies) - waiting
    return kpi.Card(
        "Open anomalies",
        count(waiting),
        moved=f"{judged} judged" if judged else "none judged yet" if waiting else "all quiet",
        tone="" if waiting else "good",
        spark=charts.tally((window(each).start for each in seen.anomalies), seen.shown),
        pick="go:anomalies",
        tip="in this range, waiting for a verdict",
        hue="bad",
    )


def _behind(stats: Stats, late: Sequence[float]) -> kpi.Card:
    now = max((row["lag_seconds"] or 0.0 for row in stats["sources"]), default=0.0)
    queue = stats["queue"]
    return kpi.Card(
        "Behind",
        span(now),
        moved="intake paused"
        if queue["paused"]
        else f"queue {percent(queue['rows'] / max(queue['capacity'], 1))} full",
        tone="bad" if now > LATE_S or queue["paused"] else "",
        spark=late,
        least=5.0,
        pick="go:system",
        tip="how late the slowest source is read",
    )
