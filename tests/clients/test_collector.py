"""An OpenTelemetry Collector, built from its modules, that takes what an application exports and sends it on."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.clients.cached import Missing, cached, fetch, program
from tests.clients.conftest import Pushed, or_skip, run
from tests.clients.test_python import SCRIPTS, python
from tests.ui.processes import free_port

RECIPE = Path(__file__).with_name("collector") / "builder.yaml"
SETTINGS = RECIPE.with_name("collector.yaml")
VERSION = "v0.165.0"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients"), pytest.mark.timeout(900)]


def collector() -> str:
    """The program: two minutes to build on two cores, once."""
    go = program("go", "golang")

    def make(folder: Path) -> None:
        builder = f"go.opentelemetry.io/collector/cmd/builder@{VERSION}"
        fetch([go, "install", builder], 300, cwd=folder, GOBIN=str(folder))
        fetch([str(folder / "builder"), "--config", str(RECIPE)], 600, cwd=folder)
        if not (folder / "dist" / "collector").is_file():
            raise Missing("the builder of the Collector left no program")

    return str(cached("collector", RECIPE, make) / "dist" / "collector")


@contextmanager
def collecting(binary: str, server: Pushed, log: Path) -> Iterator[str]:
    """Where a running Collector takes logs."""
    port = free_port()
    listen = f"127.0.0.1:{port}"
    environ = {**os.environ, "LISTEN": listen, "URL": server.url}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [binary, "--config", str(SETTINGS)], env=environ, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, log.read_text()
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"http://{listen}/v1/logs"
    finally:
        process.terminate()
        process.wait(30)


def test_a_collector_sends_on_what_it_takes(server: Pushed, tmp_path: Path) -> None:
    binary, interpreter = or_skip(lambda: (collector(), python()))
    log = tmp_path / "collector.out"
    with collecting(binary, server, log) as endpoint:
        run([interpreter, str(SCRIPTS / "with_opentelemetry.py"), endpoint, "collected"])
        lines = server.lines(101, service_name="collected")
    assert "error" not in log.read_text().lower(), log.read_text()
    assert [line["line"] for line in lines[:3]] == [f"otel line {n}" for n in range(3)]
    assert lines[7]["labels"]["k8s_pod_name"] == "pod-1"
    assert lines[7]["metadata"]["order_id"] == "7"
    assert lines[-1]["severity"] == "error"
