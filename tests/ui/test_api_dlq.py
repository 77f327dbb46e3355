"""/api/v1/dlq over HTTP: dead letters are listed, shown with all their bytes, and replayed."""

from __future__ import annotations

from base64 import b64decode

import httpx
import pytest

from driftwood.errors import ServerError
from tests.shop import NOON, SECOND, commit, dead_letter
from tests.ui.api_server import Running
from ui.client import Client

LONG = b"\xff" + b"x" * 5_000


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    running.store.write(commit(dead=dead_letter("h\u00e9\x00".encode() + b"\xfe")))
    running.store.write(commit(dead=dead_letter(LONG, NOON + SECOND, source="files")))


def test_a_dead_letter_is_readable_and_exact(client: Client) -> None:
    first = client.dead_letter(1)
    assert first == {
        "id": 1,
        "time": "2024-05-14T12:00:00Z",
        "source": "kafka",
        "topic": "orders/uuid",
        "part": 2,
        "off": 188_231,
        "idx": 0,
        "stage": "decode",
        "reason": "not valid OTLP",
        "raw": "h\u00e9\x00\\xfe",
        "raw_base64": "aMOpAP4=",
        "raw_bytes": 5,
        "headers": [["content-type", "application/x-protobuf"], ["bin", "\\xff"]],
        "replayed_at": None,
    }


def test_a_list_shows_the_newest_first_and_only_the_start_of_each(client: Client) -> None:
    answer = client.dead_letters()
    assert ([d["id"] for d in answer["dead_letters"]], answer["total"]) == ([2, 1], 2)
    long = answer["dead_letters"][0]
    assert (b64decode(long["raw_base64"]), long["raw_bytes"]) == (LONG[:2_000], len(LONG))
    assert b64decode(client.dead_letter(2)["raw_base64"]) == LONG


def test_the_list_is_limited_and_filtered(client: Client) -> None:
    answer = client.dead_letters(limit=1)
    assert ([d["id"] for d in answer["dead_letters"]], answer["total"]) == ([2], 2)
    assert [d["id"] for d in client.dead_letters(source="kafka")["dead_letters"]] == [1]
    assert client.dead_letters(source="nobody") == {"dead_letters": [], "total": 0}
    only = client.dead_letters(start=str(NOON), end=str(NOON + 1))
    assert [d["id"] for d in only["dead_letters"]] == [1]


def test_dead_letters_are_replayed_by_the_server(client: Client, running: Running) -> None:
    assert client.replay_dead_letters() == {"replayed": 1, "still_dead": 0}
    client.replay_dead_letters([1, 2])
    assert running.replayed == [None, [1, 2]]


def test_bad_requests_are_refused_in_words(client: Client, http: httpx.Client) -> None:
    with pytest.raises(ServerError, match="no dead letter has the id 77"):
        client.dead_letter(77)
    answer = http.post("/api/v1/dlq/replay", json={"ids": ["x"]})
    assert answer.status_code == 422
    assert "body ids.0: Input should be a valid integer" in answer.json()["error"]
    assert http.post("/api/v1/dlq/replay", content=b"{").status_code == 422
    assert http.get("/api/v1/dlq/replay").status_code == 400
    assert http.delete("/api/v1/dlq/1").status_code == 405
