"""Our answers beside those of a real Loki server that had the same lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from driftwood.config import Config, Query
from tests.ui.api_server import Running
from tests.ui.loki.rows import commit
from tests.ui.loki.samples import Sample, lines, sample

# Bodies that must be equal, but for `stats`, which tell of the server.
SAME = [
    "format_query",
    "label_values",
    "labels",
    "otlp_query",
    "prom_rules",
    "query_logs_error",
    "query_parse_error",
    "query_pipeline_error",
    "query_range_matrix",
    "query_range_parsed_categorize",
    "query_range_streams",
    "query_range_streams_categorize",
    "query_range_streams_parsed",
    "query_scalar",
    "query_vector",
]
# Bodies of the same shape: Loki counts bytes by the kilobyte, in any order, and what it is built of.
ALIKE = [
    "buildinfo",
    "detected_field_values",
    "detected_fields",
    "index_stats",
    "index_volume",
    "index_volume_agg",
    "index_volume_range",
    "patterns",
    "series",
]


@pytest.fixture
def ask(running: Running, http: httpx.Client, shared: Path) -> Any:
    running.config = Config(query=Query(align_steps=True))  # that server split its queries
    running.store.write(commit(lines(shared / "data" / "loghub_2k")))

    def asked(name: str) -> tuple[Sample, httpx.Response]:
        one = sample(shared / "conformance" / "loki_api_samples", name)
        answer = http.request(
            one.method, one.path, params=urlencode(one.parameters), headers=one.headers
        )
        assert answer.status_code == one.status, answer.text
        return one, answer

    return asked


@pytest.mark.parametrize("name", SAME)
def test_the_answer_is_loki_s(ask: Any, name: str) -> None:
    one, answer = ask(name)
    assert kind(answer.headers["content-type"]) == kind(one.content_type)
    if "json" in one.content_type:
        assert without_stats(answer.json()) == without_stats(one.json)
    else:
        assert answer.text == one.body.rstrip("\n")


@pytest.mark.parametrize("name", ALIKE)
def test_the_answer_has_the_shape_of_loki_s(ask: Any, name: str) -> None:
    one, answer = ask(name)
    assert kind(answer.headers["content-type"]) == kind(one.content_type)
    assert_alike(answer.json(), one.json, name)


def test_readiness_is_said_in_loki_s_word(ask: Any) -> None:
    one, answer = ask("ready")
    assert answer.text.strip() == one.body.strip()
    assert answer.headers["content-type"] == one.content_type


def test_series_are_the_same_in_any_order(ask: Any) -> None:
    one, answer = ask("series")
    assert sorted(map(sorted, answer.json()["data"])) == sorted(map(sorted, one.json["data"]))


def test_what_is_counted_is_the_same(ask: Any) -> None:
    one, answer = ask("index_stats")
    assert answer.json()["streams"] == one.json["streams"]
    assert answer.json()["entries"] == one.json["entries"]
    one, answer = ask("index_volume_range")
    metrics = [
        [series["metric"] for series in body["data"]["result"]]
        for body in (answer.json(), one.json)
    ]
    assert sorted(map(str, metrics[0])) == sorted(map(str, metrics[1]))
    times = [
        [t for t, _ in body["data"]["result"][0]["values"]] for body in (answer.json(), one.json)
    ]
    assert times[0] == times[1]


def test_fields_are_the_same_in_any_order(ask: Any) -> None:
    one, answer = ask("detected_fields")
    by_name = [{f["label"]: f for f in body["fields"]} for body in (answer.json(), one.json)]
    assert by_name[0] == by_name[1]
    one, answer = ask("detected_field_values")
    assert sorted(answer.json()["values"]) == sorted(one.json["values"])


def kind(content_type: str) -> str:
    return content_type.lower().replace(" ", "").partition(";charset=utf-8")[0]


def without_stats(body: Any) -> Any:
    if isinstance(body.get("data"), dict):
        body = {**body, "data": {k: v for k, v in body["data"].items() if k != "stats"}}
    return body


def assert_alike(ours: Any, theirs: Any, where: str) -> None:
    """The same keys and types all the way down; lists by their first item."""
    assert type(ours) is type(theirs) or {type(ours), type(theirs)} == {int, float}, where
    if isinstance(theirs, dict):
        assert ours.keys() >= theirs.keys() - {"note"}, where
        for name in theirs.keys() - {"note"}:
            assert_alike(ours[name], theirs[name], f"{where}.{name}")
    if isinstance(theirs, list) and theirs:
        assert ours, where
        assert_alike(ours[0], theirs[0], f"{where}[0]")
