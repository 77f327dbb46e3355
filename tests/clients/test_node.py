"""pino-loki and winston-loki: as they come from npm, unmodified."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.clients.cached import cached, fetch, program
from tests.clients.conftest import Pushed, or_skip, run

SCRIPTS = Path(__file__).with_name("node")
PACKAGES = SCRIPTS / "package.json"

pytestmark = pytest.mark.xdist_group("clients")


def modules() -> Path:
    """A folder with the packages."""
    npm = program("npm", "npm")

    def make(folder: Path) -> None:
        shutil.copy(PACKAGES, folder)
        quiet = ["--no-audit", "--no-fund", "--no-progress", "--ignore-scripts"]
        fetch([npm, "install", *quiet], 240, cwd=folder)

    return cached("node", PACKAGES, make)


@pytest.fixture(scope="module")
def node() -> Path:
    """The folder to run scripts from: Node looks for packages where a script lies."""

    def make() -> Path:
        program("node", "nodejs")
        return modules()

    folder = or_skip(make)
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def test_pino_sends_from_its_worker_thread(server: Pushed, node: Path) -> None:
    run(["node", str(node / "with_pino.mjs"), server.url])
    lines = server.lines(101, app="pino")
    assert '"msg":"pino line 7"' in lines[7]["line"]
    assert lines[7]["labels"]["level"] == "info"
    assert lines[7]["metadata"] == {"request": "r-7"}
    assert lines[-1]["severity"] == "error"


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_winston_sends_both_forms(server: Pushed, node: Path, form: str) -> None:
    run(["node", str(node / "with_winston.mjs"), server.url, form])
    lines = server.lines(101, app=f"winston-{form}")
    texts = {line["line"] for line in lines}
    assert {f'{{"level":"info","message":"winston line {n}"}}' for n in range(100)} < texts
    assert sorted({line["severity"] for line in lines}) == ["error", "info"]
