"""Explore, where the query is about numbers: a chart with the table of its series, or the values at the end."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import streamlit as st

from driftwood.errors import QueryError
from ui import shapes
from ui.axes import short
from ui.dashboard import answers, curves, frame, query, ways
from ui.dashboard.curves import DRAWN
from ui.dashboard.formats import count, date_clock, span
from ui.dashboard.markup import Html, join, tag
from ui.dashboard.timerange import Range, stamp
from ui.dashboard.view import view
from ui.series import Series, reaching_highest, series_of

OVER_TIME, AT_THE_END = "Over time", "At the end"
AUTO = "auto"
STEPS = {"5s": 5, "15s": 15, "30s": 30, "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "1d": 86_400}
POINTS = 240
"""About so many to a series, where no step is chosen."""


def controls() -> None:
    """How it is asked, and how finely; in the URL."""
    st.session_state.setdefault("how", OVER_TIME)
    st.segmented_control(
        "How",
        [OVER_TIME, AT_THE_END],
        key="how",
        bind="query-params",
        label_visibility="collapsed",
        width="content",
    )
    if st.session_state.get("how") != AT_THE_END:
        st.selectbox(
            "Step",
            [AUTO, *STEPS],
            key="step",
            bind="query-params",
            label_visibility="collapsed",
            width=92,
            help="Time between two values.",
        )


def show(text: str) -> None:
    """The whole of it, refreshed while lines come in."""
    body = at_the_end if st.session_state.get("how") == AT_THE_END else over_time
    frame.live(partial(_explained, partial(body, text)), frame.refresh_s())


def _explained(body: partial[None]) -> None:
    try:
        body()
    except QueryError as error:
        view(query.refused(error.message, hint(error.message)), key="numbers")


def hint(message: str) -> str:
    """What to do about a query that is one and cannot be answered."""
    if "pipeline error" in message:
        return 'Some lines could not be read that way. Leave them out: | __error__="" behind the parser.'
    if "maximum" in message and "series" in message:
        return "Group by fewer labels, as in sum by (level) (...), or keep the largest with topk(10, ...)."
    return ""


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "series":
        ways.choose("series", None if ways.chosen("series") == which else which)
    else:
        ways.picked(value)


def span_and_step() -> tuple[Range, int]:
    """In whole steps, so that values stand still while they are refreshed."""
    shown = frame.current(frame.stats())
    step = STEPS.get(st.session_state.get("step") or AUTO) or max(shown.step(POINTS), 1)
    rounded = shown.rounded(step)
    if rounded.end > time.time() and rounded.seconds > step:
        # What is counted up to a moment to come is not counted to its end: the line would fall for no reason.
        return replace(rounded, end=rounded.end - step), step
    return rounded, step


def over_time(text: str) -> None:
    server = frame.server()
    shown, step = span_and_step()
    answer = server.ask(
        server.client.query_range,
        text,
        start=stamp(shown.start),
        end=stamp(shown.end),
        step=str(step),
    ).result()
    found = series_of(answer)
    if not found:
        view(_nothing(), key="numbers", pick=picked)
        return
    alone = ways.chosen("series")
    places = [i for i in reaching_highest(found, DRAWN) if alone in ("", found[i].id)]
    places = places or [i for i, each in enumerate(found) if each.id == alone]
    places = places or reaching_highest(found, DRAWN)  # a series of another time
    looks = dict(zip(reaching_highest(found, DRAWN), curves.look(_of(found)), strict=True))
    looks |= {i: "hue-0" for i in places if i not in looks}
    chart = curves.curves(
        [found[i] for i in places],
        [looks[i] for i in places],
        shown,
        step,
        zone=frame.zone(),
        alt=f"{len(found)} series, up to {short(max(each.peak for each in found))}",
    )
    body = join(
        tag("section", chart, _note(found, step), cls="dw-panel is-flat"),
        tag(
            "section",
            answers.table(found, {i: looks[i] for i in looks}, alone),
            cls="dw-panel is-table",
        ),
    )
    view(body, key="numbers", pick=picked, brush=frame.brushed)


def _of(found: list[Series]) -> list[Series]:
    return [found[i] for i in reaching_highest(found, DRAWN)]


def _note(found: list[Series], step: int) -> Html:
    drawn = f" (the {DRAWN} that reach highest are drawn)" if len(found) > DRAWN else ""
    told = f" series, a value every {span(step)}{drawn}" + (
        f"; the first {answers.LISTED} are listed" if len(found) > answers.LISTED else ""
    )
    return tag("p", tag("b", count(len(found))), told, cls="dw-note")


def at_the_end(text: str) -> None:
    server = frame.server()
    shown = frame.current(frame.stats())
    end = shown.rounded(1).end
    answer = server.ask(server.client.query, text, time=stamp(end)).result()
    body = _instant(answer)
    when = tag("p", f"at {date_clock(end, frame.zone())}", cls="dw-note")
    view(
        tag("section", body, when, cls="dw-panel is-table") if body else _nothing(),
        key="numbers",
        pick=picked,
    )


def _instant(answer: shapes.LokiAnswer) -> Html | None:
    if answer["resultType"] == "scalar":
        return answers.scalar(float(answer["result"][1]))
    found = series_of(answer)
    if len(found) == 1 and not found[0].labels:
        return answers.scalar(found[0].points[0][1])
    return answers.instant(found) if found else None


def _nothing() -> Html:
    return tag(
        "div",
        tag("h4", "No series"),
        tag(
            "p",
            "No line of this time range matches, or none has the label that is unwrapped. Widen the range, or look "
            "at the lines first: take the function around the selector away.",
        ),
        cls="dw-empty is-small",
    )
