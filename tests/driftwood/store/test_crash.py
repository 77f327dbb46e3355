"""A kill at any instant loses nothing that was committed, and doubles nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from driftwood.config import Store as Settings
from driftwood.store.store import DuckStore

ROOT = Path(__file__).parents[3]


def run_and_kill(folder: Path, seed: int, chance: random.Random) -> int:
    """Kill the writer some time after its first commits; the offset that it last promised."""
    with subprocess.Popen(
        [
            *(sys.executable, "-W", "error", "-m", "tests.driftwood.store.writes_forever"),
            *(str(folder), str(seed)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        for _ in range(chance.randrange(1, 20)):
            assert writer.stdout.readline(), writer.stderr.read()
        time.sleep(chance.uniform(0.0, 0.3))
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().splitlines()
        assert writer.wait() == -signal.SIGKILL, writer.stderr.read()
    return int(said[-1]) if said else 0


def kill_often(folder: Path, kills: int) -> None:
    chance = random.Random(kills)
    for seed in range(kills):
        promised = run_and_kill(folder, seed, chance)
        with DuckStore.open(folder, Settings(min_free_bytes=0)) as store:
            stored = store.next_line_id()
            assert stored >= promised
            assert store.checkpoint("kafka") == {"orders/uuid/0": str(stored)}
            rows = store.query(
                "SELECT count(*) AS n, count(DISTINCT off) AS d, max(off) + 1 AS next FROM logs"
            ).to_pylist()
            assert rows == [{"n": stored, "d": stored, "next": stored}]
            assert store.verify() == []
            known = {row["path"] for row in store.query("SELECT path FROM segments").to_pylist()}
            assert {f"segments/{file.name}" for file in (folder / "segments").iterdir()} == known


def test_three_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 3)


@pytest.mark.slow
def test_thirty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 30)
