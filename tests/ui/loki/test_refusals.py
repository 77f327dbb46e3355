"""Which exception is refused with which status and words on Loki's paths."""

from __future__ import annotations

import logging

import httpx
import pytest

from driftwood.errors import QueryError, QueryTimeout, Stopping, StoreError, StoreFull
from tests.ui.api_server import Running
from ui.loki.refusals import Refusal, is_loki, plain, refused

QUERY = '{app="a"} |= error'


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Refusal(418, "tea"), 418, "tea"),
        (QueryError("parse error at line 1\nmore", QUERY, at=13), 400, "parse error at line 1"),
        (QueryTimeout("the query was cancelled"), 504, "Request timed out, decrease"),
        (StoreFull("the disk is full"), 503, "the disk is full"),
        (Stopping("the server is ending"), 503, "the server is ending"),
        (StoreError("it is closed"), 503, "it is closed"),
        (ZeroDivisionError("secret"), 500, "an error inside Driftwood; its log has the details"),
    ],
)
def test_an_exception_has_its_status_and_words(error: Exception, status: int, text: str) -> None:
    refusal = refused(error, "/loki/api/v1/query")
    assert refusal.status == status
    assert refusal.text.startswith(text)
    answer = plain(refusal)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert ("retry-after" in answer.headers) is (status == 503)


def test_what_nobody_expected_is_logged_and_not_told(
    running: Running, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    running.config = None  # type: ignore[assignment]  # anything that breaks the answer
    with caplog.at_level(logging.ERROR, "ui.loki.refusals"):
        answer = http.get("/loki/api/v1/labels")
    running.start_over()
    assert answer.status_code == 500
    assert answer.text == "an error inside Driftwood; its log has the details"
    assert "request failed path=/loki/api/v1/labels" in caplog.text


def test_only_loki_s_paths_are_refused_as_loki_does() -> None:
    assert [
        is_loki(p) for p in ("/loki/api/v1/x", "/api/prom/x", "/prometheus/x", "/api/v1/x", "/")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
