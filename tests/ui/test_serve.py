"""The server as a process: ready, asked, stopped, killed, started again, and in somebody's way."""

from __future__ import annotations

import json
import random
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.ui.processes import Server, driftwood, free_port, serving, until


def append(path: Path, first: int, last: int) -> None:
    with path.open("a", encoding="utf-8") as file:
        for n in range(first, last):
            file.write(f"2026-11-21T03:{n // 60 % 60:02}:{n % 60:02}.000Z INFO job {n} done\n")


def test_without_any_source_it_starts_and_answers(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server:
        assert httpx.get(server.url + "/ready").text == "ready"
        stats = server.client.stats()
        assert (stats["ready"], stats["lines_total"], stats["sources"]) == (True, 0, [])
        assert server.client.lines()["lines"] == []
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_followed_files_are_stored_once_through_a_kill_and_a_stop(tmp_path: Path) -> None:
    log, data = tmp_path / "jobs.log", tmp_path / "store"
    append(log, 0, 500)
    for number, (how, upto) in enumerate(
        [(signal.SIGKILL, 500), (signal.SIGTERM, 900), (signal.SIGINT, 1_000)]
    ):
        with serving(data, "--files", str(tmp_path / "*.log")) as server:
            append(log, 500 if number == 1 else upto, upto)
            if number == 2:
                append(log, 900, upto)
            until(lambda: server.client.stats()["lines_total"] >= upto)  # noqa: B023
            code = server.stop(how)
            assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0), server.log.read_text()
    with serving(data) as server:
        lines = server.client.lines(limit=2_000)["lines"]
        numbers = sorted(int(line["line"].split()[3]) for line in lines)
        assert numbers == list(range(1_000))
        assert {line["labels"]["service_name"] for line in lines} == {"jobs"}
        assert {line["labels"]["filename"] for line in lines} == {str(log)}


def test_a_question_that_takes_long_does_not_hold_up_the_end(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    letters = "".join(random.Random(7).choices("ab", k=100_000))
    log.write_text("\n".join(letters[n : n + 400] for n in range(40_000)))
    with serving(tmp_path / "store", "--files", str(log)) as server:
        until(lambda: server.client.stats()["lines_total"] == 40_000)
        slow = {"query": '{} |~ "a[ab]{200}c"'}  # more states than RE2 remembers
        said: list[int] = []
        asking = threading.Thread(
            target=lambda: said.append(
                httpx.get(server.url + "/api/v1/lines", params=slow, timeout=60).status_code
            )
        )
        asking.start()
        time.sleep(1.0)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 12
        asking.join(30)
        assert said == [504]
    assert "Traceback" not in server.log.read_text()


def test_the_command_line_asks_a_running_server(tmp_path: Path) -> None:
    log = tmp_path / "jobs.log"
    append(log, 0, 20)
    with serving(tmp_path / "store", "--files", str(log)) as server:
        until(lambda: server.client.stats()["lines_total"] == 20)
        url = ("--url", server.url)
        found = driftwood("query", '{service_name="jobs"} |= "job 7 "', *url, "--json")
        assert [json.loads(line)["line"][-10:] for line in found.stdout.splitlines()] == [
            "job 7 done"
        ]
        plain = driftwood("query", '{service_name="jobs"}', "--limit", "3", *url)
        assert [line.split()[-2] for line in plain.stdout.splitlines()] == ["17", "18", "19"]
        wrong = driftwood("query", '{service_name="jobs"} |= job', *url)
        assert wrong.returncode == 3
        *_, caret, hint = wrong.stderr.splitlines()
        assert caret.rstrip().endswith("^")
        assert "a string in double quotes" in hint
        rows = [
            json.loads(r)
            for r in driftwood("templates", "list", *url, "--json").stdout.splitlines()
        ]
        assert [row["count"] for row in rows] == [20]
        assert driftwood("anomalies", *url, "--json").returncode == 0
        assert driftwood("dlq", "list", *url, "--json").stdout == ""
        nothing = driftwood("query", '{service_name="nobody"}', *url)
        assert (nothing.returncode, nothing.stdout) == (0, "")


def test_a_store_has_one_owner(tmp_path: Path) -> None:
    data = tmp_path / "store"
    with serving(data) as server:
        second = driftwood("serve", "--data", str(data), "--listen", f"127.0.0.1:{free_port()}")
        assert second.returncode == 4
        assert f"in use by process {server.process.pid}" in second.stderr
        assert server.client.is_ready()


def test_a_port_that_is_taken_is_said_before_the_store_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        run = driftwood("serve", "--data", str(tmp_path / "store"), "--listen", listen)
    assert run.returncode == 2
    assert f"cannot listen on {listen}" in run.stderr
    assert "--listen" in run.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_up_shows_the_first_incident_within_seconds_and_ends_cleanly_on_ctrl_c(
    tmp_path: Path,
) -> None:
    data, page = tmp_path / "store", free_port()
    with serving(data, "--dashboard", f"127.0.0.1:{page}", command="up") as server:
        truth = data / "demo-truth.jsonl"
        until(lambda: truth.exists() and truth.read_text() != "", 60)
        first = json.loads(truth.read_text().splitlines()[0])

        def found() -> bool:
            rows = server.client.anomalies(start=first["start"], service=first["service"])
            return rows["total"] > 0

        until(found, 60)
        assert httpx.get(f"http://127.0.0.1:{page}/_stcore/health").status_code == 200
        started = time.monotonic()
        assert server.stop(signal.SIGINT) == 0, server.log.read_text()
        assert time.monotonic() - started < 20
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{page}/_stcore/health")
    assert driftwood("store", "verify", "--data", str(data)).returncode == 0
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_a_kill_of_up_takes_the_dashboard_along(tmp_path: Path) -> None:
    page = free_port()
    health = f"http://127.0.0.1:{page}/_stcore/health"

    def up() -> bool:
        try:
            return httpx.get(health).status_code == 200
        except httpx.ConnectError:
            return False

    flags = ("--dashboard", f"127.0.0.1:{page}", "--files", str(tmp_path / "*.log"))
    with serving(tmp_path / "store", *flags, command="up") as server:
        until(up, 60)
        server.process.kill()
        until(lambda: not up(), 20)


def test_a_server_that_cannot_start_says_why_and_leaves(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text('[parsing]\nparser = "drian3"\n')
    server = Server(tmp_path / "store", "--config", str(tmp_path / "d.toml"))
    assert server.process.wait(30) == 2
    assert "did you mean 'drain3'" in server.log.read_text()
