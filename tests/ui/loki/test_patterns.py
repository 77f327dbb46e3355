"""Patterns: templates with counts per step and level, in words that LogQL's pattern filter understands."""

from __future__ import annotations

from typing import Any

import httpx

from driftwood.records import Template, TemplateId
from tests.ui.api_server import Running
from tests.ui.loki.conftest import MINUTE, NOON, SECOND, SPAN
from tests.ui.loki.rows import Line, commit


def patterns(http: httpx.Client, query: str = '{app=~".+"}', **said: str) -> Any:
    answer = http.get("/loki/api/v1/patterns", params={**SPAN, "query": query, **said})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_patterns_are_templates_with_counts_per_step_and_level(loki: httpx.Client) -> None:
    noon = NOON // SECOND
    assert patterns(loki, '{app="api"}', step="60") == [
        {"pattern": "GET /cart <_> <_>", "level": "info", "samples": [[noon, 1], [noon + 60, 1]]},
        {"pattern": "GET /cart <_> <_>", "level": "error", "samples": [[noon, 1]]},
    ]
    assert patterns(loki, '{app="nobody"}') == []


def test_a_pattern_finds_its_lines_again(loki: httpx.Client) -> None:
    pattern = patterns(loki, '{app="api"}')[0]["pattern"]
    said = {"query": f'{{app="api"}} |> "{pattern}"', **SPAN}
    found = loki.get("/loki/api/v1/query_range", params=said).json()["data"]["result"]
    assert sum(len(stream["values"]) for stream in found) == 3


def test_steps_are_ten_seconds_at_least(loki: httpx.Client) -> None:
    noon = NOON // SECOND
    (errors,) = (p for p in patterns(loki, step="1") if p["level"] == "error")
    assert errors["samples"] == [[noon, 1]]
    (infos,) = (p for p in patterns(loki, step="1") if p["level"] == "info")
    assert infos["samples"] == [[noon, 1], [noon + 60, 1]]


def test_all_of_history_is_there_and_templates_that_say_the_same_are_one(
    http: httpx.Client, running: Running
) -> None:
    day = 24 * 60 * MINUTE
    lines = [
        Line(NOON - n * day, "took 7 ms", {"app": "a", "level": "warn"}, template=5 + n % 2)
        for n in range(1, 300)
    ]
    templates = [
        Template(TemplateId(5), 1, "took <*> ms"),
        Template(TemplateId(6), 1, "took <NUM> ms"),
    ]
    running.store.write(commit(lines, templates=templates))
    (pattern,) = patterns(http, '{app="a"}', start=str(NOON - 300 * day))
    assert (pattern["pattern"], pattern["level"]) == ("took <_> ms", "warn")
    assert sum(count for _, count in pattern["samples"]) == 299
    assert len(pattern["samples"]) > 200


def test_patterns_are_of_a_selector(http: httpx.Client) -> None:
    answer = http.get("/loki/api/v1/patterns", params={"query": '{a="b"} |= "x"'})
    assert (answer.status_code, answer.text) == (400, "only label matchers are supported")
