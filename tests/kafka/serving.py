"""`driftwood serve` as an operator runs it: a process to ask over HTTP, to kill, and whose store is read afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from driftwood.store.store import DuckStore
from tests.kafka.broker import free_ports, until
from tests.kafka.reading import Identity

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """Started at once; `ready()` waits for it. Each instance is one life of the server on the store in `folder`."""

    def __init__(self, folder: Path, brokers: str, *topics: str, **settings: str) -> None:
        """`settings`: as in the environment, `KAFKA__GROUP="x"`."""
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._log = folder / "serve.log"
        environment = {
            "DRIFTWOOD__KAFKA__METADATA_INTERVAL_S": "0.5",
            **{f"DRIFTWOOD__{key}": value for key, value in settings.items()},
        }
        command = [sys.executable, "-m", "ui.cli", "serve", "--data", str(folder / "data")]
        command += ["--listen", f"127.0.0.1:{port}"]
        command += ["--kafka", brokers, "--topics", ",".join(topics)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ready(self) -> Server:
        until(self._is_ready, "the server to be ready", timeout=60)
        return self

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/api/v1/stats", timeout=10).json()
        return answer

    def taken(self) -> int:
        """Lines and dead letters in the store."""
        stats = self.stats()
        return int(stats["lines_total"]) + int(stats["dead_letters"])

    def source(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stats()["sources"][0]
        return found

    def taken_up_to(self, n: int, timeout: float = 60.0) -> Server:
        until(lambda: self.taken() >= n, f"{n} lines in the store", timeout, interval=0.05)
        return self

    def kill(self) -> None:
        """As a power cut: no handler runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"the server ended:\n{self.log[-3000:]}"
        try:
            return httpx.get(f"{self.url}/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def stored(folder: Path) -> tuple[Counter[Identity], Counter[Identity]]:
    """Identities of the lines and of the dead letters in a store that no server runs on."""
    store = DuckStore.open(folder / "data")
    try:
        return tuple(  # type: ignore[return-value]
            Counter(
                (row["topic"], row["part"], row["off"], row["idx"])
                for row in store.query(f"SELECT topic, part, off, idx FROM {table}").to_pylist()
            )
            for table in ("logs", "dead_letters")
        )
    finally:
        store.close()


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started
