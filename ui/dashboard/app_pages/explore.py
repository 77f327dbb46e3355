"""Explore: the lines themselves, searched or as they come in; and whatever LogQL makes numbers of."""

from __future__ import annotations

import streamlit as st

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui.dashboard import (
    bar,
    explained,
    explore_lines,
    explore_numbers,
    frame,
    query,
    severity,
    tries,
    ways,
)
from ui.dashboard.explore_lines import Looked
from ui.dashboard.query import Asked
from ui.dashboard.view import view

LEVELS = [level for level in severity.ORDER if level]


def narrow(typed: str) -> Asked:
    levels = [level for level in st.session_state.get("level") or [] if level in LEVELS]
    return query.asked(typed, frame.matcher(frame.service()), levels)


def from_start() -> None:
    ways.choose("before", None)


frame.live(lambda: bar.bar(narrow), None)
asked = narrow(bar.query())
told = bar.parsed(asked)
numbers = told is not None and told["kind"] == "metric"

with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ask"):
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="stretch"):
        if numbers:
            explore_numbers.controls()
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
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        if told is not None and told["ok"]:
            st.toggle(
                "Plan",
                key="plan",
                bind="query-params",
                help="Show how the query is answered, and what the database is asked.",
            )
        if not numbers:
            st.toggle(
                "Fields",
                key="fields",
                bind="query-params",
                help="Show the labels that the query extracts below each line.",
            )
            st.toggle("Wrap", key="wrap", bind="query-params")
        st.toggle(
            "Live",
            value=True,
            key="live",
            bind="query-params",
            help="What is new comes in by itself; a chosen line or an older page pauses that.",
        )

if told is not None and told["ok"] and st.session_state.get("plan"):
    frame.guarded(lambda: explained.show(asked.text, numbers=numbers))
if told is not None and not told["ok"]:  # the bar says what
    tries.show()
elif numbers:
    explore_numbers.show(asked.text)
else:
    try:
        explore_lines.counted(asked.text)
    except QueryError as error:  # found out only when it is asked
        view(query.refused(error.message), key="mistake")
        st.stop()
    except (ServerError, ServerUnreachable):
        pass  # said in the place of what it concerns
    explore_lines.show(Looked.at(asked.text))
