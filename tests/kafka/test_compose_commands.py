"""The services of docker-compose.yml, run outside Docker with the very commands that stand in it.

Only what a container would give is replaced: host names become loopback, /data and /tmp become folders of the test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from driftwood.errors import ServerUnreachable
from tests.kafka.broker import Broker, free_ports, until
from ui.client import Client

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]


@contextmanager
def running(service: str, swaps: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process; its output is in `folder`/service.out."""
    words = [swaps.get(word, word) for word in SERVICES[service]["command"]]
    with (folder / f"{service}.out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ui.cli", *words],
            cwd=ROOT,
            env={**os.environ, "DRIFTWOOD__DEMO__HISTORY_H": "0.2", "HOME": str(folder)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()


def answers(ask: Callable[[], object]) -> bool:
    try:
        return bool(ask())
    except (ServerUnreachable, httpx.TransportError):
        return False


@pytest.mark.slow
def test_the_commands_of_all_services_work_together(
    broker: Broker, topic: Callable[..., str], tmp_path: Path
) -> None:
    api, page = free_ports(2)
    name = topic(partitions=3)
    swaps = {
        "kafka:9092": broker.address,
        "0.0.0.0:3100": f"127.0.0.1:{api}",
        "http://server:3100": f"http://127.0.0.1:{api}",
        "0.0.0.0:8501": f"127.0.0.1:{page}",
        "/data": str(tmp_path / "data"),
        "/tmp/demo-truth.jsonl": str(tmp_path / "demo-truth.jsonl"),
        "logs": name,
    }
    with (
        Client(f"http://127.0.0.1:{api}") as client,
        running("server", swaps, tmp_path) as server,
        running("dashboard", swaps, tmp_path),
        running("demo", swaps, tmp_path) as demo,
    ):
        until(lambda: answers(client.is_ready), "the server to be ready", 60)
        until(lambda: client.stats()["lines_total"] > 500, "the demo's lines to arrive", 90)
        services = {row["service"] for row in client.services()["services"]}
        assert {"gateway", "checkout", "payments", "inventory", "auth", "search"} <= services
        (line,) = client.lines('{service_name="gateway"}', limit=1)["lines"]
        assert line["labels"]["source"] == "kafka"
        assert line["labels"]["topic"] == name
        health = f"http://127.0.0.1:{page}/_stcore/health"
        until(lambda: answers(lambda: httpx.get(health).is_success), "the dashboard", 60)
        assert "new_error" in (tmp_path / "demo-truth.jsonl").read_text("utf-8")
        demo.terminate()
        assert demo.wait(30) == 0, (tmp_path / "demo.out").read_text()
        server.terminate()
        assert server.wait(30) == 0, (tmp_path / "server.out").read_text()
