"""Between the sources and the writer: one thread per source, one bounded queue, in which pushes wait too.

A source that is ahead of the writer waits in `put`; nothing is dropped and memory stays bounded. A push waits there for
a while only, and is told when its lines are durable. Whatever else must happen on the writing thread (feedback, a
replay of dead letters) goes through `submit`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from driftwood.errors import Stopping
from driftwood.protocols import Source, SourceStatus
from driftwood.records import Batch

logger = logging.getLogger(__name__)
T = TypeVar("T")

POLL_S = 0.2
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
QUEUE_BYTES = 128 * 1024 * 1024
"""Rows bound the queue where lines are of usual length; where each has megabytes, this does."""
TAKE_BYTES = 32 * 1024 * 1024
PUSH_ROWS = 1_000
"""Pushed rows that are worth a transaction of their own."""

NOT_STORED = "the server is stopping; nothing of this push was stored"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One batch in the queue, and who gave it."""

    source: Source | None
    """None when it was pushed."""
    batch: Batch
    stored: Future[None] | None = None
    """Done when the lines of a push are durable; it has given up waiting when it is cancelled."""


class Intake:
    """A queue of batches bounded by rows and bytes, and a queue of tasks; one consumer."""

    def __init__(self, capacity_rows: int, capacity_bytes: int = QUEUE_BYTES) -> None:
        self.capacity = capacity_rows
        self._capacity_bytes = capacity_bytes
        self._batches: deque[tuple[Waiting, _Size]] = deque()
        self._tasks: deque[tuple[Future[Any], Callable[[], None]]] = deque()
        self._rows = 0
        self._bytes = 0
        self._pushed = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def full(self) -> bool:
        return self._rows >= self.capacity or self._bytes >= self._capacity_bytes

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, waiting: Waiting, timeout: float | None = None) -> bool:
        """Queue a batch, waiting while the queue is full; False when that took too long or the intake was closed."""
        size = _size(waiting)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self.full, timeout)
            if self._closed or self.full:
                return False
            self._batches.append((waiting, size))
            self._pushed += size.rows if waiting.source is None else 0
            self._rows += size.rows
            self._bytes += size.bytes
            self._changed.notify_all()
            return True

    def take(self, max_rows: int, timeout: float, linger: float = 0.0) -> list[Waiting]:
        """What waits, oldest first, up to about `max_rows` and 32 MiB; waits up to `timeout` for the first batch.

        `linger`: seconds to wait for more when less than `max_rows` is there, so that a trickle
        of small batches shares a transaction; the sender of a larger push waits for its answer and is not kept.
        Returns early (perhaps empty) when a task waits.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._batches or self._tasks or self._closed, timeout=timeout
            )
            if linger and self._batches and not self._tasks:
                self._changed.wait_for(
                    lambda: (
                        self._rows >= max_rows
                        or self._bytes >= TAKE_BYTES
                        or self._pushed >= PUSH_ROWS
                        or self._tasks
                        or self._closed
                    ),
                    timeout=linger,
                )
            taken: list[Waiting] = []
            rows = size = 0
            while self._batches:
                waiting, more = self._batches[0]
                # Agents wait for the commit, so one more push shares it rather than the next.
                fits = rows < max_rows if waiting.source is None else rows + more.rows <= max_rows
                if taken and not (fits and size + more.bytes <= TAKE_BYTES):
                    break
                self._batches.popleft()
                taken.append(waiting)
                rows, size = rows + more.rows, size + more.bytes
                self._pushed -= more.rows if waiting.source is None else 0
            self._rows -= rows
            self._bytes -= size
            self._changed.notify_all()
            return taken

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Run `task` on the consumer's thread, between two batches."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(task())
            except BaseException as error:  # whoever waits on the future gets it
                future.set_exception(error)

        with self._changed:
            if self._closed:
                future.set_exception(Stopping("the server is stopping; nothing was changed"))
                return future
            self._tasks.append((future, run))
            self._changed.notify_all()
        return future

    def run_tasks(self) -> None:
        """Run what was submitted; called by the consumer."""
        while self._tasks:
            _, run = self._tasks.popleft()
            run()

    def close(self) -> None:
        """Let go of everyone who waits; batches still queued were never stored, so their sources resume before them."""
        with self._changed:
            self._closed = True
            while self._tasks:
                future, _ = self._tasks.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_exception(Stopping("the server is stopping; nothing was changed"))
            for waiting, _ in self._batches:
                if waiting.stored is not None and waiting.stored.set_running_or_notify_cancel():
                    waiting.stored.set_exception(Stopping(NOT_STORED))
            self._batches.clear()
            self._rows = self._bytes = self._pushed = 0
            self._changed.notify_all()


class _Size(NamedTuple):
    rows: int
    """With a floor, so that empty batches (a moved checkpoint) count as well."""
    bytes: int


def _size(waiting: Waiting) -> _Size:
    batch = waiting.batch
    rows = max(1, batch.records.num_rows + batch.dead.num_rows)
    return _Size(rows, batch.records.nbytes + batch.dead.nbytes)


class Reader(threading.Thread):
    """Polls one source until it ends, puts its batches into the intake, and keeps it alive through faults."""

    def __init__(self, source: Source, intake: Intake) -> None:
        super().__init__(name=f"source-{source.name}", daemon=True)
        self.source = source
        self.faults = 0
        self.done = threading.Event()
        self._intake = intake
        self._halt = threading.Event()
        self._trouble: str | None = None

    def run(self) -> None:
        try:
            while not self._halt.is_set() and self._turn():
                pass
        finally:
            try:
                self.source.close()
            finally:
                self.done.set()  # whoever waits for the end must not wait for ever

    def _turn(self) -> bool:
        """Poll once; False at the end of the source."""
        try:
            batch = self.source.poll(POLL_S)
        except Exception as error:  # the loop that keeps the service alive: log, count, try again
            self._trouble = f"{type(error).__name__}: {error}"
            logger.exception("source failed name=%s faults=%d", self.source.name, self.faults)
            self._halt.wait(RETRY_S[min(self.faults, len(RETRY_S) - 1)])
            self.faults += 1
            return True
        self._trouble = None
        if batch is None:
            return False
        if batch.records.num_rows or batch.dead.num_rows or batch.checkpoint:
            return self._intake.put(Waiting(self.source, batch))
        return True

    def status(self) -> SourceStatus:
        if self._trouble is not None:
            return SourceStatus(self.source.status().kind, "failed", self._trouble)
        return self.source.status()

    def stop(self) -> None:
        self._halt.set()


def statuses(readers: list[Reader]) -> list[dict[str, Any]]:
    """What the System page shows of every source."""
    rows = []
    for reader in readers:
        status = reader.status()
        rows.append(
            {
                "name": reader.source.name,
                "kind": status.kind,
                "state": "done" if reader.done.is_set() and not reader.faults else status.state,
                "detail": status.detail,
                "lag": status.lag,
                "lag_seconds": status.lag_seconds,
                "positions": [dict(position) for position in status.positions],
            }
        )
    return rows
