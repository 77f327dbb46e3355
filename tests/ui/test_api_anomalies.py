"""/api/v1/anomalies over HTTP: the inbox, one anomaly, and what people say about it."""

from __future__ import annotations

import httpx
import pytest

from driftwood.errors import ServerError
from driftwood.labels import label_key
from driftwood.records import Anomaly, Contribution, TemplateId
from tests.shop import HOUR, MINUTE, NOON, Row, commit
from tests.ui.api_server import Running
from ui.client import Client

TEMPLATE = TemplateId(2**62 + 5)


def anomaly(name: str, minute: int, *, service: str = "api", detector: str = "rate") -> Anomaly:
    start = NOON + minute * MINUTE
    return Anomaly(
        id=name,
        detector=detector,
        kind="rate_up",
        source=label_key({"app": service}),
        service=service,
        start=start,
        end=start + MINUTE,
        score=4.5,
        p_value=float("nan") if name == "nan" else 0.001,
        title="ten times as many as usual",
        contributions=(Contribution(TEMPLATE, "GET <*>", 50.0, 5.0, 1.0),),
        line_ids=(3, 5),
    )


FOUND = [
    anomaly("first", 0),
    anomaly("second", 10, service="pay"),
    anomaly("nan", 20, detector="burst"),
    anomaly("long ago", -180),
]


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    newest = Row(NOON + 30 * MINUTE, "the newest line")
    running.store.write(commit([newest], anomalies=FOUND))


def ids(client: Client, **asked: str) -> list[str]:
    return [a["id"] for a in client.anomalies(**asked)["anomalies"]]  # type: ignore[arg-type]


def test_the_inbox_shows_what_overlaps_the_span_newest_first(client: Client) -> None:
    assert ids(client) == ["nan", "second", "first"]
    assert ids(client, start=str(NOON - 4 * HOUR)) == ["nan", "second", "first", "long ago"]
    # the window of "second" is [10, 11) minutes
    assert ids(client, start=str(NOON + 11 * MINUTE), end=str(NOON + 20 * MINUTE)) == []
    assert ids(client, start=str(NOON + 11 * MINUTE - 1), end=str(NOON + 20 * MINUTE)) == ["second"]
    assert ids(client, start=str(NOON + MINUTE), end=str(NOON + 10 * MINUTE + 1)) == ["second"]


def test_the_inbox_is_filtered(client: Client) -> None:
    assert ids(client, service="pay") == ["second"]
    assert ids(client, detector="burst") == ["nan"]
    assert ids(client, service="pay", detector="burst") == []
    answer = client.anomalies(limit=1)
    assert ([a["id"] for a in answer["anomalies"]], answer["total"]) == (["nan"], 3)


def test_an_anomaly_says_why(client: Client) -> None:
    found = client.anomaly("second")
    created = found.pop("created")  # type: ignore[misc]
    assert created.endswith("Z")
    assert found == {
        "id": "second",
        "detector": "rate",
        "kind": "rate_up",
        "source": {"app": "pay"},
        "service": "pay",
        "start": "2024-05-14T12:10:00Z",
        "end": "2024-05-14T12:11:00Z",
        "start_ns": str(NOON + 10 * MINUTE),
        "end_ns": str(NOON + 11 * MINUTE),
        "score": 4.5,
        "p_value": 0.001,
        "title": "ten times as many as usual",
        "contributions": [
            {
                "template_id": str(TEMPLATE),
                "template": "GET <*>",
                "seen": 50.0,
                "expected": 5.0,
                "weight": 1.0,
            }
        ],
        "line_ids": [3, 5],
        "status": "open",
        "note": "",
        "feedback": [],
        "effects": {},
    }
    assert client.anomaly("nan")["p_value"] is None


def test_the_newest_feedback_decides_the_status(client: Client) -> None:
    said = client.feedback("first", "noise", note="a deploy", scope="service")
    assert (said["status"], said["note"]) == ("noise", "a deploy")
    client.feedback("second", "real")
    assert ids(client, status="open") == ["nan"]
    assert ids(client, status="noise") == ["first"]
    assert client.stats()["anomalies_open"] == 2  # "nan" and "long ago"
    said = client.feedback("first", "open")
    assert [(f["verdict"], f["note"], f["scope"]) for f in said["feedback"]] == [
        ("open", "", ""),
        ("noise", "a deploy", "service"),
    ]
    assert ids(client, status="open") == ["nan", "first"]


def test_feedback_on_nothing_or_in_other_words_changes_nothing(
    client: Client, http: httpx.Client
) -> None:
    with pytest.raises(ServerError, match="no anomaly has the id 'nobody'") as refusal:
        client.feedback("nobody", "real")
    assert refusal.value.status == 404
    for body, words in [
        ({"verdict": "maybe"}, "'real', 'noise', 'expected' or 'open', and not 'maybe'"),
        ({}, "body verdict: Field required"),
        ({"verdict": "real", "nota": "x"}, "body nota: Extra inputs are not permitted"),
        ({"verdict": "real", "note": "x" * 20_000}, "body note: String should have at most 10000"),
    ]:
        answer = http.post("/api/v1/anomalies/first/feedback", json=body)
        assert answer.status_code == 422
        assert words in answer.json()["error"]
    assert client.anomaly("first")["feedback"] == []


def test_a_form_of_another_page_cannot_give_feedback(client: Client, http: httpx.Client) -> None:
    # A browser sends text/plain across origins without asking first.
    answer = http.post(
        "/api/v1/anomalies/first/feedback",
        content=b'{"verdict":"noise"}',
        headers={"content-type": "text/plain", "origin": "http://evil.example"},
    )
    assert answer.status_code == 422
    assert "access-control-allow-origin" not in answer.headers
    assert client.anomaly("first")["status"] == "open"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("anomalies/nobody", 404, "no anomaly has the id 'nobody'"),
        ("anomalies?status=closed", 400, "and not 'closed'"),
        ("anomalies?limit=1001", 400, "limit=1001 is more than the 1000"),
    ],
)
def test_a_bad_request_is_refused_in_words(
    http: httpx.Client, path: str, status: int, words: str
) -> None:
    answer = http.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert words in answer.json()["error"]
