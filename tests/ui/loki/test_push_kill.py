"""Agents push to a real server that is killed again and again: what was answered is there, and everything once."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import httpx
import orjson
import pytest

from driftwood.store.store import DuckStore
from tests.ui.loki.pushing import streams
from tests.ui.processes import Server

AGENTS = 3
BASE = 1_760_000_000_000_000_000


class Agent(threading.Thread):
    """Sends its lines in pieces, each until it is answered, like any agent that was told nothing."""

    def __init__(self, n: int, url: str, stop: threading.Event) -> None:
        super().__init__()
        self.n = n
        self.url = url
        self.stop = stop
        self.answered = 0
        """Pieces."""

    def piece(self, n: int) -> dict[str, object]:
        values = [
            [str(BASE + n * 1_000 + i), f"agent {self.n} line {n * 20 + i}", {"n": str(i % 3)}]
            for i in range(20)
        ]
        return streams(*values, agent=str(self.n % 2))  # two agents share a stream

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                answer = httpx.post(
                    f"{self.url}/loki/api/v1/push",
                    content=orjson.dumps(self.piece(self.answered)),
                    headers={"content-type": "application/json"},
                    timeout=10,
                    trust_env=False,
                )
            except httpx.TransportError:
                self.stop.wait(0.05)
                continue
            if answer.status_code == 204:
                self.answered += 1
            else:
                assert answer.status_code in (429, 503), answer.text
                self.stop.wait(0.05)


def lives(data: Path, kills: int) -> list[Agent]:
    """The agents, after so many kills, all of them answered."""
    chance = random.Random(kills)
    agents = [Agent(n, "", threading.Event()) for n in range(AGENTS)]
    for life in range(kills + 1):
        server = Server(data)
        server.ready()
        stop = threading.Event()
        running = []
        for old in agents:
            agent = Agent(old.n, server.url, stop)
            agent.answered = old.answered
            agent.start()
            running.append(agent)
        time.sleep(chance.uniform(0.1, 0.8))
        last = life == kills
        server.stop(signal.SIGTERM if last else signal.SIGKILL)
        stop.set()
        for agent in running:
            agent.join(20)
        agents = running
        if not last and life % 2:
            with DuckStore.open(data) as store:
                store.compact()  # what comes again is found among sealed lines, too
        assert "Traceback" not in server.log.read_text()
    return agents


def check(data: Path, agents: list[Agent]) -> None:
    with DuckStore.open(data) as store:
        rows = store.query("SELECT line, ts FROM logs").to_pylist()
        assert store.verify() == []
    lines = [row["line"] for row in rows]
    assert len(lines) == len(set(lines)), "a line was stored twice"
    for agent in agents:
        assert agent.answered > 0
        expected = {f"agent {agent.n} line {n}" for n in range(agent.answered * 20)}
        assert expected <= set(lines), "an answered line is missing"


def test_two_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check(tmp_path / "store", lives(tmp_path / "store", 2))


@pytest.mark.slow
def test_ten_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check(tmp_path / "store", lives(tmp_path / "store", 10))
