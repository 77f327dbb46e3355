"""What every page stands in: the server, the range and service of the URL, live refreshing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.errors import StreamlitAPIException

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui.client import Client
from ui.dashboard import query, timerange
from ui.dashboard.formats import seconds
from ui.dashboard.history import History
from ui.dashboard.markup import tag
from ui.dashboard.server import URL, Server
from ui.dashboard.timerange import CHIPS, CUSTOM, DEFAULT, Range
from ui.shapes import Stats

ALL = "All services"
LOCAL = "Local"


def url() -> str:
    return os.environ.get("DRIFTWOOD_URL", URL)


@st.cache_resource(show_spinner=False, on_release=Server.close)
def _server(address: str) -> Server:
    return Server(Client(address))


def server() -> Server:
    """The server of this process, one client for all sessions."""
    return _server(url())


def stats() -> Stats:
    """What the server says of itself, at most a moment old. Raises ServerUnreachable."""
    return server().ask(server().client.stats).result()


@st.cache_resource(show_spinner=False)
def _history(address: str) -> History:
    return History()


def history() -> History:
    """The server's own numbers of the last minutes."""
    return _history(url())


def zone() -> tzinfo:
    """UTC, or the browser's time zone when that was chosen."""
    if st.session_state.get("zone") != LOCAL:
        return UTC
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def service() -> str:
    name: str = st.session_state.get("service") or ALL
    return "" if name == ALL else name


def matcher(service: str) -> str:
    """What of a selector names a service, by the label that says it; "" for all. Raises ServerUnreachable."""
    if not service:
        return ""
    known = server().ask(server().client.services).result()["services"]
    labels = [each["label"] for each in known if each["service"] == service]
    return query.matcher(next(filter(None, labels), "service_name"), service)


def selector() -> str:
    """The LogQL of the service that the frame says; "" for all."""
    return selector_of(service())


def selector_of(service: str) -> str:
    """The LogQL of one service."""
    return query.asked("", matcher(service)).text


def now_s(known: Stats) -> float:
    """The time that ages are told from: the newest line's, where lines stopped coming long ago."""
    return timerange.anchor(seconds(known["newest"]), time.time())


def current(known: Stats) -> Range:
    """The range that the frame's widgets say; the default where a custom one cannot be read (`controls` says so)."""
    state = st.session_state
    try:
        return timerange.chosen(
            state.get("range"), state.get("from") or "", state.get("to") or "", now_s(known)
        )
    except ValueError:
        return timerange.chosen(DEFAULT, "", "", now_s(known))


def set_range(start_s: float, end_s: float) -> None:
    """Show a stretch of time that was dragged out or follows from what was clicked. For callbacks."""
    st.session_state["range"] = CUSTOM
    for name, at_s in (("from", start_s), ("to", max(end_s, start_s + 1) + 0.999)):
        st.session_state[name] = timerange.short(at_s)
        # Streamlit writes a widget's value into the URL once the widget is there, and refuses it to others then.
        with suppress(StreamlitAPIException):
            st.query_params[name] = timerange.short(at_s)


def brushed(start_s: float, end_s: float) -> None:
    """A stretch was dragged out of a chart: show it. For callbacks."""
    set_range(start_s, end_s)
    st.rerun()  # the whole page, not only the chart's part


def controls(title: str, services: list[str], *, ranged: bool) -> None:
    """The title, the chips of time, the service, the clock; all of it in the URL."""
    with st.container(horizontal=True, vertical_alignment="center", key="frame", gap="small"):
        st.html(tag("h1", title, cls="dw-title"))
        if ranged:
            st.session_state.setdefault("range", DEFAULT)
            st.segmented_control(
                "Time range",
                [*CHIPS, CUSTOM],
                key="range",
                bind="query-params",
                label_visibility="collapsed",
                width="content",
            )
            if st.session_state.get("range") == CUSTOM:
                for name, hint in (("from", "-1h"), ("to", "now")):
                    st.text_input(
                        name,
                        key=name,
                        bind="query-params",
                        placeholder=f"{name} {hint}",
                        label_visibility="collapsed",
                        width=176,
                    )
            # A link may name a service that says nothing just now; it must still be one of the options.
            linked = st.query_params.get("service", ALL)
            st.selectbox(
                "Service",
                list(dict.fromkeys([ALL, *services, linked])),
                key="service",
                bind="query-params",
                width=170,
                label_visibility="collapsed",
            )
        # The words of the options are what stands in the URL, so no format_func here or elsewhere.
        st.segmented_control(
            "Clock",
            ["UTC", LOCAL],
            default="UTC",
            key="zone",
            bind="query-params",
            label_visibility="collapsed",
            width="content",
        )
    if ranged and st.session_state.get("range") == CUSTOM:
        try:
            timerange.chosen(
                CUSTOM,
                st.session_state.get("from") or "",
                st.session_state.get("to") or "",
                time.time(),
            )
        except ValueError as error:
            st.warning(
                f"{error}. Shown is the last hour of the newest lines.", icon=":material/schedule:"
            )


def refresh_s() -> float | None:
    """How often what is live on this page is asked again; None while that is switched off."""
    return current(stats()).refresh_s if st.session_state.get("live", True) else None


def live(body: Callable[[], None], every_s: float | None) -> None:
    """Run `body` now and every so often; trouble of one run is shown in its place, and the next one tries again."""
    st.fragment(run_every=every_s)(lambda: guarded(body))()


def guarded(body: Callable[[], None]) -> None:
    """Run `body`; what the server refuses is said in its place."""
    try:
        body()
    except ServerUnreachable:
        st.html(tag("p", "The server went away; this part waits for it.", cls="dw-hint"))
    except QueryError as error:
        st.error(error.message, icon=":material/error:")
    except ServerError as error:
        st.error(str(error), icon=":material/error:")
