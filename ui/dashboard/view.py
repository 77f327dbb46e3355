"""The one custom element: shows HTML of ours and tells what was picked in it.

`view.js` gives the HTML its behaviour, by attributes: `data-pick="VALUE"` is a row or mark that can be clicked (and
reached with j/k or the arrows), `data-tip` shows a note on hovering, `data-tips` one per bar or step of a chart (a
text, or a title with [class of the colour, value, name] of each series), `data-brush="START,END"` lets a stretch of
time be dragged out, `data-copy` copies its value, `data-center` scrolls to the row that is on, `data-scroll` keeps its
place when the HTML changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from ui.dashboard.markup import Html

HERE = Path(__file__).parent
STYLE = HERE / "style.css"

Pick = Callable[[str], None]
Brush = Callable[[float, float], None]


@st.cache_resource
def _script() -> str:
    return (HERE / "view.js").read_text("utf-8")


def _component() -> Callable[..., object]:
    return st.components.v2.component("driftwood_view", js=_script(), isolate_styles=False)


def view(body: Html, *, key: str, pick: Pick | None = None, brush: Brush | None = None) -> None:
    """Show `body`. `pick` is called with the value that was clicked, `brush` with two times in seconds."""

    def picked() -> None:
        if pick and (value := getattr(st.session_state[key], "pick", None)):
            pick(str(value))

    def brushed() -> None:
        if brush and (value := getattr(st.session_state[key], "brush", None)):
            first, _, last = str(value).partition(",")
            brush(float(first), float(last))

    _component()(key=key, data={"html": str(body)}, on_pick_change=picked, on_brush_change=brushed)
