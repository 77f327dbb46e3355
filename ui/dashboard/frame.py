"""What stands around every page: range and service in the URL, live refreshing, ways between pages, trouble."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui.client import Client
from ui.dashboard import timerange
from ui.dashboard.formats import ago, count, date_clock, seconds, span
from ui.dashboard.markup import Html, join, tag
from ui.dashboard.query import asked
from ui.dashboard.server import URL, Server
from ui.dashboard.timerange import CHIPS, CUSTOM, DEFAULT, Range
from ui.dashboard.view import view
from ui.shapes import Stats

PAGES = {
    name: f"app_pages/{name}.py"
    for name in ("overview", "explore", "patterns", "anomalies", "system")
}
SHARED = ("range", "from", "to", "service", "zone")
"""Query parameters that go along from page to page."""

LATE_S = 60.0


def url() -> str:
    return os.environ.get("DRIFTWOOD_URL", URL)


@st.cache_resource(show_spinner=False)
def _server(address: str) -> Server:
    return Server(Client(address))


def server() -> Server:
    """The server of this process, one client for all sessions."""
    return _server(url())


def stats() -> Stats:
    """What the server says of itself, at most a moment old. Raises ServerUnreachable."""
    return server().ask(server().client.stats).result()


def zone() -> tzinfo:
    """UTC, or the browser's time zone when that was chosen."""
    if st.session_state.get("zone") != "local":
        return UTC
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def service() -> str:
    return st.session_state.get("service") or ""


def selector() -> str:
    """The LogQL of the service that the frame says; "" for all."""
    return selector_of(service())


def selector_of(service: str) -> str:
    """The LogQL of one service."""
    return asked("", service).text


def wait_for_lines() -> None:
    """Show how to send lines until there are some."""
    if stats()["lines_total"]:
        st.rerun()
    nothing_yet()


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
    st.session_state["from"] = timerange.short(start_s)
    st.session_state["to"] = timerange.short(max(end_s, start_s + 1) + 0.999)


