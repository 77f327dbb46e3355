"""Probes, metrics, stats, settings, results of benchmarks, and what happens when the disk or the writer fails."""

from __future__ import annotations

import re
from concurrent.futures import Future
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

import ui.api_write
from driftwood import __version__
from driftwood.config import Config, Kafka, Server
from driftwood.errors import ServerError, StoreFull
from driftwood.records import Template, TemplateId
from tests.shop import NOON, SECOND, Row, commit, dead_letter
from tests.ui.api_server import Running
from ui import shapes
from ui.api_openapi import FILE, document
from ui.client import Client

ROW = {"bench": "demo", "data": "shop", "protocol": "incidents", "subject": "rate", "metric": "F1"}


def test_the_probes_tell_whether_it_lives_and_whether_it_works(
    http: httpx.Client, running: Running
) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    assert (http.get("/ready").status_code, http.get("/ready").text) == (200, "ready")
    running.ready = False
    assert http.get("/health").status_code == 200
    starting = http.get("/ready")
    assert (starting.status_code, starting.text) == (503, "starting")


def test_a_page_of_the_web_cannot_reach_the_api_by_a_name_of_its_own(
    http: httpx.Client, running: Running
) -> None:
    for path in ("/api/v1/lines", "/metrics"):
        refused = http.get(path, headers={"Host": "evil.example:3100"})
        assert refused.status_code == 421
        assert "does not answer as evil.example; add the name" in refused.json()["error"]
    running.config = Config(server=Server(hosts=("logs.example.com",)))
    for host in ("Logs.example.com:3100", "localhost:3100", "server", "[::1]:3100", "10.1.2.3"):
        assert http.get("/api/v1/lines", headers={"Host": host}).status_code == 200


def test_stats_join_the_process_and_the_store(client: Client, running: Running) -> None:
    empty = client.stats()
    assert (empty["lines_total"], empty["newest"], empty["oldest"]) == (0, None, None)
    running.store.write(
        commit(
            [Row(NOON, "four"), Row(NOON + SECOND, "fives")],
            templates=[Template(TemplateId(1), 1, "four"), Template(TemplateId(1), 2, "<*>")],
            dead=dead_letter(b"x"),
        )
    )
    running.banner = "the disk is full"
    stats = client.stats()
    TypeAdapter(shapes.Stats).validate_python(stats)
    assert stats["version"] == __version__
    assert stats["lines_total"] == 2
    assert stats["rows"] == {"hot": 2, "sealed": 0}
    assert (stats["oldest"], stats["newest"]) == ("2024-05-14T12:00:00Z", "2024-05-14T12:00:01Z")
    assert (stats["templates"], stats["dead_letters"]) == (1, 1)
    assert stats["store"]["text_bytes"] == 9
    assert stats["store"]["path"] == str(running.store.path)
    assert stats["store"]["free_bytes"] > 0
    assert stats["banner"] == "the disk is full"
    assert stats["sources"][0]["lag"] == 5
    assert stats["detectors"][0]["state"] == "warming"
    assert 10 < stats["memory_mb"] < 100_000
    assert stats["uptime_s"] >= 0


def test_metrics_are_what_prometheus_reads(http: httpx.Client) -> None:
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    kafka = (("kind", "kafka"), ("source", 'ka"fka'))
    assert samples["driftwood_ready",] == 1
    assert samples["driftwood_lines_total",] == 12
    assert samples["driftwood_dead_letters_total",] == 2
    assert samples["driftwood_anomalies_total",] == 1
    assert samples["driftwood_queue_rows",] == 7
    assert samples["driftwood_commit_seconds_bucket", ("le", "0.1")] == 2
    assert samples["driftwood_commit_seconds_bucket", ("le", "+Inf")] == 3
    assert samples["driftwood_commit_seconds_sum",] == 0.5
    assert samples["driftwood_source_lag", *kafka] == 5
    assert samples["driftwood_source_lag_seconds", *kafka] == 1.5
    assert samples["driftwood_source_state", *kafka, ("state", "running")] == 1
    assert samples["driftwood_source_state", *kafka, ("state", "failed")] == 0
    assert not any(("kind", "files") in key for key in samples if key[0] == "driftwood_source_lag")


