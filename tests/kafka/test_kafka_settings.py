"""What `open` refuses, and with which words; no broker is needed for that."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.config import Ingest, Kafka
from driftwood.errors import ConfigError
from ingest.kafka import KafkaSource
from ingest.kafka_client import Client, TopicIdManager
from ingest.kafka_session import Partition

GOOD: dict[str, Any] = {"brokers": ("localhost:9092",), "topics": ("logs",)}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"brokers": ()}, "give at least one HOST:PORT"),
        ({"brokers": ("localhost",)}, "'localhost' is not HOST:PORT"),
        ({"brokers": ("localhost:99999",)}, "'localhost:99999' is not HOST:PORT"),
        ({"topics": ()}, "give at least one topic"),
        ({"topics": ("a/b",)}, "'a/b' is no topic name"),
        ({"security_protocol": "TLS"}, "'TLS' is none of PLAINTEXT, SSL"),
        ({"security_protocol": "SASL_SSL"}, "'' is none of PLAIN, SCRAM-SHA-256"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "u"},
            "DRIFTWOOD__KAFKA__SASL_PASSWORD",
        ),
        ({"sasl_mechanism": "PLAIN"}, "security_protocol PLAINTEXT does not use it"),
        ({"ssl_cafile": "/no/such.pem"}, "there is no file '/no/such.pem'"),
    ],
)
def test_what_no_retry_mends_is_refused_with_the_setting_and_the_remedy(
    settings: dict[str, Any], words: str
) -> None:
    source = KafkaSource(Kafka(**{**GOOD, **settings}), Ingest())
    with pytest.raises(ConfigError) as error:
        source.open({})
    assert str(error.value).startswith("[kafka] ")
    assert words in str(error.value)


def test_a_certificate_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("not a certificate")
    source = KafkaSource(Kafka(**GOOD, security_protocol="SSL", ssl_cafile=str(nonsense)), Ingest())
    with pytest.raises(ConfigError, match="ssl_cafile"):
        source.open({})


def test_an_unknown_encoding_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match="jsn"):
        KafkaSource(Kafka(**GOOD, encoding="jsn"), Ingest())


@given(
    st.from_regex(r"[a-zA-Z0-9._-]{1,249}", fullmatch=True),
    st.uuids(),
    st.integers(0, 2**31 - 1),
)
def test_the_key_of_a_checkpoint_gives_its_partition_back(
    topic: str, topic_id: UUID, part: int
) -> None:
    partition = Partition(topic, topic_id, part)
    assert Partition.of(str(partition)) == partition


@pytest.mark.usefixtures("half_open_connections")
def test_a_client_bootstraps_once_however_its_threads_are_scheduled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bootstraps: list[str] = []
    call_soon = TopicIdManager.call_soon

    def slowly(manager: TopicIdManager, step: Any, *args: Any) -> Any:
        if step.__name__ == "_do_bootstrap":
            bootstraps.append(step.__name__)
            time.sleep(0.05)  # whoever else bootstraps now cannot see this one yet
        return call_soon(manager, step, *args)

    monkeypatch.setattr(TopicIdManager, "call_soon", slowly)
    client = Client(Kafka(brokers=("127.0.0.1:1",), topics=("logs",)))
    assert not client.connected(0.2)
    client.close()
    assert len(bootstraps) == 1
