"""A running API over a store in memory, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from driftwood.config import Store as Settings
from driftwood.store.store import DuckStore
from tests.ui.api_server import Running, serving
from ui.client import Client


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running(DuckStore.in_memory(Settings(min_free_bytes=0)))
    yield made
    made.close()


@pytest.fixture
def url(running: Running) -> Iterator[str]:
    with serving(running) as address:
        yield address


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """Bare HTTP, for what the client would not send."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as bare:
        yield bare


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, timeout=30) as made:
        yield made
