"""Bad input, from the bytes to the answer of the API: nothing lost, nothing blocked, and a word that helps.

Parts have tests of their own for what is bad about their input; here it goes all the way through the server.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from driftwood.config import Config, Files, Store
from driftwood.store.store import DuckStore
from driftwood.timeparse import format_time
from tests.ui import processes
from tests.ui.api_server import serving
from tests.ui.processes import driftwood, until
from ui.client import Client
from ui.parts import assemble, configured_sources
from ui.serve import RunningServer

EVER: dict[str, Any] = {"start": "1677-09-22T00:00:00Z", "end": "2262-04-11T00:00:00Z"}
SECOND = 10**9
HOUR = 3600 * SECOND
YEAR = 365 * 24 * HOUR


@contextmanager
def running(data: Path, *paths: Path) -> Iterator[tuple[RunningServer, Client]]:
    """A server in this process that follows `paths`, and a client of its API."""
    config = replace(
        Config(),
        files=Files(paths=tuple(map(str, paths)), interval_s=0.05),
        store=Store(min_free_bytes=0),
    )
    store = DuckStore.open(data, config.store)
    parts = assemble(config, store, configured_sources(config, data), keep_alive=True)
    server = RunningServer(parts)
    server.start(on_failure=lambda: None)
    try:
        until(lambda: server.ready)
        with serving(server) as url, Client(url) as client:
            yield server, client
    finally:
        server.stop()


def written(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.log").write_bytes(content)


def stored(client: Client, lines: int) -> None:
    """Wait until as many lines are stored, and see that there are no more."""
    until(lambda: client.stats()["lines_total"] >= lines)
    assert client.stats()["lines_total"] == lines


def of(client: Client, folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of one file, in its order."""
    selector = f'{{filename="{folder / name}.log"}}'
    found: list[Any] = client.lines(query=selector, limit=1_000, **EVER)["lines"]
    return sorted(found, key=lambda line: line["off"])


TEXTS: dict[str, tuple[bytes, list[str]]] = {
    "latin1": ("grüße\n".encode("latin-1"), ["gr\\xfc\\xdfe"]),
    "utf16": ("grüße\r\nzwei\r\n".encode("utf-16"), ["grüße", "zwei"]),
    "bom": ("\N{ZERO WIDTH NO-BREAK SPACE}eins\n".encode(), ["eins"]),
    "nul": (b"a\0b\n", ["a\0b"]),
    "empty": (b"\n\n\na\n\n\n", ["a"]),
    "crlf": (b"one\r\ntwo\r\n", ["one", "two"]),
    "escapes": (b"\x1b[2J\x1b]0;pwned\x07 hello\n", ["\x1b[2J\x1b]0;pwned\x07 hello"]),
    "long": (b"INFO " + b"word 12 " * 1_250_000 + b"\nafter\n", ["INFO " + "word 12 " * 1_250_000, "after"]),
    "deep": (b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"\n" + b"[" * 50_000 + b"\n",
             ['{"a":' * 1000 + "1" + "}" * 1000, "[" * 50_000]),
}  # fmt: skip

OBJECTS = [
    '{"":"no name","a.b":"dot","ü":"umlaut","a":{"b":"nested"},"msg":"keys"}',
    '{"msg":"one","msg":"two","level":"info","level":"error"}',
    '{"n":1e999,"m":123456789012345678901234567890,"k":NaN,"msg":"numbers"}',
    '{"msg":"lone surrogate \\ud800"}',
    '{"msg":null,"level":{"deep":[1,{}]},"time":1e30,"service":["a"]}',
    '{"time":-1,"service":"a\\u0000b","msg":"before 1970"}',
    '{"service":"' + "s" * 100_000 + '","msg":"a long label"}',
    '{"service":"","msg":"no service"}',
    '{"time":"9999-12-31T23:59:59Z","msg":"the year 9999"}',
]


