"""Exactly once, against the real thing: `driftwood serve` on a real broker, killed and disturbed while records come in.

After each test the store is opened and the ledger must be even: every record produced is one line or one dead letter,
told apart by (topic, partition, offset, index).
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from tests.kafka.broker import Broker, until
from tests.kafka.serving import ROOT, Server, Stopwatch, stored

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(600)]
MakeTopic = Callable[..., str]

POISON = b"\x00\x00\x00\x00\x2aframed by a schema registry that we do not have"


class Producing:
    """A thread that produces lines, every hundredth poisoned, and keeps what the broker acknowledged."""

    def __init__(self, broker: Broker, topic: str, rate: float, seed: int = 1) -> None:
        self.sent: list[tuple[int, int, bool]] = []
        """(partition, offset, poisoned)"""
        self._broker = broker
        self._topic = topic
        self._rate = rate
        self._random = random.Random(seed)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> int:
        """Stop, and say how many were sent."""
        self._end.set()
        self._thread.join(timeout=60)
        return len(self.sent)

    def _run(self) -> None:
        n = 0
        with self._broker.producer(linger_ms=5) as producer:
            while not self._end.is_set():
                waiting = []
                for _ in range(max(1, int(self._rate / 20))):
                    n += 1
                    poisoned = self._random.random() < 0.01
                    value = POISON if poisoned else b"order %d paid by user %d" % (n, n % 97)
                    waiting.append((producer.send(self._topic, value), poisoned))
                producer.flush()
                for future, poisoned in waiting:
                    meta: Any = future.get(timeout=30)
                    self.sent.append((meta.partition, meta.offset, poisoned))
                self._end.wait(0.05)


def assert_the_ledger_is_even(folder: Path, sent: list[tuple[int, int, bool]]) -> None:
    lines, dead = stored(folder)
    assert max((lines + dead).values()) == 1, "a record was stored twice"
    healthy = {(part, off) for part, off, poisoned in sent if not poisoned}
    poisoned = {(part, off) for part, off, poisoned in sent if poisoned}
    assert {(part, off) for _, part, off, _ in lines} == healthy
    assert {(part, off) for _, part, off, _ in dead} == poisoned


def kill_at_random(
    folder: Path, broker: Broker, topic: str, kills: int, rate: float, seed: int
) -> None:
    chance = random.Random(seed)
    producing = Producing(broker, topic, rate, seed)
    for _ in range(kills):
        with Server(folder, broker.address, topic).ready():
            time.sleep(chance.uniform(0.0, 1.2))
    with Server(folder, broker.address, topic).ready() as polite:
        assert polite.stop() == 0, polite.log[-2000:]  # SIGTERM while records come in
    n = producing.finish()
    with Server(folder, broker.address, topic).ready() as last:
        assert last.taken_up_to(n).taken() == n
        assert last.stop() == 0, last.log[-2000:]
    assert_the_ledger_is_even(folder, producing.sent)


def test_random_kills_lose_and_double_nothing(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    kill_at_random(tmp_path, broker, topic(3), kills=3, rate=2000, seed=5)


@pytest.mark.slow
def test_many_random_kills_under_load_lose_and_double_nothing(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    kill_at_random(tmp_path, broker, topic(3), kills=20, rate=6000, seed=11)


@pytest.mark.slow
def test_the_first_row_comes_within_a_second_of_ready_on_restart(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    name = topic(3)
    broker.produce(name, [b"order %d" % i for i in range(1000)])
    with Server(tmp_path, broker.address, name).ready() as first:
        first.taken_up_to(1000)
    broker.produce(name, [b"order %d" % i for i in range(1000)])
    with Server(tmp_path, broker.address, name).ready() as second:
        since_ready = Stopwatch()
        until(lambda: second.taken() > 1000, "the first row", interval=0.01)
        assert since_ready.seconds < 1.0


def test_a_kill_between_store_and_commit_stores_each_record_once(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    """The process dies at the moment it is told that its rows are durable, before the broker hears of it."""
    name = topic(2)
    broker.produce(name, [b"order %d" % i for i in range(5000)])
    script = f"""
