"""Anomalies: what drifted from normal, why, on which lines, and what people say of it."""

from __future__ import annotations

import streamlit as st

from driftwood.errors import DriftwoodError
from ui.dashboard import anomalies, charts, frame, lines, ways
from ui.dashboard.markup import tag
from ui.dashboard.timerange import stamp
from ui.dashboard.view import view
from ui.shapes import Anomaly, AnomalyDetail

server = frame.server()
ask, client = server.ask, server.client

STATUSES = ["Open", "Real", "Noise", "Expected", "All"]
EVIDENCE = 100
SHOWN = 200


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "anomaly":
        ways.choose("anomaly", which)
    elif what == "lines":
        each = ask(client.anomaly, selected).result()
        when = anomalies.window(each)
        frame.set_range(when.start, when.end)
        ways.go("explore", service=each["service"] or frame.ALL)
    else:
        ways.picked(value)
    st.rerun()


def judge(anomaly_id: str, verdict: str) -> None:
    """Store what a person says of the anomaly."""
    note = st.session_state.get(f"note-{anomaly_id}") or ""
    client.feedback(anomaly_id, verdict=verdict, note=note)
    server.changed()
    ways.choose("anomaly", anomaly_id)  # it stays open although it left the list of open ones
    said = {"open": "Reopened."}.get(verdict, f"Kept as: {anomalies.VERDICTS[verdict].lower()}.")
    st.toast(said, icon=":material/check:")


def found() -> list[Anomaly]:
    shown = frame.current(frame.stats()).rounded(60)
    return ask(
        client.anomalies,
        start=stamp(shown.start),
        end=stamp(shown.end),
        service=frame.service() or None,
        status=(st.session_state.get("status") or STATUSES[0]).lower(),
        limit=SHOWN,
    ).result()["anomalies"]


def inbox() -> None:
    listed = found()
    if not listed:
        view(
            tag(
                "div",
                tag("h4", "All quiet"),
                tag(
                    "p",
                    "Nothing in this range waits for you. Widen the time range, or look at what was judged.",
                ),
                cls="dw-empty is-small",
            ),
            key="inbox",
        )
        return
    view(
        anomalies.inbox(listed, selected=selected, now_s=frame.now_s(frame.stats())),
        key="inbox",
        pick=picked,
    )


def story(each: AnomalyDetail) -> None:
    """The right side: what, how it went, why, the lines."""
    zone, now = frame.zone(), frame.now_s(frame.stats())
    around = anomalies.around(each, now)
    asked_counts = ask(
        client.counts,
        query=frame.selector_of(each["service"]),
        start=stamp(around.start),
        end=stamp(around.end),
        step=f"{max(around.step(), 60)}s",
        by="severity",
    )
    ids = ",".join(map(str, each["line_ids"][:EVIDENCE]))
    asked_lines = ask(client.lines, ids=ids, limit=EVIDENCE, direction="forward") if ids else None
    view(anomalies.headline(each, now_s=now, zone=zone), key="headline", pick=picked)
    verdict(each)
    view(
        tag(
            "div",
            anomalies.lessons(each["effects"]),
            anomalies.verdicts(each, now_s=now),
            tag("section", anomalies.why(each["contributions"]), cls="dw-panel"),
        ),
        key="why",
        pick=picked,
    )
    counts = asked_counts.result()
    series = {row["key"]: row["points"] for row in counts["series"]}
    view(
        tag(
            "section",
            tag(
                "h4", "Around it ", charts.legend(series), tag("em", "the judged window is shaded")
            ),
            charts.histogram(
                series,
                around,
                counts["step_s"],
                zone=zone,
                window=anomalies.window(each),
                height_px=96,
                alt=f"lines of {each['service']} around the anomaly",
            ),
            cls="dw-panel",
        ),
        key="around",
        pick=picked,
        brush=frame.brushed,
    )
    evidence = asked_lines.result()["lines"] if asked_lines else []
    more = len(each["line_ids"]) - len(evidence)
    view(
        tag(
            "section",
            tag(
                "h4",
                "Evidence ",
                tag(
                    "em",
                    f"{len(evidence)} lines" + (f" of {len(each['line_ids'])}" if more > 0 else ""),
                ),
            ),
            lines.rows(evidence, zone=zone, chips=False, wrap=True)
            if evidence
            else tag(
                "p", "The detector kept no lines; see the lines of this window.", cls="dw-hint"
            ),
            cls="dw-panel",
        ),
        key="evidence",
        pick=picked,
    )


def verdict(each: AnomalyDetail) -> None:
    """The buttons that store what a person says."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="verdict"):
        for name, label, icon in (
            ("real", "Real", ":material/thumb_up:"),
            ("noise", "Noise", ":material/thumb_down:"),
            ("expected", "Expected change", ":material/event_available:"),
        ):
            st.button(
                label,
                key=name,
                icon=icon,
                type="primary" if each["status"] == name else "secondary",
                help=each["effects"].get(name),
                on_click=judge,
                args=(each["id"], name),
            )
        if each["status"] != "open":
            st.button(
                "Undo",
                key="reopen",
                icon=":material/undo:",
                on_click=judge,
                args=(each["id"], "open"),
            )
        st.text_input(
            "Note",
            key=f"note-{each['id']}",
            placeholder="Why? What was done? (kept with the verdict)",
            max_chars=500,
            label_visibility="collapsed",
            width="stretch",
            on_change="ignore",
        )


left, right = st.columns([1, 1.9], gap="medium")
with left:
    st.segmented_control(
        "Status",
        STATUSES,
        default=STATUSES[0],
        key="status",
        bind="query-params",
        label_visibility="collapsed",
        width="stretch",
    )


def opened() -> None:
    if selected:
        story(ask(client.anomaly, selected).result())


def loudest() -> str:
    """What is open on the right when nothing was chosen."""
    try:
        return anomalies.pick_first(found())
    except DriftwoodError:
        return ""  # the inbox says what is wrong


selected = ways.chosen("anomaly") or loudest()
with left:
    frame.live(inbox, 5.0 if frame.current(frame.stats()).live else None)
with right:
    frame.guarded(opened)
