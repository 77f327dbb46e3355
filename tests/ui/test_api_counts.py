"""/api/v1/counts, /services and /labels over HTTP, with answers worked out by hand."""

from __future__ import annotations

import httpx
import pytest

from tests.shop import HOUR, MINUTE, NOON, SECOND, Row, commit
from tests.ui.api_server import Running
from ui.client import Client
from ui.shapes import Counts

EPOCH = NOON // SECOND

# Minutes after noon: 0 (exactly at noon, so of the minute before), 0.5, 1, 1.5, 2.5; the rest is noise.
ROWS = [
    Row(NOON, "at noon", template=1),
    Row(NOON + 30 * SECOND, "GET 7", template=1),
    Row(NOON + 60 * SECOND, "GET 8", template=1, level="error"),
    Row(NOON + 90 * SECOND, "paid 7", template=2, app="pay"),
    Row(NOON + 150 * SECOND, "GET 77", template=1, level="error"),
    Row(NOON - 3 * HOUR, "noise of long ago 7", template=3, app="old"),
]


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    running.store.write(commit(ROWS[:3]))
    running.store.write(commit(ROWS[3:], 4))  # the same minute in two commits


def at(minutes: float) -> str:
    return str(int(NOON + minutes * MINUTE))


def nonzero(counts: Counts) -> dict[str, dict[float, int]]:
    """{series: {minutes after noon at which the bucket starts: lines}}"""
    return {
        series["key"]: {(start - EPOCH) / 60: n for start, n in series["points"] if n}
        for series in counts["series"]
    }


def test_minutes_are_counted_from_the_roll_ups(client: Client) -> None:
    counts = client.counts(start=at(0), end=at(3), step="1m")
    assert nonzero(counts) == {"info": {0: 1, 1: 1}, "error": {0: 1, 2: 1}}
    assert counts["total"] == 4  # the line at noon belongs to the minute before
    assert (counts["start"], counts["end"]) == ("2024-05-14T12:00:00Z", "2024-05-14T12:03:00Z")
    assert counts["step_s"] == 60
    assert all(len(series["points"]) == 3 for series in counts["series"])


def test_a_span_within_minutes_is_widened_to_whole_ones(client: Client) -> None:
    counts = client.counts(start=at(0.75), end=at(1.25), step="1m", by="none")
    assert nonzero(counts) == {"all": {0: 2, 1: 1}}
    assert (counts["start"], counts["end"]) == ("2024-05-14T12:00:00Z", "2024-05-14T12:02:00Z")


def test_a_step_below_a_minute_counts_the_lines_themselves(client: Client) -> None:
    counts = client.counts(start=at(0.25), end=at(2), step="30s", by="none")
    assert nonzero(counts) == {"all": {0: 1, 0.5: 1, 1: 1}}
    assert counts["start"] == "2024-05-14T12:00:15Z"


def test_a_line_filter_counts_the_lines_themselves(client: Client) -> None:
    counts = client.counts(query='{} |= "7"', start=at(-1), end=at(3), step="1m", by="service")
    assert nonzero(counts) == {"api": {0: 1, 2: 1}, "pay": {1: 1}}


@pytest.mark.parametrize(
    ("by", "series"),
    [
        ("none", {"all": 5}),
        ("severity", {"info": 3, "error": 2}),
        ("service", {"api": 4, "pay": 1}),
        ("template", {"1": 4, "2": 1}),
    ],
)
@pytest.mark.parametrize("step", ["1m", "10s"])
def test_roll_ups_and_lines_agree_on_every_key(
    client: Client, by: str, series: dict[str, int], step: str
) -> None:
    counts = client.counts(start=at(-1), end=at(3), step=step, by=by)
    assert {s["key"]: sum(n for _, n in s["points"]) for s in counts["series"]} == series
    assert [s["key"] for s in counts["series"]] == list(series)  # the largest first
    assert counts["total"] == 5


def test_counts_follow_the_streams_and_the_template(client: Client) -> None:
    chosen = client.counts(query='{level="error"}', start=at(-1), end=at(3), step="1m", by="none")
    assert nonzero(chosen) == {"all": {0: 1, 2: 1}}
    chosen = client.counts(template="2", start=at(-1), end=at(3), step="1m", by="none")
    assert nonzero(chosen) == {"all": {1: 1}}
    assert client.counts(query='{app="nobody"}')["series"] == []


def test_without_a_step_a_round_one_is_taken(client: Client) -> None:
    assert client.counts()["step_s"] == 60
    assert client.counts(start=at(-15), end=at(0))["step_s"] == 10
    assert client.counts(start=at(-24 * 60), end=at(0))["step_s"] == 900
    assert client.counts(start="1970-01-01", end="2200-01-01")["step_s"] == 365 * 86_400


def test_what_lies_beyond_the_largest_series_is_added_up(client: Client, running: Running) -> None:
    many = [Row(NOON + 10 * MINUTE, "x", template=100 + i) for i in range(30) for _ in range(i + 1)]
    running.store.write(commit(many, 100))
    counts = client.counts(start=at(9), end=at(11), by="template", step="1m")
    totals = {s["key"]: sum(n for _, n in s["points"]) for s in counts["series"]}
    assert len(totals) == 21
    assert totals["129"] == 30
    assert list(totals)[-1] == ""
    assert totals[""] == sum(range(1, 11))  # the ten smallest
    assert counts["total"] == len(many)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("counts?start=-1h&end=now&step=1s", "choose a step of 10s or more, or a shorter range"),
        ("counts?step=0s", "step: it must be longer than nothing"),
        ("counts?step=soon", "step: 'soon' is not a duration: write 30s"),
        ("counts?by=colour", "'severity', 'service', 'template' or 'none', and not 'colour'"),
    ],
)
def test_a_bad_request_is_refused_in_words(http: httpx.Client, path: str, words: str) -> None:
    answer = http.get(f"/api/v1/{path}")
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_services_are_listed_with_their_errors_and_templates(client: Client) -> None:
    assert client.services(start=at(-1), end=at(3))["services"] == [
        {"service": "api", "label": "app", "count": 4, "errors": 2, "templates": 1},
        {"service": "pay", "label": "app", "count": 1, "errors": 0, "templates": 1},
    ]
    assert [s["service"] for s in client.services(start=at(-300), end=at(-100))["services"]] == [
        "old"
    ]


def test_labels_and_their_values_are_listed(client: Client) -> None:
    assert client.labels()["labels"] == ["app", "level"]
    assert client.label_values("app")["values"] == ["api", "old", "pay"]
    assert client.label_values("app", start=at(-1), end=at(3))["values"] == ["api", "pay"]
    assert client.label_values("nobody/has it")["values"] == []
