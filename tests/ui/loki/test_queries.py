"""Loki's query paths over HTTP: what is asked in which form, what is answered, and what is refused in which words."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx
import pyarrow as pa
import pytest

from driftwood.config import Config, Query, Server
from driftwood.store.store import DuckStore
from tests.ui.api_server import Running
from tests.ui.loki.conftest import LINES, MINUTE, NOON, SECOND, SPAN

RANGE = "/loki/api/v1/query_range"
INSTANT = "/loki/api/v1/query"
COUNT = 'sum by (app) (count_over_time({app=~".+"}[10m]))'


def asked(http: httpx.Client, query: str, path: str = RANGE, **more: str) -> Any:
    answer = http.get(path, params={"query": query, **SPAN, **more})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success"
    return body["data"]


def lines(data: Any) -> list[str]:
    """In the order of time, newest first."""
    values = [value for stream in data["result"] for value in stream["values"]]
    return [line for _, line in sorted(values, reverse=True)]


def test_lines_are_answered_newest_first_with_all_their_labels(loki: httpx.Client) -> None:
    data = asked(loki, '{app="api"}')
    assert data["resultType"] == "streams"
    assert [(s["stream"], [v[1] for v in s["values"]]) for s in data["result"]] == [
        ({"app": "api", "level": "error", "pod": "7"}, ["GET /cart 18 500"]),
        ({"app": "api", "level": "info"}, ["GET /cart 19 200"]),
        ({"app": "api", "level": "info", "trace": "ab"}, ["GET /cart 17 200"]),
    ]
    assert data["result"][0]["values"][0][0] == str(NOON + 2 * SECOND)


def test_limit_direction_and_interval_choose_among_the_lines(loki: httpx.Client) -> None:
    everything = '{app=~".+"}'
    assert lines(asked(loki, everything, limit="2")) == [LINES[4].line, LINES[3].line]
    assert lines(asked(loki, everything, limit="2", direction="forward")) == [
        LINES[1].line,
        LINES[0].line,
    ]
    assert lines(asked(loki, everything, interval="2s", direction="forward")) == [
        LINES[4].line,
        LINES[2].line,
        LINES[0].line,
    ]


def test_the_end_is_not_included_and_since_counts_back_from_it(loki: httpx.Client) -> None:
    end = str(NOON + 3 * SECOND)
    assert lines(asked(loki, '{app=~".+"}', end=end)) == [LINES[1].line, LINES[0].line]
    assert lines(asked(loki, '{app=~".+"}', start="", end=end, since="1s")) == [LINES[1].line]


def test_a_form_in_the_body_says_the_same_as_the_url(loki: httpx.Client) -> None:
    said = {"query": '{app="pay"} | json | user_id > 7', **SPAN}
    assert (
        loki.post(RANGE, data=said).json()["data"]["result"] == asked(loki, said["query"])["result"]
    )
    both = loki.post(RANGE, params={"limit": "7", "query": "x"}, data={**said, "limit": "1"})
    assert len(lines(both.json()["data"])) == 1


def test_categories_are_told_where_they_are_asked_for(loki: httpx.Client) -> None:
    headers = {"X-Loki-Response-Encoding-Flags": "other, categorize-labels"}
    query = '{app=~".+"} | logfmt x="y"'
    answer = loki.get(RANGE, params={"query": query, **SPAN}, headers=headers).json()["data"]
    assert answer["encodingFlags"] == ["categorize-labels"]
    api = next(s for s in answer["result"] if s["stream"] == {"app": "api", "level": "info"})
    assert api["values"] == [
        [str(NOON + 65 * SECOND), "GET /cart 19 200", {"parsed": {"x": ""}}],
        [
            str(NOON + SECOND),
            "GET /cart 17 200",
            {"structuredMetadata": {"trace": "ab"}, "parsed": {"x": ""}},
        ],
    ]


def test_a_metric_is_answered_at_every_step(loki: httpx.Client) -> None:
    data = asked(loki, 'sum by (app) (count_over_time({app=~".+"}[1m]))', step="60")
    assert data["resultType"] == "matrix"
    noon = NOON // SECOND
    assert data["result"] == [
        {"metric": {"app": "api"}, "values": [[noon + 60, "2"], [noon + 120, "1"]]},
        {"metric": {"app": "pay"}, "values": [[noon + 60, "2"]]},
    ]


def test_steps_count_from_the_start_unless_they_are_to_be_aligned(
    loki: httpx.Client, running: Running
) -> None:
    said = {"start": str(NOON + 10 * SECOND), "end": str(NOON + 70 * SECOND), "step": "30"}
    times = [t - NOON // SECOND for t, _ in asked(loki, COUNT, **said)["result"][0]["values"]]
    assert times == [10, 40, 70]
    running.config = Config(query=Query(align_steps=True))
    times = [t - NOON // SECOND for t, _ in asked(loki, COUNT, **said)["result"][0]["values"]]
    assert times == [30, 60, 90]


def test_an_instant_query_has_one_value_per_series(loki: httpx.Client) -> None:
    at = (NOON + 10 * MINUTE) // SECOND
    data = asked(loki, COUNT, path=INSTANT, time=str(at))
    assert data["resultType"] == "vector"
    assert data["result"] == [
        {"metric": {"app": "api"}, "value": [at, "3"]},
        {"metric": {"app": "pay"}, "value": [at, "2"]},
    ]


def test_grafana_s_health_check_is_answered_without_any_line(http: httpx.Client) -> None:
    data = http.get(INSTANT, params={"query": "vector(1)+vector(1)", "time": "4000000000"}).json()[
        "data"
    ]
    assert data["resultType"] == "vector"
    assert data["result"] == [{"metric": {}, "value": [4_000_000_000, "2"]}]
    scalar = http.get(INSTANT, params={"query": "1+1", "time": "5"}).json()["data"]
    assert (scalar["resultType"], scalar["result"]) == ("scalar", [5_000, "2"])


def test_stats_say_how_long_it_took_and_how_much_came_back(loki: httpx.Client) -> None:
    summary = asked(loki, '{app="pay"}')["stats"]["summary"]
    assert summary["totalEntriesReturned"] == 2
    assert summary["execTime"] > 0
    assert summary["queueTime"] >= 0


def test_tenants_and_parameters_that_are_not_known_are_ignored(loki: httpx.Client) -> None:
    headers = {"X-Scope-OrgID": "somebody|else", "X-Query-Tags": "Source=grafana"}
    said = {"query": '{app="pay"}', **SPAN, "shards": "x", "whatever": "1"}
    assert loki.get(RANGE, params=said, headers=headers).status_code == 200


def test_a_query_is_printed_on_several_lines(http: httpx.Client) -> None:
    query = 'sum(rate({app="web"}|="x"[5m]))by(level)'
    answer = http.get("/loki/api/v1/format_query", params={"query": query})
    assert answer.json() == {
        "status": "success",
        "data": 'sum by (level)(rate({app="web"} |= "x"[5m]))',
    }
    assert http.post("/loki/api/v1/format_query", data={"query": query}).json() == answer.json()


WEB = '{app="web"}'
UNFINISHED = "syntax error: unexpected $end"


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        (
            RANGE,
            {"query": WEB + " |="},
            f"parse error at line 1, col 15: {UNFINISHED}, expecting STRING or ip",
        ),
        (RANGE, {}, f"parse error : {UNFINISHED}"),
        (RANGE, {"query": WEB + ' | json x="["'}, "parse error"),
        (
            RANGE,
            {"query": WEB, "limit": "5001"},
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
        (
            RANGE,
            {"query": WEB, "start": "20", "end": "10"},
            "end timestamp must not be before or equal to start time",
        ),
        (RANGE, {"query": WEB, "direction": "up"}, "invalid direction 'up'"),
        (
            RANGE,
            {"query": WEB, "start": "x"},
            "could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            INSTANT,
            {"query": "vector(1)", "time": "x"},
            'strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (INSTANT, {"query": "vector(1)", "limit": "0"}, "limit must be a positive value"),
        (
            INSTANT,
            {"query": WEB},
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ),
        (
            "/loki/api/v1/format_query",
            {"query": "{"},
            f"parse error at line 1, col 2: {UNFINISHED}",
        ),
        (
            "/api/prom/query",
            {"query": "vector(1)"},
            "legacy endpoints only support streams result type",
        ),
    ],
)
def test_a_refusal_is_loki_s_plain_text(
    http: httpx.Client, path: str, said: dict[str, str], text: str
) -> None:
    answer = http.get(path, params=said)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(text)
    assert "\n" not in answer.text


def test_a_refusal_of_the_pipeline_is_loki_s_too(loki: httpx.Client) -> None:
    query = 'sum by (x) (count_over_time({app="api"} | json [1h]))'
    answer = loki.get(INSTANT, params={"query": query, "time": str(NOON + MINUTE)})
    assert answer.status_code == 400
    assert answer.text.startswith("pipeline error: 'JSONParserErr' for series: '")


def test_limits_are_settings(loki: httpx.Client, running: Running) -> None:
    running.config = Config(
        server=Server(max_lines=200),
        query=Query(max_chars=60, max_series=1, max_range_s=7_200, max_window_s=300),
    )

    def refused(query: str, **more: str) -> str:
        answer = loki.get(RANGE, params={"query": query, **SPAN, **more})
        assert answer.status_code == 400
        return answer.text

    assert refused('{app="a"}', limit="201").endswith("(201 > 200)")
    assert refused('{app="' + "x" * 60 + '"}') == "parse error : input size too long (68 > 60)"
    assert refused('{app="a"}', end=str(NOON + 7_201 * SECOND)) == (
        "the query time range exceeds the limit (query length: 2h0m1s, limit: 2h)"
    )
    assert refused('rate({app="a"}[301s])') == "[interval] value exceeds limit"
    assert (
        refused('sum(rate({app="a"}[5m]) + rate({b="c"}[1h]))') == "[interval] value exceeds limit"
    )
    too_many = refused('count_over_time({app=~".+"}[1m])')
    assert "of series (1) reached for a single query" in too_many
    assert asked(loki, 'count_over_time({app="pay"}[1m])', limit="4000")["result"] != []


def test_a_query_that_takes_too_long_is_cancelled(loki: httpx.Client, running: Running) -> None:
    running.config = Config(server=Server(query_timeout_s=1e-9))
    answer = loki.get(RANGE, params={"query": '{app="api"}', **SPAN})
    assert answer.status_code == 504
    assert answer.text.startswith("Request timed out, decrease the duration of the request")


class Held(DuckStore):
    """A store whose answers wait."""

    asked = threading.Event()
    free = threading.Event()

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        self.asked.set()
        assert self.free.wait(20)
        return super().query(sql, parameters, timeout)


def test_what_is_too_much_at_once_is_refused_after_a_moment(
    loki: httpx.Client, running: Running
) -> None:
    running.store.close()
    running.store = Held.in_memory()
    running.config = Config(query=Query(max_concurrent=1, queue_s=0.05))
    said = {"query": '{app="api"}', **SPAN}
    answers: list[int] = []
    waiting = threading.Thread(
        target=lambda: answers.append(loki.get("/loki/api/v1/labels", params=SPAN).status_code)
    )
    waiting.start()
    assert Held.asked.wait(20)
    refused = loki.get(RANGE, params=said)
    Held.free.set()
    waiting.join()
    assert (refused.status_code, refused.text) == (429, "too many outstanding requests")
    assert refused.headers["retry-after"] == "5"
    assert answers == [200]
    assert loki.get(RANGE, params=said).status_code == 200


class Endless(DuckStore):
    """A store whose first answer takes years."""

    asked = 0

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        self.asked += 1
        if self.asked == 1:
            sql, parameters = (
                "SELECT count(*) FROM range(10_000_000_000_000) WHERE range % 3 = 1",
                (),
            )
        return super().query(sql, parameters, timeout)


def test_what_a_client_no_longer_waits_for_is_cancelled(
    http: httpx.Client, running: Running
) -> None:
    running.store.close()
    running.store = Endless.in_memory()
    running.config = Config(
        server=Server(query_timeout_s=120), query=Query(max_concurrent=1, queue_s=60)
    )
    with pytest.raises(httpx.ReadTimeout):
        http.get("/loki/api/v1/labels", params=SPAN, timeout=0.3)
    began = time.monotonic()
    assert http.get("/loki/api/v1/labels", params=SPAN).status_code == 200
    assert time.monotonic() - began < 20


def test_a_store_that_is_closed_is_said(loki: httpx.Client, running: Running) -> None:
    running.store.close()
    answer = loki.get("/loki/api/v1/labels")
    assert answer.status_code == 503
    assert "is closed" in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_paths_that_do_not_exist_are_refused_as_go_does(http: httpx.Client) -> None:
    for path in ("/loki/api/v1/lables", "/api/prom/x", "/prometheus/x"):
        answer = http.get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert http.delete("/loki/api/v1/labels").status_code == 405
    assert http.get("/api/v1/lanes").headers["content-type"] == "application/json"


def test_an_answer_is_packed_where_that_is_accepted(loki: httpx.Client) -> None:
    said = {"query": '{app=~".+"} | line_format "' + "x" * 300 + '"', **SPAN}
    packed = loki.get(RANGE, params=said, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(lines(packed.json()["data"])) == 5


def test_the_first_api_answers_lines_in_its_own_form(loki: httpx.Client) -> None:
    body = loki.get("/api/prom/query", params={"query": '{app="pay"}', **SPAN}).json()
    assert body["streams"] == [
        {
            "labels": '{app="pay"}',
            "entries": [
                {"ts": "2024-05-14T12:00:04Z", "line": LINES[3].line},
                {"ts": "2024-05-14T12:00:03Z", "line": LINES[2].line},
            ],
        }
    ]
