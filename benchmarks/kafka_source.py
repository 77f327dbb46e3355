"""Kafka to records, and Kafka to stored, templated and scored with a reader active, beside the floor in the same run.

    python benchmarks/kafka_source.py [--messages N]

Starts the tests' broker, produces N (default 300,000) text values of about 110 bytes to 3 partitions, and reads them
    floor     with kafka-python's consumer alone, nothing done with them
    records   with KafkaSource: fetched and decoded, in this process
    stored    with `driftwood serve`, while a client asks for lines and counts all the time
The machine may be busy: look at CPU seconds and ratios. Then the server is killed and started again, and a message
produced: how long from /ready to its row. (Not named kafka.py: `import kafka` would find the benchmark itself.)
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from kafka import KafkaConsumer, TopicPartition

from driftwood.config import Ingest, Kafka
from ingest.kafka import KafkaSource
from tests.kafka.broker import Broker
from tests.kafka.serving import Server

PARTITIONS = 3
_SHAPES = (
    "{at} INFO api GET /api/v1/orders/{a} 200 {b}ms user={c} region=eu-west-1 trace={t}",
    "{at} INFO api POST /api/v1/carts/{a}/items 201 {b}ms user={c} region=eu-west-1 trace={t}",
    "{at} WARN payment slow answer of provider acme after {b} ms, order {a}, attempt 2, trace={t}",
    "{at} ERROR payment card of user {c} declined by provider acme: code {b}, order {a}, trace={t}",
    "{at} DEBUG stock reserved {b} pieces of article {a} in warehouse 3 for user {c}, trace={t}",
    "{at} INFO auth session {t} opened for user {c} from 10.0.3.{b} by way of the mobile app",
)


def values(n: int) -> list[bytes]:
    """`n` lines of a few shapes, about 110 bytes each."""
    chance = random.Random(7)
    start = time.time() - n / 1000
    made = []
    for i in range(n):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + i / 1000)) + f".{i % 1000:03d}Z"
        made.append(
            chance.choice(_SHAPES)
            .format(
                at=at,
                a=chance.randrange(100_000),
                b=chance.randrange(255),
                c=chance.randrange(9_000),
                t=f"{chance.getrandbits(48):012x}",
            )
            .encode()
        )
    return made


def show(what: str, messages: int, wall: float, cpu: float, more: str = "") -> None:
    print(
        f"{what:8} {messages / wall:9,.0f} messages/s   {messages / cpu:9,.0f} per CPU second   "
        f"wall {wall:6.2f} s   CPU {cpu:6.2f} s   {more}"
    )


def measure(what: str, messages: int, read: Callable[[], int]) -> None:
    """Time `read`, which gives how many it read, until `messages` have been read."""
    wall, cpu, seen = time.perf_counter(), time.process_time(), 0
    while seen < messages:
        seen += read()
    show(what, messages, time.perf_counter() - wall, time.process_time() - cpu)


def floor(broker: Broker, topic: str, messages: int) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=broker.address,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    consumer.assign([TopicPartition(topic, part) for part in range(PARTITIONS)])

    def read() -> int:
        polled = consumer.poll(timeout_ms=200, max_records=10_000)
        return sum(len(batch) for batch in polled.values())

    measure("floor", messages, read)
    consumer.close()


def records(broker: Broker, topic: str, messages: int) -> None:
    source = KafkaSource(Kafka(brokers=(broker.address,), topics=(topic,)), Ingest())
    source.open({})

    def read() -> int:
        batch = source.poll(0.2)
        return batch.records.num_rows + batch.dead.num_rows if batch else 0

    measure("records", messages, read)
    source.close()


class Asking(threading.Thread):
    """A reader: lines and counts, one after the other, until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.answers = 0
        self._url = url
        self._end = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._end.wait(0.2):
                client.get("/api/v1/lines", params={"limit": 100}).raise_for_status()
                client.get("/api/v1/counts", params={"by": "severity"}).raise_for_status()
                self.answers += 2

    def stop(self) -> None:
        self._end.set()
        self.join()


def stored(broker: Broker, topic: str, messages: int, folder: Path) -> None:
    folder.mkdir()
    with Server(folder, broker.address, topic).ready() as server:
        before, wall = cpu_seconds(server.process.pid), time.perf_counter()
        asking = Asking(server.url)
        asking.start()
        while server.taken() < messages:
            time.sleep(0.1)
        wall, cpu = time.perf_counter() - wall, cpu_seconds(server.process.pid) - before
        asking.stop()
        stats = server.stats()
        show(
            "stored",
            messages,
            wall,
            cpu,
            f"commit p50 {stats['commit_ms']['p50']:.0f} ms, p99 {stats['commit_ms']['p99']:.0f} ms, "
            f"{stats['memory_mb']:.0f} MB, {asking.answers} answers to the reader",
        )
        server.kill()
    broker.produce(topic, [b"after the kill"])
    with Server(folder, broker.address, topic).ready() as server:
        ready = time.perf_counter()
        while server.taken() <= messages:
            time.sleep(0.005)
        print(f"restart: first row {time.perf_counter() - ready:.2f} s after /ready")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=300_000)
    messages = arguments.parse_args().messages
    with tempfile.TemporaryDirectory() as name:
        broker = Broker(Path(name))
        try:
            broker.create("bench", PARTITIONS)
            broker.produce("bench", values(messages), linger_ms=20, batch_size=256 * 1024)
            floor(broker, "bench", messages)
            records(broker, "bench", messages)
            stored(broker, "bench", messages, Path(name) / "serve")
        finally:
            broker.close()


if __name__ == "__main__":
    main()
