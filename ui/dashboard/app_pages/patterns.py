"""Patterns: the templates behind the lines, as they are and as they changed."""

from __future__ import annotations

import streamlit as st

from ui.dashboard import frame, lines, patterns, ways
from ui.dashboard.formats import span
from ui.dashboard.markup import join, tag
from ui.dashboard.timerange import stamp
from ui.dashboard.view import view
from ui.shapes import ChangedTemplate, Template

server = frame.server()
ask, client = server.ask, server.client

TABS = ["Top", "New", "Rising", "Vanished", "Rare"]
BASES = ["vs before", "vs yesterday"]
SHOWN = 150
NOTHING = {
    "top": "No pattern matches.",
    "new": "Nothing new: every pattern of this range was known before.",
    "rising": "Nothing rises: no pattern is clearly more frequent than before.",
    "vanished": "Nothing vanished: what was said before is still said.",
    "rare": "No pattern matches.",
}


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "template":
        ways.choose("template", None if ways.chosen("template") == which else which)
    elif what == "close":
        ways.choose("template", None)
    else:
        ways.picked(value)
    st.rerun()


st.session_state.setdefault("tab", TABS[0])
with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choose"):
    st.segmented_control(
        "Which",
        TABS,
        key="tab",
        bind="query-params",
        label_visibility="collapsed",
        width="content",
    )
    st.text_input(
        "Search",
        key="search",
        bind="query-params",
        label_visibility="collapsed",
        width="stretch",
        placeholder="Words in the pattern",
        icon=":material/search:",
    )
    st.segmented_control(
        "Compare with",
        BASES,
        default=BASES[0],
        key="base",
        bind="query-params",
        label_visibility="collapsed",
        width="content",
    )

tab = (st.session_state.get("tab") or TABS[0]).lower()
search = st.session_state.get("search") or ""
chosen = ways.chosen("template")


def listed() -> tuple[list[Template] | list[ChangedTemplate], int]:
    """The templates of this tab, and how many there are beyond those shown."""
    shown = frame.current(frame.stats()).rounded(60)
    start, end = stamp(shown.start), stamp(shown.end)
    service = frame.service()
    if tab in ("top", "rare"):
        answer = ask(
            client.templates,
            query="",
            start=start,
            end=end,
            service=service or None,
            search=search or None,
            order="count" if tab == "top" else "rare",
            limit=SHOWN,
        ).result()
        return answer["templates"], answer["total"]
    base = shown.yesterday if st.session_state.get("base") == BASES[1] else shown.before
    diff = ask(
        client.template_diff,
        start=start,
        end=end,
        base_start=stamp(base.start),
        base_end=stamp(base.end),
    ).result()
    found = {
        "new": sorted(diff["new"], key=lambda each: each["first_seen"], reverse=True),
        "rising": sorted(
            (each for each in diff["changed"] if each["ratio"] > 1), key=lambda each: -each["ratio"]
        ),
        "vanished": sorted(diff["vanished"], key=lambda each: -each["base_count"]),
    }[tab]
    kept = [
        each
        for each in found
        if (not service or service in each["services"])
        and search.lower() in f"{each['name']}\n{each['text']}".lower()
    ]
    return kept[:SHOWN], len(kept)


def table() -> None:
    known = frame.stats()
    found, total = listed()
    shown = frame.current(known)
    if not found:
        view(tag("div", tag("h4", NOTHING[tab]), cls="dw-empty is-small"), key="patterns")
        return
    more = total - len(found)
    view(
        join(
            tag(
                "section",
                patterns.table(
                    found,
                    now_s=frame.now_s(known),
                    selected=chosen,
                    compared=tab not in ("top", "rare"),
                ),
                cls="dw-panel is-table",
            ),
            tag(
                "p",
                f"{total:,} patterns in {span(shown.seconds)}",
                f", {more:,} more not shown" if more > 0 else None,
                cls="dw-note",
            ),
        ),
        key="patterns",
        pick=picked,
    )


def detail() -> None:
    known = frame.stats()
    shown = frame.current(known).rounded(60)
    each = ask(client.template, chosen, start=stamp(shown.start), end=stamp(shown.end)).result()
    zone = frame.zone()
    view(
        join(
            patterns.headline(each, now_s=frame.now_s(known), zone=zone),
            patterns.values(each["values"], each["sampled"]) if each["values"] else None,
            patterns.history(each, zone=zone),
            tag("h4", "Lines like this", cls="dw-head"),
            tag(
                "div",
                lines.rows(each["lines"][:20], zone=zone, chips=False, dates=True, wrap=True),
                cls="dw-context",
            ),
        ),
        key="pattern",
        pick=picked,
    )


if not chosen:
    frame.live(table, frame.current(frame.stats()).refresh_s)
else:
    left, right = st.columns([1.1, 1], gap="xsmall")
    with left:
        frame.guarded(table)
    with right:
        frame.guarded(detail)
