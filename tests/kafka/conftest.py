"""One real broker per test run, one topic per test. Tests that use it are marked `xdist_group("kafka")`: one worker."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from tests.kafka.broker import Broker
from tests.kafka.jars import Missing


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Apache Kafka on loopback. Skipped by name where it cannot run, which under CI is a failure."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # as the command line has it
    folder: Path = tmp_path_factory.mktemp("kafka")
    try:
        started = Broker(folder)
    except Missing as missing:
        reason = f"no Apache Kafka to test against: {missing}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    yield started
    started.close()


@pytest.fixture
def topic(broker: Broker) -> Callable[..., str]:
    """Makes a topic with a name of its own: `topic(partitions, configs)`."""

    def make(partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        name = f"logs-{uuid4().hex[:12]}"
        broker.create(name, partitions, configs)
        return name

    return make


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest, half_open_connections: None) -> Iterator[None]:
    """Whatever a test did to the proxy is undone."""
    yield
    if "broker" in request.fixturenames:
        proxy = request.getfixturevalue("broker").proxy
        proxy.delay_s, proxy.refusing = 0.0, False
