"""Loki4j's appender for logback: as it comes from Maven Central, unmodified."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.cached import Missing, cached, fetch, program
from tests.clients.conftest import Pushed, or_skip, run
from tests.kafka import jars

SCRIPTS = Path(__file__).with_name("java")
POM = SCRIPTS / "pom.xml"

pytestmark = pytest.mark.xdist_group("clients")


def libraries() -> Path:
    """The folder of jars."""
    maven = program("mvn", "maven")

    def make(folder: Path) -> None:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        fetch([maven, "-q", "-B", "-f", str(POM), *goal], 240, cwd=folder)

    return cached("java", POM, make)


def java() -> str:
    try:
        return jars.java()
    except jars.Missing as missing:
        raise Missing(str(missing)) from missing


@pytest.mark.parametrize("protobuf", ["false", "true"])
def test_logback_sends_both_forms(server: Pushed, protobuf: str) -> None:
    runtime, classes = or_skip(lambda: (java(), libraries()))
    settings = [
        f"-Durl={server.url}",
        f"-Dprotobuf={protobuf}",
        f"-Dlogback.configurationFile={SCRIPTS / 'logback.xml'}",
    ]
    run([runtime, *settings, "-cp", f"{classes}/*", "bsh.Interpreter", str(SCRIPTS / "log.bsh")])
    lines = server.lines(101, app="loki4j", form=protobuf)
    assert {line["line"] for line in lines} == {
        *(f"loki4j line {n}" for n in range(100)),
        "loki4j is out of lines",
    }
    seventh = next(line for line in lines if line["line"] == "loki4j line 7")
    assert seventh["labels"]["level"] == "INFO"
    assert seventh["metadata"]["request"] == "r-7"
    assert seventh["severity"] == "info"
