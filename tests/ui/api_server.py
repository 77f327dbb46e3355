"""A server without a pipeline: plays `ui.api_state.ServerState` over a store, for tests of the API and its client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import uvicorn

from driftwood.config import Config
from driftwood.config import Store as Settings
from driftwood.errors import Stopping
from driftwood.records import EVENTS, Commit, Events, Feedback, Records, no_dead_letters
from driftwood.store.read import Writable
from driftwood.store.store import DuckStore
from parsing.rules import Rules
from ui.api import create_app
from ui.api_state import PipelineStats, ServerState
from ui.backtests import Backtests
from ui.shapes import Replayed

T = TypeVar("T")


class Running:
    def __init__(self) -> None:
        self._started = time.time_ns()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self.store = DuckStore.in_memory(Settings(min_free_bytes=0))
        self.start_over()

    def start_over(self) -> None:
        """An empty store in memory, the default settings, and all is well."""
        self.store.close()
        self.store = DuckStore.in_memory(Settings(min_free_bytes=0))
        self.backtests = Backtests(lambda: self.store)
        self.config = Config()
        self.ready = True
        self.banner: str | None = None
        self.rules = Rules()
        self.replayed: list[Sequence[int] | None] = []
        self.effects_of: dict[str, Mapping[str, str]] = {}

    def submit(self, write: Callable[[Writable], T]) -> Future[T]:
        return self._writer.submit(write, self.store)

    def follow(self, rules: Rules) -> None:
        self.rules = rules

    def judge(self, said: Feedback) -> None:
        self.store.write(
            Commit(Events(EVENTS.empty_table()), no_dead_letters(), {}, feedback=(said,))
        )

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        return self.effects_of.get(anomaly_id, {})

    def push(self, records: Records, timeout: float) -> Future[None] | None:
        raise Stopping("this server stores nothing")

    def replay_dead_letters(self, ids: Sequence[int] | None) -> Replayed:
        self.replayed.append(ids)
        return {"replayed": 1, "still_dead": 0}

    def stats(self) -> PipelineStats:
        return {
            "started": self._started,
            "banner": self.banner,
            "lines_stored": 12,
            "dead_stored": 2,
            "anomalies_found": 1,
            "lines_per_s": 40.5,
            "queue": {"rows": 7, "capacity": 100, "paused": False},
            "commit_ms": {"p50": 8.0, "p99": 20.0, "last": 9.0},
            "commits": {"count": 3, "sum_s": 0.5, "buckets": [(0.1, 2), (1.0, 3)]},
            "sources": [
                {
                    "name": 'ka"fka',
                    "kind": "kafka",
                    "state": "running",
                    "detail": "reads",
                    "lag": 5,
                    "lag_seconds": 1.5,
                    "positions": [{"topic": "orders", "next": 4}],
                },
                {
                    "name": "files",
                    "kind": "files",
                    "state": "idle",
                    "detail": "",
                    "lag": None,
                    "lag_seconds": None,
                    "positions": [],
                },
            ],
            "detectors": [
                {
                    "name": "rate_change",
                    "state": "warming",
                    "progress": 0.5,
                    "sources": 2,
                    "detail": "5 of 10 min",
                }
            ],
        }

    def close(self) -> None:
        self._writer.shutdown()
        self.store.close()


@contextmanager
def serving(server: ServerState) -> Iterator[str]:
    """The URL of the API over `server`, on a free port of this machine."""
    # With its protocol named, asyncio answers without waiting for more to send (TCP_NODELAY): 40 ms less a request.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        uvicorn_server = uvicorn.Server(
            uvicorn.Config(create_app(server), log_config=None, lifespan="off")
        )
        thread = threading.Thread(target=uvicorn_server.run, args=([listener],), name="api")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            uvicorn_server.should_exit = True
            thread.join()