def controls(title: str, services: list[str], *, ranged: bool) -> None:
    """The title, the chips of time, the service, the clock; all of it in the URL."""
    with st.container(horizontal=True, vertical_alignment="center", key="frame", gap="small"):
        st.markdown(f"## {title}", width="stretch", anchors=False)
        if ranged:
            st.segmented_control(
                "Time range",
                [*CHIPS, CUSTOM],
                default=DEFAULT,
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
            picked = service()
            options = ["", *services, *([picked] if picked and picked not in services else [])]
            st.selectbox(
                "Service",
                options,
                key="service",
                bind="query-params",
                width=170,
                format_func=lambda name: name or "All services",
                label_visibility="collapsed",
            )
        st.segmented_control(
            "Clock",
            ["utc", "local"],
            default="utc",
            key="zone",
            bind="query-params",
            format_func=str.upper,
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


def go(page: str, **params: str | None) -> None:
    """Open another page with the same range and service, and `params` in its URL. For callbacks."""
    state = st.session_state
    shared = {name: str(state[name]) for name in SHARED if state.get(name)}
    merged = shared | {name: value for name, value in params.items() if value}
    dropped = {name for name, value in params.items() if value is None}
    st.switch_page(PAGES[page], query_params={k: v for k, v in merged.items() if k not in dropped})


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
        go("explore", service=which)
    elif what == "go":
        page, _, severity = which.partition("?")
        go(page, level=severity or None)


def chosen(name: str) -> str:
    """The id in the URL of what is open on this page, "" for none."""
    return st.query_params.get(name, "")


def choose(name: str, value: str | None) -> None:
    """Open or close something on this page, in the URL."""
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


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


def away(error: ServerUnreachable) -> None:
    """The page that stands while no server answers: what to do, and a look every two seconds."""
    address = url()
    view(
        tag(
            "div",
            tag("h2", "No server answers"),
            tag(
                "p",
                "The dashboard shows what ",
                tag("code", "driftwood serve"),
                " knows, and nobody is at ",
                tag("code", address),
                ".",
            ),
            tag("p", "Start it:"),
            command(f"driftwood serve --data var --listen {address.split('://')[-1]}"),
            tag("p", "or point the dashboard at another one:"),
            command("driftwood dashboard --url http://HOST:3100"),
            tag(
                "p",
                tag("i", cls="dot warn"),
                "Trying again every two seconds. ",
                tag("small", str(error)),
            ),
            cls="dw-empty",
        ),
        key="away",
    )

    @st.fragment(run_every=2.0)
    def retry() -> None:
        try:
            stats()
        except ServerUnreachable:
            return
        st.rerun()

    retry()


def command(line: str) -> Html:
    """A command line that can be copied."""
    return tag(
        "pre",
        tag("span", line),
        tag("button", "copy", cls="dw-act", data_copy=line),
        cls="dw-command",
    )


def nothing_yet() -> None:
    """The page of a store without a line: how to send some."""
    address = url()
    view(
        tag(
            "div",
            tag("h2", "Ready, and no line yet"),
            tag("p", "Send something; it is on this page a second later."),
            tag("h4", "A small shop that misbehaves, to look around"),
            command(f"driftwood serve --data var --demo --listen {address.split('://')[-1]}"),
            tag("h4", "Log files, once"),
            command("driftwood ingest /var/log --data var"),
            tag("h4", "A Kafka topic, from its beginning and on"),
            command("driftwood serve --data var --kafka HOST:9092 --topics logs"),
            tag("p", tag("i", cls="dot good"), f"The server at {address} is ready.", cls="dw-hint"),
            cls="dw-empty",
        ),
        key="nothing_yet",
    )


def banners(known: Stats) -> None:
    """What must be known before anything on the page is believed: a full disk, paused intake, lag."""
    said: list[Html] = []
    if known["banner"]:
        said.append(_banner("bad", "Ingestion", known["banner"]))
    elif known["queue"]["paused"]:
        said.append(
            _banner(
                "warn",
                "Catching up",
                f"{count(known['queue']['rows'])} lines wait; sources pause until they are stored.",
            )
        )
    late = max((row["lag_seconds"] or 0.0 for row in known["sources"]), default=0.0)
    if late > LATE_S:
        behind = sum(row["lag"] or 0 for row in known["sources"])
        rest = f", {count(behind)} lines to go" if behind else ""
        said.append(
            _banner("warn", "Behind", f"What you see is {span(late)} old{rest}. Nothing is lost.")
        )
    if said:
        view(join(*said), key="banners")


def _banner(tone: str, title: str, text: str) -> Html:
    return tag(
        "div",
        tag("i", cls=f"dot {tone}"),
        tag("b", title),
        tag("span", text),
        cls=f"dw-banner {tone}",
        role="status",
    )


def pulse(known: Stats) -> Html:
    """The server's state in the corner of every page."""
    newest = seconds(known["newest"])
    late = max((row["lag_seconds"] or 0.0 for row in known["sources"]), default=0.0)
    state = (
        "bad"
        if known["banner"]
        else "warn"
        if known["queue"]["paused"] or late > LATE_S
        else "good"
    )
    rows = [
        (
            "lines/s",
            count(
                round(known["lines_per_s"], 1)
                if known["lines_per_s"] < 10
                else known["lines_per_s"]
            ),
        ),
        ("behind", span(late)),
        ("open anomalies", count(known["anomalies_open"])),
        ("stored", count(known["lines_total"])),
    ]
    age = ago(newest, time.time()) if newest else "no line yet"
    return tag(
        "div",
        tag(
            "p",
            tag("i", cls=f"dot {state} is-beating"),
            "newest line ",
            tag("b", age),
            title=date_clock(newest) if newest else None,
        ),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows]),
        tag("small", f"Driftwood {known['version']}"),
        cls="dw-pulse",
    )
