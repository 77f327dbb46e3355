"""A server as a process, asked the way Grafana's Loki data source and Logs Drilldown ask, over bare HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.ui.processes import Server, serving

SECOND = 10**9
GRAFANA = {
    "X-Loki-Response-Encoding-Flags": "categorize-labels",
    "X-Scope-OrgID": "1",
    "X-Query-Tags": "Source=grafana",
    "Accept-Encoding": "gzip",
    "User-Agent": "Grafana/12.1.0",
}
SHOP = {"service_name": "shop", "env": "prod"}


class Grafana:
    """What the data source sends; times in ns, steps in ms."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, headers=GRAFANA, trust_env=False, timeout=30)
        self.end = time.time_ns()
        self.start = self.end - 3_600 * SECOND

    def get(self, path: str, /, **said: str) -> Any:
        """With the span of the page, which paths that know of none ignore."""
        when = {"start": str(self.start), "end": str(self.end)}
        answer = self.http.get(f"/loki/api/v1/{path}", params={**said, **when})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def range(self, query: str, step: str = "15000ms") -> Any:
        said = {"query": query, "limit": "1000", "direction": "backward", "step": step}
        return self.get("query_range", **said)["data"]


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    with serving(tmp_path_factory.mktemp("loki") / "store") as server:
        asked = Grafana(server)
        push(asked, SHOP, [f"level=info msg=paid order={n} took={n}ms" for n in range(40)])
        push(asked, SHOP, ["level=error msg=refused order=41 took=9s"], {"trace_id": "ab12"})
        yield asked
        asked.http.close()
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def push(
    asked: Grafana, labels: dict[str, str], lines: list[str], metadata: dict[str, str] | None = None
) -> None:
    base = asked.end - 600 * SECOND
    values = [
        [str(base + n * SECOND), line, *([metadata] if metadata else [])]
        for n, line in enumerate(lines)
    ]
    body = {"streams": [{"stream": labels, "values": values}]}
    answer = asked.http.post("/loki/api/v1/push", json=body)
    assert answer.status_code == 204, answer.text


def test_the_data_source_is_healthy(grafana: Grafana) -> None:
    said = {"query": "vector(1)+vector(1)", "time": "4000000000", "direction": "backward"}
    data = grafana.get("query", **said)["data"]
    assert data["result"] == [{"metric": {}, "value": [4_000_000_000, "2"]}]
    assert grafana.get("status/buildinfo")["version"]
    assert grafana.http.get("/ready").text.strip() == "ready"


def test_the_label_browser_finds_labels_values_and_streams(grafana: Grafana) -> None:
    assert grafana.get("labels")["data"] == ["env", "service_name"]
    assert grafana.get("label/env/values")["data"] == ["prod"]
    assert grafana.get("label/env/values", query='{service_name="shop"}')["data"] == ["prod"]
    assert grafana.get("series", **{"match[]": '{env="prod"}'})["data"] == [SHOP]


def test_explore_shows_lines_with_the_categories_of_their_labels(grafana: Grafana) -> None:
    data = grafana.range('{service_name="shop"} | logfmt | order >= 40')
    assert data["encodingFlags"] == ["categorize-labels"]
    (stream,) = data["result"]
    assert stream["stream"] == SHOP
    ((_, line, labels),) = stream["values"]
    assert line == "level=error msg=refused order=41 took=9s"
    assert labels["structuredMetadata"]["trace_id"] == "ab12"
    assert labels["parsed"]["order"] == "41"


def test_explore_asks_for_size_and_draws_the_volume(grafana: Grafana) -> None:
    stats = grafana.get("index/stats", query='{service_name="shop"}')
    assert set(stats) == {"streams", "chunks", "bytes", "entries"}
    assert stats["entries"] == 41
    query = 'sum by (level, detected_level) (count_over_time({service_name="shop"} | logfmt | drop __error__[1m]))'
    data = grafana.range(query, step="60000ms")
    assert data["resultType"] == "matrix"
    counted = {
        series["metric"]["level"]: sum(float(value) for _, value in series["values"])
        for series in data["result"]
    }
    assert counted == {"info": 40.0, "error": 1.0}


def test_a_broken_query_is_explained(grafana: Grafana) -> None:
    answer = grafana.http.get("/loki/api/v1/query_range", params={"query": '{a="b"} |= '})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("parse error at line 1, col ")
    formatted = grafana.get("format_query", query='{a="b"}|json')
    assert formatted["data"] == '{a="b"} | json'


def test_drilldown_finds_volumes_patterns_labels_and_fields(grafana: Grafana) -> None:
    selector = '{service_name="shop"}'
    assert grafana.get("drilldown-limits")["pattern_ingester_enabled"] is True
    volume = grafana.get(
        "index/volume", query='{service_name=~".+"}', targetLabels="service_name", limit="5000"
    )
    (shop,) = volume["data"]["result"]
    assert shop["metric"] == {"service_name": "shop"}
    assert int(shop["value"][1]) > 41 * 30
    ranged = grafana.get("index/volume_range", query=selector, targetLabels="env", step="600000ms")
    assert ranged["data"]["resultType"] == "matrix"
    patterns = grafana.get("patterns", query=selector)["data"]
    assert sum(count for p in patterns for _, count in p["samples"]) == 41
    assert any("<_>" in p["pattern"] for p in patterns)
    labels = grafana.get("detected_labels", query=selector)["detectedLabels"]
    assert {one["label"]: one["cardinality"] for one in labels} == {"env": 1, "service_name": 1}
    fields = {f["label"]: f for f in grafana.get("detected_fields", query=selector)["fields"]}
    assert fields["order"]["type"] == "int"
    assert fields["took"]["parsers"] == ["logfmt"]
    values = grafana.get("detected_field/level/values", query=selector)["values"]
    assert values == ["info", "error"]


def test_live_lines_arrive_and_the_server_ends_while_somebody_listens(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server:
        asked = Grafana(server)
        said = urlencode({"query": '{service_name="shop"} |= "live"', "limit": "100"})
        url = f"{server.url.replace('http', 'ws', 1)}/loki/api/v1/tail?{said}"
        with asked.http, connect(url, proxy=None) as listening:
            push(asked, SHOP, ["live one", "dull", "live two"])
            lines: list[str] = []
            while len(lines) < 2:
                streams = json.loads(listening.recv(20))["streams"]
                lines += [value[1] for stream in streams for value in stream["values"]]
            assert lines == ["live one", "live two"]
            began = time.monotonic()
            assert server.stop() == 0, server.log.read_text()
            assert time.monotonic() - began < 10
            with pytest.raises(ConnectionClosed) as end:
                listening.recv(5)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1012
        assert "Traceback" not in server.log.read_text()
