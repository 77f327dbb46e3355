"""Overview: is everything as usual, and if not, where."""

from __future__ import annotations

import streamlit as st

from ui.dashboard import anomalies, changes, charts, frame, glance, kpi, ways
from ui.dashboard.formats import seconds, span
from ui.dashboard.markup import tag
from ui.dashboard.timerange import Range, stamp
from ui.dashboard.view import view

server = frame.server()
ask, client = server.ask, server.client


def compared(shown: Range, oldest_s: float) -> tuple[Range | None, str]:
    """With what the numbers are compared: the same hours yesterday, else the range before, else nothing is that old."""
    if shown.seconds <= 86_400 and shown.yesterday.start >= oldest_s:
        return shown.yesterday, "at the same time yesterday"
    if shown.before.start >= oldest_s:
        return shown.before, "in the range before"
    return None, ""


def body() -> None:
    known = frame.stats()
    now, zone, service = frame.now_s(known), frame.zone(), frame.service()
    shown = frame.current(known)
    step = shown.step()
    shown = shown.rounded(step)
    base, words = compared(shown, seconds(known["oldest"]))
    start, end, query = stamp(shown.start), stamp(shown.end), frame.selector()

    asked_counts = ask(client.counts, query=query, start=start, end=end, step=f"{step}s")
    asked_base = (
        ask(
            client.counts,
            query=query,
            start=stamp(base.start),
            end=stamp(base.end),
            step=f"{step}s",
        )
        if base
        else None
    )
    asked_diff = ask(
        client.template_diff,
        start=start,
        end=end,
        base_start=stamp(shown.before.start),
        base_end=stamp(shown.before.end),
        query=query,
    )
    asked_anomalies = ask(
        client.anomalies, start=start, end=end, service=service or None, status="all"
    )
    asked_services = ask(client.services, start=start, end=end)
    asked_trends = ask(client.counts, start=start, end=end, by="service", step=f"{shown.step(40)}s")

    counts, diff = asked_counts.result(), asked_diff.result()
    found = asked_anomalies.result()["anomalies"]
    series = {each["key"]: each["points"] for each in counts["series"]}
    seen = glance.Seen(
        known, counts, asked_base.result() if asked_base else None, words, diff, found, shown
    )

    view(kpi.cards(glance.cards(seen, frame.history().of("behind"))), key="kpis", pick=ways.picked)
    view(
        tag(
            "section",
            tag("h4", "Lines by severity", charts.legend(series), tag("em", "drag to zoom")),
            charts.histogram(
                series,
                shown,
                counts["step_s"],
                zone=zone,
                marks=anomalies.marks(found, now),
                height_px=168,
                alt=f"{counts['total']:,} lines by severity, {len(found)} anomalies marked",
            ),
            cls="dw-panel",
        ),
        key="volume",
        pick=ways.picked,
        brush=frame.brushed,
    )
    left, right = st.columns([1.15, 1], gap="xsmall")
    with left:
        waiting = [each for each in found if each["status"] in ("open", "real")]
        told = changes.changes(waiting, diff, now_s=now, zone=zone)
        view(
            tag(
                "section",
                tag("h4", "What changed", tag("em", f"against the {span(shown.seconds)} before")),
                changes.told(told),
                cls="dw-panel",
            ),
            key="changes",
            pick=ways.picked,
        )
    with right:
        trends = {
            each["key"]: [n for _, n in each["points"]] for each in asked_trends.result()["series"]
        }
        table = kpi.services(
            asked_services.result()["services"], trends, shown.seconds, selected=service
        )
        view(
            tag("section", tag("h4", "Services"), table, cls="dw-panel"),
            key="services",
            pick=ways.picked,
        )


frame.live(body, frame.current(frame.stats()).refresh_s)
