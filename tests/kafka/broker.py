"""A real Apache Kafka on loopback: broker and controller in one Java process (KRaft), with a proxy before it.

Clients reach it directly at `address`, with user "reader" and password "right" at `secured`, or at `proxied` through a
`Proxy`: that listener advertises the port of the proxy, so that who came through the proxy keeps coming through it.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from tests.kafka.jars import jars, java
from tests.kafka.proxy import Proxy

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CONTROLLER://127.0.0.1:{controller},DIRECT://127.0.0.1:{direct},\
PROXIED://127.0.0.1:{behind},SECURED://127.0.0.1:{secured}
advertised.listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxy},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,SECURED:SASL_PLAINTEXT
listener.name.secured.sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="right";
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
log.dirs={folder}/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
log.initial.task.delay.ms=500
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=100
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=200
"""
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class Broker:
    """Started by the constructor, ready when it returns. Raises `jars.Missing` where it cannot run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._classpath = f"{jars()}/*"
        self._java = java()
        controller, direct, behind, secured = free_ports(4)
        self.proxy = Proxy(behind)
        self.address = f"127.0.0.1:{direct}"
        self.proxied = f"127.0.0.1:{self.proxy.port}"
        self.secured = f"127.0.0.1:{secured}"
        self._settings = folder / "server.properties"
        self._settings.write_text(
            _PROPERTIES.format(
                controller=controller,
                direct=direct,
                behind=behind,
                secured=secured,
                proxy=self.proxy.port,
                folder=folder,
            )
        )
        self._run("kafka.tools.StorageTool", "format", "-t", "driftwood-tests-000000", "-c")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the Java process on the same ports and folder, and wait until it answers."""
        log = (self._folder / "broker.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka"), stdout=log, stderr=log, cwd=self._folder
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self._folder / "broker.log").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"Apache Kafka did not start; its log ends with:\n{tail}")
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """Stop the process; `kill` gives it no chance to say goodbye."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(timeout=60)
        self._process = None

    @property
    def stopped(self) -> bool:
        return self._process is None

    def close(self) -> None:
        self.stop(kill=True)  # nothing of it is needed again
        self.proxy.close()

    # -- what tests ask of it

    def create(
        self, topic: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and wait until its partitions have leaders."""
        with self.admin() as admin:
            admin.create_topics(
                {
                    topic: {
                        "num_partitions": partitions,
                        "replication_factor": 1,
                        "configs": configs or {},
                    }
                }
            )
            until(lambda: _led(admin, topic) == partitions, f"leaders of {topic}")

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until the broker no longer knows it."""
        with self.admin() as admin:
            admin.delete_topics([topic])
            until(lambda: _led(admin, topic) == 0, f"the end of {topic}")

    def add_partitions(self, topic: str, total: int) -> None:
        with self.admin() as admin:
            admin.create_partitions({topic: total})
            until(lambda: _led(admin, topic) == total, f"{total} partitions of {topic}")

    def admin(self) -> Any:
        return KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=20_000)

    def producer(self, **settings: Any) -> Any:
        return KafkaProducer(bootstrap_servers=self.address, **settings)

    def produce(
        self, topic: str, values: Sequence[bytes], partition: int | None = None, **settings: Any
    ) -> None:
        """Send `values`, wait until all are acknowledged."""
        with self.producer(**settings) as producer:
            for value in values:
                producer.send(topic, value, partition=partition)
            producer.flush()

    def _command(self, main: str, *arguments: str) -> list[str]:
        return [self._java, *_JVM, "-cp", self._classpath, main, *arguments, str(self._settings)]

    def _run(self, main: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(main, *arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{main} failed: {done.stdout} {done.stderr}")

    def _answers(self) -> bool:
        host, _, port = self.address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            with self.admin() as admin:
                return bool(admin.describe_cluster()["brokers"])
        except (OSError, KafkaError):
            return False


def free_ports(n: int) -> list[int]:
    """`n` different ports of loopback that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def until(condition: Any, what: str, timeout: float = 30.0, interval: float = 0.02) -> Any:
    """Wait for `condition()` to be true and give its value; fails with what was waited for."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)
    return value


def _led(admin: Any, topic: str) -> int:
    """How many partitions of `topic` have a leader; 0 when there is no such topic."""
    (described,) = admin.describe_topics([topic])
    return sum(p["leader_id"] >= 0 for p in described["partitions"])
