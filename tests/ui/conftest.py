"""A running API over a store in memory. Server and connections are made once, the store is each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.ui.api_server import Running, serving
from ui.client import Client


class _Once(NamedTuple):
    running: Running
    client: Client
    http: httpx.Client


@pytest.fixture(scope="session")
def _once() -> Iterator[_Once]:
    running = Running()
    with (
        serving(running) as url,
        Client(url, timeout=30) as client,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
    ):
        yield _Once(running, client, http)
    running.close()


@pytest.fixture
def running(_once: _Once) -> Running:
    """What the API is asked about, with nothing stored."""
    _once.running.start_over()
    return _once.running


@pytest.fixture
def client(running: Running, _once: _Once) -> Client:
    return _once.client


@pytest.fixture
def http(running: Running, _once: _Once) -> httpx.Client:
    """Bare HTTP, for what the client would not send."""
    return _once.http
