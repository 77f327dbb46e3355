"""/api/v1/lines over HTTP: what is found, how it is shown, and how bad questions are refused."""

from __future__ import annotations

import httpx
import pytest

from driftwood.config import Config, Server
from driftwood.errors import QueryError
from driftwood.records import Template, TemplateId
from tests.shop import HOUR, NOON, SECOND, Row, commit
from tests.ui.api_server import Running
from ui.client import Client

CART = 2**62 + 1
ROWS = [
    Row(NOON - 2 * HOUR, "GET /cart 9 200", template=CART),  # before the default range
    Row(NOON + 1 * SECOND, "GET /cart 17 200", template=CART, metadata={"trace": "ab12"}),
    Row(NOON + 2 * SECOND, "GET /cart 18 500", template=CART, level="error"),
    Row(NOON + 3 * SECOND, "payment declined", app="pay", level="warn", template=2),
    Row(NOON + 4 * SECOND, "héllo\x00\twörld", level="", template=3),
]
TEMPLATES = [
    Template(TemplateId(CART), 1, "GET /cart <NUM> <NUM>"),
    Template(TemplateId(2), 1, "payment declined"),
]


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    running.store.write(commit(ROWS, templates=TEMPLATES))


def found(client: Client, **asked: object) -> list[str]:
    return [line["line"] for line in client.lines(**asked)["lines"]]  # type: ignore[arg-type]


def test_without_a_range_the_last_hour_of_the_newest_data_is_shown(client: Client) -> None:
    assert found(client) == [row.line for row in reversed(ROWS[1:])]
    assert found(client, start="2024-05-14T09:00:00Z", end="now") == [
        row.line for row in reversed(ROWS)
    ]


def test_clocks_of_the_future_do_not_empty_the_default_range(
    client: Client, running: Running
) -> None:
    future = NOON + 30 * 365 * 24 * HOUR
    running.store.write(commit([Row(future, "from the future", arrived=NOON)], 100))
    assert found(client) == [row.line for row in reversed(ROWS[1:])]
    assert found(client, end=str(future + 1)) == ["from the future"]
    assert client.stats()["newest"] == "2024-05-14T12:00:04Z"


def test_a_line_is_shown_with_its_variables_marked(client: Client) -> None:
    answer = client.lines(query='{app="api", level="error"} |= "cart"')
    assert answer["stats"]["returned"] == 1
    assert answer["lines"] == [
        {
            "line_id": 3,
            "ts": str(NOON + 2 * SECOND),
            "time": "2024-05-14T12:00:02Z",
            "line": "GET /cart 18 500",
            "labels": {"app": "api", "level": "error"},
            "metadata": {},
            "severity": "error",
            "severity_number": 17,
            "service": "api",
            "template_id": str(CART),
            "template_version": 1,
            "topic": "orders/uuid",
            "part": 0,
            "off": 3,
            "idx": 0,
            "spans": [[10, 12], [13, 16]],
        }
    ]


def test_a_line_without_template_text_or_level_is_shown_all_the_same(client: Client) -> None:
    (line,) = client.lines(query='{level=""}')["lines"]
    assert (line["line"], line["severity"], line["spans"]) == ("héllo\x00\twörld", "", [])


def test_lines_are_limited_filtered_and_turned_around(client: Client) -> None:
    assert found(client, limit=1) == [ROWS[4].line]
    assert found(client, limit=1, direction="forward") == [ROWS[1].line]
    assert found(client, template=str(CART)) == [ROWS[2].line, ROWS[1].line]
    assert found(client, query='{app="pay"} != "declined"') == []
    assert found(client, start=str(NOON + 3 * SECOND), end=str(NOON + 4 * SECOND)) == [ROWS[3].line]


def test_lines_by_id_do_not_depend_on_the_range(client: Client) -> None:
    assert found(client, ids=[1, 4, 99]) == [ROWS[0].line, ROWS[3].line]
    assert found(client, ids="4") == [ROWS[3].line]
    assert found(client, ids="") == []


def test_context_is_the_neighbourhood_of_a_line(client: Client) -> None:
    around = client.context(3, before=1, after=5)
    assert [line["line_id"] for line in around["lines"]] == [2, 3, 5]


def test_a_query_that_does_not_parse_is_shown_with_its_place(client: Client) -> None:
    with pytest.raises(QueryError) as refusal:
        client.lines(query='{app="api"} |= error')
    assert str(refusal.value) == (
        "parse error at line 1, col 16: syntax error: unexpected IDENTIFIER, expecting STRING or ip\n"
        '  {app="api"} |= error\n'
        "                 ^\n"
        '  here comes a string in double quotes or `backticks`, as in "error" or ip'
    )


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("lines?query={a", 400, "unexpected $end, expecting"),
        ("lines?query={a=~%22(%22}", 400, "error parsing regexp: missing closing )"),
        ("lines?start=yesterday", 400, "start: 'yesterday' is not a time"),
        ("lines?end=2026-99-01", 400, "end: '2026-99-01' is not a time"),
        ("lines?start=now&end=-1h", 400, "start (now) does not lie before end (-1h)"),
        ("lines?limit=100000", 400, "limit=100000 is more than the 5000"),
        ("lines?limit=0", 400, "parameter limit: Input should be greater than or equal to 1"),
        ("lines?limit=x", 400, "parameter limit: Input should be a valid integer"),
        ("lines?direction=up", 400, "'backward' or 'forward', and not 'up'"),
        ("lines?template=abc", 400, "template: 'abc' is not an id"),
        ("lines?template=99999999999999999999", 400, "is not an id"),
        ("lines?ids=1,x", 400, "ids: 'x' is not an id"),
        ("lines?strat=-1h", 400, "has no parameter 'strat'; did you mean 'start'?"),
        ("lines?newer_feature=1", 400, "has no parameter 'newer_feature'; it takes query, start"),
        ("lines?query=" + "x" * 20_000, 400, "parameter query: String should have at most 16384"),
        ("lines/77/context", 404, "no line has the id 77"),
        ("lines/x/context", 400, "path line_id: Input should be a valid integer"),
        ("lines/3/context?before=501", 400, "parameter before"),
        ("lanes", 404, "/api/v1/lanes: Not Found"),
    ],
)
def test_a_bad_request_is_refused_in_words(
    http: httpx.Client, path: str, status: int, words: str
) -> None:
    answer = http.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert words in answer.json()["error"]


def test_a_query_that_takes_too_long_is_cancelled_with_a_hint(
    running: Running, http: httpx.Client
) -> None:
    running.config = Config(server=Server(query_timeout_s=0.0))
    answer = http.get("/api/v1/lines")
    assert answer.status_code == 504
    assert "cancelled after 0 s; take a shorter time range or a narrower filter" in answer.text


def test_an_answer_is_packed_where_that_is_accepted(http: httpx.Client) -> None:
    packed = http.get("/api/v1/lines", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = http.get("/api/v1/lines", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.json()["lines"] == plain.json()["lines"]
