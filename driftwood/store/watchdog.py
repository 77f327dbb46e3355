"""Interrupts statements that take too long. One thread does it: one for each would cost more than most answers."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Watch:
    __slots__ = ("expired", "interrupt")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.interrupt: Callable[[], None] | None = interrupt
        """None when it is over."""
        self.expired = False


class Watchdog:
    """Its thread starts with the first statement that has a time, and lives as long as the program."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, _Watch]] = []
        self._numbers = itertools.count()
        self._running = False

    @contextmanager
    def watching(
        self, interrupt: Callable[[], None], timeout: float | None
    ) -> Iterator[Callable[[], bool]]:
        """Calls `interrupt` when `timeout` seconds have passed, unless this is left before; the value tells whether."""
        watch = _Watch(interrupt)
        if timeout is not None:
            with self._changed:
                due = time.monotonic() + timeout
                heapq.heappush(self._due, (due, next(self._numbers), watch))
                if self._due[0][2] is watch:
                    self._changed.notify()
                if not self._running:
                    self._running = True
                    threading.Thread(target=self._run, name="watchdog", daemon=True).start()
        try:
            yield lambda: watch.expired
        finally:
            if timeout is not None:
                with self._changed:  # not while it is being called
                    watch.interrupt = None

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    _, _, watch = heapq.heappop(self._due)
                    if watch.interrupt is not None:
                        watch.expired = True
                        watch.interrupt()
                self._changed.wait(self._due[0][0] - now if self._due else None)


WATCHDOG = Watchdog()
