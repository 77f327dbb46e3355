"""A KafkaSource polled as the pipeline polls it, with all that it gave in one place."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from driftwood.config import Ingest, Kafka
from driftwood.records import Batch
from ingest.kafka import KafkaSource

Identity = tuple[str, int, int, int]


class Reading:
    """Opens a source over `topics` and keeps lines, dead letters, identities and the merged checkpoint."""

    def __init__(
        self,
        brokers: str,
        *topics: str,
        checkpoint: Mapping[str, str] | None = None,
        ingest: Ingest | None = None,
        **settings: Any,
    ) -> None:
        settings = {"metadata_interval_s": 0.5, "group": "test", **settings}
        self.source = KafkaSource(
            Kafka(brokers=(brokers,), topics=topics, **settings), ingest or Ingest()
        )
        self.checkpoint = dict(checkpoint or {})
        self.lines: list[str] = []
        self.dead: list[bytes] = []
        self.identities: Counter[Identity] = Counter()
        self.batches: list[Batch] = []
        self.source.open(self.checkpoint)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def poll(self) -> int:
        batch = self.source.poll(0.1)
        assert batch is not None
        self.lines += [str(line) for line in batch.records.column("line").to_pylist()]
        self.dead += [bytes(raw or b"") for raw in batch.dead.column("raw").to_pylist()]
        for table in (batch.records, batch.dead):
            rows = table.select(["topic", "part", "off", "idx"]).to_pylist()
            self.identities.update((r["topic"], r["part"], r["off"], r["idx"]) for r in rows)
        self.checkpoint |= batch.checkpoint
        if batch.records.num_rows or batch.dead.num_rows or batch.checkpoint:
            self.batches.append(batch)
        return batch.records.num_rows + batch.dead.num_rows

    def until(self, condition: Callable[[], object], timeout: float = 20.0) -> Reading:
        """Poll until `condition()` is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {self.source.status()} {len(self.lines)}"
            self.poll()
        return self

    def until_lines(self, n: int) -> Reading:
        """Poll until at least `n` lines have come."""
        return self.until(lambda: len(self.lines) >= n)

    def read(self, n: int, timeout: float = 20.0) -> Reading:
        """Poll until `n` lines and dead letters have come in all, and see that no more do."""
        self.until(lambda: len(self.lines) + len(self.dead) >= n, timeout)
        for _ in range(3):
            self.poll()
        assert len(self.lines) + len(self.dead) == n
        assert max(self.identities.values()) == 1, "a record came twice"
        return self

    @property
    def state(self) -> str:
        return self.source.status().state

    @property
    def offsets(self) -> dict[int, int]:
        """Partition -> next offset; of the newest incarnation where there are several."""
        return {int(k.rpartition("/")[2]): int(v) for k, v in self.checkpoint.items()}
