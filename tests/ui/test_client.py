"""The client's words when there is no server, the wrong one, or a slow one."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from tests.ui.api_server import Running
from ui.client import Client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_where_nothing_answers_the_way_out_is_told() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url) as client, pytest.raises(ServerUnreachable) as trouble:
        client.stats()
    assert str(trouble.value).startswith(f"no Driftwood server answers at {url} (")
    assert "start one with `driftwood serve`, or name another with --url" in str(trouble.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:3100", "localhost", "ftp://x", "http://", "http://a b", "::"]
)
def test_what_is_no_url_is_told_as_well(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="name another with --url"), Client(url) as client:
        client.stats()


def stranger(status: int, text: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, text=text))


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>hello"), (404, "not here"), (500, '{"detail":"x"}')]
)
def test_another_program_at_the_url_is_recognised(status: int, text: str) -> None:
    client = Client("http://elsewhere", transport=stranger(status, text))
    with pytest.raises(ServerError, match=f"answered {status} and not as a Driftwood server does"):
        client.stats()


@pytest.mark.parametrize(
    ("status", "text", "kind", "said"),
    [
        (200, '{"x": 1}', ServerError, "not as Loki does"),
        (200, "[]", ServerError, "not as a Driftwood server does"),
        (429, "too many outstanding requests", ServerError, "too many outstanding requests"),
        (400, "parse error at line 2, col 3: oops", QueryError, "oops"),
        (400, "pipeline error: x", QueryError, "pipeline error: x"),
    ],
)
def test_what_lokis_paths_refuse_is_told_in_their_words(
    status: int, text: str, kind: type[Exception], said: str
) -> None:
    client = Client("http://elsewhere", transport=stranger(status, text))
    with pytest.raises(kind, match=said) as trouble:
        client.query_range("rate(\n  {}")
    if isinstance(trouble.value, QueryError) and "line 2" in text:
        assert trouble.value.at == 8


def test_a_server_that_is_slow_is_not_waited_for_without_end() -> None:
    with socket.socket() as listener:  # accepts, and never answers
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        with pytest.raises(ServerError, match=r"did not answer /api/v1/stats within 0\.2 s"):
            client.stats()


def test_a_client_waits_until_the_server_is_ready(client: Client, running: Running) -> None:
    running.ready = False
    assert not client.is_ready()
    with pytest.raises(ServerUnreachable, match=r"was not ready after 0\.1 s"):
        client.wait_ready(timeout=0.1)
    threading.Timer(0.2, lambda: setattr(running, "ready", True)).start()
    began = time.monotonic()
    client.wait_ready(timeout=20)
    assert time.monotonic() - began >= 0.15


def test_waiting_for_a_server_that_is_not_there_ends_in_its_words() -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(ServerUnreachable, match="no Driftwood server answers"),
    ):
        client.wait_ready(timeout=0.2)


def test_the_client_needs_neither_store_nor_models() -> None:
    loaded = "import sys, ui.client; print([m for m in ('duckdb', 'pyarrow', 'torch', 'fastapi') if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
