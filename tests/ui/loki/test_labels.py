"""Labels, values, series and detected labels: of which streams, in which span."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.ui.loki.conftest import API, MINUTE, NOON, PAY, SLOW, SPAN

V1 = "/loki/api/v1"


def data(http: httpx.Client, path: str, **said: str) -> Any:
    answer = http.get(V1 + path, params={**SPAN, **said})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


@pytest.mark.parametrize("path", ["/labels", "/label"])
def test_names_are_those_of_the_streams_with_lines_in_the_span(
    loki: httpx.Client, path: str
) -> None:
    assert data(loki, path) == ["app", "level", "pod"]
    later = {"start": str(NOON + MINUTE + 1), "end": str(NOON + 2 * MINUTE)}
    assert data(loki, path, **later) == ["app", "level"]
    assert loki.post(V1 + path, data=SPAN).json()["data"] == ["app", "level", "pod"]


def test_names_and_values_may_be_those_of_a_selector(loki: httpx.Client) -> None:
    assert data(loki, "/labels", query='{app="pay"}') == ["app"]
    assert data(loki, "/labels", query="{}") == ["app", "level", "pod"]
    assert data(loki, "/label/app/values") == ["api", "pay"]
    assert data(loki, "/label/app/values", query='{level=~"e.*"}') == ["api"]
    assert data(loki, "/label/nothing/values") == []


def test_without_a_span_the_last_six_hours_are_meant(loki: httpx.Client) -> None:
    assert loki.get(V1 + "/labels").json() == {"status": "success", "data": []}
    long_ago = {"end": str(NOON + 5 * 60 * MINUTE)}
    assert loki.get(V1 + "/labels", params=long_ago).json()["data"] != []


def test_series_are_the_streams_that_any_selector_selects(loki: httpx.Client) -> None:
    assert data(loki, "/series", **{"match[]": '{app="api"}'}) == [SLOW, API]
    both = {**SPAN, "match[]": ['{app="pay"}', '{pod="7"}', '{pod="7"}']}
    assert loki.get(V1 + "/series", params=both).json()["data"] == [SLOW, PAY]
    assert loki.post(V1 + "/series", data=both).json()["data"] == [SLOW, PAY]
    assert data(loki, "/series", match='{app="pay"}') == [PAY]
    assert len(data(loki, "/series")) == 3
    assert len(data(loki, "/series", **{"match[]": " { }"})) == 3
    assert data(loki, "/series", **{"match[]": '{app="nobody"}'}) == []
    assert data(loki, "/series", **{"match[]": '{app!="api"}'}) == [PAY]


def test_labels_are_detected_unless_they_are_ids(loki: httpx.Client) -> None:
    def detected(**said: str) -> Any:
        return loki.get(V1 + "/detected_labels", params={**SPAN, **said}).json()["detectedLabels"]

    app, level = {"label": "app", "cardinality": 2}, {"label": "level", "cardinality": 2}
    pod = {"label": "pod", "cardinality": 1}  # always looked for, although 7 is a number
    assert detected() == [app, level, pod]
    assert detected(query='{app="pay"}') == [{"label": "app", "cardinality": 1}]
    assert detected(query='{app="nobody"}') == []


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        ("/labels", {"query": '{app="a"} |= "x"'}, "only label matchers are supported"),
        ("/labels", {"query": 'rate({app="a"}[1m])'}, "only label matchers are supported"),
        ("/labels", {"query": "{a"}, "parse error at line 1, col "),
        ("/labels", {"start": "x"}, "could not parse 'start' parameter"),
        ("/label/app/values", {"start": "5", "end": "4"}, "end timestamp must not be before"),
        ("/series", {"match[]": '{a="b"} | json'}, "only label matchers are supported"),
        ("/detected_labels", {"query": "rate("}, "parse error at line 1, col "),
    ],
)
def test_bad_questions_are_refused(
    http: httpx.Client, path: str, said: dict[str, str], text: str
) -> None:
    answer = http.get(V1 + path, params=said)
    assert answer.status_code == 400
    assert answer.text.startswith(text)


def test_the_first_api_names_them_values(loki: httpx.Client) -> None:
    assert loki.get("/api/prom/label", params=SPAN).json() == {"values": ["app", "level", "pod"]}
    assert loki.get("/api/prom/label/app/values", params=SPAN).json() == {"values": ["api", "pay"]}
    assert len(loki.get("/api/prom/series", params=SPAN).json()["data"]) == 3
