"""/api/v1/backtest over HTTP: other detectors on stored history, beside what was told and said at the time."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.backtest import Stored, report
from detectors.stage import DetectionStage
from driftwood.config import Config, Detection
from driftwood.records import Anomaly, Commit, Events, Feedback, no_dead_letters
from driftwood.store.read import Span
from driftwood.store.store import DuckStore
from driftwood.timeparse import format_time
from eval.simulated import MINUTE, SECOND, START, Flow, events, poisson
from tests.ui.api_server import Running
from ui.api_answer import Refused
from ui.client import Client

HOUR = 3_600 * SECOND
FLOWS = [
    Flow("api", 1, 60),
    Flow("api", 2, 20),
    Flow("pay", 3, 40),
    Flow("pay", 9, 30, 17, start=7_200, end=7_320),
    Flow("api", 1, 300, 9, start=10_000, end=10_200),
]
END = START + 4 * HOUR


@cache
def rows() -> Events:
    return events(poisson(FLOWS, 4 * 3_600.0, seed=3), ["api", "pay"])


@cache
def told() -> tuple[Anomaly, ...]:
    """What the settings' detectors told at the time."""
    stage = DetectionStage(Detection(), dict, looks=False)
    return tuple(stage.observe(rows()))


def fill(store: DuckStore) -> None:
    store.write(Commit(rows(), no_dead_letters(), {}, anomalies=told()))


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    fill(running.store)


SPAN: dict[str, Any] = {
    "start": format_time(START + HOUR),
    "end": format_time(END),
    "lead_s": 3_600.0,
}


def done(client: Client, **wanted: Any) -> dict[str, Any]:
    begun = client.backtest(**(SPAN | wanted))
    deadline = time.monotonic() + 60
    while (now := client.backtest_state(begun["id"]))["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(now)


def test_the_detectors_of_the_settings_fire_what_they_fired(client: Client) -> None:
    now = done(client)
    assert (now["state"], now["progress"], now["error"]) == ("done", 1.0, None)
    assert now["lines"] == pytest.approx(rows().num_rows, abs=2)
    found = now["report"]
    mine = [a for a in told() if a.start >= START + HOUR]
    assert len(mine) > 2
    assert found["span_days"] == pytest.approx(0.125)
    assert found["total"] == len(mine)
    assert {e["id"] for e in found["examples"]} == {a.id for a in mine}
    assert {e["stored_as"] for e in found["examples"]} == {"open"}
    assert found["new"] == 0
    assert found["per_day"] == pytest.approx(len(mine) * 8)
    assert [day["day"] for day in found["days"]] == ["2025-01-01"]
    assert {row["service"] for row in found["sources"]} == {"api", "pay"}
    assert sum(row["count"] for row in found["kinds"]) == len(mine)
    assert set(found["scores"]) == {"p50", "p90", "p99"}
    assert {row["state"] for row in now["detectors"]} == {"ready"}


def test_another_detector_is_compared_with_what_people_said(
    client: Client, running: Running
) -> None:
    real = next(a for a in told() if a.kind == "new_template")
    noise = next(a for a in told() if a.kind == "rate_up" and a.service == "api")
    for anomaly, verdict in ((real, "real"), (noise, "noise")):
        running.judge(Feedback(anomaly.id, verdict))
    found = done(client, detectors=["new_template"])["report"]
    stored = {row["status"]: (row["stored"], row["kept"]) for row in found["stored"]}
    assert stored["real"] == (1, 1)
    assert stored["noise"] == (1, 0), "the noise would be gone"
    assert {row["detector"] for row in found["kinds"]} == {"new_template"}
    assert found["examples"][0]["stored_as"] == "real"


def test_a_budget_is_a_ceiling(client: Client) -> None:
    loose, tight = (done(client, budget=b)["report"]["total"] for b in (500.0, 1.0))
    assert tight < loose


def test_sessions_may_be_said_for_one_run(client: Client) -> None:
    wanted = {"match": '{service_name="pay"}', "session": r"template \d+", "warmup_sessions": 20}
    now = done(client, detectors=["knn"], sessions=wanted | {"gap_s": 5.0})
    assert now["state"] == "done"
    assert now["detectors"][-1]["name"] == 'knn {service_name="pay"}'
    assert now["detectors"][-1]["state"] == "ready"


def test_one_at_a_time_and_cancelled_on_demand(client: Client, http: httpx.Client) -> None:
    begun = client.backtest(**SPAN, detectors=["rate_change", "new_template", "error_burst"])
    second = http.post("/api/v1/backtest", json=SPAN)
    if client.backtest_state(begun["id"])["state"] == "running":
        assert second.status_code == 409
        assert begun["id"] in second.json()["error"]
    client.cancel_backtest(begun["id"])
    deadline = time.monotonic() + 30
    while client.backtest_state(begun["id"])["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    listed = client.backtests()
    assert begun["id"] in {each["id"] for each in listed}


def test_a_cancelled_backtest_has_no_report(running: Running) -> None:
    made = running.backtests.start(Detection(), Span(START, END), 0)
    running.backtests.cancel(made.id)
    deadline = time.monotonic() + 30
    while made.state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert made.state in ("cancelled", "done")
    assert (made.report is None) == (made.state == "cancelled")


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"detectors": ["rate_chnge"]}, 400, "did you mean 'rate_change'?"),
        ({"detectors": ["knn"]}, 400, "no [[detection.streams]] table says what a session is"),
        ({"lead_s": 1e8}, 400, "learn from 31 before"),
        ({"budget": -1}, 422, "budget"),
        ({"detector": "knn"}, 422, "Extra inputs are not permitted"),
        ({"sessions": {"match": "{", "session": "x"}, "detectors": ["knn"]}, 400, "match: "),
    ],
)
def test_a_backtest_that_cannot_be_is_refused_in_words(
    http: httpx.Client, wanted: dict[str, Any], status: int, words: str
) -> None:
    answer = http.post("/api/v1/backtest", json=SPAN | wanted)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_nobody_knows_a_backtest_that_never_was(http: httpx.Client) -> None:
    assert http.get("/api/v1/backtest/nobody").status_code == 404


