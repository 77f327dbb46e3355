"""Rules of users: what they protect never varies, what they mask is a named parameter, and all survive a restart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import ConfigError
from parsing import PARSERS
from parsing.params import params, values
from parsing.rules import Rule, Rules, checked, distinguishing, hidden, shown
from parsing.shapes import ShapeCache


def cache(*rules: Rule, parser: str = "drain3") -> ShapeCache:
    made = ShapeCache(PARSERS.make(parser, max_templates=100))
    made.use(Rules([checked(rule) for rule in rules]))
    return made


def texts(parser: ShapeCache, *lines: str) -> list[str]:
    ids = parser.parse(lines)
    return [parser.templates()[i] for i in ids]


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_a_protected_token_is_no_value(name: str) -> None:
    parser = cache(Rule("protect", "8080"), parser=name)
    ids = parser.parse(
        ["port 8080 is open", "port 80801 is open", "port 9 is open", "port 8080 is open"]
    )
    assert ids[0] == ids[3] != ids[1] == ids[2]
    assert parser.templates()[ids[0]] == "port 8080 is open"
    assert "8080" not in parser.templates()[ids[1]]


def test_what_a_rule_masks_is_a_parameter_with_its_name() -> None:
    parser = cache(Rule("mask", "ord-[a-z]+", "order"))
    (text,) = texts(parser, "paid ord-abc in 12 ms")
    assert text == "paid <:ORDER:> in <NUM> ms"
    assert values("paid ord-xy in 7 ms", text) == [(":ORDER:", "ord-xy"), ("NUM", "7")]
    assert [(p.kind, p.name) for p in params("paid ord-xy in 7 ms", text)] == [
        ("user", "order"),
        ("duration", ""),
    ]


def test_new_rules_hold_from_the_next_line_on() -> None:
    parser = cache()
    before = parser.parse(["port 8080 is open"])
    revision = parser.revision
    parser.use(Rules([Rule("protect", "8080")]))
    assert parser.revision > revision
    after = parser.parse(["port 8080 is open"])
    assert before != after
    assert {t.text for t in parser.changes()} == {"port <NUM> is open", "port 8080 is open"}


def test_a_new_name_forgets_no_shape() -> None:
    parser = cache()
    parser.parse(["port 8080 is open"])
    revision = parser.revision
    parser.use(Rules([Rule("rename", name="Port", templates=(7,))]))
    assert parser.revision == revision


def test_rules_survive_a_restart_with_the_state_of_the_parser() -> None:
    rule = Rule("protect", "8080")
    first, second = cache(rule), cache(rule)
    ids = first.parse(["port 8080 is open"])
    first.changes()
    second.load(first.save())
    assert second.parse(["port 8080 is open"]) == ids
    assert second.changes() == ()


@given(st.text(min_size=1, max_size=20))
def test_a_hidden_token_comes_back_as_it_was(token: str) -> None:
    token = token.encode("utf-8", "replace").decode()
    assert shown(f"a {hidden(token)} b") == f"a {token} b"


def test_a_token_that_tells_two_templates_apart_is_found() -> None:
    assert distinguishing("user bob left", "user <*> left") == "bob"
    assert distinguishing("user <*> left", "user bob left") == "bob"
    assert distinguishing("a <NUM>", "a <IP>") is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("protect"), "1 to 500 characters"),
        (Rule("protect", "two words"), "more than one token"),
        (Rule("mask", "(", "X"), "no expression of RE2"),
        (Rule("mask", "a*", "X"), "also matches nothing"),
        (Rule("mask", "a+", "1x"), "cannot name a parameter"),
        (Rule("apart", "bob", templates=(1, 1)), "names 2 template"),
        (Rule("rename", templates=(1,)), "1 to 120 printable"),
        (Rule("rename", "x", "Name", (1,)), "has no pattern"),
        (Rule("protect", "x", "Name"), "has no name"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_in_words(rule: Rule, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        checked(rule)


def test_the_id_of_a_rule_is_what_it_is_about() -> None:
    assert (
        Rule("rename", name="a", templates=(1,)).id == Rule("rename", name="b", templates=(1,)).id
    )
    assert Rule("protect", "a").id != Rule("protect", "b").id


def test_what_rules_say_of_templates() -> None:
    rules = Rules(
        [Rule("apart", "x", templates=(1, 2)), Rule("rename", name="Login", templates=(3,))]
    )
    assert (rules.apart(2, 1), rules.apart(1, 3)) == (True, False)
    assert (rules.name(3), rules.name(1)) == ("Login", "")
    assert (rules.protect("x"), rules.protect("y")) == (True, False)