def test_text_of_every_kind_is_stored_line_by_line(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    written(logs, {name: content for name, (content, _) in TEXTS.items()})
    written(logs, {"objects": "".join(f"{line}\n" for line in OBJECTS).encode()})
    expected = {name: lines for name, (_, lines) in TEXTS.items()} | {"objects": OBJECTS}
    with running(tmp_path / "data", logs) as (server, client):
        stored(client, sum(map(len, expected.values())))
        for name, lines in expected.items():
            assert [line["line"] for line in of(client, logs, name)] == lines, name
        assert "invalid UTF-8" in of(client, logs, "latin1")[0]["metadata"]["decode_error"]
        assert client.counts(**EVER)["total"] == sum(map(len, expected.values()))
        assert client.stats()["banner"] is None
        assert client.stats()["dead_letters"] == 0
        assert server.store.verify() == []
    with running(tmp_path / "data", logs) as (_, client):  # nothing is read again
        assert client.stats()["lines_total"] == sum(map(len, expected.values()))


def test_what_is_no_text_file_is_named_and_holds_up_no_other(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    written(logs, {"random": random.Random(7).randbytes(200_000), "good": b"all is well\n"})
    os.mkfifo(logs / "pipe.log")
    (logs / "a.log").symlink_to("b.log")
    (logs / "b.log").symlink_to("a.log")
    written(logs / "folder.log", {"inner": b"deeper\n"})
    with running(tmp_path / "data", logs) as (_, client):
        stored(client, 2)
        (source,) = client.stats()["sources"]
        assert source["state"] == "idle"
        assert "random.log holds no text: binary" in source["detail"]
        assert "pipe.log is a pipe or a device" in source["detail"]
        assert "a.log Too many levels of symbolic links" in source["detail"]
        with (logs / "good.log").open("wb") as shrunk:  # shorter, with other text
            shrunk.write(b"again\n")
        stored(client, 3)


def test_clocks_thirty_years_off_hide_nothing_and_break_nothing(tmp_path: Path) -> None:
    logs, now = tmp_path / "logs", time.time_ns()

    def ticks(first: int) -> bytes:
        times = (format_time(first + n * SECOND) for n in range(600))
        return "".join(f"{at} INFO tick {n}\n" for n, at in enumerate(times)).encode()

    written(logs, {"right": ticks(now - 600 * SECOND)})
    written(logs, {"ahead": ticks(now + 30 * YEAR), "behind": ticks(now - 30 * YEAR)})
    edges = [
        "1969-12-31T23:59:59",
        "1970-01-01T00:00:00",
        "2262-04-11T23:47:15",
        "1996-02-30T00:00:00",
    ]
    written(logs, {"edges": "".join(f"{at}Z INFO edge {at}\n" for at in edges).encode()})
    with running(tmp_path / "data", logs) as (server, client):
        stored(client, 1_804)
        names = {line["labels"]["filename"] for line in client.lines(limit=600)["lines"]}
        assert str(logs / "right.log") in names
        assert str(logs / "ahead.log") not in names
        assert client.counts()["total"] >= 600
        assert sum(t["count"] for t in client.templates()["templates"]) >= 600
        assert client.templates(**EVER)["total"] >= 1
        assert client.counts(**EVER)["total"] == 1_804
        assert [len(of(client, logs, name)) for name in ("ahead", "behind", "edges")] == [
            600,
            600,
            4,
        ]
        assert {s["state"] for s in client.stats()["detectors"]} <= {"ready", "warming"}
        server.submit(lambda store: server.store.compact()).result(30)
        assert server.store.info()["rows_hot"] == 0
        assert client.counts(**EVER)["total"] == 1_804
        names = {line["labels"]["filename"] for line in client.lines(limit=600)["lines"]}
        assert str(logs / "right.log") in names
        assert server.store.verify() == []


def test_lines_in_any_order_are_found_in_the_order_of_time(tmp_path: Path) -> None:
    logs, now, chance = tmp_path / "logs", time.time_ns(), random.Random(3)
    times = [now - chance.randrange(30 * HOUR) for _ in range(6_000)]
    lines = [f"{format_time(at)} INFO job {n} done\n" for n, at in enumerate(times)]
    written(logs, {"jobs": "".join(lines[:3_000]).encode()})
    with running(tmp_path / "data", logs) as (server, client):
        stored(client, 3_000)
        server.submit(lambda store: server.store.compact()).result(30)
        with (logs / "jobs.log").open("a") as more:  # late rows of sealed hours
            more.write("".join(lines[3_000:]))
        stored(client, 6_000)
        found = client.lines(limit=5_000, direction="forward", **EVER)["lines"]
        assert [int(line["ts"]) for line in found] == sorted(times)[:5_000]
        assert client.counts(**EVER)["total"] == 6_000
        server.submit(lambda store: server.store.compact()).result(30)
        assert client.counts(**EVER)["total"] == 6_000
        assert server.store.verify() == []


ABUSE: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/api/v1/lines?limit=1000000000", {}, 400),
    ("GET", "/api/v1/lines?limit=-1", {}, 400),
    ("GET", "/api/v1/lines?limit=9999999999999999999999", {}, 400),
    ("GET", "/api/v1/lines?limit=x", {}, 400),
    ("GET", "/api/v1/lines?start=yesterday", {}, 400),
    ("GET", "/api/v1/lines?start=9999-01-01T00:00:00Z", {}, 400),
    ("GET", "/api/v1/lines?start=-99999999999y", {}, 400),
    ("GET", "/api/v1/lines?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", {}, 400),
    ("GET", "/api/v1/lines?ids=1,zwei", {}, 400),
    ("GET", "/api/v1/lines?lmit=3", {}, 400),
    ("GET", "/api/v1/lines?query=%7Ba%3D%22", {}, 400),
    ("GET", "/api/v1/lines?query=" + "x" * 20_000, {}, 400),
    ("GET", "/api/v1/lines?query=%00", {}, 400),
    ("GET", "/api/v1/lines?template=1%3B%20DROP%20TABLE%20logs", {}, 400),
    ("GET", "/api/v1/counts?step=1ns&start=-1y", {}, 400),
    ("GET", "/api/v1/lines/99999999999999999999999/context", {}, 404),
    ("GET", "/api/v1/lines/99/context", {}, 404),
    ("GET", "/api/v1/templates/x%20OR%201", {}, 400),
    ("GET", "/api/v1/nothing", {}, 404),
    ("GET", "/%00", {}, 404),
    ("DELETE", "/api/v1/lines", {}, 405),
    ("OPTIONS", "/api/v1/lines", {}, 405),
    ("POST", "/api/v1/anomalies/x/feedback", {"content": b"{not json"}, 422),
    ("POST", "/api/v1/anomalies/x/feedback", {"content": b"\xff\xfe"}, 422),
    ("POST", "/api/v1/anomalies/x/feedback", {"content": b"[" * 100_000}, 400),
    ("POST", "/api/v1/anomalies/x/feedback", {"json": {"verdict": "maybe"}}, 422),
    ("POST", "/api/v1/anomalies/x/feedback", {"json": {"verdict": "real"}}, 404),
    ("POST", "/api/v1/anomalies/x/feedback", {"content": b"x" * 20_000_000}, 413),
]


def test_a_request_that_makes_no_sense_is_told_why_and_the_next_one_is_answered(
    tmp_path: Path,
) -> None:
    written(tmp_path / "logs", {"good": b"all is well\n"})
    with running(tmp_path / "data", tmp_path / "logs") as (_, client):
        stored(client, 1)
        with httpx.Client(base_url=client.url, trust_env=False, timeout=30) as http:
            for method, path, more, status in ABUSE:
                if "content" in more:
                    more = {**more, "headers": {"content-type": "application/json"}}
                answer = http.request(method, path, **more)
                assert answer.status_code == status, (path[:80], answer.text[:300])
                assert answer.json()["error"], path
                assert len(answer.content) < 40_000
            assert http.head("/ready").status_code in (200, 405)
            assert len(client.lines()["lines"]) == 1


def test_fifty_clients_at_once_are_answered_while_lines_come_in(tmp_path: Path) -> None:
    written(tmp_path / "logs", {"good": b"".join(b"job %d done\n" % n for n in range(20_000))})
    with running(tmp_path / "data", tmp_path / "logs") as (_, client):
        paths = ["lines", "counts", "templates", "stats", "anomalies"]

        def ask(number: int) -> int:
            with httpx.Client(trust_env=False, timeout=30) as http:
                url = f"{client.url}/api/v1/{paths[number % len(paths)]}"
                return max(http.get(url).status_code for _ in range(3))

        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(ask, range(50))) == {200}
        stored(client, 20_000)


