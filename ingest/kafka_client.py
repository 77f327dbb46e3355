"""A connection to a Kafka cluster as we need it: settings checked first, and fetches bound to topic ids.

kafka-python 3.0 fetches by topic *name* (Fetch v12). When a topic is deleted and created again, such a fetch goes on in
the new topic at an offset of the old one, and nobody can tell which records came from where. `TopicIdManager` turns
those requests into Fetch v13 (KIP-516), which names the topic by its id: the broker then answers UNKNOWN_TOPIC_ID
instead of somebody else's records. This is the only file that knows kafka-python's inner parts.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.consumer import FetchRequest

from driftwood.config import Kafka
from driftwood.errors import ConfigError
from ingest.kafka_records import RawRecords

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NO_ID = UUID(int=0)
_FETCH_BY_ID = 13
_RETRY_MS = 500


def check(settings: Kafka) -> None:
    """Raises ConfigError for what no retry mends."""
    if not settings.brokers:
        raise ConfigError("[kafka] brokers: give at least one HOST:PORT")
    for broker in settings.brokers:
        host, _, port = broker.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise ConfigError(
                f"[kafka] brokers: {broker!r} is not HOST:PORT, as in 'localhost:9092'"
            )
    if not settings.topics:
        raise ConfigError("[kafka] topics: give at least one topic to read")
    for topic in settings.topics:
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            raise ConfigError(
                f"[kafka] topics: {topic!r} is no topic name; letters, digits, '.', '_' and '-' are"
            )
    if settings.security_protocol not in _PROTOCOLS:
        raise ConfigError(
            f"[kafka] security_protocol: {settings.security_protocol!r} is none of "
            + ", ".join(_PROTOCOLS)
        )
    if settings.security_protocol.startswith("SASL"):
        if settings.sasl_mechanism not in _MECHANISMS:
            raise ConfigError(
                f"[kafka] sasl_mechanism: {settings.sasl_mechanism!r} is none of "
                + ", ".join(_MECHANISMS)
            )
        if not settings.sasl_username or not settings.sasl_password:
            raise ConfigError(
                f"[kafka] {settings.security_protocol} needs sasl_username and sasl_password "
                "(DRIFTWOOD__KAFKA__SASL_PASSWORD keeps the latter out of the file)"
            )
    elif settings.sasl_mechanism:
        raise ConfigError(
            f"[kafka] sasl_mechanism is set, but security_protocol {settings.security_protocol} "
            "does not use it; choose SASL_SSL or SASL_PLAINTEXT"
        )
    if settings.ssl_cafile:
        try:
            ssl.create_default_context(cafile=settings.ssl_cafile)
        except FileNotFoundError as error:
            raise ConfigError(
                f"[kafka] ssl_cafile: there is no file {settings.ssl_cafile!r}"
            ) from error
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"[kafka] ssl_cafile: {settings.ssl_cafile!r} holds no CA certificates (PEM): {error}"
            ) from error


class TopicIdManager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """Sends fetches by topic id for the topics in `topic_ids`; older brokers get them by name."""

    def __init__(self, net: NetworkSelector, **configs: Any) -> None:
        super().__init__(net, **configs)
        # ClusterMetadata is built without these: a topic that we wait for would be created by our asking for it, and
        # asked for ten times a second.
        self.cluster.config["allow_auto_create_topics"] = False
        self.cluster.config["retry_backoff_ms"] = _RETRY_MS
        self.topic_ids: dict[str, UUID] = {}
        self.trouble = ""
        """Why the last connection that failed did so."""

    def get_connection(self, node_id: Any, *args: Any, **settings: Any) -> Any:
        known = node_id in self._conns
        connection = super().get_connection(node_id, *args, **settings)
        if not known:
            connection.init_future.add_errback(self._note)
        return connection

    def _note(self, error: Exception) -> None:
        self.trouble = str(error.args[0] if error.args else error)

    def send(self, request: Any, node_id: Any = None, request_timeout_ms: Any = None) -> Any:
        if not isinstance(request, FetchRequest) or not self._by_id(request):
            return super().send(request, node_id, request_timeout_ms)
        request._max_version = _FETCH_BY_ID
        for topic in (*request.topics, *request.forgotten_topics_data):
            topic.topic_id = self.topic_ids[topic.topic]
        names = {topic_id: name for name, topic_id in self.topic_ids.items()}

        def name_topics(response: Any) -> None:
            if response.API_VERSION >= _FETCH_BY_ID:
                for topic in response.responses:
                    topic.topic = names[topic.topic_id]

        future = super().send(request, node_id, request_timeout_ms)
        future.add_callback(name_topics)  # the first callback: the fetcher's own come after it
        return future

    def _by_id(self, request: Any) -> bool:
        return all(t.topic in self.topic_ids for t in request.topics) and (
            self.broker_version_data.api_version(FetchRequest) >= _FETCH_BY_ID
        )


class Client:
    """One cluster: connects in the background as soon as it is made, and tries until it is closed."""

    def __init__(self, settings: Kafka) -> None:
        self._settings = settings
        self._configs = _configs(settings)
        self._net = NetworkSelector(**self._configs)
        self.manager = TopicIdManager(self._net, **self._configs)
        self._client = KafkaNetClient(self._net, self.manager)
        # Both before the thread runs: `set_topics` bootstraps as well, and of two bootstraps at once (neither sees the
        # other) one dies of "Concurrent access to WakeupNotifier!".
        self._bootstrap = self.manager.bootstrap_async(refresh=False)
        self.manager.cluster.set_topics(settings.topics)  # their metadata comes with the bootstrap
        self._net.start()
        self._consumer: Any = None

    def connected(self, timeout: float) -> bool:
        """Whether the cluster has answered, after at most `timeout` seconds.

        Raises KafkaError when it refuses us, or when the attempt broke; this client will not connect any more then.
        """
        try:
            self._net.run(self.manager.wait_for, self._bootstrap, timeout * 1000)
        except KafkaTimeoutError:
            return False
        except RuntimeError as error:  # a defect of the library ends the attempt, not the source
            raise KafkaError(f"the connection could not be made: {error}") from error
        return True

    @property
    def trouble(self) -> str:
        """Why we are not connected, as far as it is known: ": Connection refused", or ""."""
        return f": {self.manager.trouble}" if self.manager.trouble else ""

    def topics(self) -> dict[str, tuple[UUID, tuple[int, ...]]]:
        """Id and partitions of the topics that exist, as of the last metadata (`metadata_interval_s` old at most)."""
        cluster = self.manager.cluster
        found = {}
        for topic in self._settings.topics:
            partitions = cluster.partitions_for_topic(topic)
            if partitions:
                found[topic] = (cluster.topic_id(topic) or _NO_ID, tuple(sorted(partitions)))
        return found

    def unauthorized(self) -> set[str]:
        """Topics that the cluster does not let us read."""
        return set(self.manager.cluster.unauthorized_topics)

    def consumer(self, topic_ids: Mapping[str, UUID]) -> Any:
        """A KafkaConsumer of `Raw` over this connection, which reads exactly these incarnations of the topics."""
        self.manager.topic_ids = {n: i for n, i in topic_ids.items() if i != _NO_ID}
        self._consumer = KafkaConsumer(
            kafka_client=lambda **_: self._client,
            # No group: reading must not wait for a group coordinator (kafka_group tells it our offsets).
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a gap is ours to see and to count
            isolation_level="read_committed"
            if self._settings.read_committed
            else "read_uncommitted",
            fetch_max_bytes=50 * 1024 * 1024,
            max_partition_fetch_bytes=8 * 1024 * 1024,
            **self._configs,
        )
        fetcher = self._consumer._fetcher
        fetcher.PartitionRecords = lambda fetch_offset, tp, records, **how: RawRecords(
            fetch_offset, tp, records, epoch=f"{tp.topic}/{topic_ids[tp.topic]}", **how
        )
        return self._consumer

    def away(self, partitions: set[TopicPartition]) -> str | None:
        """What keeps `partitions` from being read: brokers without connection, partitions without leader."""
        cluster = self.manager.cluster
        for tp in sorted(partitions):
            leader = cluster.leader_for_partition(tp)
            if leader is None or leader == -1:
                return f"partition {tp.topic}/{tp.partition} has no leader"
            if not self._client.connected(leader):
                broker = cluster.broker_metadata(leader)
                where = f"{broker.host}:{broker.port}" if broker else f"node {leader}"
                return f"no connection to broker {where}{self.trouble}"
        return None

    def close(self) -> None:
        """End all connections and the thread that serves them."""
        if self._consumer is not None:
            self._consumer.close(autocommit=False, timeout_ms=1000)
        else:
            self._client.close()


def _configs(settings: Kafka) -> dict[str, Any]:
    """What connection, consumer and cluster metadata share, in kafka-python's names."""
    configs: dict[str, Any] = {
        "bootstrap_servers": list(settings.brokers),
        "client_id": "driftwood",
        "security_protocol": settings.security_protocol,
        "metadata_max_age_ms": max(1, int(settings.metadata_interval_s * 1000)),
        "retry_backoff_ms": 100,
        "reconnect_backoff_ms": 100,
        "reconnect_backoff_max_ms": 2000,
        # Above what brokers accept from producers, below what a stranger's greeting reads as ("HTTP" is 1.2 GB).
        "receive_message_max_bytes": 512 * 1024 * 1024,
        "metrics_enabled": False,
    }
    if settings.ssl_cafile:
        configs["ssl_cafile"] = settings.ssl_cafile
    if settings.sasl_mechanism:
        configs["sasl_mechanism"] = settings.sasl_mechanism
        configs["sasl_plain_username"] = settings.sasl_username
        configs["sasl_plain_password"] = settings.sasl_password
    return configs


__all__ = ["Client", "KafkaError", "TopicIdManager", "check"]
