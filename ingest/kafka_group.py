"""Tells the broker how far the store is, so that Kafka's own tools can show lag. Nothing here decides anything:
reading resumes from the store, and a group that cannot be written costs a line in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, for_code
from kafka.protocol.consumer import OffsetCommitRequest
from kafka.protocol.metadata import CoordinatorType, FindCoordinatorRequest

logger = logging.getLogger(__name__)

_INTERVAL_S = 1.0
_AFTER_FAILURE_S = 30.0


class GroupOffsets:
    """Commits offsets of `group` without being a member of it. Used by one thread, the polling one."""

    def __init__(self, manager: Any, group: str) -> None:
        """`manager`: the connection manager of the client whose connections carry the requests."""
        self._manager = manager
        self._group = group
        self._coordinator: Any = None
        self._running: Any = None
        self._done: dict[TopicPartition, int] = {}
        self._due = 0.0

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Begin to commit those of `offsets` that are new; at most once a second, one commit at a time."""
        now = time.monotonic()
        if now < self._due or (self._running is not None and not self._running.is_done):
            return
        self._due = now + _INTERVAL_S
        if new := self._new(offsets):
            self._running = self._manager.call_soon(self._commit, new)
            self._running.add_errback(self._failed)

    def flush(self, offsets: Mapping[TopicPartition, int], timeout: float) -> None:
        """Commit what is new and wait for it, `timeout` seconds at most."""
        if new := self._new(offsets):
            try:
                commit = self._manager.call_soon(self._commit, new)
                self._manager.run(self._manager.wait_for, commit, timeout * 1000)
            except KafkaError as error:
                self._failed(error)

    def _new(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        return {tp: at for tp, at in offsets.items() if self._done.get(tp) != at}

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self._coordinator is None:
            self._coordinator = await self._find()
        by_topic: dict[str, list[Any]] = {}
        topic_type = OffsetCommitRequest.OffsetCommitRequestTopic
        for tp, offset in offsets.items():
            by_topic.setdefault(tp.topic, []).append(
                topic_type.OffsetCommitRequestPartition(
                    partition_index=tp.partition,
                    committed_offset=offset,
                    committed_leader_epoch=-1,
                    committed_metadata="",
                )
            )
        request = OffsetCommitRequest(
            group_id=self._group,
            generation_id_or_member_epoch=-1,  # no member: allowed while nobody has joined the group
            member_id="",
            group_instance_id=None,
            retention_time_ms=-1,
            topics=[topic_type(name=n, partitions=ps) for n, ps in by_topic.items()],
            max_version=8,
        )
        response = await self._manager.send(request, node_id=self._coordinator)
        for topic in response.topics:
            for partition in topic.partitions:
                if partition.error_code:
                    raise for_code(partition.error_code)(
                        f"{topic.name}/{partition.partition_index}"
                    )
        self._done.update(offsets)

    async def _find(self) -> Any:
        """The coordinator as a node of its own, so that commits never queue behind a fetch that waits for data."""
        batched = self._manager.broker_version_data.api_version(FindCoordinatorRequest) >= 4
        group = CoordinatorType.GROUP
        if batched:
            request = FindCoordinatorRequest(
                key_type=group.value, coordinator_keys=[self._group], min_version=4
            )
            (found,) = (await self._manager.send(request)).coordinators
        else:
            request = FindCoordinatorRequest(key=self._group, key_type=group.value, max_version=3)
            found = await self._manager.send(request)
        return self._manager.cluster.add_coordinator(found, group, self._group)

    def _failed(self, error: Exception) -> None:
        self._coordinator = None  # it may have moved
        retriable = getattr(error, "retriable", False)
        self._due = time.monotonic() + (_INTERVAL_S if retriable else _AFTER_FAILURE_S)
        level = logging.DEBUG if retriable else logging.WARNING
        logger.log(
            level,
            "offsets not committed, lag tools see old ones; reading goes on group=%s error=%s",
            self._group,
            error,
        )
