"""KafkaSource against a real broker: every situation that docs/kafka.md promises something about."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError

from driftwood.config import Ingest
from tests.kafka.broker import Broker, until
from tests.kafka.reading import Reading

pytestmark = [
    pytest.mark.xdist_group("kafka"),
    # kafka-python leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]
MakeTopic = Callable[..., str]


def lines(n: int, start: int = 0) -> list[bytes]:
    return [b"request %07d served" % i for i in range(start, start + n)]


def texts(n: int, start: int = 0) -> list[str]:
    return [line.decode() for line in lines(n, start)]


def test_every_partition_is_read_from_its_start(broker: Broker, topic: MakeTopic) -> None:
    name = topic(3)
    broker.produce(name, lines(3000))
    with Reading(broker.address, name) as reading:
        reading.read(3000)
    assert sorted(reading.lines) == texts(3000)
    assert sum(reading.offsets.values()) == 3000
    assert reading.source.status().state == "done"


def test_reading_goes_on_from_a_checkpoint_whatever_the_group_says(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.produce(name, lines(100))
    with Reading(broker.address, name) as first:
        first.read(100)
        first.source.committed(dict.fromkeys(first.checkpoint, "7"))
        until(lambda: first.poll() == 0 and _committed(broker, name) == {0: 7}, "the commit")
    broker.produce(name, lines(50, start=100))
    with Reading(broker.address, name, checkpoint=first.checkpoint) as second:
        second.read(50)
    assert second.lines == texts(50, start=100)


def test_labels_name_source_topic_and_service_and_the_topic_column_its_incarnation(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.produce(name, lines(1))
    with Reading(broker.address, name) as reading:
        reading.read(1)
    (batch,) = (b for b in reading.batches if b.records.num_rows)
    labels = json.loads(str(batch.records.column("labels")[0].as_py()))
    assert labels == {"source": "kafka", "topic": name, "service_name": name}
    with broker.admin() as admin:
        (described,) = admin.describe_topics([name])
    column = batch.records.column("topic").to_pylist()[0]
    assert column == f"{name}/{described['topic_id']}"
    assert reading.checkpoint == {f"{column}/0": "1"}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_read(broker: Broker, topic: MakeTopic, codec: str) -> None:
    name = topic()
    broker.produce(name, lines(500), compression_type=codec, linger_ms=50)
    with Reading(broker.address, name) as reading:
        reading.read(500)
    assert reading.lines == texts(500)


def test_resuming_inside_a_compressed_batch_repeats_nothing(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.produce(name, lines(500), compression_type="zstd", linger_ms=200)
    with Reading(broker.address, name) as reading:
        reading.read(500)
    (key,) = reading.checkpoint
    with Reading(broker.address, name, checkpoint={key: "123"}) as again:
        again.read(377)
    assert again.lines == texts(377, start=123)


def test_aborted_transactions_are_skipped_and_the_offsets_move_past_their_markers(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    with broker.producer(transactional_id=name) as producer:
        producer.init_transactions()
        for kept in (True, False, True, False):
            producer.begin_transaction()
            for line in lines(10, start=0 if kept else 900):
                producer.send(name, line)
            producer.flush()
            if kept:
                producer.commit_transaction()
            else:
                producer.abort_transaction()
    with Reading(broker.address, name) as reading:
        reading.read(20)
        reading.until(lambda: reading.offsets == {0: 44})  # 40 records, 4 markers
    assert reading.lines == texts(10) * 2
    assert reading.source.status().kind == "kafka"
    with Reading(broker.address, name, read_committed=False) as uncommitted:
        uncommitted.read(40)


def test_batches_stay_within_rows_and_bytes(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    broker.produce(name, [b"x" * 10_000] * 300)
    limits = Ingest(batch_rows=100, batch_bytes=100_000)
    with Reading(broker.address, name, ingest=limits) as reading:
        reading.read(300)
    sizes = [b.records.num_rows for b in reading.batches]
    assert max(sizes) <= 10
    assert reading.offsets == {0: 300}


def test_a_crash_between_pieces_of_one_poll_goes_on_between_them(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic(2)
    for part in (0, 1):
        broker.produce(name, [b"%d %04d" % (part, i) + b"x" * 5000 for i in range(60)], part)
    limits = Ingest(batch_bytes=50_000)
    seen: list[str] = []
    checkpoint: dict[str, str] = {}
    for _ in range(6):  # each life gives out one batch and dies
        with Reading(broker.address, name, ingest=limits, checkpoint=checkpoint) as life:
            life.until_lines(1)
        seen += life.lines
        checkpoint = life.checkpoint
    with Reading(broker.address, name, checkpoint=checkpoint) as rest:
        rest.read(120 - len(seen))
    assert len(set(seen + rest.lines)) == 120


def test_partitions_added_later_are_read_from_their_start(broker: Broker, topic: MakeTopic) -> None:
    name = topic(1)
    broker.produce(name, lines(10))
    with Reading(broker.address, name) as reading:
        reading.read(10)
        broker.add_partitions(name, 3)
        broker.produce(name, lines(10, start=10), partition=2)
        reading.read(20)
    assert reading.offsets == {0: 10, 1: 0, 2: 10}


def test_a_topic_that_does_not_exist_yet_is_waited_for(broker: Broker, topic: MakeTopic) -> None:
    there, later = topic(), topic()
    broker.delete(later)
    broker.produce(there, lines(5))
    with Reading(broker.address, there, later) as reading:
        reading.read(5)
        status = reading.source.status()
        assert (status.state, status.detail) == ("waiting", f"topic {later} does not exist (yet)")
        broker.create(later)
        broker.produce(later, lines(5, start=5))
        reading.read(10)
        reading.until(lambda: reading.state == "running")


def test_a_topic_created_again_is_a_new_epoch_read_from_its_start(
    broker: Broker, topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    name = topic()
    broker.produce(name, lines(100))
    with Reading(broker.address, name) as reading:
        reading.read(100)
        broker.delete(name)
        broker.create(name)
        broker.produce(name, lines(30, start=500))  # fewer than our offset
        reading.read(130)
        assert reading.lines[100:] == texts(30, start=500)
        assert len({topic for topic, *_ in reading.identities}) == 2
    assert "topic was created again" in caplog.text


def test_a_topic_created_again_with_more_records_than_were_read_gives_all_of_them(
    broker: Broker, topic: MakeTopic
) -> None:
    """Fetching by name would go on at offset 100 of the new topic, and lose its first hundred records."""
    name = topic()
    broker.produce(name, lines(100))
    with Reading(broker.address, name, metadata_interval_s=60.0) as reading:
        reading.read(100)
        broker.delete(name)
        broker.create(name)
        broker.produce(name, lines(300, start=500))
        reading.read(400)
        assert reading.lines[100:] == texts(300, start=500)
        assert len({topic for topic, *_ in reading.identities}) == 2


def test_a_topic_created_again_while_nobody_read_is_a_new_epoch(
    broker: Broker, topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    name = topic()
    broker.produce(name, lines(100))
    with Reading(broker.address, name) as before:
        before.read(100)
    broker.delete(name)
    broker.create(name)
    broker.produce(name, lines(300, start=500))
    with Reading(broker.address, name, checkpoint=before.checkpoint) as after:
        after.read(300)
    assert caplog.text.count("topic was created again") == 1
    with Reading(broker.address, name, checkpoint=after.checkpoint):
        pass
    assert caplog.text.count("topic was created again") == 1, "told once"


def test_a_topic_deleted_while_read_is_waited_for(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    broker.produce(name, lines(10))
    with Reading(broker.address, name) as reading:
        reading.read(10)
        broker.delete(name)
        reading.until(lambda: reading.state == "waiting")
        for _ in range(5):
            reading.poll()
        assert f"topic {name} does not exist" in reading.source.status().detail
        broker.create(name)
        broker.produce(name, lines(10))
        reading.read(20)


def test_an_emptied_topic_goes_on_at_its_earliest_record_and_counts_the_gap(
    broker: Broker, topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    name = topic()
    broker.produce(name, lines(100))
    with Reading(broker.address, name) as before:
        before.read(100)
    (key,) = before.checkpoint
    with broker.admin() as admin:
        admin.delete_records({TopicPartition(name, 0): 80})
    with Reading(broker.address, name, checkpoint={key: "30"}) as after:
        after.read(20)
        assert after.lines == texts(20, start=80)
    assert "missed=50 from=30 going_on_at=80" in caplog.text


def test_an_offset_beyond_the_end_of_the_log_goes_on_at_its_end(
    broker: Broker, topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    name = topic()
    broker.produce(name, lines(10))
    with Reading(broker.address, name) as before:
        before.read(10)
    (key,) = before.checkpoint
    with Reading(broker.address, name, checkpoint={key: "99"}) as after:
        after.until(lambda: "the broker has lost records" in caplog.text)
        broker.produce(name, lines(5, start=10))
        after.read(5)
    assert after.lines == texts(5, start=10)


def test_a_broker_that_is_away_is_a_state_and_reading_goes_on_when_it_is_back(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.produce(name, lines(100))
    broker.stop()
    try:
        with Reading(broker.address, name) as reading:
            reading.until(lambda: reading.state == "waiting")
            assert broker.address in reading.source.status().detail
            broker.start()
            reading.read(100, timeout=30)
            broker.stop(kill=True)
            reading.until(lambda: reading.state == "waiting")
            assert "no connection to broker" in reading.source.status().detail
            broker.start()
            broker.produce(name, lines(100, start=100))
            reading.read(200, timeout=30)
    finally:
        if broker.stopped:
            broker.start()


@pytest.mark.parametrize("trouble", ["cut", "reset"])
def test_broken_connections_lose_and_double_nothing(
    broker: Broker, topic: MakeTopic, trouble: str
) -> None:
    name = topic(2)
    broker.produce(name, lines(20_000))
    with Reading(broker.proxied, name, ingest=Ingest(batch_rows=500)) as reading:
        for wanted in (2000, 9000, 15_000):
            reading.until_lines(wanted)
            getattr(broker.proxy, trouble)()
        reading.read(20_000)


def test_a_slow_broker_is_read_slowly(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    broker.produce(name, lines(200))
    broker.proxy.delay_s = 0.4
    with Reading(broker.proxied, name) as reading:
        reading.read(200)
        assert reading.state in ("running", "idle")


def test_whoever_hangs_up_on_us_is_waited_for(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    broker.produce(name, lines(10))
    broker.proxy.refusing = True
    with Reading(broker.proxied, name) as reading:
        reading.until(lambda: reading.state == "waiting" and broker.proxy.connections > 1)
        broker.proxy.refusing = False
        reading.read(10)


def test_a_poll_takes_no_longer_than_it_may_while_nobody_answers(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.proxy.refusing = True
    with Reading(broker.proxied, name) as reading:
        for _ in range(5):
            started = time.monotonic()
            reading.source.poll(0.1)
            assert time.monotonic() - started < 1.0


def test_a_password_opens_the_door_and_a_wrong_one_is_a_state_in_the_brokers_words(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    broker.produce(name, lines(10))
    login: dict[str, Any] = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "reader",
    }
    with Reading(broker.secured, name, **login, sasl_password="right") as reading:
        reading.read(10)
    with Reading(broker.secured, name, **login, sasl_password="wrong") as reading:
        reading.until(lambda: "Invalid username or password" in reading.source.status().detail)
        assert reading.state == "waiting"
        assert not reading.lines


def test_lag_is_what_is_left_to_read(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    broker.produce(name, lines(1000))
    with Reading(broker.address, name, ingest=Ingest(batch_rows=100)) as reading:
        reading.until(lambda: reading.lines)
        status = reading.source.status()
        assert status.lag == 900
        assert status.lag_seconds is not None
        assert 0 <= status.lag_seconds < 60
        (row,) = status.positions
        assert (row["topic"], row["partition"], row["offset"], row["end"]) == (name, 0, 100, 1000)
        reading.read(1000)
        assert (reading.source.status().lag, reading.source.status().lag_seconds) == (0, 0.0)


def test_tombstones_are_empty_lines_so_that_every_offset_is_accounted_for(
    broker: Broker, topic: MakeTopic
) -> None:
    name = topic()
    with broker.producer() as producer:
        producer.send(name, value=None, key=b"gone")
        producer.send(name, value=b"here")
        producer.flush()
    with Reading(broker.address, name) as reading:
        reading.read(2)
    assert reading.lines == ["", "here"]


def test_a_message_of_ten_megabytes_is_read(broker: Broker, topic: MakeTopic) -> None:
    name = topic(1, {"max.message.bytes": "20000000"})
    with broker.producer(max_request_size=20_000_000) as producer:
        producer.send(name, b"a" * 10_000_000)
        producer.send(name, b"after")
        producer.flush()
    with Reading(broker.address, name) as reading:
        reading.read(2)
    assert [len(line) for line in reading.lines] == [10_000_000, 5]


def test_closing_leaves_no_thread_behind(broker: Broker, topic: MakeTopic) -> None:
    name = topic()
    before = set(threading.enumerate())
    with Reading(broker.address, name) as reading:
        reading.until(lambda: reading.state in ("idle", "running"))
    assert {t for t in set(threading.enumerate()) - before if t.name.startswith("kafka")} == set()


def test_a_topic_we_may_not_create_is_not_created(broker: Broker, topic: MakeTopic) -> None:
    """kafka-python asks brokers to create what it asks about; the request itself must say no."""
    with Reading(broker.address, "never-made") as reading:
        reading.until(lambda: reading.state == "waiting")
        cluster: Any = reading.source._client.manager.cluster  # type: ignore[union-attr]
        assert cluster.metadata_request().allow_auto_topic_creation is False


def test_one_line_is_logged_for_a_missing_topic_not_one_a_poll(
    broker: Broker, topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    with Reading(broker.address, "never-made") as reading:
        caplog.set_level(logging.INFO, "ingest")
        reading.until(lambda: reading.state == "waiting")
        for _ in range(20):
            reading.poll()
    ours = [r for r in caplog.records if r.name.startswith("ingest")]
    assert len([r for r in ours if r.levelno >= logging.WARNING]) <= 1


def _committed(broker: Broker, topic: str) -> dict[int, int]:
    """What the group "test" has committed, as lag tools see it; {} while there is no coordinator yet."""
    try:
        with broker.admin() as admin:
            groups = admin.list_group_offsets({"test": None})
    except KafkaError:
        return {}
    return {tp.partition: o.offset for tp, o in groups["test"].items() if tp.topic == topic}
