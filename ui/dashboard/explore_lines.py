"""Explore, where the query is about lines: how many over time, the list, and everything around one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from ui.dashboard import bar, charts, frame, lines, paging, query, ways
from ui.dashboard.formats import count
from ui.dashboard.markup import join, tag
from ui.dashboard.paging import Cursor
from ui.dashboard.timerange import Range, stamp
from ui.dashboard.view import view
from ui.shapes import Counts, Line


@dataclass(frozen=True, slots=True)
class Looked:
    """What is looked at: the query's lines, perhaps only of one template, an older page of them, or one in detail."""

    query: str
    template: str = ""
    after: Cursor | None = None
    line: int | None = None

    @classmethod
    def at(cls, text: str) -> Looked:
        """As the URL says; what is no id there is none."""
        template, line = ways.chosen("template"), ways.chosen("line")
        return cls(
            text,
            template if template.lstrip("-").isdigit() else "",
            paging.cursor(ways.chosen("before")),
            int(line) if line.isdigit() else None,
        )


def show(looked: Looked) -> None:
    """The whole of it, refreshed while lines come in and nothing is open."""
    if looked.template:
        left, right = st.columns([8, 1], vertical_alignment="center")
        left.markdown(f"Only lines of pattern **{lines.short(looked.template)}**")
        right.button("Clear", on_click=ways.choose, args=("template", None), width="stretch")
    still = looked.line is not None or looked.after is not None
    every_s = None if still else frame.refresh_s()
    if not looked.template:  # roll-ups count per template only the largest ones
        frame.live(partial(volume, looked), every_s)
    if looked.line is None:
        frame.live(partial(listing, looked), every_s)
        return
    listed, detailed = st.columns([1.25, 1], gap="xsmall")
    with listed:
        frame.guarded(partial(listing, looked))
    with detailed:
        frame.guarded(partial(beside, looked, looked.line))


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "line":
        ways.choose("line", None if ways.chosen("line") == which else which)
    elif what == "close":
        ways.choose("line", None)
    elif what == "where":
        name, _, wanted = which.partition("=")
        bar.ask_for(query.narrowed(bar.query(), name, wanted))
    elif what == "filter":
        name, _, wanted = which.partition("=")
        bar.ask_for(query.filtered(bar.query(), name, wanted))
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


def counted(text: str) -> tuple[Range, Counts]:
    """How many lines match over the range. Raises QueryError when the query is none."""
    server = frame.server()
    shown = frame.current(frame.stats())
    step = shown.step()
    shown = shown.rounded(step)
    counts = server.ask(
        server.client.counts,
        query=text,
        start=stamp(shown.start),
        end=stamp(shown.end),
        step=f"{step}s",
        by="severity",
    ).result()
    return shown, counts


def volume(looked: Looked) -> None:
    shown, counts = counted(looked.query)
    series = {each["key"]: each["points"] for each in counts["series"]}
    alt = f"{counts['total']:,} lines match"
    chart = charts.histogram(
        series, shown, counts["step_s"], zone=frame.zone(), height_px=72, alt=alt
    )
    note = tag(
        "p",
        tag("b", f"{counts['total']:,}"),
        " lines match ",
        charts.legend(series),
        cls="dw-note",
    )
    view(tag("section", chart, note, cls="dw-panel is-flat"), key="volume", brush=brushed)


def listed(looked: Looked) -> tuple[list[Line], Cursor | None, float]:
    """The page of lines, where the next one starts, and the ms that it took."""
    server, after = frame.server(), looked.after
    shown = frame.current(frame.stats())
    answer = server.ask(
        server.client.lines,
        looked.query,
        start=stamp(shown.start),
        end=stamp(shown.end + 1) if after is None else str(after.ts + 1),
        limit=paging.PAGE + (paging.SPARE if after else 1),
        template=looked.template or None,
    ).result()
    return *paging.page(answer["lines"], after), answer["stats"]["ms"]


def listing(looked: Looked) -> None:
    found, following, ms = listed(looked)
    newest = tag("button", "← newest", cls="dw-act is-wide", data_pick="newest:")
    if not found:
        told = tag(
            "div",
            tag("h4", "No line matches"),
            tag("p", "Widen the time range, drop a severity, or look for fewer words."),
            newest if looked.after else None,
            cls="dw-empty is-small",
        )
        view(told, key="lines", pick=picked)
        return
    rows = lines.rows(
        found,
        zone=frame.zone(),
        selected=looked.line,
        dates=frame.current(frame.stats()).seconds > 86_400,
        wrap=bool(st.session_state.get("wrap")),
        extracted=bool(st.session_state.get("fields")),
    )
    foot = tag(
        "footer",
        newest if looked.after else None,
        tag("button", "older →", cls="dw-act is-wide", data_pick=f"older:{following}")
        if following
        else tag("span", "that is all"),
        tag("span", f"{count(len(found))} lines in {ms:.0f} ms"),
        cls="dw-foot",
    )
    view(join(rows, foot), key="lines", pick=picked)


def beside(looked: Looked, line_id: int) -> None:
    """One line in detail, with what stood around it."""
    server = frame.server()
    answer = server.ask(server.client.lines, ids=str(line_id), limit=1).result()["lines"]
    if not answer:
        gone = tag("div", tag("p", "This line is no longer stored."), cls="dw-empty is-small")
        view(gone, key="detail", pick=picked)
        return
    # As the query's stages left it, if it is among what is listed.
    staged = (each for each in listed(looked)[0] if each["line_id"] == line_id)
    line = next((each for each in staged if "parsed" in each), answer[0])
    around = server.ask(server.client.context, line_id, before=20, after=20).result()["lines"]
    context = tag(
        "div",
        lines.rows(around, zone=frame.zone(), selected=line_id, chips=False, wrap=True),
        cls="dw-context",
        data_center=True,
    )
    view(
        join(
            lines.detail(line, stored=answer[0], zone=frame.zone()),
            tag("h4", "Around it ", tag("em", "same source"), cls="dw-head"),
            context,
        ),
        key="detail",
        pick=picked,
    )
