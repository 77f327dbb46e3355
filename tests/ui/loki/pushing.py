"""A server with a real pipeline over a store in memory, to push to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from driftwood.config import Config, override
from driftwood.config import Store as Settings
from driftwood.store.store import DuckStore
from tests.ui.api_server import serving
from ui.parts import assemble
from ui.serve import RunningServer


class Pushing:
    """`http` speaks to the server; `rows` looks into its store."""

    def __init__(self, http: httpx.Client, server: RunningServer) -> None:
        self.http = http
        self.server = server

    def push(self, body: Any, path: str = "/loki/api/v1/push", **headers: str) -> httpx.Response:
        """`body` as JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        given = {"content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, content=content, headers=given)

    def rows(self, columns: str = "line") -> list[Any]:
        found = self.server.store.query(f"SELECT {columns} FROM logs ORDER BY line_id").to_pylist()
        return found if "," in columns else [row[columns] for row in found]


def streams(*values: Sequence[Any], **labels: str) -> dict[str, Any]:
    return {"streams": [{"stream": labels or {"app": "web"}, "values": values}]}


@contextmanager
def pushing(store: DuckStore | None = None, **sections: dict[str, Any]) -> Iterator[Pushing]:
    config = override(Config(), **sections)
    parts = assemble(
        config, store or DuckStore.in_memory(Settings(min_free_bytes=0)), (), keep_alive=True
    )
    server = RunningServer(parts)
    server.start(on_failure=lambda: None)
    deadline = time.monotonic() + 10
    while not server.ready:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with serving(server) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        try:
            yield Pushing(http, server)
        finally:
            server.stop()
