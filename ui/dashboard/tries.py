"""Queries to start from, made of a service that there is: shown where the one that was typed is none."""

from __future__ import annotations

import streamlit as st

from driftwood.errors import ServerError, ServerUnreachable
from ui.dashboard import bar, frame
from ui.dashboard.markup import Html, tag
from ui.dashboard.view import view


def queries(of: str) -> list[tuple[str, str]]:
    """(LogQL, what it says) over the streams that the selector `of` names."""
    return [
        (f'{of} |= "timeout"', "lines with a text"),
        (f"{of} | json | status >= 500", "lines by a field of theirs"),
        (f"sum by (level) (count_over_time({of}[1m]))", "lines a minute by level"),
        (
            'topk(5, sum by (service_name) (rate({service_name=~".+"}[5m])))',
            "the loudest services",
        ),
        (
            f"quantile_over_time(0.99, {of} | logfmt | unwrap duration(took) [5m]) by (level)",
            "a percentile of a duration",
        ),
    ]


def tries(of: str) -> Html:
    rows = [
        tag("li", tag("code", text), tag("small", says), data_pick=f"try:{text}", tabindex=0)
        for text, says in queries(of)
    ]
    return tag(
        "div",
        tag("h4", "Queries to start from", tag("em", "a click asks one")),
        tag("ul", rows, cls="dw-tries"),
        cls="dw-panel",
    )


def show() -> None:
    server = frame.server()
    try:
        found = server.ask(server.client.services).result()["services"]
    except (ServerError, ServerUnreachable):
        found = []
    named = [each["service"] for each in found if each["service"]]
    of = frame.selector_of(frame.service() or (named or ["api"])[0])
    view(tries(of), key="tries", pick=picked)


def picked(value: str) -> None:
    bar.ask_for(value.removeprefix("try:"))
    st.rerun()
