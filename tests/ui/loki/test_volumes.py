"""index/stats, index/volume and index/volume_range: how much, by which labels, in which buckets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.ui.api_server import Running
from tests.ui.loki.conftest import LINES, MINUTE, NOON, SECOND, SPAN
from tests.ui.loki.rows import Line, commit

V1 = "/loki/api/v1"
ALL = '{app=~".+"}'
HOUR = 60 * MINUTE


def size(*numbers: int) -> str:
    return str(sum(len(LINES[n].line) for n in numbers))


def volume(http: httpx.Client, path: str = "/index/volume", **said: str) -> Any:
    answer = http.get(V1 + path, params={**SPAN, "query": ALL, **said})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_stats_count_what_a_selector_stands_for(loki: httpx.Client) -> None:
    def stats(query: str, **said: str) -> Any:
        return loki.get(V1 + "/index/stats", params={**SPAN, "query": query, **said}).json()

    size_bytes = sum(len(line.line) for line in LINES)
    assert stats(ALL) == {"streams": 3, "chunks": 3, "entries": 5, "bytes": size_bytes}
    assert stats('{app="pay"}')["entries"] == 2
    assert stats(ALL, start=str(NOON + 3 * SECOND), end=str(NOON + 4 * SECOND))["entries"] == 2
    nothing = {"streams": 0, "chunks": 0, "entries": 0, "bytes": 0}
    assert stats('{app="nobody"}') == nothing
    assert loki.post(V1 + "/index/stats", data={**SPAN, "query": '{app="x"}'}).json() == nothing


def test_a_long_span_is_counted_to_the_minute(http: httpx.Client, running: Running) -> None:
    labels = {"app": "api"}
    lines = [Line(NOON + n * MINUTE, "12345", labels) for n in range(1, 121)]
    running.store.write(commit(lines))
    said = {"query": ALL, "start": str(NOON), "end": str(NOON + 2 * HOUR)}
    stats = http.get(V1 + "/index/stats", params=said).json()
    assert (stats["entries"], stats["bytes"], stats["chunks"]) == (120, 600, 2)
    data = volume(http, "/index/volume_range", step="1h", **said)
    assert [value for _, value in data["result"][0]["values"]] == ["300", "300"]


def test_volume_is_by_the_labels_that_the_selector_names(loki: httpx.Client) -> None:
    data = volume(loki)
    end = (NOON + 10 * MINUTE) // SECOND
    assert data["resultType"] == "vector"
    assert data["result"] == [
        {"metric": {"app": "pay"}, "value": [end, size(2, 3)]},
        {"metric": {"app": "api"}, "value": [end, size(0, 1, 4)]},
    ]
    assert "summary" in data["stats"]
    assert len(volume(loki, limit="1")["result"]) == 1


def test_volume_is_by_target_labels_over_the_streams_that_have_them(loki: httpx.Client) -> None:
    found = volume(loki, targetLabels="level")["result"]
    assert [(one["metric"], one["value"][1]) for one in found] == [
        ({"level": "info"}, size(0, 4)),
        ({"level": "error"}, size(1)),
    ]
    (one,) = volume(loki, targetLabels="app,level,pod")["result"]
    assert one["metric"] == {"app": "api", "level": "error", "pod": "7"}
    assert volume(loki, targetLabels="nothing")["result"] == []


def test_every_stream_has_all_its_labels_where_none_is_named(loki: httpx.Client) -> None:
    found = volume(loki, query="{}")["result"]
    assert sorted(len(one["metric"]) for one in found) == [1, 2, 3]
    by_label = volume(loki, query="{}", aggregateBy="labels")["result"]
    assert {name for one in by_label for name in one["metric"]} == {"app", "level", "pod"}


def test_volume_may_be_per_label(loki: httpx.Client) -> None:
    found = volume(loki, aggregateBy="labels")["result"]
    assert [(one["metric"], one["value"][1]) for one in found] == [
        ({"app": ""}, size(0, 1, 2, 3, 4))
    ]
    found = volume(loki, aggregateBy="labels", targetLabels="app,level")["result"]
    assert [(one["metric"], one["value"][1]) for one in found] == [
        ({"app": ""}, size(0, 1, 4)),
        ({"level": ""}, size(0, 1, 4)),
    ]


def test_volume_range_has_a_value_per_step_named_by_its_last_millisecond(
    loki: httpx.Client,
) -> None:
    data = volume(
        loki, "/index/volume_range", query='{app="api"}', step="60", end=str(NOON + 70 * SECOND)
    )
    noon = NOON // SECOND
    assert data["resultType"] == "matrix"
    assert data["result"] == [
        {
            "metric": {"app": "api"},
            "values": [[noon + 59.999, size(0, 1)], [noon + 70, size(4)]],
        }
    ]


def test_volume_range_of_one_step_is_a_vector(loki: httpx.Client) -> None:
    said = {"query": '{app="api"}', "step": "600"}
    data = volume(loki, "/index/volume_range", **said)
    assert data["resultType"] == "vector"
    assert data["result"] == [
        {
            "metric": {"app": "api"},
            "value": [(NOON + 10 * MINUTE) // SECOND, size(0, 1, 4)],
        }
    ]


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        ("/index/stats", {"query": '{app="a"} | json'}, "only label matchers are supported"),
        ("/index/volume", {"query": "rate("}, "parse error at line 1, col "),
        ("/index/volume", {"query": ALL, "aggregateBy": "x"}, "invalid aggregation option"),
        ("/index/volume", {"query": ALL, "limit": "x"}, "strconv.Atoi: parsing"),
        ("/index/volume_range", {"query": ALL, "step": "0"}, "zero or negative query resolution"),
        (
            "/index/volume_range",
            {"query": ALL, "start": "0", "end": "20000", "step": "1"},
            "exceeded maximum resolution of 11,000 points per time series.",
        ),
    ],
)
def test_bad_questions_are_refused(
    http: httpx.Client, path: str, said: dict[str, str], text: str
) -> None:
    answer = http.get(V1 + path, params=said)
    assert answer.status_code == 400
    assert answer.text.startswith(text)