def test_the_command_line_shows_lines_that_would_take_over_a_terminal_as_text(
    tmp_path: Path,
) -> None:
    evil = "\x1b[2J\x1b]0;pwned\x07 \u202e rtl \u009b31m [bold]markup[/bold]"
    told = json.dumps({"service": evil, "msg": evil}, ensure_ascii=False)
    written(tmp_path / "logs", {"evil": f"INFO {evil}\n{told}\n".encode()})
    with running(tmp_path / "data", tmp_path / "logs") as (_, client):
        stored(client, 2)
        command = ("query", '{filename=~".+"}', "--url", client.url)
        shown, as_json = driftwood(*command).stdout, driftwood(*command, "--json").stdout
        assert shown.count("[bold]markup[/bold]") >= 3
        assert {json.loads(row)["line"] for row in as_json.splitlines()} == {f"INFO {evil}", told}
        for output in (shown, as_json):
            assert not set("\x1b\x07\u202e\u009b") & set(output)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root: run as root to test a full disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_pauses_says_so_and_goes_on_by_itself(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTWOOD__STORE__MIN_FREE_BYTES", "0")
    noise = random.Random(5)
    lines = (f"INFO job {n} {noise.randbytes(200).hex()}\n" for n in range(60_000))
    written(tmp_path / "logs", {"jobs": "".join(lines).encode()})
    flags = ("--files", str(tmp_path / "logs"))
    for how, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        with processes.serving(small_disk, *flags) as server:
            until(lambda: server.client.stats()["banner"] is not None)
            stats = server.client.stats()
            assert "paused, nothing is lost" in str(stats["banner"])
            assert "free some space" in str(stats["banner"])
            assert 0 < stats["lines_total"] < 60_000
            assert len(server.client.lines(limit=5)["lines"]) == 5  # reading goes on
            row = {"bench": "b" * 1_000, "data": "", "protocol": "", "subject": "", "metric": "m"}
            rows = [{**row, "config": str(n)} for n in range(5_000)]
            for _ in range(8):  # what a commit of lines left free is taken first
                refused = httpx.post(f"{server.url}/api/v1/results", json=rows, timeout=60)
                if refused.status_code != 201:
                    break
            assert refused.status_code == 503
            assert refused.headers["Retry-After"]
            assert server.stop(how) == code
    with processes.serving(small_disk, *flags) as server:
        until(lambda: server.client.stats()["banner"] is not None)
        subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
        stored(server.client, 60_000)
        assert server.client.stats()["banner"] is None
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()
    with DuckStore.open(small_disk) as store:
        (held,) = store.query(
            "SELECT count(*) AS n, count(DISTINCT off) AS d FROM logs"
        ).to_pylist()
        assert held == {"n": 60_000, "d": 60_000}
        assert store.verify() == []


@pytest.mark.slow
def test_a_hundred_thousand_label_sets_are_stored_judged_and_shown(tmp_path: Path) -> None:
    at = time.time_ns() - 900 * SECOND
    rows = (
        {"time": format_time(at + n * SECOND // 200), "service": f"svc-{n}", "msg": f"job {n} done"}
        for n in range(100_000)
    )
    written(tmp_path / "logs", {"many": "".join(f"{json.dumps(row)}\n" for row in rows).encode()})
    began = time.process_time()
    with running(tmp_path / "data", tmp_path / "logs") as (_, client):
        at_first = client.stats()["memory_mb"]  # of this process, which ran other tests before
        stored(client, 100_000)
        assert time.process_time() - began < 30  # some 6 on the machine that this was written on
        began = time.monotonic()
        answers: list[Any] = [
            client.lines(), client.counts(), client.templates(), client.template_diff(),
            client.anomalies(), client.services(), client.labels(), client.stats(),
        ]  # fmt: skip
        assert time.monotonic() - began < 20
        assert max(len(json.dumps(answer)) for answer in answers) < 2_000_000
        assert client.stats()["memory_mb"] - at_first < 1_200
