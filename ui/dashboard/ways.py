"""The ways between pages, and what is open on one: all of it in the URL, so that every view is a link."""

from __future__ import annotations

import streamlit as st

from ui.dashboard.frame import ALL

PAGES = {
    name: f"app_pages/{name}.py"
    for name in ("overview", "explore", "patterns", "anomalies", "system")
}
GOING = "going"
SHARED = ("range", "from", "to", "service", "zone")
"""Query parameters of the frame's widgets: they go along from page to page."""
CHOSEN = ("line", "template", "anomaly", "letter", "before", "series")
"""Query parameters of what is open on a page; no widget holds them."""
FRESH: dict[str, dict[str, str | list[str]]] = {
    "explore": {"q": "", "level": []},
    "patterns": {"search": ""},
}
"""What an earlier visit may have left in a page's widgets and a link must not be narrowed by."""


def go(page: str, **params: str | list[str]) -> None:
    """Open another page with the same range and service, and `params` in its URL. For callbacks."""
    st.session_state[GOING] = (page, params)
    st.rerun()


def follow() -> None:
    """Go where `go` said; only after the navigation is known can a page be switched."""
    if GOING not in st.session_state:
        return
    page, params = st.session_state.pop(GOING)
    for name, value in (FRESH.get(page, {}) | params).items():
        if name not in CHOSEN:
            st.session_state[name] = value
    # Widgets of the frame keep their own parameters; naming one of them here is refused.
    st.switch_page(PAGES[page], query_params={k: v for k, v in params.items() if k not in SHARED})


def picked(value: str) -> None:
    """What a click means on every page: `line:`, `template:`, `anomaly:`, `like:`, `service:`, `go:`."""
    what, _, which = value.partition(":")
    if what == "line":
        go("explore", line=which)
    elif what == "template":
        go("patterns", template=which)
    elif what == "like":
        go("explore", template=which)
    elif what == "anomaly":
        go("anomalies", anomaly=which)
    elif what == "service":
        go("explore", service=which or ALL)
    elif what == "go":
        page, _, rest = which.partition("?")
        if page == "explore" and rest:
            go(page, level=rest.split("+"))
        elif page == "patterns" and rest:
            go(page, tab=rest)
        else:
            go(page)


def chosen(name: str) -> str:
    """The id in the URL of what is open on this page, "" for none."""
    return st.query_params.get(name, "")


def choose(name: str, value: str | None) -> None:
    """Open or close something on this page, in the URL."""
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
