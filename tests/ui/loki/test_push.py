"""Pushes through HTTP, with a real pipeline behind it: stored when answered, refused in Loki's words."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from driftwood.errors import StoreFull
from driftwood.records import Commit
from driftwood.store.store import DuckStore
from tests.ingest.test_push_proto import entry, stream
from tests.ui.loki.pushing import Pushing, pushing, streams

PROTOBUF = "application/x-protobuf"


def snappy(plain: bytes) -> bytes:
    packed: bytes = pa.compress(plain, codec="snappy", asbytes=True)
    return packed


def zstd(plain: bytes) -> bytes:
    packed: bytes = pa.compress(plain, codec="zstd", asbytes=True)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "snappy": snappy,
    "zstd": zstd,
}


@pytest.fixture(scope="module")
def _server() -> Iterator[Pushing]:
    with pushing() as server:
        yield server


@pytest.fixture
def server(_server: Pushing) -> Pushing:
    """One server for all; each test has lines of its own."""
    return _server


def test_a_push_is_stored_when_it_is_answered(server: Pushing) -> None:
    answer = server.push(streams(["1", "stored at once", {"k": "v"}], app="web", env="prod"))
    assert (answer.status_code, answer.content) == (204, b"")
    found = server.server.store.query(
        "SELECT ts, line, sm, logs.service, topic, template_id, key FROM logs JOIN streams USING (sid) "
        "WHERE line = 'stored at once'"
    ).to_pylist()
    assert len(found) == 1
    assert (found[0]["ts"], found[0]["sm"]) == (1, [("k", "v")])
    assert found[0]["key"] == '{"app":"web","env":"prod"}'
    assert found[0]["service"] == "web"
    assert found[0]["template_id"] != 0
    assert found[0]["topic"].startswith("push/")


@pytest.mark.parametrize("packing", PACKERS)
def test_json_comes_packed_in_any_usual_way(server: Pushing, packing: str) -> None:
    pack = PACKERS[packing]
    line = f"packed {packing}"
    answer = server.push(pack(orjson.dumps(streams(["1", line]))), content_encoding=packing)
    assert answer.status_code == 204, answer.text
    assert line in server.rows()


@pytest.mark.parametrize("content_type", [PROTOBUF, "application/octet-stream", ""])
@pytest.mark.parametrize("encoding", ["", "snappy", "gzip"])
def test_protobuf_comes_in_snappy_whatever_the_headers_say(
    server: Pushing, content_type: str, encoding: str
) -> None:
    line = f"proto {content_type} {encoding}"
    body = snappy(stream('{app="web"}', entry(1, line.encode())))
    if encoding == "gzip":
        body = gzip.compress(body)
    answer = server.push(body, content_type=content_type, content_encoding=encoding)
    assert answer.status_code == 204, answer.text
    assert line in server.rows()


def test_the_older_path_is_the_same(server: Pushing) -> None:
    old = {
        "streams": [
            {"labels": '{app="web"}', "entries": [{"ts": "2024-01-01T00:00:00Z", "line": "old"}]}
        ]
    }
    assert server.push(old, "/api/prom/push").status_code == 204
    assert server.push(streams(["1", "new in old"]), "/api/prom/push").status_code == 204
    assert {"old", "new in old"} <= set(server.rows())


def test_what_is_pushed_again_is_stored_once(server: Pushing) -> None:
    body = streams(["5", "once", {"k": "v"}], ["5", "once", {"k": "w"}], ["6", "once"])
    before = server.server.stats()["lines_repeated"]
    for _ in range(3):
        assert server.push(body).status_code == 204
    assert server.rows().count("once") == 3
    assert server.server.stats()["lines_repeated"] == before + 6
    assert f"driftwood_lines_repeated_total {before + 6}.0" in server.http.get("/metrics").text


def test_entries_that_are_refused_are_named_and_the_others_are_stored(server: Pushing) -> None:
    answer = server.push(streams(["1", "x" * 300_000], ["2", "the other one"]))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "Max entry size '262144' bytes exceeded for stream '{app=\"web\"}' "
        "while adding an entry with length '300000' bytes\n"
    )
    assert "the other one" in server.rows()


@pytest.mark.parametrize("ts", ["-9223372036854775808", "0", "9223372036854775807"])
def test_no_push_is_refused_for_its_age(server: Pushing, ts: str) -> None:
    assert server.push(streams([ts, f"at {ts}"])).status_code == 204
    assert server.server.store.query(f"SELECT ts FROM logs WHERE line = 'at {ts}'").to_pylist() == [
        {"ts": int(ts)}
    ]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b'{"streams":[{"stream":{},"values":[["1","x"]]}]}', {}, 400, "at least one label pair"),
        (b"{}", {}, 422, "at least one valid stream"),
        (b"x", {}, 400, "expect { or n, but found x"),
        (b"xyz" * 9, {"content_encoding": "gzip"}, 400, "gzip: "),
        (b"x", {"content_encoding": "br"}, 400, 'Content-Encoding "br" not supported'),
        (b'{"streams":[]}', {"content_type": "text/plain"}, 400, "needs the header Content-Type"),
        (b"\x03xyz", {"content_type": PROTOBUF}, 400, "snappy: corrupt input"),
        (snappy(b"\xff"), {"content_type": PROTOBUF}, 400, "not a push as protobuf"),
        (b"{}", {"origin": "https://evil.example"}, 403, "pages in a browser may not push"),
    ],
)
def test_what_is_wrong_is_said(
    server: Pushing, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    answer = server.push(body, **headers)
    assert answer.status_code == status
    assert said in answer.text
    assert answer.text.endswith("\n")


def export(line: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "cart"
    record = resource.scope_logs.add().log_records.add(time_unix_nano=7, severity_number=17)
    record.body.string_value = line
    return request


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
def test_otlp_is_taken_as_protobuf(server: Pushing, encoding: str) -> None:
    body = export(f"otlp {encoding}").SerializeToString()
    answer = server.push(
        PACKERS[encoding](body),
        "/otlp/v1/logs",
        content_type=PROTOBUF,
        content_encoding=encoding,
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert f"otlp {encoding}" in server.rows()


def test_otlp_is_taken_as_json_and_refused_in_the_encoding_of_the_request(server: Pushing) -> None:
    body: dict[str, Any] = {
        "resourceLogs": [
            {
                "resource": {},
                "scopeLogs": [{"logRecords": [{"body": {"stringValue": "otlp in JSON"}}]}],
            }
        ]
    }
    assert server.push(body, "/otlp/v1/logs").status_code == 204
    assert "otlp in JSON" in server.rows()
    assert server.push(b"{}", "/otlp/v1/logs").status_code == 204
    wrong = server.push(b"[", "/otlp/v1/logs")
    assert wrong.status_code == 400
    assert "not an OTLP export of logs as JSON" in wrong.json()["message"]
    wrong = server.push(b"\xff" * 3, "/otlp/v1/logs", content_type=PROTOBUF)
    assert (wrong.status_code, wrong.headers["content-type"]) == (400, PROTOBUF)
    assert wrong.content[:1] == b"\x12"
    assert b"not an OTLP export of logs as protobuf" in wrong.content
    other = server.push(b"x", "/otlp/v1/logs", content_type="text/csv")
    assert (other.status_code, other.text) == (400, "content type: text/csv is not supported\n")


def test_a_body_beyond_the_limit_is_refused_packed_or_not() -> None:
    with pushing(push={"max_body_bytes": 1_000}) as server:
        large = orjson.dumps(streams(["1", "x" * 1_000]))
        said = f"request body too large: {len(large)} bytes, limit: 1000 bytes\n"
        assert (answer := server.push(large)).status_code == 413
        assert answer.text == said
        assert server.push(gzip.compress(large), content_encoding="gzip").status_code == 413

        def parts() -> Iterator[bytes]:  # no Content-Length
            yield from (large[:700], large[700:])

        headers = {"content-type": "application/json"}
        assert (
            server.http.post("/loki/api/v1/push", content=parts(), headers=headers).status_code
            == 413
        )
        assert server.push(streams(["1", "x" * 900])).status_code == 204


def test_more_than_may_wait_is_refused_with_a_time_to_come_back() -> None:
    with pushing(push={"max_waiting_bytes": 1_000}) as server:
        answer = server.push(streams(["1", "x" * 1_100]))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert server.push(streams(["1", "x" * 300])).status_code == 204  # nothing is still held


class Full(DuckStore):
    """A store whose disk is full for as long as it is told."""

    full = True

    def write(self, commit: Commit) -> None:
        if self.full:
            raise StoreFull("no room")
        super().write(commit)


def test_a_full_disk_is_said_and_what_waited_is_stored_once_when_there_is_room() -> None:
    store = Full.in_memory()
    assert isinstance(store, Full)
    with pushing(store, push={"wait_s": 0.2}) as server:
        body = streams(["1", "waits"])
        first = server.push(body)
        assert first.status_code == 503
        assert "not stored twice" in first.text
        second = server.push(body)
        assert second.status_code == 503
        assert "no room" in second.text
        assert second.headers["retry-after"] == "5"
        store.full = False
        deadline = time.monotonic() + 10
        while server.push(body).status_code != 204:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.rows() == ["waits"]


class Slow(DuckStore):
    """A store that takes its time with the first commit."""

    begun = threading.Event()
    go_on = threading.Event()

    def write(self, commit: Commit) -> None:
        self.begun.set()
        self.go_on.wait(10)
        super().write(commit)


def test_a_push_that_cannot_get_its_turn_is_called_back() -> None:
    store = Slow.in_memory()
    assert isinstance(store, Slow)
    with pushing(store, push={"wait_s": 0.5}) as server, ThreadPoolExecutor() as pool:
        first = pool.submit(server.push, streams(["1", "first"]))
        store.begun.wait(5)
        second = server.push(streams(["2", "second"]))
        assert second.status_code == 503
        assert "nothing was stored" in second.text
        store.go_on.set()
        first.result()
        assert server.push(streams(["3", "third"])).status_code == 204
        assert server.rows() == ["first", "third"]


def test_many_clients_at_once_share_commits_and_lose_nothing(server: Pushing) -> None:
    before = server.server.stats()["commits"]["count"]

    def client(n: int) -> list[int]:
        with httpx.Client(base_url=server.http.base_url, trust_env=False, timeout=30) as http:
            return [
                http.post(
                    "/loki/api/v1/push",
                    json=streams([str(n * 1_000 + i), f"many {n}-{i}"], client=str(n)),
                ).status_code
                for i in range(10)
            ]

    with ThreadPoolExecutor(8) as pool:
        answers = [status for statuses in pool.map(client, range(8)) for status in statuses]
    assert answers == [204] * 80
    found = {line for line in server.rows() if line.startswith("many ")}
    assert found == {f"many {n}-{i}" for n in range(8) for i in range(10)}
    assert server.server.stats()["commits"]["count"] - before < 80


def test_a_server_that_stops_says_so() -> None:
    with pushing() as server:
        server.server.stop()
        answer = server.push(streams(["1", "late"]))
        assert answer.status_code == 503
        assert "send it again" in answer.text


def test_agents_know_the_server_by_any_name_and_pages_by_none(server: Pushing) -> None:
    name = "driftwood.logging.svc.cluster.local:3100"
    assert server.push(streams(["1", "by its name"]), host=name).status_code == 204
    for path in ("/loki/api/v1/push", "/otlp/v1/logs"):
        page = server.push(b"{}", path, host=name, origin=f"http://{name}")
        assert page.status_code == 403
    assert server.http.get("/api/v1/stats", headers={"host": name}).status_code == 421
