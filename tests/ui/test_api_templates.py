"""/api/v1/templates over HTTP: counts, what is new, what changed, and one template in full."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from driftwood.config import Config, Detection
from driftwood.records import Template, TemplateId
from tests.shop import HOUR, MINUTE, NOON, Row, commit
from tests.ui.api_server import Running
from ui.client import Client

OLD, CART, PAY, NEW, GONE = (TemplateId(2**60 + i) for i in range(5))
TEMPLATES = [
    Template(OLD, 1, "started"),
    Template(CART, 1, "GET /cart 17"),
    Template(CART, 2, "GET /cart <NUM>"),
    Template(PAY, 1, "paid by <*>", exact=True),
    Template(NEW, 1, "disk <*> is FULL"),
    Template(GONE, 1, "heartbeat"),
]


def row(minute: float, line: str, template: int, **more: str) -> Row:
    return Row(int(NOON + minute * MINUTE), line, template=template, version=1, **more)  # type: ignore[arg-type]


# Two hours: a base hour before noon, and the hour after it that is asked about.
ROWS = [
    row(-70, "started", OLD),
    *(row(-60 + i + 0.5, f"GET /cart {i}", CART) for i in range(10)),
    *(row(-30 + i * 0.5, "heartbeat", GONE) for i in range(7)),
    row(-5.5, "paid by card", PAY, app="pay"),
    *(row(i * 0.5 + 0.25, f"GET /cart {i % 3}", CART) for i in range(90)),
    *(row(20.5, "disk sda is FULL", NEW, app="api", level="error") for _ in range(3)),
    row(20.5, "disk sdb is FULL", NEW, app="pay", level="error"),
    row(40.5, "paid by cash", PAY, app="pay"),
]
HOUR_AFTER: dict[str, Any] = {"start": str(NOON), "end": str(NOON + HOUR)}


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    running.config = Config(detection=Detection(warmup_s=600))
    running.store.write(commit(ROWS, templates=TEMPLATES))


def test_templates_are_counted_in_the_span(client: Client) -> None:
    answer = client.templates(**HOUR_AFTER)
    assert answer["total"] == 3
    assert [(t["id"], t["count"]) for t in answer["templates"]] == [
        (str(CART), 90),
        (str(NEW), 4),
        (str(PAY), 1),
    ]
    new = answer["templates"][1]
    assert new == {
        "id": str(NEW),
        "version": 1,
        "text": "disk <*> is FULL",
        "name": "",
        "count": 4,
        "share": pytest.approx(4 / 95),
        "services": ["api", "pay"],
        "severities": {"error": 4},
        "first_seen": "2024-05-14T12:20:00Z",
        "last_seen": "2024-05-14T12:20:00Z",
        "spark": [0] * 10 + [4] + [0] * 19,
        "is_new": True,
    }
    cart = answer["templates"][0]
    assert (cart["version"], cart["text"]) == (2, "GET /cart <NUM>")
    assert cart["spark"] == [4] * 22 + [2] + [0] * 7
    assert not cart["is_new"]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"order": "new"}, [NEW, PAY, CART]),
        ({"order": "rare"}, [PAY, NEW, CART]),
        ({"limit": 1}, [CART]),
        ({"search": "Is full"}, [NEW]),
        ({"search": "%"}, []),
        ({"service": "pay"}, [NEW, PAY]),
        ({"query": '{level="error"}'}, [NEW]),
        ({"query": '{} |= "sda"'}, [NEW]),
        ({"query": '{} |= "cash" |= "by"'}, [PAY]),
    ],
)
def test_templates_are_chosen_and_ordered(
    client: Client, asked: dict[str, Any], ids: list[int]
) -> None:
    found = [t["id"] for t in client.templates(**HOUR_AFTER, **asked)["templates"]]
    assert sorted(found) == sorted(map(str, ids))
    if "order" in asked:
        assert found == list(map(str, ids))


def test_a_line_filter_counts_only_the_lines_that_it_lets_through(client: Client) -> None:
    (template,) = client.templates(query='{} |= "sda"', **HOUR_AFTER)["templates"]
    assert (template["count"], template["share"], template["services"]) == (3, 1.0, ["api"])


def test_while_the_store_warms_up_nothing_is_new(client: Client, running: Running) -> None:
    running.config = Config(detection=Detection(warmup_s=3 * 3600))
    assert not any(t["is_new"] for t in client.templates(**HOUR_AFTER)["templates"])


def test_a_short_span_has_a_sparkline_finer_than_minutes(client: Client) -> None:
    answer = client.templates(start=str(NOON), end=str(NOON + 5 * MINUTE), search="cart")[
        "templates"
    ][0]
    assert answer["count"] == 10
    assert [i for i, n in enumerate(answer["spark"]) if n] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]


def test_two_spans_are_compared(client: Client) -> None:
    diff = client.template_diff(**HOUR_AFTER)  # against the hour before
    assert [(t["id"], t["count"], t["base_count"]) for t in diff["new"]] == [(str(NEW), 4, 0)]
    assert [(t["id"], t["count"], t["base_count"]) for t in diff["vanished"]] == [(str(GONE), 0, 7)]
    assert [(t["id"], t["count"], t["base_count"]) for t in diff["changed"]] == [
        (str(CART), 90, 10)
    ]
    assert diff["changed"][0]["ratio"] == pytest.approx(91 / 11)
    assert diff["vanished"][0]["text"] == "heartbeat"


def test_a_template_that_says_the_same_in_other_words_is_reworded(
    client: Client, running: Running
) -> None:
    before, after = TemplateId(2**60 + 10), TemplateId(2**60 + 11)
    said = [Template(before, 1, "user <*> logged in"), Template(after, 1, "user <*> has logged in")]
    rows = [row(-50 + i + 0.5, "user jo logged in", before) for i in range(9)]
    rows += [row(10 + i + 0.5, "user jo has logged in", after) for i in range(9)]
    running.store.write(commit(rows, first_id=2_000, templates=said))
    diff = client.template_diff(**HOUR_AFTER)
    (found,) = diff["reworded"]
    assert (found["id"], found["text"], found["count"]) == (str(after), said[1].text, 9)
    assert (found["base_id"], found["base_text"], found["base_count"]) == (
        str(before),
        said[0].text,
        9,
    )
    assert found["surprise"] == pytest.approx(0, abs=1e-6)
    assert {t["id"] for t in diff["new"] + diff["vanished"]} == {str(NEW), str(GONE)}


def test_spans_of_different_lengths_are_compared_by_rate(client: Client) -> None:
    # 90 lines in 60 minutes, and 20 in 10: the rate is 4/3, which is no change worth a word
    diff = client.template_diff(
        **HOUR_AFTER, base_start=str(NOON + 10 * MINUTE), base_end=str(NOON + 20 * MINUTE)
    )
    assert diff["changed"] == []
    assert {t["id"] for t in diff["new"]} == {str(NEW), str(PAY)}


def test_one_template_is_shown_with_versions_lineage_lines_and_values(client: Client) -> None:
    cart = client.template(str(CART))
    assert cart["count"] == 100
    assert [v["version"] for v in cart["versions"]] == [2, 1]
    assert len(cart["lines"]) == 20
    assert cart["lines"][0]["time"] == "2024-05-14T12:44:45Z"
    assert cart["sampled"] == 100
    (slot,) = cart["values"]
    assert (slot["slot"], slot["kind"], slot["distinct"]) == (0, "number", 10)
    assert [tuple(t) for t in slot["top"][:4]] == [("0", 31), ("1", 31), ("2", 31), ("3", 1)]
    pay = client.template(str(PAY), **HOUR_AFTER)
    assert (pay["count"], pay["parents"], pay["children"]) == (1, [], [])
    (value,) = pay["values"]
    assert (value["kind"], value["distinct"]) == ("text", 1)
    assert list(map(tuple, value["top"])) == [("cash", 1)]
    assert value["spread"] is None


def test_a_template_without_lines_in_the_span_is_still_shown(client: Client) -> None:
    old = client.template(str(OLD), **HOUR_AFTER)
    assert (old["count"], old["text"], old["lines"], old["values"]) == (0, "started", [], [])


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("templates/123", 404, "no template has the id 123"),
        ("templates/abc", 400, "template: 'abc' is not an id"),
        ("templates?order=best", 400, "'count', 'new' or 'rare', and not 'best'"),
        ("templates?limit=5000", 400, "limit=5000 is more than the 1000"),
        ("templates?serch=x", 400, "did you mean 'search'?"),
        ("templates/diff?base_start=x", 400, "is not a time"),
    ],
)
def test_a_bad_request_is_refused_in_words(
    http: httpx.Client, path: str, status: int, words: str
) -> None:
    answer = http.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_span_of_all_the_time_that_64_bits_hold_is_counted(client: Client) -> None:
    ever: dict[str, Any] = {"start": "1677-09-22T00:00:00Z", "end": "2262-04-11T00:00:00Z"}
    assert client.templates(**ever)["total"] == 5
    assert len(client.template_diff(**ever)["new"]) == 5
    assert client.counts(**ever)["total"] == len(ROWS)
    assert client.counts(query='{service_name=~".*"} |= "cart"', **ever)["total"] == 100


def test_a_template_of_very_many_services_names_the_most_frequent(
    client: Client, running: Running
) -> None:
    running.store.write(
        commit([row(50, "started", OLD, app=f"app{n}") for n in range(150)], first_id=1_000)
    )
    (found,) = client.templates(**HOUR_AFTER, search="started")["templates"]
    assert found["count"] == 150
    assert len(found["services"]) == 100
