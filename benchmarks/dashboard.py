"""How soon the dashboard's pages are ready in a browser, on a store of any size.

    python -m benchmarks.dashboard DATA

DATA is a data folder, such as `benchmarks/serve.py --keep DATA` leaves. The server and the dashboard are started on it;
*cold* is the first page that a fresh dashboard process serves, *warm* the same page loaded again (median of five) and
*change* a click on another page. Needs Debian's chromium.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from benchmarks.serve import free_port, server
from ui.dashboard.launch import command

READY = {
    "Overview": ("", ".dw-cards"),
    "Explore": ("explore", ".dw-line"),
    "Patterns": ("patterns", ".dw-table tr"),
    "Anomalies": ("anomalies", ".dw-inbox, .dw-empty"),
    "System": ("system", ".dw-flow"),
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def load(page: Page, url: str, ready: str) -> float:
    """Seconds from the request until the page shows what it is for."""
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(ready, timeout=60_000)
    return time.perf_counter() - started


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    data = arguments.parse_args().data
    with server(data) as (client, _, _), sync_playwright() as playwright:
        print(f"store        {client.stats()['lines_total']:,} lines")
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        process = subprocess.Popen(
            command(client.url, f"127.0.0.1:{port}"),
            env={**os.environ, "DRIFTWOOD_URL": client.url},
        )
        try:
            while True:
                try:
                    if httpx.get(f"{url}/_stcore/health").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            print(f"cold         {load(page, url, READY['Overview'][1]):.2f} s (Overview)")
            for name, (path, ready) in READY.items():
                warm = statistics.median(load(page, f"{url}/{path}", ready) for _ in range(5))
                page.goto(f"{url}/system" if name != "System" else url)
                page.wait_for_selector(READY["System" if name != "System" else "Overview"][1])
                started = time.perf_counter()
                page.get_by_role("link", name=name).click()
                page.wait_for_selector(ready)
                print(f"{name:12} warm {warm:.2f} s, change {time.perf_counter() - started:.2f} s")
            browser.close()
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
