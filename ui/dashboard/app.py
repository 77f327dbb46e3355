"""The dashboard's entry: look, navigation, and the frame around the page that is shown."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from driftwood.errors import ServerError, ServerUnreachable
from ui.dashboard import frame, notices, ways
from ui.dashboard.view import STYLE

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Driftwood",
    page_icon=str(HERE / "mark.svg"),
    layout="wide",
    initial_sidebar_state=208,
)
st.html(STYLE)
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "mark.svg"), size="large")

PAGES = {
    "Watch": [
        st.Page(
            "app_pages/overview.py",
            title="Overview",
            icon=":material/water:",
            default=True,
            help="Is everything as usual? Rates, errors, what changed, which service.",
        ),
        st.Page(
            "app_pages/explore.py",
            title="Explore",
            icon=":material/search:",
            help="Read and search the lines themselves, live or of any time.",
        ),
    ],
    "Investigate": [
        st.Page(
            "app_pages/patterns.py",
            title="Patterns",
            icon=":material/category:",
            help="The templates behind the lines: most frequent, new, rising, vanished, rare.",
        ),
        st.Page(
            "app_pages/anomalies.py",
            title="Anomalies",
            icon=":material/crisis_alert:",
            help="What drifted from normal, why, on which lines; judge it here.",
        ),
    ],
    "Compare": [
        st.Page(
            "app_pages/benchmarks.py",
            title="Benchmarks",
            icon=":material/leaderboard:",
            help="How good parsers and detectors are, as measured by `driftwood bench`.",
        ),
    ],
    "Operate": [
        st.Page(
            "app_pages/system.py",
            title="System",
            icon=":material/monitor_heart:",
            help="Driftwood itself: lag, queue, store, detectors, dead letters, settings.",
        ),
    ],
}

# Pages that are not about lines: they need none, and no range. (A string here would be shown on every page.)
LINELESS = ("System", "Benchmarks")

page = st.navigation(PAGES)
ways.follow()

try:
    known = frame.stats()
    server = frame.server()
    found = server.ask(server.client.services).result()["services"]
except ServerUnreachable as error:
    notices.away(error)
    st.stop()
except ServerError as error:
    st.error(str(error), title="The server refused", icon=":material/error:")
    st.stop()

with st.sidebar:
    frame.live(notices.heartbeat, 2.0)
with st.container(gap=10):
    frame.controls(
        page.title,
        [each["service"] for each in found if each["service"]],
        ranged=page.title not in LINELESS,
    )
    frame.live(lambda: notices.banners(frame.stats()), 5.0)
    if known["lines_total"] or page.title in LINELESS:
        page.run()
    else:
        frame.live(notices.wait_for_lines, 2.0)