import os, pathlib, signal
from driftwood.config import Config, override
from driftwood.store.store import DuckStore
from ingest.kafka import KafkaSource
from ui.parts import assemble

class DiesWhenStored(KafkaSource):
    def committed(self, checkpoint):
        os.kill(os.getpid(), signal.SIGKILL)

config = override(
    Config(),
    kafka=dict(brokers=({broker.address!r},), topics=({name!r},)),
    ingest=dict(batch_rows=700),
    store=dict(commit_rows=700),
)
store = DuckStore.open(pathlib.Path({str(tmp_path / "data")!r}), config.store)
source = DiesWhenStored(config.kafka, config.ingest)
pipeline = assemble(config, store, (source,), keep_alive=True).pipeline
pipeline.recover()
pipeline.run()
"""
    for _ in range(2):
        died = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert died.returncode == -9, died.stderr[-2000:]
    lines, _ = stored(tmp_path)
    assert 0 < sum(lines.values()) < 5000, "each life stored something, none stored all"
    with Server(tmp_path, broker.address, name).ready() as rest:
        rest.taken_up_to(5000)
    lines, _ = stored(tmp_path)
    assert len(lines) == sum(lines.values()) == 5000


def test_a_bad_network_and_a_restarted_broker_lose_and_double_nothing(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    name = topic(3)
    producing = Producing(broker, name, rate=2000)
    with Server(tmp_path, broker.proxied, name).ready() as server:
        server.taken_up_to(200)
        broker.proxy.cut()
        time.sleep(0.5)
        broker.proxy.reset()
        broker.proxy.delay_s = 0.3
        time.sleep(1.0)
        broker.proxy.delay_s = 0.0
        n = producing.finish()
        broker.stop(kill=True)
        until(lambda: server.source()["state"] == "waiting", "the server to notice")
        broker.start()
        producing_more = Producing(broker, name, rate=2000)
        server.taken_up_to(n + 200)
        sent = producing.sent + producing_more.sent[: producing_more.finish()]
        server.taken_up_to(len(sent))
        assert server.source()["state"] in ("running", "idle")
    assert_the_ledger_is_even(tmp_path, sent)


@pytest.mark.slow  # test_kafka_source.py has each of these by itself
def test_topics_that_change_under_the_server_lose_and_double_nothing(
    tmp_path: Path, broker: Broker, topic: MakeTopic
) -> None:
    """Partitions added, the topic deleted and created again with fewer records, and emptied."""
    name = topic(1)
    broker.produce(name, [b"order %d" % i for i in range(500)])
    with Server(tmp_path, broker.address, name).ready() as server:
        server.taken_up_to(500)
        broker.add_partitions(name, 4)
        broker.produce(name, [b"order %d" % i for i in range(100)], partition=3)
        server.taken_up_to(600)
        broker.delete(name)
        until(lambda: server.source()["state"] == "waiting", "the server to notice")
        broker.create(name, 2)
        broker.produce(name, [b"order %d" % i for i in range(50)], partition=0)
        server.taken_up_to(650)
        assert server.stop() == 0, server.log[-2000:]
    broker.produce(name, [b"order %d" % i for i in range(50)], partition=0)
    with broker.admin() as admin:
        admin.delete_records({TopicPartition(name, 0): 80})
    with Server(tmp_path, broker.address, name).ready() as server:
        server.taken_up_to(670)
        assert server.stop() == 0, server.log[-2000:]
        assert "missed=30 from=50 going_on_at=80" in server.log
    lines, dead = stored(tmp_path)
    assert max(lines.values()) == 1
    assert not dead
    by_epoch = Counter(topic for topic, *_ in lines)
    assert sorted(by_epoch.values()) == [70, 600]