def test_the_settings_of_rules_hold(client: Client, running: Running) -> None:
    running.config = Config(detection=Detection(detectors=("error_burst",)))
    assert {row["detector"] for row in done(client)["report"]["kinds"]} <= {"error_burst"}


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 240), lines=st.booleans())
def test_history_gives_the_rows_of_a_span_in_the_order_of_their_ids(cut: int, lines: bool) -> None:
    with DuckStore.in_memory() as store:
        for at in range(0, rows().num_rows, 7_000):
            store.write(Commit(Events(rows().slice(at, 7_000)), no_dead_letters(), {}))
            if at == 7_000:
                store.compact()
        start, end = START + cut * MINUTE // 2, START + cut * MINUTE
        parts = list(store.history(start, end, lines=lines))
        ids = [i for part in parts for i in part["line_id"].to_pylist()]
        ts = rows()["ts"].to_numpy()
        wanted = rows()["line_id"].to_numpy()[(ts >= start) & (ts < end)]
        assert ids == wanted.tolist()
        texts = {t for part in parts for t in part["line"].to_pylist()}
        assert (texts == {""}) is not lines
        assert {s for part in parts for s in part["service"].to_pylist()} <= {"api", "pay"}


def anomaly(start: int, service: str = "api", source: str = "{}", score: float = 3.0) -> Anomaly:
    return Anomaly(str(start), "d", "k", source, service, start, start + MINUTE, score, 0.1, "t")


def test_incidents_are_the_same_when_their_spans_are_near() -> None:
    stored = [
        Stored("a", "{}", "api", 0, MINUTE, "real"),
        Stored("b", "{}", "api", 20 * MINUTE, 21 * MINUTE, "noise"),
        Stored("c", "{}", "pay", 0, MINUTE, "real"),
    ]
    found = report([anomaly(3 * MINUTE), anomaly(10 * MINUTE, score=9.0)], stored, 0, HOUR)
    assert found.kept == {"real": (2, 1), "noise": (1, 0)}
    assert found.new == 1
    assert [(a.start, status) for a, status in found.examples] == [
        (10 * MINUTE, None),
        (3 * MINUTE, "real"),
    ]


def test_sources_without_a_service_are_told_apart_by_their_labels() -> None:
    stored = [Stored("a", '{"file":"x"}', "", 0, MINUTE, "real")]
    one, other = (anomaly(0, "", f'{{"file":"{f}"}}') for f in ("x", "y"))
    assert report([one], stored, 0, HOUR).kept == {"real": (1, 1)}
    assert report([other], stored, 0, HOUR).kept == {"real": (1, 0)}
    assert report([], [], 0, HOUR).scores == {}


def test_a_span_without_a_start_is_what_is_stored_of_the_last_days(client: Client) -> None:
    now = client.backtest(lead_s=0.0)
    assert now["start"].startswith("2025-01-01T00:00:0")
    assert now["end"].startswith("2025-01-01T03:59:")
    client.cancel_backtest(now["id"])


def test_a_span_may_not_be_longer_than_a_quarter(running: Running) -> None:
    with pytest.raises(Refused, match="a backtest may span 92 days"):
        running.backtests.start(Detection(), Span(START, START + 93 * 24 * HOUR), 0)
