"""OpenTelemetry's SDK with its OTLP exporter, and python-logging-loki: as they come from PyPI, unmodified."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clients.cached import cached, fetch
from tests.clients.conftest import Pushed, or_skip, run

SCRIPTS = Path(__file__).with_name("python")
REQUIREMENTS = SCRIPTS / "requirements.txt"

pytestmark = pytest.mark.xdist_group("clients")


def python() -> str:
    """An interpreter that has the clients and nothing of ours."""

    def make(folder: Path) -> None:
        fetch([sys.executable, "-m", "venv", "--copies", "."], 120, cwd=folder)
        pip = ["bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        fetch([*pip, "-r", str(REQUIREMENTS)], 240, cwd=folder)

    return str(cached("python", REQUIREMENTS, make) / "bin" / "python")


@pytest.fixture(scope="module")
def interpreter() -> str:
    return or_skip(python)


@pytest.mark.parametrize("packing", ["none", "gzip"])
def test_opentelemetry_exports_its_logs(server: Pushed, interpreter: str, packing: str) -> None:
    script, service = str(SCRIPTS / "with_opentelemetry.py"), f"otel-{packing}"
    run([interpreter, script, f"{server.url}/otlp/v1/logs", service, packing])
    lines = server.lines(101, service_name=service)
    assert [line["line"] for line in lines] == [
        *(f"otel line {n}" for n in range(100)),
        "otel is out of lines",
    ]
    assert set(lines[0]["labels"]) == {"service_name", "service_instance_id", "k8s_pod_name"}
    assert lines[7]["metadata"]["order_id"] == "7"
    assert lines[7]["metadata"]["host_name"] == "web-1"
    assert lines[7]["metadata"]["scope_name"] == "shop"
    assert {line["severity"] for line in lines[:-1]} == {"info"}
    assert lines[-1]["severity"] == "error"


def test_the_handler_of_python_logging_loki_sends_line_by_line(
    server: Pushed, interpreter: str
) -> None:
    run([interpreter, str(SCRIPTS / "with_logging_loki.py"), server.url])
    lines = server.lines(11, app="handler")
    assert [line["line"] for line in lines[:3]] == [f"handler line {n}" for n in range(3)]
    assert lines[0]["labels"]["env"] == "test"
    assert lines[-1]["severity"] == "error"
