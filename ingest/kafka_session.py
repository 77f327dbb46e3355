"""A session with a Kafka cluster: fixed partitions of fixed incarnations of topics, read in order from given offsets.

Whatever changes which partitions there are (a topic deleted, created again, given more partitions) ends the session,
and a new one begins from the same offsets: nothing that was buffered for the old one can leak into the new one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from kafka import TopicPartition
from kafka.errors import LogTruncationError, OffsetOutOfRangeError

from ingest.decode import Raw
from ingest.kafka_client import Client

logger = logging.getLogger(__name__)

_LOOKUP_MS = 5000


class Partition(NamedTuple):
    """A partition of one incarnation of a topic; the key of a checkpoint as text.

    >>> str(Partition("orders", UUID(int=7), 2))
    'orders/00000000-0000-0000-0000-000000000007/2'
    >>> Partition.of('orders/00000000-0000-0000-0000-000000000007/2').part
    2
    """

    topic: str
    topic_id: UUID
    part: int

    @property
    def epoch(self) -> str:
        """The `topic` column of its records: name and id."""
        return f"{self.topic}/{self.topic_id}"

    def __str__(self) -> str:
        return f"{self.epoch}/{self.part}"

    @classmethod
    def of(cls, key: str) -> Partition:
        topic, topic_id, part = key.split("/")
        return cls(topic, UUID(topic_id), int(part))


class Session:
    """Reads from where `offsets` say; partitions that they do not hold begin at the earliest record there is."""

    def __init__(self, client: Client, offsets: Mapping[Partition, int]) -> None:
        self._client = client
        self.topics = client.topics()
        self._by_tp = {
            TopicPartition(topic, part): Partition(topic, topic_id, part)
            for topic, (topic_id, parts) in self.topics.items()
            for part in parts
        }
        self._consumer = client.consumer({t: topic_id for t, (topic_id, _) in self.topics.items()})
        self._consumer.assign(list(self._by_tp))
        for tp, partition in self._by_tp.items():
            if partition in offsets:
                self._consumer.seek(tp, offsets[partition])
            else:
                self._consumer.seek_to_beginning(tp)

    @property
    def partitions(self) -> Mapping[TopicPartition, Partition]:
        return self._by_tp

    def stale(self) -> bool:
        """Whether the topics are no longer those that the session began with."""
        return self._client.topics() != self.topics

    def poll(self, timeout: float, max_records: int) -> dict[Partition, list[Raw]]:
        """Records by partition, in order of offset; {} if none came within `timeout` seconds.

        An offset that the log no longer holds is moved to where the log goes on, with a WARNING.
        Raises KafkaError for what ends the session.
        """
        if not self._by_tp:
            return {}
        try:
            fetched = self._consumer.poll(timeout_ms=timeout * 1000, max_records=max_records)
        except OffsetOutOfRangeError as error:
            self._back_into_range(error.args[0])
            return {}
        except LogTruncationError as error:
            self._after_truncation(error.divergent_offsets)
            return {}
        return {self._by_tp[tp]: records for tp, records in fetched.items()}

    def positions(self) -> dict[Partition, tuple[int, int | None]]:
        """By partition: the offset of the next record, and the end of the log when it is known.

        The offset lies behind everything that was read or skipped: markers and aborted records of
        transactions, and what compaction left out.
        """
        states = self._consumer._subscription.assignment  # `position()` would ask the network
        found = {}
        for tp, partition in self._by_tp.items():
            position = states[tp].position
            if position is not None:
                found[partition] = (position.offset, states[tp].highwater)
        return found

    def away(self) -> str | None:
        """What keeps the session from reading, for a person; None when it can."""
        return self._client.away(set(self._by_tp))

    def _back_into_range(self, offsets: Mapping[TopicPartition, int]) -> None:
        first = self._consumer.beginning_offsets(list(offsets), timeout_ms=_LOOKUP_MS)
        last = self._consumer.end_offsets(list(offsets), timeout_ms=_LOOKUP_MS)
        for tp, offset in offsets.items():
            if offset < first[tp]:
                logger.warning(
                    "records were deleted before they were read (retention, or an emptied topic) "
                    "partition=%s missed=%d from=%d going_on_at=%d",
                    self._by_tp[tp],
                    first[tp] - offset,
                    offset,
                    first[tp],
                )
                self._consumer.seek(tp, first[tp])
            elif offset > last[tp]:
                logger.warning(
                    "the log ends before what was already read: the broker has lost records "
                    "partition=%s read_up_to=%d going_on_at=%d",
                    self._by_tp[tp],
                    offset,
                    last[tp],
                )
                self._consumer.seek(tp, last[tp])

    def _after_truncation(self, divergent: Mapping[TopicPartition, Any]) -> None:
        """After an unclean leader election other records stand where ours stood: read those, too."""
        unknown = {}
        for tp, position in divergent.items():
            if position is None:
                unknown[tp] = self._consumer._subscription.assignment[tp].position.offset
                continue
            logger.warning(
                "the broker replaced records that were already read (unclean leader election) "
                "partition=%s going_on_at=%d",
                self._by_tp[tp],
                position.offset,
            )
            self._consumer.seek(tp, position)
        if unknown:
            self._back_into_range(unknown)
