"""Detected fields: what is found in lines, of which type, by which parser."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.ui.api_server import Running
from tests.ui.loki.conftest import NOON, SECOND, SPAN
from tests.ui.loki.rows import Line, commit

V1 = "/loki/api/v1"


def fields(http: httpx.Client, query: str, **said: str) -> dict[str, Any]:
    answer = http.get(V1 + "/detected_fields", params={**SPAN, "query": query, **said})
    assert answer.status_code == 200, answer.text
    return {field.pop("label"): field for field in answer.json()["fields"]}


def values(http: httpx.Client, name: str, query: str, **said: str) -> Any:
    path = f"{V1}/detected_field/{name}/values"
    return http.get(path, params={**SPAN, "query": query, **said}).json()


def test_fields_of_json_lines_have_paths_and_types(loki: httpx.Client) -> None:
    json = {"parsers": ["json"]}
    assert fields(loki, '{app="pay"}') == {
        "user_id": {"type": "int", "cardinality": 2, **json, "jsonPath": ["user", "id"]},
        "took": {"type": "duration", "cardinality": 2, **json, "jsonPath": ["took"]},
        "ok": {"type": "boolean", "cardinality": 2, **json, "jsonPath": ["ok"]},
    }


def test_logfmt_and_metadata_are_fields_and_labels_of_streams_are_not(
    http: httpx.Client, running: Running
) -> None:
    lines = [
        Line(
            NOON + n * SECOND,
            f"app=inner dur={n}ms size={n}KB ok",
            {"app": "a"},
            {"trace": f"t{n}"},
        )
        for n in range(5)
    ]
    running.store.write(commit(lines))
    logfmt = {"parsers": ["logfmt"]}
    assert fields(http, '{app="a"}') == {
        "trace": {"type": "string", "cardinality": 5, "parsers": None},
        "app_extracted": {"type": "string", "cardinality": 1, **logfmt},
        "dur": {"type": "duration", "cardinality": 5, **logfmt},
        "size": {"type": "bytes", "cardinality": 5, **logfmt},
    }


def test_what_a_query_parses_itself_is_a_field_too(loki: httpx.Client) -> None:
    found = fields(loki, '{app="api"} | pattern "<_> <path> <_>"')
    assert found["path"] == {"type": "string", "cardinality": 1, "parsers": ["pattern"]}


def test_lines_and_fields_are_limited(loki: httpx.Client) -> None:
    assert len(fields(loki, '{app="pay"}', limit="2")) == 2
    assert len(fields(loki, '{app="pay"}', field_limit="1")) == 1
    assert fields(loki, '{app="pay"}', line_limit="1")["took"]["cardinality"] == 1


def test_values_are_the_most_frequent_first(http: httpx.Client, running: Running) -> None:
    lines = [
        Line(NOON + n * SECOND, f'{{"status": {status}}}', {"app": "a"})
        for n, status in enumerate([200, 500, 500, 404, 500, 404])
    ]
    running.store.write(commit(lines))
    assert values(http, "status", '{app="a"}') == {"values": ["500", "404", "200"], "limit": 1_000}
    assert values(http, "status", '{app="a"}', limit="1") == {"values": ["500"], "limit": 1}
    assert values(http, "nothing", '{app="a"}')["values"] == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"query": 'rate({app="a"}[1m])'}, "only log selector is supported"),
        ({"query": '{app="a"'}, "parse error at line 1, col "),
        ({"query": '{app="a"}', "limit": "-1"}, "limit must be a positive value"),
        ({"query": '{app="a"}', "line_limit": "x"}, "strconv.Atoi: parsing"),
    ],
)
def test_bad_questions_are_refused(http: httpx.Client, said: dict[str, str], text: str) -> None:
    answer = http.get(V1 + "/detected_fields", params=said)
    assert answer.status_code == 400
    assert answer.text.startswith(text)
