"""`driftwood demo`: the demo shop outside the server, to standard output or to Kafka.

To Kafka each line goes in the envelope that Fluent Bit gives to a container's output, keyed by its service, so that
the whole way of a real log is exercised: broker, decoding, labels.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import orjson
from kafka import KafkaProducer

from driftwood.config import Config
from driftwood.errors import ConfigError
from ingest.demo_incidents import schedule
from ingest.demo_shop import MINUTE, Line, generate
from ingest.demo_truth import truth_row

SECOND = 1_000_000_000
STEP_S = 0.2


def lines(config: Config, start: int) -> Iterator[Line]:
    """History at once, then each line when it is due; `start`: ns, where live lines begin."""
    shop = config.demo
    incidents = schedule(shop.seed, start, shop.first_incident_s)
    begin = start - int(shop.history_h * 3600) * SECOND
    for minute in generate(shop.seed, begin, start + 10**6 * MINUTE, incidents, shop.rate):
        for line in minute:
            while line.ts > time.time_ns():
                time.sleep(min(STEP_S, (line.ts - time.time_ns()) / SECOND + 0.001))
            yield line


def produce(config: Config, truth: Path | None, count: int | None) -> None:
    """Run until Ctrl-C, SIGTERM, a closed pipe, or `count` lines."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what is queued is still sent
    start = time.time_ns()
    # The incidents of the next day: whoever scores a longer run writes the truth anew.
    day = takewhile(
        lambda incident: incident.start < start + 24 * 60 * MINUTE,
        schedule(config.demo.seed, start, config.demo.first_incident_s),
    )
    if truth is not None:
        try:
            truth.write_bytes(b"".join(orjson.dumps(truth_row(i)) + b"\n" for i in day))
        except OSError as error:
            raise ConfigError(f"cannot write --truth {truth}: {error.strerror}") from error
    send, finish = _to_kafka(config) if config.kafka.brokers else (_to_stdout, sys.stdout.flush)
    try:
        for number, line in enumerate(lines(config, start), start=1):
            send(line)
            if number == count:
                break
    finally:
        finish()


def _to_stdout(line: Line) -> None:
    sys.stdout.write(line.text + "\n")
    if line.ts > time.time_ns() - SECOND:
        sys.stdout.flush()


def _to_kafka(config: Config) -> tuple[Callable[[Line], None], Callable[[], None]]:
    if len(config.kafka.topics) != 1:
        raise ConfigError("the demo produces to one topic: --topics NAME")
    producer = KafkaProducer(
        bootstrap_servers=list(config.kafka.brokers), compression_type="zstd", linger_ms=50
    )
    topic = config.kafka.topics[0]

    def send(line: Line) -> None:
        producer.send(
            topic,
            value=orjson.dumps(envelope(line)),
            key=line.service.encode(),
            timestamp_ms=line.ts // 1_000_000,
        )

    def finish() -> None:
        producer.flush(timeout=10)
        producer.close(timeout=10)

    return send, finish


def envelope(line: Line) -> dict[str, object]:
    """What Fluent Bit sends for a line of a container's standard output."""
    return {
        "@timestamp": line.ts / SECOND,
        "log": line.text,
        "stream": "stdout",
        "kubernetes": {
            "namespace_name": "shop",
            "pod_name": f"{line.service}-0",
            "container_name": line.service,
            "labels": {"app": line.service},
        },
    }
