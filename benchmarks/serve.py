"""The server over a long run: speed with readers active, commit latency, memory, restart.

    python benchmarks/serve.py [--lines N] [--keep DIR]

The demo shop writes N lines (default 5,000,000) into files; `driftwood serve --files` takes them in while a reader asks
for lines, counts and templates all the time. Then the server is killed, lines are appended, and it is started again:
how long until /ready, and from there until the first of them is stored. `--keep` leaves the store for
`benchmarks/dashboard.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.files import write_shop
from driftwood.errors import DriftwoodError
from ui.client import Client

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(data: Path, *flags: str) -> Iterator[tuple[Client, subprocess.Popen[bytes], float]]:
    """A running server: its client, its process, and how long it took to become ready."""
    port = free_port()
    argv = ["-m", "ui.cli", "-q", "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}"]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *argv, *flags], cwd=ROOT)
    client = Client(f"http://127.0.0.1:{port}")
    try:
        client.wait_ready(timeout=120)
        yield client, process, time.perf_counter() - started
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def resident_mb(process: subprocess.Popen[bytes]) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Reader(threading.Thread):
    """Asks the server four times a second what a dashboard would ask; how long each answer took, in ms."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.ms: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        questions = (
            lambda: self.client.lines(limit=200),
            lambda: self.client.counts(by="severity"),
            lambda: self.client.templates(limit=50),
        )
        while not self.over.wait(0.25):
            for ask in questions:
                started = time.perf_counter()
                with contextlib.suppress(DriftwoodError):  # counted by what is missing below
                    ask()
                    self.ms.append((time.perf_counter() - started) * 1e3)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=5_000_000)
    arguments.add_argument("--keep", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        files = write_shop(folder / "logs", chosen.lines)
        expected = sum(file.read_bytes().count(b"\n") for file in files)
        data = chosen.keep or folder / "store"
        flags = ("--files", str(folder / "logs" / "*.log"))
        with server(data, *flags) as (client, process, ready):
            reader, peak, p99 = Reader(client), 0.0, 0.0
            reader.start()
            started, last, still = time.perf_counter(), -1, 0
            while (
                still < 5
            ):  # stack traces are stitched: fewer records than lines, so wait for rest
                time.sleep(1)
                stats = client.stats()
                peak = max(peak, resident_mb(process))
                p99 = stats["commit_ms"]["p99"]
                still = still + 1 if stats["lines_total"] == last else 0
                if still == 0:
                    last, ended = stats["lines_total"], time.perf_counter()
            reader.over.set()
            seconds, cpu, stored = ended - started, cpu_s(process), last
            process.kill()
            process.wait()
        print(f"stored       {stored:,} records of {expected:,} lines in {seconds:.1f} s")
        print(f"             {stored / seconds:,.0f} records/s, {stored / cpu:,.0f} per CPU second")
        print(f"memory       {peak:,.0f} MB at the most")
        print(f"commit       p99 {p99:.0f} ms")
        if reader.ms:
            p50, p95 = np.percentile(reader.ms, (50, 95))
            print(f"reader       {len(reader.ms)} answers, p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        with files[0].open("a", encoding="utf-8") as log:  # what came while it was down
            log.writelines(f"line {n} after the kill\n" for n in range(1_000))
        with server(data, *flags) as (client, process, ready):
            began = time.perf_counter()
            while client.stats()["lines_total"] <= stored:
                time.sleep(0.02)
            print(f"restart      ready after {ready:.1f} s, ", end="")
            print(f"first row {time.perf_counter() - began:.2f} s after ready")


if __name__ == "__main__":
    main()
