"""The dashboard in a real browser, on the stand-in shop: every page, both themes, links, feedback, hostile lines."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.ui.dashboard.shop import Shop
from tests.ui.dashboard.shop_lines import ident
from tests.ui.dashboard.shop_server import Served
from ui.dashboard.launch import command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "": ".dw-cards",
    "explore": ".dw-lines, .dw-curves",
    "patterns": ".dw-table",
    "anomalies": ".dw-inbox",
    "benchmarks": ".dw-board",
    "system": ".dw-flow",
}
# Streamlit looks for its own health page below the page's path first, and is told that it is not there.
KNOWN = re.compile(r"_stcore/(health|host-config)")


@contextmanager
def dashboard(url: str, log: Path) -> Iterator[str]:
    """The dashboard's own process at a free port; its log holds no warning at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(url, f"127.0.0.1:{port}"),
            env={**os.environ, "DRIFTWOOD_URL": url},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/_stcore/health")
        yield address
    finally:
        process.terminate()
        process.wait(10)
    said = log.read_text()
    assert not re.search(r"(?i)warning|deprecat|traceback|error", said), said


def _wait(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; apt install chromium to run the browser tests")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with Served(Shop(hostile=True)) as served:
        yield served


@pytest.fixture(scope="module")
def address(shop: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(shop.url, tmp_path_factory.mktemp("dashboard") / "streamlit.log") as url:
        yield url


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open a page of the dashboard; what its console said against it is checked at the end."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def noted(message: ConsoleMessage) -> None:
        if message.type == "error" and not KNOWN.search(message.location.get("url", "")):
            complaints.append(f"{message.text} {message.location}")

    def open_(path: str = "", theme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", noted)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/{path}")
        page.locator(PAGES[path.partition("?")[0]]).first.wait_for()
        return page

    yield open_
    for context in contexts:
        for page in context.pages:
            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert page.evaluate("window.pwned") is None, "a log line ran as a script"
        context.close()
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_without_a_complaint(
    opened: Callable[..., Page], path: str, theme: str
) -> None:
    page = opened(path, theme)
    expect(page.get_by_role("heading", level=1)).to_have_text((path or "overview").capitalize())
    expect(page.locator(".dw-pulse")).to_contain_text("lines/s")


def test_what_a_line_says_is_shown_and_not_run(opened: Callable[..., Page]) -> None:
    page = opened("explore")
    expect(
        page.locator(".dw-line code", has_text="<script>window.pwned=1</script>").first
    ).to_be_visible()
    assert page.locator(".dw img, .dw script").count() == 0


def test_a_click_on_a_line_opens_it_and_the_link_opens_it_again(
    opened: Callable[..., Page],
) -> None:
    page = opened("explore")
    page.locator(".dw-line code").nth(3).click()
    page.locator(".dw-detail").wait_for()
    expect(page).to_have_url(re.compile(r"line=\d+"))
    raw = page.locator(".dw-detail .dw-raw").inner_text()
    again = opened(page.url.partition("//")[2].partition("/")[2])
    expect(again.locator(".dw-detail .dw-raw")).to_have_text(raw)
    expect(again.locator(".dw-context .dw-line")).to_have_count(41)
    again.get_by_role("button", name="close the detail").click()
    expect(again.locator(".dw-detail")).to_have_count(0)


def test_range_and_service_go_along_from_page_to_page(opened: Callable[..., Page]) -> None:
    page = opened("?range=6h&service=payments")
    expect(page.get_by_role("radio", name="6h")).to_be_checked()
    page.locator(".dw-changes li").first.click()
    page.locator(".dw-headline").wait_for()
    expect(page).to_have_url(re.compile(r"anomalies\?.*range=6h"))
    expect(page).to_have_url(re.compile(r"service=payments"))
    page.get_by_role("link", name="Patterns").click()
    page.locator(".dw-table").wait_for()
    expect(page).to_have_url(re.compile(r"range=6h"))
    page.get_by_role("radio", name="24h").click()
    expect(page).to_have_url(re.compile(r"range=24h"))


def test_dragging_over_the_histogram_zooms(opened: Callable[..., Page]) -> None:
    page = opened("explore")
    box = page.locator("[data-brush]").first.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"range=custom"))
    expect(page).to_have_url(re.compile(r"(?=.*from=\d{4}-\d\d)(?=.*to=\d{4}-\d\d)"))
    expect(page.get_by_label("from", exact=True)).not_to_be_empty()


def test_a_verdict_with_its_note_arrives_at_the_server(
    opened: Callable[..., Page], shop: Served
) -> None:
    page = opened("anomalies")
    title = page.locator(".dw-headline h2").inner_text()
    page.get_by_label("Note").fill("pool was too small")
    page.get_by_role("button", name="Real", exact=True).last.click()
    expect(page.locator(".dw-verdicts")).to_contain_text("pool was too small")
    said = shop.shop.feedback[-1]
    assert (said["verdict"], said["note"]) == ("real", "pool was too small")
    expect(page.locator(".dw-headline h2")).to_have_text(title)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert shop.shop.feedback[-1]["verdict"] == "open"


def test_what_a_verdict_teaches_stands_beside_the_buttons(
    opened: Callable[..., Page], shop: Served
) -> None:
    shop.shop.effects = {"real": "Kept as an example of trouble.", "noise": "Learnt as normal."}
    unseen = shop.shop.anomalies[1]["id"]  # answers are remembered for some seconds
    try:
        page = opened(f"anomalies?anomaly={unseen}")
        expect(page.locator(".dw-hint", has_text="Kept as an example of trouble.")).to_be_visible()
        page.get_by_role("button", name="Noise", exact=True).last.hover()
        expect(page.get_by_role("tooltip")).to_have_text("Learnt as normal.")
    finally:
        shop.shop.effects = {}


