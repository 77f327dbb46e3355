"""Which expressions become searches for literals, and that those which may only save time change nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql import re2
from driftwood.logql.stages.text_match import (
    ANYTHING,
    AnyOf,
    Contains,
    Equals,
    NotEmpty,
    Search,
    of_regex,
    searcher,
)


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ("foo", Contains("foo")),
        ("(foo)", Contains("foo")),
        ("(?:fo)o", Contains("foo")),
        (r"f\.o", Contains("f.o")),
        ("f[.]o", Contains("f.o")),
        (r"\Qa.b\E", Contains("a.b")),
        (r"\x41\x{42}\103", Contains("ABC")),
        (".*foo.*", Contains("foo")),
        ("foo|bar", AnyOf(Contains("foo"), Contains("bar"))),
        ("(foo|(ba|ar))", AnyOf(Contains("foo"), AnyOf(Contains("ba"), Contains("ar")))),
        ("foo|foobar", AnyOf(Contains("foo"), Contains("foobar"))),
        ("foo.*|buzz", AnyOf(Contains("foo"), Contains("buzz"))),
        ("(?i)Foo", Contains("foo", fold=True)),
        ("[fF][oO]", Contains("fo", fold=True)),
        (".*", ANYTHING),
        ("", ANYTHING),
        ("(?:)*", ANYTHING),
        (".+", NotEmpty()),
        (".{1,}", NotEmpty()),
        (".{0,}", ANYTHING),
        ("(foo){1}", Contains("foo")),
    ],
)
def test_literals_are_looked_for_as_such(pattern: str, match: object) -> None:
    assert of_regex(pattern, whole=False) == match


@pytest.mark.parametrize(
    "pattern",
    [
        "a|b",
        "[a-z]oo",
        "fo+",
        "foo?",
        "^foo",
        "foo$",
        "f.o",
        "foo.+",
        ".*foo.*bar.*",
        "(?s).*",
        "(?i)foo1",
        r"\bfoo",
        r"\d",
        "fo{2}",
        "((foo)|bar)baz",
        "[^a]",
    ],
)
def test_everything_else_stays_an_expression(pattern: str) -> None:
    assert of_regex(pattern, whole=False) == Search(pattern)


def test_what_always_holds_is_left_out_of_alternatives() -> None:
    assert of_regex("foo|", whole=False) == Contains("foo")
    assert of_regex("foo|.*", whole=False) == Contains("foo")


def test_labels_are_compared_whole_only_by_lone_literals() -> None:
    assert of_regex("foo", whole=True) == Equals("foo")
    assert of_regex("foo|bar", whole=True) == AnyOf(Equals("foo"), Equals("bar"))
    assert of_regex("foo|foobar", whole=True) == AnyOf(Contains("foo"), Contains("foobar"))
    assert of_regex("foo.*", whole=True) == Contains("foo")
    assert not searcher(of_regex("f.o", whole=True))("a foo")


def test_a_final_sigma_is_never_found_in_any_case() -> None:
    assert not searcher(of_regex("(?i)τέλος", whole=False))("τέλος")
    assert searcher(of_regex("(?i)έλ", whole=False))("ΤΈΛΟΣ")


def test_the_first_character_in_another_case_is_found_only_if_its_first_byte_is_the_same() -> None:
    upper, lower = "\u0420\u0423\u0411", "\u0440\u0443\u0431"
    assert not searcher(of_regex(f"(?i){lower}", whole=False))(upper)
    assert searcher(of_regex("(?i)мир", whole=False))("МИР")


def test_the_kelvin_sign_is_a_k() -> None:
    assert searcher(of_regex("(?i)ok", whole=False))("O\u212a")


LITERAL = st.text("abAB.", min_size=1, max_size=3).map(re2.escape)


@given(st.lists(LITERAL, min_size=1, max_size=4), st.text("abAB.\n", max_size=12))
def test_searching_a_line_for_literals_finds_what_the_expression_finds(
    literals: list[str], line: str
) -> None:
    for pattern in ("|".join(literals), f"({'|'.join(literals)})", ".*".join(literals)):
        expression = re2.compile(pattern)
        assert searcher(of_regex(pattern, whole=False))(line) == expression.matches(line)


@given(LITERAL, st.text("abAB.", max_size=6))
def test_a_literal_in_any_case_finds_what_the_expression_finds(literal: str, line: str) -> None:
    pattern = f"(?i){literal}"
    assert searcher(of_regex(pattern, whole=False))(line) == re2.compile(pattern).matches(line)
    assert searcher(of_regex(pattern, whole=True))(line) == re2.compile(pattern).fullmatches(line)


@given(st.text("ab|().*+?[]^$\\{}1,i:-", max_size=10), st.booleans())
def test_any_expression_is_either_refused_or_has_a_test(pattern: str, whole: bool) -> None:
    try:
        test = searcher(of_regex(pattern, whole))
    except re2.RegexError:
        return
    test("aab\nb")
