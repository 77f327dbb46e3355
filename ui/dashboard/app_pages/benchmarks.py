"""Benchmarks: how good parsers and detectors are, from the rows that `driftwood bench ... --url` posted."""

from __future__ import annotations

import streamlit as st

from ui.board import Board
from ui.dashboard import frame, leaderboard, ways
from ui.dashboard.markup import join, tag
from ui.dashboard.view import view

server = frame.server()
FILTERS = {"bench": "Benchmark", "data": "Data", "protocol": "Protocol"}


def picked(value: str) -> None:
    what, _, which = value.partition(":")
    if what == "sort":
        ways.choose("sort", which)
    st.rerun()


def page() -> None:
    boards = server.ask(server.client.boards).result()["boards"]
    if not boards:
        view(leaderboard.empty(), key="empty")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choose"):
        for name, label in FILTERS.items():
            options = leaderboard.choices(boards, name)
            # A link may name what is not there, and another benchmark has other data sets.
            if st.session_state.get(name) not in options:
                st.session_state[name] = options[0]
            chosen = st.selectbox(
                label,
                options,
                key=name,
                bind="query-params",
                label_visibility="collapsed",
                width=220,
            )
            boards = [each for each in boards if each[name] == chosen]  # type: ignore[literal-required]
    (shown,) = boards
    rows = server.ask(
        server.client.results, shown["bench"], shown["data"], shown["protocol"]
    ).result()["results"]
    board = Board.of(rows)
    by = board.sorted_by(ways.chosen("sort"))
    newest = max((row.get("at") or "" for row in rows), default="")
    device = rows[0].get("device") or ""
    view(
        join(
            tag("section", leaderboard.table(board, by), cls="dw-panel is-table"),
            tag(
                "p",
                f"{len(board.cells)} subjects by {by}; the best of a column is bold. Newest {newest}, {device}",
                cls="dw-note",
            ),
        ),
        key="board",
        pick=picked,
    )


frame.guarded(page)
