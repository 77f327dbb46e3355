"""What must be said about the server itself: it is away, empty, full, late, or well."""

from __future__ import annotations

import time

import streamlit as st

from driftwood.errors import ServerUnreachable
from ui.dashboard.formats import ago, count, date_clock, seconds, span
from ui.dashboard.frame import history, stats, url
from ui.dashboard.glance import LATE_S
from ui.dashboard.markup import Html, join, tag
from ui.dashboard.view import view
from ui.shapes import Stats


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


def wait_for_lines() -> None:
    """Show how to send lines until there are some."""
    if stats()["lines_total"]:
        st.rerun()
    nothing_yet()


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
    age = join("newest line ", tag("b", ago(newest, time.time()))) if newest else "no line yet"
    return tag(
        "div",
        tag(
            "p",
            tag("i", cls=f"dot {state} is-beating"),
            age,
            title=date_clock(newest) if newest else None,
        ),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows]),
        tag("small", f"Driftwood {known['version']}"),
        cls="dw-pulse",
    )


def heartbeat() -> None:
    """The corner of every page, and the memory of what it showed."""
    known = stats()
    history().add(known)
    view(pulse(known), key="pulse")
