"""/api/v1/rules over HTTP: rules are checked, stored, followed at once, and taken back."""

from __future__ import annotations

import httpx
import pytest

from driftwood.errors import ServerError
from driftwood.records import Template, TemplateId
from tests.shop import NOON, Row, commit
from tests.ui.api_server import Running
from ui.client import Client

BOB, ANY, NUM, IP = (TemplateId(2**60 + i) for i in range(4))


@pytest.fixture(autouse=True)
def _stored(running: Running) -> None:
    texts = {BOB: "user bob left", ANY: "user <*> left", NUM: "a <NUM>", IP: "a <IP>"}
    running.store.write(
        commit(
            [Row(NOON, "user bob left", template=BOB, version=1)],
            templates=[Template(id_, 1, text) for id_, text in texts.items()],
        )
    )


def test_a_rule_is_stored_followed_and_taken_back(client: Client, running: Running) -> None:
    assert client.rules() == []
    made = client.add_rule("protect", "8080")
    assert (made["kind"], made["pattern"], made["templates"]) == ("protect", "8080", [])
    assert client.rules() == [made]
    assert running.rules.protect("8080")
    assert client.remove_rule(made["id"]) == made
    assert (client.rules(), running.rules.all) == ([], ())


def test_a_rule_about_the_same_thing_is_replaced(client: Client, running: Running) -> None:
    first = client.add_rule("rename", name="Left", templates=[str(BOB)])
    second = client.add_rule("rename", name="Logout", templates=[str(BOB)])
    assert first["id"] == second["id"]
    assert [rule["name"] for rule in client.rules()] == ["Logout"]
    assert running.rules.name(BOB) == "Logout"
    found = client.templates(search="logout", start=str(NOON - 10**9), end=str(NOON + 60 * 10**9))[
        "templates"
    ]
    assert [t["name"] for t in found] == ["Logout"]


def test_the_token_that_keeps_two_templates_apart_is_found(
    client: Client, running: Running
) -> None:
    made = client.add_rule("apart", templates=[str(ANY), str(BOB)])
    assert (made["pattern"], made["templates"]) == ("bob", [str(BOB), str(ANY)])
    assert running.rules.apart(ANY, BOB)
    assert running.rules.protect("bob")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "merge"}, "body kind"),
        ({"kind": "protect"}, "1 to 500 characters"),
        ({"kind": "mask", "pattern": "(", "name": "X"}, "no expression of RE2"),
        ({"kind": "rename", "name": "X", "templates": ["7"]}, "no template has the id 7"),
        ({"kind": "rename", "name": "X", "templates": ["x"]}, "body templates.0"),
        ({"kind": "apart", "templates": [str(NUM), str(IP)]}, "no word tells these two apart"),
        (
            {"kind": "apart", "pattern": "bob", "templates": [str(BOB), str(ANY)]},
            "leave the pattern out",
        ),
        ({"kind": "apart", "templates": [str(BOB)]}, "names 2 template"),
        ({"kind": "protect", "pattern": "x", "more": 1}, "body more"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_in_words(
    http: httpx.Client, client: Client, rule: dict[str, object], words: str
) -> None:
    answer = http.post("/api/v1/rules", json=rule)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert client.rules() == []


def test_an_unknown_rule_cannot_be_removed(client: Client) -> None:
    with pytest.raises(ServerError, match="no rule has the id nothing"):
        client.remove_rule("nothing")
