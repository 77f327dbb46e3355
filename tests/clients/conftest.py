"""A real server for clients that others wrote, and where their lines are read back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pytest

from tests.clients.cached import Missing
from tests.ui.processes import Server
from tests.ui.processes import serving as process

T = TypeVar("T")


class Pushed:
    """A server; `lines` asks it what has arrived."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self._client = server.client

    def lines(self, expected: int, /, **labels: str) -> list[Mapping[str, Any]]:
        """The lines of the streams with these labels, oldest first, when there are `expected`."""
        selector = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        deadline = time.monotonic() + 20
        while True:
            found = self._client.lines(f"{{{selector}}}", direction="forward", limit=1_000)["lines"]
            if len(found) >= expected or time.monotonic() > deadline:
                assert len(found) == expected
                return list(found)
            time.sleep(0.1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    with process(tmp_path_factory.mktemp("clients") / "store") as running:
        yield Pushed(running)
        assert running.stop() == 0
        assert "Traceback" not in running.log.read_text()


def or_skip(make: Callable[[], T]) -> T:
    """What `make` gives; the test is skipped by name where it cannot be had, which under CI is a failure."""
    try:
        return make()
    except Missing as missing:
        reason = f"a client is missing: {missing}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def run(argv: Sequence[str], timeout_s: float = 60) -> None:
    """Run a client to its end, which is a good one."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("Traceback", "Exception", "rror:"):
        assert word not in done.stderr, done.stderr
