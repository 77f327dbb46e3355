"""Lines and counts of queries with parsers, filters and formats, on Driftwood's own paths."""

from __future__ import annotations

import pytest

from driftwood.errors import QueryError, ServerError
from tests.shop import MINUTE, NOON, SECOND, Row, commit
from tests.ui.api_server import Running
from ui import questions
from ui.client import Client

ROWS = [
    Row(NOON + 1 * SECOND, "status=200 took=12ms", metadata={"trace": "ab12"}),
    Row(NOON + 2 * SECOND, "status=500 took=1s", level="error", template=2),
    Row(NOON + 61 * SECOND, "status=200 took=2s"),
    Row(NOON + 62 * SECOND, "status=503 level=warning", app="pay", level=""),
    Row(NOON + 63 * SECOND, "no field at all", app="pay", level=""),
]
SPAN: questions.Span = {"start": str(NOON), "end": str(NOON + 5 * MINUTE)}


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    running.store.write(commit(ROWS))


def test_lines_are_found_by_what_is_parsed_and_say_what_that_is(client: Client) -> None:
    lines = client.lines('{app=~".+"} | logfmt | status >= 500', start=SPAN["start"])["lines"]
    assert [line["line"] for line in lines] == [ROWS[3].line, ROWS[1].line]
    assert lines[1]["parsed"] == {"status": "500", "took": "1s"}
    assert lines[1]["labels"] == {"app": "api", "level": "error"}
    assert (lines[1]["line_id"], lines[1]["severity"], lines[1]["template_id"]) == (2, "error", "2")


def test_a_line_that_the_query_writes_is_shown_so_and_is_still_the_stored_one(
    client: Client,
) -> None:
    query = '{app="api"} |= "12ms" | logfmt | line_format "{{.status}}!" | drop trace'
    (line,) = client.lines(query, start=SPAN["start"])["lines"]
    assert (line["line"], line["line_id"], line["spans"]) == ("200!", 1, [])
    assert line["metadata"] == {}
    (stored,) = client.lines(ids=[line["line_id"]])["lines"]
    assert (stored["line"], stored["metadata"]) == (ROWS[0].line, {"trace": "ab12"})


def test_pages_go_on_at_the_time_of_the_last_line(client: Client) -> None:
    query = '{app=~".+"} | logfmt | __error__=""'
    first = client.lines(query, limit=2, start=SPAN["start"])["lines"]
    rest = client.lines(query, start=SPAN["start"], end=first[-1]["ts"])["lines"]
    assert [line["line_id"] for line in first + rest] == [5, 4, 3, 2, 1]
    oldest = client.lines(query, limit=1, direction="forward", start=SPAN["start"])["lines"]
    assert oldest[0]["line_id"] == 1


def test_lines_are_counted_by_the_severity_that_the_query_finds(client: Client) -> None:
    counts = client.counts(
        '{app=~".+"} | logfmt | status != ""',
        start=SPAN["start"],
        end=str(NOON + 2 * MINUTE),
        step="1m",
    )
    assert counts["step_s"] == 60
    start = NOON / SECOND
    assert {each["key"]: [n for _, n in each["points"]] for each in counts["series"]} == {
        "info": [1, 1],
        "error": [1, 0],
        "warn": [0, 1],
    }
    assert [at for at, _ in counts["series"][0]["points"]] == [start, start + 60]
    assert counts["total"] == 4


def test_lines_that_cannot_be_parsed_are_counted_as_they_are_shown(client: Client) -> None:
    counts = client.counts('{app=~".+"} | json', by="none", **SPAN)
    assert (
        counts["total"]
        == len(client.lines('{app=~".+"} | json', start=SPAN["start"])["lines"])
        == 5
    )
    by_service = client.counts('{app=~".+"} | json', by="service", **SPAN)
    assert {each["key"] for each in by_service["series"]} == {"api", "pay"}


def test_numbers_are_refused_with_the_way_to_them(client: Client) -> None:
    for ask in (client.lines, client.counts):
        with pytest.raises(QueryError, match="/loki/api/v1/query_range answers it"):
            ask('rate({app="api"}[1m])')


def test_counts_per_template_need_the_lines_as_they_are_stored(client: Client) -> None:
    with pytest.raises(ServerError, match="as they are stored"):
        client.counts('{app="api"} | json', by="template", **SPAN)
