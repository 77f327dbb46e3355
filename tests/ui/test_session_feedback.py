"""Sessions in a real server: told, acknowledged, killed, and looked back at with `driftwood backtest`."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.ui.processes import driftwood, serving, until
from ui import questions

NORMAL = ("cart opened", "item added to the cart", "order paid", "parcel shipped")
DECLINED = ("cart opened", "card declined by bank")
SETTINGS = r"""
[[detection.streams]]
match = "{}"
detectors = ["knn"]
session = 'req-\d+'
gap_s = 20.0
lateness_s = 5.0
warmup_sessions = 60
refit_sessions = 50
"""


def lines(first: int, sessions: int, declined: Iterable[int]) -> str:
    """A session begins every ten seconds."""
    rng = random.Random(first)
    broken = set(declined)
    rows = []
    for number in range(first, first + sessions):
        at = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=10 * number)
        for step in DECLINED if number in broken else NORMAL:
            at += timedelta(seconds=rng.uniform(1, 4))
            rows.append((at, f"req-{number}: {step}"))
    rows.sort()
    return "".join(f"{at.isoformat(timespec='milliseconds')} INFO {text}\n" for at, text in rows)


def test_a_verdict_teaches_the_model_of_sessions_and_survives_a_kill(tmp_path: Path) -> None:
    log, data, config = tmp_path / "shop.log", tmp_path / "store", tmp_path / "driftwood.toml"
    config.write_text(SETTINGS)
    log.write_text(lines(0, 200, [120]))
    flags = ("--files", str(log), "--config", str(config))
    wide: questions.Anomalies = {
        "start": "2026-11-20T00:00:00Z",
        "end": "2026-11-22T00:00:00Z",
    }
    with serving(data, *flags) as server:
        until(lambda: server.client.anomalies(**wide)["total"] > 0)
        (found,) = server.client.anomalies(**wide)["anomalies"]
        assert (found["detector"], "(session req-120)" in found["title"]) == ("knn", True)
        detail = server.client.feedback(found["id"], "expected")
        assert detail["status"] == "expected"
        assert detail["effects"]["expected"].startswith("The detectors learn this session")
        server.stop(signal.SIGKILL)
    with log.open("a") as file:
        file.write(lines(200, 600, range(220, 790, 95)))
    with serving(data, *flags) as server:
        until(lambda: server.client.stats()["lines_total"] > 3_000)
        until(lambda: server.client.stats()["queue"]["rows"] == 0)
        (row,) = [r for r in server.client.stats()["detectors"] if r["name"].startswith("knn")]
        assert row["state"] == "ready"
        assert "1 verdict kept" in row["detail"]
        assert server.client.anomalies(**wide)["total"] == 1, "the pattern was acknowledged"
        argv = ("backtest", "--from", "2026-11-20", "--to", "2026-11-22", "--lead", "0s")
        looked = driftwood(*argv, "--detector", "knn", "--url", server.url, "--json")
        assert looked.returncode == 0, looked.stderr
        report = json.loads(looked.stdout)["report"]
        # The backtest has nobody who acknowledges: one row an hour for the pattern.
        assert report["total"] == 2
        assert report["stored"] == [{"status": "expected", "stored": 1, "kept": 1}]
        shown = driftwood(*argv, "--budget", "3", "--url", server.url)
        assert shown.returncode == 0, shown.stderr
        assert "1 of 1 stored anomalies that people called expected would be told" in shown.stdout
        assert "2026-11-21" in shown.stdout
        wrong = driftwood("backtest", "--detector", "knm", "--url", server.url)
        assert (wrong.returncode, "did you mean 'knn'" in wrong.stderr) == (2, True)
        half = driftwood("backtest", "--match", "{}", "--url", server.url)
        assert (half.returncode, "--session-key" in half.stderr) == (2, True)
        assert server.stop() == 0
    gone = driftwood("backtest", "--url", server.url)
    assert gone.returncode == 6
