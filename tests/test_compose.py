"""docker-compose.yml without a Docker engine: valid by the compose specification, hardened, and its commands exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("driftwood")]


def test_the_file_is_valid_by_the_compose_specification() -> None:
    argv = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    run = subprocess.run([sys.executable, *argv], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_check_would_notice_a_slip(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text("utf-8").replace("volumes: [", "volume: [", 1), "utf-8")
    argv = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong)]
    assert subprocess.run([sys.executable, *argv], capture_output=True).returncode == 1


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_is_limited_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "nothing listens to the world by default"


@pytest.mark.parametrize("name", ["kafka", "server", "dashboard"])
def test_every_long_running_service_is_watched(name: str) -> None:
    assert "test" in SERVICES[name]["healthcheck"]


@pytest.mark.parametrize("name", OURS)
def test_the_flags_of_every_service_exist(name: str) -> None:
    command, *flags = SERVICES[name]["command"]
    shown = subprocess.run(
        [sys.executable, "-m", "ui.cli", command, "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        check=True,
    ).stdout
    for flag in flags:
        if flag.startswith("--"):
            assert flag in shown


def test_the_demo_runs_only_when_asked_for() -> None:
    assert SERVICES["demo"]["profiles"] == ["demo"]
    assert all("profiles" not in SERVICES[name] for name in SERVICES if name != "demo")
