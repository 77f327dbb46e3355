"""Overview: is everything as usual, and if not, where."""

from __future__ import annotations

import streamlit as st

from ui.dashboard import changes, charts, frame, kpi, severity
from ui.dashboard.anomalies import marks, window
from ui.dashboard.formats import count, percent, span
from ui.dashboard.markup import tag
from ui.dashboard.timerange import stamp
from ui.dashboard.view import view
from ui.shapes import Counts

server = frame.server()
ask, client = server.ask, server.client


def body() -> None:
    known = frame.stats()
    now = frame.now_s(known)
    shown = frame.current(known)
    step = shown.step()
    shown = shown.rounded(step)
    before = shown.yesterday if shown.seconds <= 86_400 else shown.before
    service = frame.service()
    selector = frame.selector()
    start, end = stamp(shown.start), stamp(shown.end)
    base = {"start": stamp(before.start), "end": stamp(before.end)}

    asked = ask(client.counts, query=selector, start=start, end=end, step=f"{step}s", by="severity")
    asked_base = ask(client.counts, query=selector, **base, step=f"{step}s", by="severity")
    asked_trends = ask(
        client.counts,
        query="",
        start=start,
        end=end,
        step=f"{max(int(shown.seconds // 40), 1)}s",
        by="service",
    )
    asked_services = ask(client.services, start=start, end=end)
    asked_diff = ask(
        client.template_diff,
        start=start,
        end=end,
        base_start=stamp(shown.before.start),
        base_end=stamp(shown.before.end),
    )
    asked_anomalies = ask(
        client.anomalies, start=start, end=end, service=service or None, status="all", limit=100
    )

    counts, counts_base = asked.result(), asked_base.result()
    anomalies = asked_anomalies.result()["anomalies"]
    diff = asked_diff.result()
    series = {each["key"]: each["points"] for each in counts["series"]}
    total, errors = counts["total"], _errors(counts)
    total_base, errors_base = counts_base["total"], _errors(counts_base)
    share = errors / total if total else 0.0
    share_base = errors_base / total_base if total_base else 0.0
    compared = (
        "vs the same time yesterday"
        if before == shown.yesterday and shown.seconds <= 86_400
        else "vs the range before"
    )
    volume = charts.summed(series.values())
    bad = charts.summed(points for key, points in series.items() if key in severity.BAD)
    waiting = [each for each in anomalies if each["status"] == "open"]
    late = max((row["lag_seconds"] or 0.0 for row in known["sources"]), default=0.0)
    lines_moved = kpi.moved(total, total_base) if total_base else ("no lines then", "")
    errors_moved = (
        kpi.moved(round(share, 5), round(share_base, 5), up_is="bad")
        if total_base
        else ("no lines then", "")
    )

    view(
        kpi.cards(
            [
                kpi.Card(
                    "Lines",
                    count(total / shown.seconds),
                    "/s",
                    *lines_moved,
                    volume,
                    "go:explore",
                    f"{total:,} lines, {compared}",
                ),
                kpi.Card(
                    "Errors",
                    percent(share),
                    f"{count(errors)} lines",
                    *errors_moved,
                    bad,
                    "go:explore?error",
                    f"error and fatal, {compared}",
                ),
                kpi.Card(
                    "New patterns",
                    count(len(diff["new"])),
                    "",
                    f"{count(known['templates'])} known",
                    "",
                    (),
                    "go:patterns",
                    "first seen in this range",
                ),
                kpi.Card(
                    "Open anomalies",
                    count(len(waiting)),
                    "",
                    f"{len(anomalies) - len(waiting)} judged" if anomalies else "all quiet",
                    "bad" if waiting else "good",
                    charts.tally((window(each).start for each in anomalies), shown),
                    "go:anomalies",
                    "in this range, waiting for a verdict",
                ),
                kpi.Card(
                    "Behind",
                    span(late),
                    "",
                    f"queue {percent(known['queue']['rows'] / max(known['queue']['capacity'], 1))}",
                    "bad" if late > frame.LATE_S else "",
                    (),
                    "go:system",
                    "how late the slowest source is read",
                ),
            ]
        ),
        key="kpis",
        pick=frame.picked,
    )
    view(
        tag(
            "section",
            tag("h4", "Lines by severity", charts.legend(series), tag("em", "drag to zoom")),
            charts.histogram(
                series,
                shown,
                counts["step_s"],
                zone=frame.zone(),
                marks=marks(anomalies, now),
                height_px=168,
                alt=f"{total:,} lines by severity, {percent(share)} of them errors, {len(anomalies)} anomalies marked",
            ),
            cls="dw-panel",
        ),
        key="volume",
        pick=frame.picked,
        brush=frame.set_range,
    )
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        told = changes.changes(waiting, diff, now_s=now, zone=frame.zone())
        view(
            tag(
                "section",
                tag("h4", "What changed", tag("em", f"against the {span(shown.seconds)} before")),
                changes.told(told),
                cls="dw-panel",
            ),
            key="changes",
            pick=frame.picked,
        )
    with right:
        trends = {
            each["key"]: [n for _, n in each["points"]] for each in asked_trends.result()["series"]
        }
        view(
            tag(
                "section",
                tag("h4", "Services"),
                kpi.services(
                    asked_services.result()["services"], trends, shown.seconds, selected=service
                ),
                cls="dw-panel",
            ),
            key="services",
            pick=frame.picked,
        )


def _errors(counts: Counts) -> int:
    return sum(
        n for each in counts["series"] if each["key"] in severity.BAD for _, n in each["points"]
    )


frame.live(body, frame.current(frame.stats()).refresh_s)
