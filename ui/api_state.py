"""What the HTTP API needs from the running process; `driftwood serve` plays it, tests play it with a store alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NotRequired, Protocol, TypeVar

from typing_extensions import TypedDict  # pydantic cannot read typing's before 3.12

from driftwood.config import Config
from driftwood.records import Feedback, Records
from driftwood.store.read import Readable, Writable
from parsing.rules import Rules
from ui.backtests import Backtests
from ui.shapes import CommitHistogram, CommitMs, DetectorRow, Queue, Replayed, SourceRow

T = TypeVar("T")


class PipelineStats(TypedDict):
    """The pipeline's part of `/api/v1/stats`; the API adds what the store knows."""

    started: int
    """ns since the epoch"""
    banner: str | None
    """A sentence for every page, such as that the disk is full; None when all is well."""
    lines_stored: int
    """Since the start of the process."""
    lines_repeated: NotRequired[int]
    """Pushed once more, and passed over."""
    dead_stored: int
    anomalies_found: int
    lines_per_s: float
    queue: Queue
    commit_ms: CommitMs
    commits: NotRequired[CommitHistogram]
    sources: list[SourceRow]
    detectors: list[DetectorRow]


class ServerState(Protocol):
    """Called from many threads at once."""

    @property
    def store(self) -> Readable: ...

    @property
    def config(self) -> Config: ...

    @property
    def backtests(self) -> Backtests: ...

    @property
    def ready(self) -> bool:
        """True once the pipeline takes work."""

    def stats(self) -> PipelineStats: ...

    def submit(self, write: Callable[[Writable], T]) -> Future[T]:
        """Run `write(store)` on the one thread that writes; what it raises comes out of the future."""

    def follow(self, rules: Rules) -> None:
        """Parse by these rules from the next line on. Only inside `submit`, once they are durable."""

    def judge(self, said: Feedback) -> None:
        """Store what a person says of an anomaly, and learn from it. Only inside `submit`."""

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict on this anomaly would teach, in a sentence; {} when nothing."""

    def push(self, records: Records, timeout: float) -> Future[None] | None:
        """Queue pushed lines; the future is done when they are durable. None: no room for `timeout` seconds.

        Raises StoreFull while the disk is full, Stopping when nothing is taken, or not yet.
        """

    def replay_dead_letters(self, ids: Sequence[int] | None) -> Replayed:
        """Decode these dead letters again, or all that were not yet; blocks until it is durable."""