def test_a_mistake_is_underlined_while_it_is_typed_and_gone_when_it_is_right(
    opened: Callable[..., Page],
) -> None:
    page = opened("explore")
    bar = page.get_by_label("Query")
    bar.click()
    bar.press_sequentially('{service_name="auth"} oops')
    expect(page.locator(".copy .wrong")).to_have_text("oops")
    expect(page.locator(".said")).to_contain_text("after the selector come")
    expect(bar).to_have_attribute("aria-invalid", "true")
    bar.press("Control+Backspace")
    expect(page.locator(".said")).to_be_hidden()
    bar.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"q=%7Bservice_name%3D%22auth%22%7D"))
    page.locator(".dw-lines").wait_for()


def test_a_query_is_written_with_a_few_keys(opened: Callable[..., Page]) -> None:
    page = opened("explore", "dark")
    bar, choices = page.get_by_label("Query"), page.locator(".choices")
    bar.click()
    bar.press_sequentially("sum by (le")
    expect(choices.locator(".is-on code")).to_have_text("level")
    bar.press("Enter")
    bar.press_sequentially(") (ra")
    bar.press("Tab")
    expect(bar).to_have_value("sum by (level) (rate({} [5m]))")
    bar.press_sequentially("ser")
    bar.press("Enter")
    expect(choices.locator("li code")).to_have_text(
        ["auth", "checkout", "gateway", "inventory", "payments", "search"]
    )
    bar.press("ArrowDown")
    bar.press("ArrowDown")
    bar.press("Enter")
    expect(bar).to_have_value('sum by (level) (rate({service_name="checkout"} [5m]))')
    bar.press_sequentially(", ")
    expect(choices).to_be_visible()
    bar.press("Escape")
    expect(choices).to_be_hidden()
    bar.press("Backspace")
    bar.press("Backspace")
    bar.press("Control+Enter")
    expect(page.locator(".dw-curves-plot g")).to_have_count(4)


def test_fields_of_the_lines_are_proposed_behind_a_parser(opened: Callable[..., Page]) -> None:
    page = opened("explore")
    bar = page.get_by_label("Query")
    bar.click()
    bar.press_sequentially('{service_name="payments"')
    bar.press("End")
    bar.press_sequentially(" | logfmt | lat")
    expect(page.locator(".choices li").first).to_contain_text("latency_ms")


def test_values_that_are_too_many_are_looked_for_as_they_are_typed(
    opened: Callable[..., Page],
) -> None:
    page = opened("explore")
    bar = page.get_by_label("Query")
    bar.click()
    bar.press_sequentially('{host="')
    expect(page.locator(".choices li").first).to_contain_text("auth-001")
    bar.press_sequentially("search-11")
    expect(page.locator(".choices li").first).to_contain_text("search-110")


def test_words_are_looked_for_and_enter_asks(opened: Callable[..., Page]) -> None:
    page = opened("explore")
    bar = page.get_by_label("Query")
    bar.click()
    bar.press_sequentially("rate limit")
    bar.press("Enter")
    expect(page).to_have_url(re.compile(r"q=rate\+limit"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_metric_query_shows_every_value_at_the_pointer_and_one_series_alone(
    opened: Callable[..., Page], theme: str
) -> None:
    query = quote('sum by (host) (rate({source="demo"}[5m]))')
    page = opened(f"explore?q={query}", theme)
    plot = page.locator(".dw-curves-plot")
    expect(plot.locator("g")).to_have_count(13)
    plot.hover(position={"x": 400, "y": 60})
    expect(page.locator(".dw-tip-row b").first).to_be_visible()
    page.locator(".dw-series tr", has_text="gateway-000").click()
    expect(plot.locator("g")).to_have_count(1)
    expect(page).to_have_url(re.compile("series="))
    page.get_by_role("radio", name="At the end").click()
    expect(page.locator(".dw-bar").first).to_be_visible()
    expect(page).to_have_url(re.compile("how=At"))


def test_the_keyboard_walks_through_lines(opened: Callable[..., Page]) -> None:
    page = opened("explore?live=false")
    page.locator(".dw-line").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".dw-detail").wait_for()
    expect(page.locator(".dw-lines").first.locator(".dw-line").nth(2)).to_have_class(
        re.compile("is-on")
    )


def test_a_board_of_many_metrics_scrolls_within_its_panel(opened: Callable[..., Page]) -> None:
    page = opened("benchmarks?bench=detection&data=ait_ads/mean&protocol=wide")
    panel = page.locator(".dw-panel:has(> .dw-board)")
    expect(panel.get_by_text("phases@19/day")).to_have_count(1)
    inside = panel.evaluate("p => [p.scrollWidth > p.clientWidth, getComputedStyle(p).overflowX]")
    assert inside == [True, "auto"]
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_a_pattern_in_a_link_is_open(opened: Callable[..., Page]) -> None:
    page = opened(f"patterns?tab=Rising&template={ident(8)}")
    expect(page.locator(".dw-detail .dw-raw").first).to_contain_text("refused: pool exhausted")
    page.locator(".dw-detail").get_by_role("button", name="Lines →").click()
    page.locator(".dw-lines").wait_for()
    expect(page).to_have_url(re.compile(r"explore\?.*template="))


def test_the_dashboard_waits_for_a_server_and_then_shows_it(
    browser: Browser, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with dashboard(f"http://127.0.0.1:{port}", tmp_path / "log") as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.locator(".dw-empty")).to_contain_text("No server answers", timeout=20_000)
        expect(page.locator(".dw-empty")).to_contain_text("driftwood serve")
        with Served(Shop(), port):
            page.locator(".dw-cards").wait_for(timeout=20_000)
        page.close()
