"""System: Driftwood itself. Where a line is on its way, what waits, what it costs, what could not be read."""

from __future__ import annotations

import streamlit as st

from ui.dashboard import charts, flow, frame, glance, kpi, ways
from ui.dashboard.formats import count, percent, seconds, size, span
from ui.dashboard.markup import Html, join, tag
from ui.dashboard.timerange import Range, stamp
from ui.dashboard.view import view
from ui.shapes import Stats

server = frame.server()
ask, client = server.ask, server.client
DEAD = 50


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "letter":
        ways.choose("letter", None if ways.chosen("letter") == which else which)
    elif what == "close":
        ways.choose("letter", None)
    else:
        ways.picked(value)
    st.rerun()


def replay(ids: list[int] | None) -> None:
    """Read dead letters once more, all of them without `ids`."""
    outcome = client.replay_dead_letters(ids)
    server.changed()
    st.toast(
        f"Replayed {outcome['replayed']}, still dead {outcome['still_dead']}.",
        icon=":material/replay:",
    )


def numbers() -> None:
    known = frame.stats()
    past = frame.history()
    behind, _ = flow.lag(known)
    queue, commit = known["queue"], known["commit_ms"]
    view(
        tag(
            "div",
            tag("section", flow.picture(known), cls="dw-panel"),
            kpi.cards(
                [
                    kpi.Card(
                        "Throughput",
                        count(known["lines_per_s"]),
                        "lines/s",
                        f"{count(known['lines_total'])} stored",
                        "",
                        past.of("lines_per_s"),
                    ),
                    kpi.Card(
                        "Behind",
                        "–" if behind is None else span(behind),
                        "",
                        "slowest source",
                        "bad" if (behind or 0) > glance.LATE_S else "",
                        past.of("behind"),
                        least=5.0,
                    ),
                    kpi.Card(
                        "Queue",
                        percent(queue["rows"] / max(queue["capacity"], 1)),
                        "full",
                        "paused" if queue["paused"] else f"{count(queue['rows'])} lines wait",
                        "bad" if queue["paused"] else "",
                        past.of("queue"),
                        least=0.1,
                    ),
                    kpi.Card(
                        "Commit",
                        f"{commit['p50']:.0f}",
                        "ms",
                        f"p99 {commit['p99']:.0f} ms",
                        "",
                        past.of("commit"),
                        least=50.0,
                    ),
                    kpi.Card(
                        "Memory",
                        f"{known['memory_mb']:.0f}",
                        "MB",
                        f"{span(known['cpu_s'])} of processor",
                        "",
                        past.of("memory"),
                    ),
                ]
            ),
        ),
        key="flow",
        pick=ways.picked,
    )


def details() -> None:
    known = frame.stats()
    left, right = st.columns(2, gap="xsmall")
    with left:
        view(
            join(
                tag(
                    "section", tag("h4", "Sources"), flow.sources(known["sources"]), cls="dw-panel"
                ),
                tag(
                    "section",
                    tag("h4", "Detectors"),
                    flow.detectors(known["detectors"]),
                    cls="dw-panel",
                ),
                tag("section", tag("h4", "Server"), flow.process(known), cls="dw-panel"),
            ),
            key="sources",
        )
    with right:
        view(
            join(
                tag(
                    "section",
                    tag("h4", "Store"),
                    flow.storage(known),
                    _daily(known),
                    cls="dw-panel",
                ),
            ),
            key="store",
        )


def _daily(known: Stats) -> Html | None:
    """Lines per day of the last month, and what that comes to on the disk."""
    end = seconds(known["newest"])
    if not end:
        return None
    shown = Range(max(seconds(known["oldest"]), end - 30 * 86_400), end + 1).rounded(86_400)
    counts = ask(
        client.counts,
        query="",
        start=stamp(shown.start),
        end=stamp(shown.end),
        step="86400s",
        by="severity",
    ).result()
    each = known["store"]["bytes"] / max(known["lines_total"], 1)
    series = {row["key"]: row["points"] for row in counts["series"]}
    return join(
        tag("h4", "Lines a day ", tag("em", f"{size(each)} a line on disk")),
        charts.histogram(
            series, shown, counts["step_s"], zone=frame.zone(), height_px=72, alt="lines a day"
        ),
    )


def dead_letters() -> None:
    known = frame.stats()
    answer = ask(client.dead_letters, limit=DEAD).result()
    found, total = answer["dead_letters"], answer["total"]
    chosen = ways.chosen("letter")
    head, button = st.columns([4, 1], vertical_alignment="center")
    head.markdown(f"#### Dead letters · {total:,}", anchors=False)
    if not found:
        view(tag("p", "None. Everything that arrived could be read.", cls="dw-hint"), key="letters")
        return
    selected = int(chosen) if chosen.isdigit() else None
    button.button(
        "Replay this one" if selected is not None else "Replay all",
        icon=":material/replay:",
        on_click=replay,
        args=([selected] if selected is not None else None,),
        width="stretch",
        help="Reads them again with today's settings. What still cannot be read stays here.",
    )
    shown = next((each for each in found if each["id"] == selected), None)
    view(
        join(
            tag(
                "section",
                flow.letters(found, selected=selected, now_s=frame.now_s(known)),
                cls="dw-panel is-table",
            ),
            tag("p", f"the newest {len(found)} of {total:,}", cls="dw-note")
            if total > len(found)
            else None,
            flow.letter(shown) if shown else None,
        ),
        key="letters",
        pick=picked,
    )


def settings() -> None:
    search = st.text_input(
        "Settings",
        key="setting",
        bind="query-params",
        placeholder="Name of a setting",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    view(flow.settings(ask(client.config).result(), search or ""), key="settings")


frame.live(numbers, 2.0)
frame.live(details, 10.0)
frame.guarded(dead_letters)
opened = st.expander(
    "Settings in force", icon=":material/tune:", key="settings_open", on_change="rerun"
)
if opened.open:
    with opened:
        frame.guarded(settings)
