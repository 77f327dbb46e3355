"""The query bar on the page: what it completes, what it finds wrong, and where the query stands in the URL."""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui.dashboard import editor, frame, ways
from ui.dashboard.editor import Mistake, Need, Values, mistake
from ui.dashboard.query import Asked, asked
from ui.dashboard.timerange import stamp
from ui.shapes import Parsed

KEY = "bar"
QUERY = "q"
_PLACE = re.compile(r"^parse error (?:at line \d+, col \d+)?\s*: (?:syntax error: )?")
VALUES = 300
"""Of a label that are sent to the browser at once."""


def query() -> str:
    """The query of the URL; that of the last visit to this page, where the URL names none."""
    named = st.query_params.get(QUERY)
    if named is not None:
        st.session_state[QUERY] = named
    elif st.session_state.get(QUERY):
        st.query_params[QUERY] = st.session_state[QUERY]
    return str(st.session_state.get(QUERY) or "")


def ask_for(text: str) -> None:
    """Make `text` the query, in the URL and from the newest on. For callbacks."""
    st.session_state[QUERY] = text
    ways.choose(QUERY, text)
    for open_ in ("before", "line", "series"):
        ways.choose(open_, None)


def parsed(wanted: Asked) -> Parsed | None:
    """What the server's parser says; None for words, which are always right, and while no server answers."""
    if wanted.words or not wanted.text:
        return None
    server = frame.server()
    try:
        return server.ask(server.client.parse, wanted.text).result()
    except (ServerError, ServerUnreachable):
        return None


def bar(narrow: Callable[[str], Asked] = asked) -> None:
    """The bar; `narrow` makes of what is typed what would be asked."""
    shown = query()
    texts = dict.fromkeys([shown, editor.typed(KEY) or shown])

    def run(text: str) -> None:
        ask_for(text)
        st.rerun()

    editor.editor(
        shown,
        key=KEY,
        run=run,
        wrong=[each for text in texts if (each := _wrong(text, narrow(text)))],
        labels=_labels(),
        values=_values(editor.need(KEY)),
    )


def _wrong(text: str, wanted: Asked) -> Mistake | None:
    told = parsed(wanted)
    if told is None or told["ok"]:
        return None
    # The place is underlined, so it need not be told.
    error = _PLACE.sub("", told["error"])
    return mistake(text, wanted.typed(told["at"]), error, told["hint"])


def _span() -> tuple[str, str]:
    """The range of the page, in whole minutes, so that answers can be shared."""
    shown = frame.current(frame.stats()).rounded(60)
    return stamp(shown.start), stamp(shown.end)


def _labels() -> list[str]:
    server = frame.server()
    try:
        start, end = _span()
        return server.ask(server.client.label_names, start=start, end=end).result()
    except (QueryError, ServerError, ServerUnreachable):
        return []


def _values(need: Need | None) -> dict[Need, Values]:
    if need is None:
        return {}
    if not need.label:
        return {need: Values(_fields(need.selector))}
    found = _values_of(need.label, need.selector)
    if not found and need.selector:  # what is typed of the selector may be none yet
        found = _values_of(need.label, "")
    kept = {}
    for each in (need._replace(prefix=""), need):  # the first says that there are more
        fitting = [value for value in found if each.prefix.lower() in value.lower()]
        kept[each] = Values(fitting[:VALUES], len(fitting) > VALUES)
    return kept


def _values_of(label: str, selector: str) -> list[str]:
    server = frame.server()
    try:
        start, end = _span()
        return server.ask(
            server.client.values_of_label, label, selector or None, start=start, end=end
        ).result()
    except (QueryError, ServerError, ServerUnreachable):
        return []


def _fields(selector: str) -> list[str]:
    server = frame.server()
    try:
        start, end = _span()
        found = server.ask(server.client.detected_fields, selector, start=start, end=end).result()
    except (QueryError, ServerError, ServerUnreachable):
        return []
    return sorted(each["label"] for each in found)
