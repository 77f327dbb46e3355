"""`driftwood ingest --url`: files to a running server, each line of them once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from driftwood.config import Files, Ingest
from driftwood.errors import ServerError, ServerUnreachable
from driftwood.protocols import SourceStatus
from driftwood.records import Batch
from driftwood.store.store import DuckStore
from ingest.files import FilesSource
from tests.driftwood.test_pipeline import records
from tests.ui.processes import driftwood, serving
from ui.client_http import Connection
from ui.sending import Apart, Sender, parts

LOG = """2024-06-14T15:16:01Z INFO started
2024-06-14T15:16:02Z ERROR no room
2024-06-14T15:16:02Z ERROR no room
2024-06-14T15:16:02Z ERROR no room
2024-06-14T15:16:03Z WARN login password=hunter2 of x
"""


def stored(data: Path) -> Counter[tuple[str, str, str]]:
    with DuckStore.open(data) as store:
        rows = store.query("SELECT key, line, severity FROM logs JOIN streams USING (sid)")
        return Counter((r["key"], r["line"], str(r["severity"])) for r in rows.to_pylist())


def test_a_file_that_is_sent_is_stored_as_one_that_is_read_and_once_however_often(
    tmp_path: Path,
) -> None:
    log = tmp_path / "app.log"
    log.write_text(LOG)
    assert driftwood("ingest", str(log), "--data", str(tmp_path / "read")).returncode == 0
    with serving(tmp_path / "sent") as server:
        for _ in range(2):
            run = driftwood("ingest", str(log), "--url", server.url, "--json")
            assert run.returncode == 0, run.stderr
            summary = json.loads(run.stdout)
            assert (summary["lines"], summary["templates"]) == (5, 3)
        words = driftwood("ingest", str(log), "--url", server.url)
        assert words.stdout.startswith("5 lines in ")
        assert words.stdout.endswith(f"0 dead letters · sent to {server.url}\n")
    assert stored(tmp_path / "sent") == stored(tmp_path / "read")


def test_one_place_has_to_be_named() -> None:
    for where in ((), ("--data", "x", "--url", "http://127.0.0.1:1")):
        run = driftwood("ingest", "x.log", *where)
        assert run.returncode == 2
        assert "--data DIR" in run.stderr


def test_a_server_that_is_not_there_is_said() -> None:
    run = driftwood("ingest", "-", "--url", "http://127.0.0.1:1", stdin=b"x\n")
    assert run.returncode == 6


class Lines:
    """A source over batches of lines."""

    name = "lines"

    def __init__(self, *batches: list[str]) -> None:
        self.batches = list(batches)

    def open(self, checkpoint: Mapping[str, str]) -> None: ...

    def poll(self, timeout: float) -> Batch | None:
        return Batch(records(self.batches.pop(0), 0)) if self.batches else None

    def committed(self, checkpoint: Mapping[str, str]) -> None: ...

    def status(self) -> SourceStatus:
        return SourceStatus("lines", "running")

    def close(self) -> None: ...


def answering(*answers: httpx.Response | Exception) -> tuple[Connection, list[bytes]]:
    """A server that gives these answers, and then 204; and what it was sent."""
    waiting: Iterator[httpx.Response | Exception] = iter(answers)
    got: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        got.append(request.content)
        said = next(waiting, httpx.Response(204))
        if isinstance(said, Exception):
            raise said
        return said

    return Connection("http://server", transport=httpx.MockTransport(answer)), got


def test_what_was_not_answered_is_sent_again() -> None:
    later = {"retry-after": "0"}
    server, got = answering(httpx.Response(429, headers=later), httpx.Response(503, headers=later))
    sender = Sender(Lines(["a", "b"]), server)
    sender.run()
    assert sender.counts["lines"] == 2
    assert len(got) == 3
    assert len(set(got)) == 1


def test_a_server_that_stays_away_is_given_up() -> None:
    server, _ = answering(*[httpx.ConnectError("refused")] * 9)
    with pytest.raises(ServerUnreachable):
        Sender(Lines(["a"]), server, patience_s=0.5).run()


def test_a_refusal_of_all_ends_it_and_one_of_some_is_kept() -> None:
    server, _ = answering(httpx.Response(403, text="no"))
    with pytest.raises(ServerError, match="does not take lines: no"):
        Sender(Lines(["a"]), server).run()
    server, _ = answering(httpx.Response(400, text="line too long\n"))
    sender = Sender(Lines(["a"], ["b"]), server)
    sender.run()
    assert sender.refused == "line too long"
    assert sender.counts["lines"] == 2


def test_a_body_that_is_too_large_is_sent_in_parts() -> None:
    server, got = answering(httpx.Response(413), httpx.Response(413))
    sender = Sender(Lines(["a", "b", "c", "d"]), server)
    sender.run()
    assert sender.counts["lines"] == 4
    assert [body.count(b'["1') for body in got] == [4, 2, 1, 1, 2]


def test_bodies_have_a_usual_size() -> None:
    many = records(["x"] * 9_001, 0)
    assert [part.num_rows for part in parts(many)] == [4_000, 4_000, 1_001]
    long = records(["x" * 3_000_000] * 3, 0)
    assert [part.num_rows for part in parts(long)] == [1, 1, 1]
    assert list(parts(records([], 0))) == []


def test_equal_lines_are_a_nanosecond_apart_and_the_same_ones_each_time() -> None:
    first, again = Apart(), Apart()
    given = records(["x", "x", "x", "y"], 0)
    same = given.set_column(0, given.schema.field(0), [[7, 7, 8, 7]])
    assert first.times(same) == [7, 8, 9, 7]
    assert first.times(same) == [10, 11, 12, 8]
    assert again.times(same) == [7, 8, 9, 7]


def test_files_are_read_to_their_end(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    server, got = answering()
    source = FilesSource(Files(paths=(str(tmp_path / "*.log"),), follow=False), Ingest())
    sender = Sender(source, server)
    sender.run()
    assert sender.counts == {"lines": 2, "dead_letters": 0}
    values = [v for body in got for s in json.loads(body)["streams"] for v in s["values"]]
    assert [value[1] for value in values] == ["one", "two"]
