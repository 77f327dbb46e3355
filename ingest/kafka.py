"""Reads Kafka topics, resuming from the offsets in the store: nothing is lost or doubled, whatever happens between.

What counts is the checkpoint in the store (`topic/UUID/partition` -> next offset); the broker's group offsets only
serve tools that show lag. A cluster that is away, a topic that does not exist (yet, or any more) are states that are
shown, never errors. What happens when is told in docs/kafka.md.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kafka import TopicPartition
from kafka.errors import KafkaError

from driftwood.config import Ingest, Kafka
from driftwood.protocols import SourceStatus
from driftwood.records import Batch
from ingest.decode import Decoder, Raw
from ingest.kafka_client import Client, check
from ingest.kafka_group import GroupOffsets
from ingest.kafka_session import Partition, Session
from ingest.redact import Redactor

logger = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_RECONNECT_S = 30.0
_IDLE_S = 2.0
_FLUSH_S = 2.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """Records in the order of their offsets, and where each partition goes on after them."""

    records: Mapping[Partition, list[Raw]]
    ends: Mapping[Partition, int]


class KafkaSource:
    """Plays `Source`. One thread polls it; `committed` and `status` may be called from another."""

    def __init__(
        self,
        settings: Kafka,
        ingest: Ingest,
        redactor: Redactor | None = None,
        *,
        name: str = "kafka",
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Raises ConfigError for an unknown encoding or time zone; the rest of the settings is checked by `open`."""
        self.name = name
        self._settings = settings
        self._ingest = ingest
        self._now = now
        self._decoder = Decoder(
            name,
            {"source": "kafka"},
            encoding=settings.encoding,
            timezone=ingest.timezone,
            redactor=redactor,
            now=now,
        )
        self._offsets: dict[Partition, int] = {}
        """Where fetching goes on; ahead of what was given out by what is in `_pieces`."""
        self._pieces: deque[_Piece] = deque()
        self._client: Client | None = None
        self._session: Session | None = None
        self._group: GroupOffsets | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._away_since: float | None = None
        self._missing: set[str] = set()
        self._bytes_each = 512.0
        self._newest_ts: int | None = None
        self._read_at = 0.0
        self._stored: dict[Partition, int] = {}
        self._status = SourceStatus("kafka", "starting", "not opened yet")

    # -- the role

    def open(self, checkpoint: Mapping[str, str]) -> None:
        check(self._settings)
        self._offsets = {Partition.of(key): int(offset) for key, offset in checkpoint.items()}
        self._show("starting", f"connecting to {', '.join(self._settings.brokers)}")

    def poll(self, timeout: float) -> Batch | None:
        if not self._pieces:
            try:
                self._fetch(timeout)
            except KafkaError as error:
                self._lost(error)
        if self._group is not None:
            self._group.commit(self._stored_offsets())
        return self._decode(self._pieces.popleft()) if self._pieces else Batch()

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        stored = {Partition.of(key): int(at) for key, at in checkpoint.items()}
        self._stored = {
            **self._stored,
            **stored,
        }  # replaced, not changed: the polling thread reads it

    def status(self) -> SourceStatus:
        return self._status

    def close(self) -> None:
        if self._group is not None and self._session is not None and self._session.away() is None:
            self._group.flush(self._stored_offsets(), _FLUSH_S)
        self._disconnect()
        self._show("done", "closed")

    # -- reading

    def _fetch(self, timeout: float) -> None:
        """Read what is there into `_pieces`. Raises KafkaError when the connection must be made anew."""
        session = self._session or self._connect(timeout)
        if session is None:
            return
        started = time.monotonic()
        each = max(1.0, self._bytes_each)
        limit = max(1, min(self._ingest.batch_rows, int(self._ingest.batch_bytes / each)))
        fetched = session.poll(timeout, limit)
        positions = session.positions()
        ends = {p: at for p, (at, _) in positions.items() if at != self._offsets.get(p)}
        self._offsets.update(ends)
        if ends:
            self._pieces.extend(_pieces(fetched, ends, self._ingest.batch_bytes))
            self._measure(fetched)
        self._look(session, positions)
        if session.stale() and not self._pieces:
            self._renew(session)
        elif not session.partitions:  # nothing to wait on: do not spin
            time.sleep(max(0.0, timeout - (time.monotonic() - started)))

    def _connect(self, timeout: float) -> Session | None:
        """The session, once the cluster answers; waits up to `timeout` seconds."""
        pause = self._retry_at - time.monotonic()
        if pause > 0:
            time.sleep(min(pause, timeout))
            return None
        if self._client is None:
            self._client = Client(self._settings)
            self._away_since = time.monotonic()
        if not self._client.connected(timeout):
            where = ", ".join(self._settings.brokers)
            self._show("waiting", f"for a broker to answer at {where}{self._client.trouble}")
            return None
        self._session = Session(self._client, self._offsets)
        self._group = GroupOffsets(self._client.manager, self._settings.group)
        self._failures = 0
        self._away_since = None
        self._welcome(self._session)
        return self._session

    def _welcome(self, session: Session) -> None:
        """Say which topics are read, from where, and which cannot be."""
        logger.info(
            "reading from Kafka brokers=%s topics=%s partitions=%d",
            ",".join(self._settings.brokers),
            ",".join(session.topics) or "none",
            len(session.partitions),
        )
        known = {(p.topic, p.topic_id) for p in self._offsets}
        for topic, (topic_id, parts) in session.topics.items():
            others = [old for name, old in known if name == topic and old != topic_id]
            if others and (topic, topic_id) not in known:
                logger.warning(
                    "topic was created again: reading the new one from its earliest records "
                    "topic=%s old=%s new=%s partitions=%d",
                    topic,
                    others[-1],
                    topic_id,
                    len(parts),
                )
        missing = set(self._settings.topics) - set(session.topics)
        for topic in sorted(missing - self._missing):
            logger.warning("topic does not exist, waiting for it topic=%s", topic)
        self._missing = missing

    def _renew(self, session: Session) -> None:
        """Begin again over the topics as they are now, from the same offsets."""
        logger.info("topics changed, reading anew topics=%s", ",".join(session.topics) or "none")
        self._disconnect()

    def _lost(self, error: KafkaError) -> None:
        """End the session; the next poll after the pause makes a new one."""
        pause = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + pause
        logger.warning("Kafka failed, trying again failures=%d error=%s", self._failures, error)
        self._disconnect()
        self._show("waiting", f"trying again after: {type(error).__name__}: {error}")

    def _disconnect(self) -> None:
        self._session = self._group = None
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- giving out

    def _decode(self, piece: _Piece) -> Batch:
        raws = [raw for part in piece.records.values() for raw in part]
        checkpoint = {str(partition): str(at) for partition, at in piece.ends.items()}
        if not raws:
            return Batch(checkpoint=checkpoint)
        records, dead = self._decoder.messages(raws, {})
        return Batch(records, dead, checkpoint)

    def _measure(self, fetched: Mapping[Partition, list[Raw]]) -> None:
        """Learn how large records are, so that the next poll asks for about `batch_bytes`."""
        for records in fetched.values():
            self._newest_ts = records[-1].record_ts
            each = sum(len(raw.value) for raw in records) / len(records)
            self._bytes_each += 0.5 * (each - self._bytes_each)
        if fetched:
            self._read_at = time.monotonic()

    # -- telling others

    def _stored_offsets(self) -> dict[TopicPartition, int]:
        """How far the store is, in the incarnations of topics that are being read."""
        by_tp = self._session.partitions if self._session else {}
        stored = self._stored
        return {tp: stored[partition] for tp, partition in by_tp.items() if partition in stored}

    def _look(
        self, session: Session, positions: Mapping[Partition, tuple[int, int | None]]
    ) -> None:
        """Make the status from what the last poll left behind."""
        now = time.monotonic()
        away = session.away()
        if away is None:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        elif now - self._away_since > _RECONNECT_S:
            # Perhaps the brokers have moved: ask the configured addresses again.
            raise KafkaError(f"{away} for {_RECONNECT_S:g} s")
        rows = tuple(_position(p, at, end) for p, (at, end) in sorted(positions.items()))
        lags = [end - at for at, end in positions.values() if end is not None]
        lag = sum(lags) if lags and len(lags) == len(session.partitions) else None
        seconds = None
        if lag == 0:
            seconds = 0.0
        elif lag and self._newest_ts is not None:
            seconds = max(0.0, (self._now() - self._newest_ts) / 1e9)
        missing = self._missing
        if away is not None:
            state, detail = "waiting", f"for Kafka: {away}"
        elif missing:
            refused = missing & self._client.unauthorized() if self._client else set()
            state = "waiting"
            detail = (
                f"the cluster does not let us read {', '.join(sorted(refused))}"
                if refused
                else f"topic {', '.join(sorted(missing))} does not exist (yet)"
            )
        else:
            state = "running" if now - self._read_at < _IDLE_S else "idle"
            detail = f"{', '.join(session.topics)} on {', '.join(self._settings.brokers)}"
        self._status = SourceStatus("kafka", state, detail, lag, seconds, rows)

    def _show(self, state: str, detail: str) -> None:
        """A state without a session: positions are those of the last one."""
        self._status = SourceStatus("kafka", state, detail, None, None, self._status.positions)


def _pieces(
    fetched: Mapping[Partition, list[Raw]], ends: Mapping[Partition, int], max_bytes: int
) -> Iterator[_Piece]:
    """Cut what was fetched into pieces of about `max_bytes`; the last one also moves what had no records."""
    piece: dict[Partition, list[Raw]] = {}
    size = 0
    for partition, records in fetched.items():
        start = 0
        for i, raw in enumerate(records):
            size += len(raw.value)
            if size >= max_bytes:
                piece[partition] = records[start : i + 1]
                yield _Piece(piece, {p: rs[-1].off + 1 for p, rs in piece.items()})
                piece, size, start = {}, 0, i + 1
        if start < len(records):
            piece[partition] = records[start:]
    yield _Piece(piece, ends)


def _position(partition: Partition, at: int, end: int | None) -> Mapping[str, str | int]:
    row: dict[str, str | int] = {
        "topic": partition.topic,
        "topic_id": str(partition.topic_id),
        "partition": partition.part,
        "offset": at,
    }
    if end is not None:
        row |= {"end": end, "lag": max(0, end - at)}
    return row
