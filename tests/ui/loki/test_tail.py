"""tail: what was there, what comes, in which frames, to whom, and how it ends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pyarrow as pa
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from driftwood.config import Config, Query, Store
from driftwood.errors import StoreError
from driftwood.store.database import Database
from driftwood.store.store import DuckStore
from tests.ui.api_server import Running
from tests.ui.loki.conftest import API, LINES, NOON, PAY, SECOND
from tests.ui.loki.rows import Line, commit
from ui.loki.tail import MAX_BEHIND

WAIT_S = 10.0
QUIET_S = 0.6
"""Longer than a look at the store and the way of a frame."""


@contextmanager
def tail(
    http: httpx.Client,
    headers: dict[str, str] | None = None,
    path: str = "loki/api/v1/tail",
    **said: object,
) -> Iterator[ClientConnection]:
    url = f"{str(http.base_url).replace('http', 'ws', 1)}/{path}?{urlencode(said)}"
    with connect(url, additional_headers=headers, proxy=None) as listening:
        yield listening


def frame(listening: ClientConnection) -> Any:
    return json.loads(listening.recv(WAIT_S))


def told(listening: ClientConnection, count: int) -> list[str]:
    """The next `count` lines, frame after frame."""
    lines: list[str] = []
    while len(lines) < count:
        values = [value for stream in frame(listening)["streams"] for value in stream["values"]]
        lines += [value[1] for value in sorted(values)]
    return lines


def silent(listening: ClientConnection) -> bool:
    try:
        listening.recv(QUIET_S)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def store(running: Running) -> Callable[..., None]:
    """Stores lines that begin with `words`, now."""
    ids = iter(range(1, 10**9))

    def write(
        *words: str, labels: dict[str, str] = API, ts: int | None = None, **more: Any
    ) -> None:
        at = time.time_ns() if ts is None else ts
        lines = [Line(at + n, word, labels, **more) for n, word in enumerate(words)]
        first = next(ids)
        for _ in lines[1:]:
            next(ids)
        running.store.write(commit(lines, first))

    return write


def test_it_begins_with_the_newest_lines_since_the_start(loki: httpx.Client) -> None:
    with tail(loki, query='{app=~".+"}', start=NOON, limit=3) as listening:
        first = frame(listening)
        assert set(first) == {"streams", "dropped_entries"}
        assert first["dropped_entries"] == []
        assert first["streams"] == [
            {"stream": API, "values": [[str(NOON + 65 * SECOND), LINES[4].line]]},
            {
                "stream": PAY,
                "values": [
                    [str(NOON + 3 * SECOND), LINES[2].line],
                    [str(NOON + 4 * SECOND), LINES[3].line],
                ],
            },
        ]
        assert silent(listening)


def test_lines_are_told_once_as_they_are_stored_whatever_their_time(
    http: httpx.Client, store: Callable[..., None]
) -> None:
    store("before")
    with tail(http, query='{app="api"}') as listening:
        assert told(listening, 1) == ["before"]
        store("now")
        store("long ago", ts=NOON)
        store("somebody else's", labels=PAY)
        store("of a stream that is new", labels={"app": "api", "pod": "9"})
        assert sorted(told(listening, 3)) == ["long ago", "now", "of a stream that is new"]
        assert silent(listening)


def test_the_stages_of_the_query_decide(http: httpx.Client, store: Callable[..., None]) -> None:
    query = '{app="api"} |= "code" | json | code >= 500 | line_format "{{.code}}" |~ "^5"'
    with tail(http, query=query) as listening:
        store('{"code":200}', '{"code":503}', "no json", "else")
        live = frame(listening)
        assert [stream["stream"] for stream in live["streams"]] == [{**API, "code": "503"}]
        assert [value[1] for value in live["streams"][0]["values"]] == ["503"]
        assert silent(listening)


def test_categories_are_told_where_they_are_asked_for(
    http: httpx.Client, store: Callable[..., None]
) -> None:
    headers = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    with tail(http, headers, query='{app="api"} | json') as listening:
        store('{"a":1}', metadata={"trace": "x"})
        live = frame(listening)
        assert live["encodingFlags"] == ["categorize-labels"]
        assert live["streams"][0]["stream"] == API
        added = live["streams"][0]["values"][0][2]
        assert added == {"structuredMetadata": {"trace": "x"}, "parsed": {"a": "1"}}


def test_lines_may_be_held_back_for_some_seconds(http: httpx.Client, running: Running) -> None:
    with tail(http, query='{app="api"}', delay_for=1) as listening:
        began, now = time.monotonic(), time.time_ns()
        lines = [Line(now, "late", API), Line(now - SECOND, "but older", API)]
        running.store.write(commit(lines))
        assert told(listening, 2) == ["but older", "late"]
        assert time.monotonic() - began >= 1.0


def test_what_a_client_is_too_slow_for_is_left_out_and_named(
    http: httpx.Client, store: Callable[..., None]
) -> None:
    with tail(http, query='{app="api"}') as listening:
        base = time.time_ns()
        store(*map(str, range(MAX_BEHIND + 3)), ts=base)
        first = frame(listening)
        left_out = [int(one["timestamp"]) - base for one in first["dropped_entries"]]
        assert sorted(left_out) == [0, 1, 2]
        assert first["dropped_entries"][0]["labels"] == API
        lines = [value[1] for value in first["streams"][0]["values"]]
        lines += told(listening, MAX_BEHIND - len(lines))
        assert lines == list(map(str, range(3, MAX_BEHIND + 3)))


def test_sealed_lines_are_told_too(
    http: httpx.Client, running: Running, store: Callable[..., None]
) -> None:
    with tail(http, query='{app="api"}', delay_for=1) as listening:
        store("sealed before it was told")
        time.sleep(0.3)
        running.store.compact()
        store("hot")
        assert told(listening, 2) == ["sealed before it was told", "hot"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"query": '{app="a"'}, "parse error at line 1, col 9: syntax error"),
        ({"query": 'rate({app="a"}[1m])'}, "only log selector is supported"),
        ({"query": '{app="a"}', "delay_for": "6"}, "delay_for can't be greater than 5"),
        ({"query": '{app="a"}', "delay_for": "x"}, "strconv.Atoi: parsing"),
        ({"query": '{app="a"}', "limit": "0"}, "limit must be a positive value"),
        ({"query": '{app="a"}', "start": "x"}, "could not parse 'start' parameter"),
    ],
)
def test_bad_questions_are_refused_before_the_socket_opens(
    http: httpx.Client, said: dict[str, str], text: str
) -> None:
    with pytest.raises(InvalidStatus) as refusal, tail(http, None, **said):
        pass
    response = refusal.value.response
    assert response.status_code == 400
    assert response.body.decode().startswith(text)


def test_only_so_many_may_listen_and_who_leaves_makes_room(
    http: httpx.Client, running: Running, store: Callable[..., None]
) -> None:
    running.config = Config(query=Query(max_tails=1))
    with tail(http, query='{app="api"}'):
        with pytest.raises(InvalidStatus) as refusal, tail(http, query='{app="api"}'):
            pass
        assert refusal.value.response.status_code == 429
        assert refusal.value.response.body.endswith(b"count > limit (2 > 1)")
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            with tail(http, query='{app="api"}') as listening:
                store("heard")
                assert told(listening, 1) == ["heard"]
                return
        except InvalidStatus:
            assert time.monotonic() < deadline


def test_pages_of_other_origins_may_not_listen(http: httpx.Client) -> None:
    for origin in ("https://evil.example", "http://10.1.2.3", "null"):
        with pytest.raises(InvalidStatus) as refusal, tail(http, {"Origin": origin}, query="{}"):
            pass
        assert refusal.value.response.status_code == 403
    for origin in ("http://localhost:3000", str(http.base_url)):
        with tail(http, {"Origin": origin}, query='{app="api"}'):
            pass


def test_a_name_that_is_not_ours_is_not_listened_to(http: httpx.Client) -> None:
    address = (http.base_url.host, http.base_url.port or 80)
    with pytest.raises(InvalidStatus) as refusal, socket.create_connection(address) as plain:
        connect("ws://evil.example/loki/api/v1/tail", sock=plain, proxy=None)
    assert refusal.value.response.status_code == 421


class Broken(DuckStore):
    """A store that cannot be read any more, from some moment on."""

    fine = True

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        if not self.fine:
            raise StoreError("the store is gone")
        return super().query(sql, parameters, timeout)


def test_a_store_that_fails_ends_it_with_a_reason(http: httpx.Client, running: Running) -> None:
    running.store.close()
    broken = Broken(Database.in_memory(Store(min_free_bytes=0)))
    running.store = broken
    with tail(http, query='{app="api"}') as listening:
        broken.fine = False
        broken.write(commit([Line(time.time_ns(), "never told", API)]))
        with pytest.raises(ConnectionClosed) as end:
            listening.recv(WAIT_S)
    assert end.value.rcvd is not None
    assert (end.value.rcvd.code, end.value.rcvd.reason) == (1013, "the store is gone")


def test_the_first_api_s_path_listens_too(http: httpx.Client, store: Callable[..., None]) -> None:
    with tail(http, path="api/prom/tail", query='{app="api"}') as listening:
        store("heard")
        assert told(listening, 1) == ["heard"]
