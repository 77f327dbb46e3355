"""Explore: the lines themselves, searched or as they come in, and everything around one of them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui.dashboard import charts, frame, lines, paging, query, severity, ways
from ui.dashboard.formats import count
from ui.dashboard.markup import join, tag
from ui.dashboard.timerange import Range, stamp
from ui.dashboard.view import view
from ui.shapes import Counts

server = frame.server()
ask, client = server.ask, server.client
LEVELS = [level for level in severity.ORDER if level]


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "line":
        ways.choose("line", None if ways.chosen("line") == which else which)
    elif what == "close":
        ways.choose("line", None)
    elif what == "where":
        name, _, wanted = which.partition("=")
        st.session_state["q"] = query.narrowed(st.session_state.get("q") or "", name, wanted)
    elif what == "like":
        ways.choose("template", which)
    elif what == "older":
        ways.choose("before", which)
        return
    elif what == "newest":
        ways.choose("before", None)
        return
    else:
        ways.picked(value)
    st.rerun()  # not only the list: the detail beside it too


def brushed(start_s: float, end_s: float) -> None:
    frame.set_range(start_s, end_s)
    ways.choose("before", None)
    st.rerun()


def from_start() -> None:
    ways.choose("before", None)


with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ask"):
    st.text_input(
        "Query",
        key="q",
        bind="query-params",
        label_visibility="collapsed",
        width="stretch",
        on_change=from_start,
        placeholder='Words to look for, or LogQL:  {service_name="checkout"} |= "timeout" != "retry"',
        icon=":material/search:",
    )
    st.pills(
        "Severity",
        LEVELS,
        key="level",
        bind="query-params",
        selection_mode="multi",
        label_visibility="collapsed",
        on_change=from_start,
        width="content",
    )
    st.toggle(
        "Live",
        value=True,
        key="live",
        bind="query-params",
        help="New lines come in by themselves; a chosen line or an older page pauses that.",
    )
    st.toggle("Wrap", key="wrap", bind="query-params")

typed = st.session_state.get("q") or ""
picked_levels = [level for level in st.session_state.get("level") or [] if level in LEVELS]
asked = query.asked(typed, frame.service(), picked_levels)
template = ways.chosen("template")
if not template.lstrip("-").isdigit():
    template = ""
chosen_line = ways.chosen("line")
selected = int(chosen_line) if chosen_line.isdigit() else None
after = paging.cursor(ways.chosen("before"))

if template:
    left, right = st.columns([8, 1], vertical_alignment="center")
    left.markdown(f"Only lines of pattern **{lines.short(template)}**")
    right.button("Clear", on_click=ways.choose, args=("template", None), width="stretch")


def counted() -> tuple[Range, Counts]:
    """How many lines match over the range. Raises QueryError when the query is none."""
    shown = frame.current(frame.stats())
    step = shown.step()
    shown = shown.rounded(step)
    counts = ask(
        client.counts,
        query=asked.text,
        start=stamp(shown.start),
        end=stamp(shown.end),
        step=f"{step}s",
        by="severity",
    ).result()
    return shown, counts


def volume() -> None:
    shown, counts = counted()
    series = {each["key"]: each["points"] for each in counts["series"]}
    view(
        tag(
            "section",
            charts.histogram(
                series,
                shown,
                counts["step_s"],
                zone=frame.zone(),
                height_px=72,
                alt=f"{counts['total']:,} lines match",
            ),
            tag(
                "p",
                tag("b", f"{counts['total']:,}"),
                " lines match ",
                charts.legend(series),
                cls="dw-note",
            ),
            cls="dw-panel is-flat",
        ),
        key="volume",
        brush=brushed,
    )


def listing() -> None:
    shown = frame.current(frame.stats())
    end = stamp(shown.end + 1) if after is None else str(after.ts + 1)
    answer = ask(
        client.lines,
        query=asked.text,
        start=stamp(shown.start),
        end=end,
        limit=paging.PAGE + (paging.SPARE if after else 1),
        template=template or None,
    ).result()
    found, following = paging.page(answer["lines"], after)
    if not found:
        view(
            tag(
                "div",
                tag("h4", "No line matches"),
                tag("p", "Widen the time range, drop a severity, or look for fewer words."),
                tag("button", "Back to the newest", cls="dw-act is-wide", data_pick="newest:")
                if after
                else None,
                cls="dw-empty is-small",
            ),
            key="lines",
            pick=picked,
        )
        return
    view(
        join(
            lines.rows(
                found,
                zone=frame.zone(),
                selected=selected,
                dates=shown.seconds > 86_400,
                wrap=bool(st.session_state.get("wrap")),
            ),
            tag(
                "footer",
                tag("button", "← newest", cls="dw-act is-wide", data_pick="newest:")
                if after
                else None,
                tag("button", "older →", cls="dw-act is-wide", data_pick=f"older:{following}")
                if following
                else tag("span", "that is all"),
                tag("span", f"{count(len(found))} lines in {answer['stats']['ms']:.0f} ms"),
                cls="dw-foot",
            ),
        ),
        key="lines",
        pick=picked,
    )


def beside(line_id: int) -> None:
    """One line in detail, with what stood around it."""
    answer = ask(client.lines, ids=str(line_id), limit=1).result()["lines"]
    if not answer:
        view(
            tag("div", tag("p", "This line is no longer stored."), cls="dw-empty is-small"),
            key="detail",
            pick=picked,
        )
        return
    line = answer[0]
    around = ask(client.context, line_id, before=20, after=20).result()["lines"]
    view(
        join(
            lines.detail(line, zone=frame.zone()),
            tag("h4", "Around it ", tag("em", "same source"), cls="dw-head"),
            tag(
                "div",
                lines.rows(around, zone=frame.zone(), selected=line_id, chips=False, wrap=True),
                cls="dw-context",
                data_center=True,
            ),
        ),
        key="detail",
        pick=picked,
    )


try:
    counted()
except QueryError as error:
    at = error.at - asked.shift if error.query else None
    view(query.underlined(typed, error.message, at), key="mistake")
    st.stop()
except (ServerError, ServerUnreachable):
    pass  # said in the place of what it concerns

paused = not st.session_state.get("live") or selected is not None or after is not None
every_s = None if paused else frame.current(frame.stats()).refresh_s
if not template:  # roll-ups count per template only the largest ones
    frame.live(volume, every_s)
if selected is None:
    frame.live(listing, every_s)
else:
    listed, detailed = st.columns([1.25, 1], gap="xsmall")
    with listed:
        frame.guarded(listing)
    with detailed:
        frame.guarded(partial(beside, selected))
