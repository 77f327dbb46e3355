"""The server's answers: asked for side by side, shared by every session of this process, kept for a moment.

Each question returns a future at once, so a page puts all its questions first and then reads the answers. `result()`
raises what the client raises: `ServerUnreachable`, `ServerError`, `QueryError`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from ui.client import Client

P = ParamSpec("P")
T = TypeVar("T")

URL = "http://127.0.0.1:3100"
MAX_KEPT = 512


class Server:
    """A client whose answers are kept for `keep_s` seconds; thread-safe."""

    def __init__(
        self, client: Client, *, keep_s: float = 1.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self._keep_s = keep_s
        self._clock = clock
        self._pool = ThreadPoolExecutor(6, thread_name_prefix="ask")
        self._kept: dict[Hashable, tuple[float, Future[Any]]] = {}
        self._lock = threading.Lock()

    def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The answer to `question(*args, **kwargs)`; the same question meanwhile shares it. Failures are not kept."""
        key = (question.__name__, args, tuple(sorted(kwargs.items())))
        with self._lock:
            now = self._clock()
            if (kept := self._kept.get(key)) and _still_good(*kept, now):
                return kept[1]
            if len(self._kept) >= MAX_KEPT:
                self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            answer = self._pool.submit(question, *args, **kwargs)
            self._kept[key] = (now + self._keep_s, answer)
            return answer

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self.client.close()

    def changed(self) -> None:
        """Something was written: what was kept may be old."""
        with self._lock:
            self._kept.clear()


def _still_good(until: float, answer: Future[Any], now: float) -> bool:
    return not answer.done() or (until > now and answer.exception() is None)