def test_settings_are_shown_and_secrets_are_not(client: Client, running: Running) -> None:
    running.config = Config(kafka=Kafka(sasl_password="hunter2"))
    shown = client.config()
    assert shown["kafka"]["sasl_password"] == "***"
    assert shown["server"]["listen"] == "127.0.0.1:3100"


def test_results_of_benchmarks_are_kept(client: Client) -> None:
    rows: list[dict[str, object]] = [
        {**ROW, "value": 0.5, "n": 10},
        {**ROW, "value": None, "note": "timed out"},
    ]
    assert client.post_results(rows) == {"stored": 2}
    client.post_results([{**ROW, "bench": "other", "value": 1.0}])
    kept = client.results(bench="demo")["results"]
    assert [(r["value"], r["note"], r["n"]) for r in kept] == [
        (None, "timed out", None),
        (0.5, None, 10),
    ]
    assert len(client.results()["results"]) == 3
    assert client.post_results([]) == {"stored": 0}
    demo = client.results(bench="demo", data=ROW["data"], protocol=ROW["protocol"])["results"]
    assert demo == kept
    assert client.results(data="elsewhere")["results"] == []
    boards = client.boards()["boards"]
    assert [(each["bench"], each["rows"]) for each in boards] == [("demo", 2), ("other", 1)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({**ROW, "valu": 1.0}, "body 0.valu: Extra inputs are not permitted"),
        ({"bench": "demo"}, "body 0.data: Field required"),
        ({**ROW, "value": "high"}, "body 0.value: Input should be a valid number"),
    ],
)
def test_a_result_with_another_shape_is_refused(
    client: Client, row: dict[str, object], words: str
) -> None:
    with pytest.raises(ServerError) as refusal:
        client.post_results([row])
    assert (refusal.value.status, words in str(refusal.value)) == (422, True)


def test_a_body_that_is_too_large_is_refused_before_it_is_read_in_full(http: httpx.Client) -> None:
    answer = http.post("/api/v1/results", content=(b"x" * 65_536 for _ in range(200)))
    assert answer.status_code == 413
    assert "larger than 8 MiB" in answer.json()["error"]


def test_a_full_disk_answers_503_and_says_when_to_come_back(
    client: Client, http: httpx.Client, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreFull("only 3 MiB are free on the disk; free some space")

    monkeypatch.setattr(running.store, "execute", full)
    answer = http.post("/api/v1/results", json=[ROW])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"] == "only 3 MiB are free on the disk; free some space"


def test_a_writer_that_waits_is_not_waited_for_without_end(
    http: httpx.Client, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending: Future[object] = Future()
    monkeypatch.setattr(ui.api_write, "WAIT_S", 0.05)
    monkeypatch.setattr(running, "submit", lambda write: pending)
    running.banner = "the disk is full"
    answer = http.post("/api/v1/results", json=[ROW])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "nothing was changed: the disk is full; try again" in answer.text
    assert pending.cancelled()


def test_a_store_that_fails_is_a_503_and_a_bug_a_500_both_in_words(
    http: httpx.Client, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.store.close()
    answer = http.get("/api/v1/labels")
    assert answer.status_code in (500, 503)
    assert answer.json()["error"]
    assert "path=/api/v1/labels" in caplog.text


def test_the_description_that_is_checked_in_is_the_apis() -> None:
    assert Path(__file__).resolve().parents[2] / "docs" / "openapi.json" == FILE
    assert document() == FILE.read_text("utf-8"), "run `python -m ui.api_openapi`"


def test_every_path_is_in_the_page_of_the_api() -> None:
    page = (FILE.parent / "api.md").read_text("utf-8")
    for path, methods in orjson.loads(document())["paths"].items():
        for method in methods:
            pattern = re.sub(r"\\{\w+\\}", r"{\\w+}", re.escape(f"{method.upper()} {path}"))
            assert re.search(f"`{pattern}`", page), f"{method.upper()} {path} is not in docs/api.md"


def test_no_page_of_ours_loads_scripts_of_others(http: httpx.Client) -> None:
    assert http.get("/docs").status_code == 404
    assert http.get("/redoc").status_code == 404
    assert http.get("/openapi.json").json()["info"]["version"] == __version__
