"""Regular expressions: RE2's, refused in Go's words. Texts and spans were printed by Go itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql import re2

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_an_expression_is_found_anywhere_and_is_case_sensitive() -> None:
    assert re2.compile("b+").matches("abbc")
    assert not re2.compile("B").matches("abbc")
    assert re2.compile("(?i)B").matches("abbc")
    assert re2.compile("").matches("")


def test_a_dot_is_no_newline_and_a_dollar_the_end_of_the_text() -> None:
    assert not re2.compile("a.b").matches("a\nb")
    assert re2.compile("(?s)a.b").matches("a\nb")
    assert not re2.compile("a$").matches("a\n")
    assert re2.compile("(?m)a$").matches("a\nb")


def test_a_full_match_takes_the_whole_text() -> None:
    assert re2.compile("a|ab").fullmatches("ab")
    assert not re2.compile("a").fullmatches("ab")
    found = re2.compile("(a|ab)(c?)").fullmatch("abc")
    assert found is not None
    assert (found.group(1), found.group(2)) == ("ab", "c")
    assert re2.compile("b").fullmatch("abc") is None


def test_spans_are_those_of_the_text_as_characters() -> None:
    found = re2.compile("(é+)(x)?").search("日éé.")
    assert found is not None
    assert (found.span(), found.span(1), found.span(2)) == ((1, 3), (1, 3), (-1, -1))
    assert (found.group(), found.group(1), found.group(2)) == ("éé", "éé", None)


def test_groups_have_names_by_number_in_both_ways_of_writing() -> None:
    pattern = r"(?P<a>.)(.)(?<b>.)(?:x)[(?P<no>](\(?)\Q(?P<no>)\E(?P<a>.)"
    assert re2.compile(pattern).names == ("", "a", "", "b", "", "a")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing closing ): `(`"),
        ("^(?:()$", "missing closing ): `^(?:()$`"),
        ("a)", "unexpected ): `a)`"),
        ("[^", "missing closing ]: `[^`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(|+)", "missing argument to repetition operator: `+`"),
        ("a**", "invalid nested repetition operator: `**`"),
        (r"\y", r"invalid escape sequence: `\y`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"ab\C(", r"invalid escape sequence: `\C`"),
        (r"(?z)\C", "invalid or unsupported Perl syntax: `(?z`"),
        (r"\x{", r"invalid escape sequence: `\x{`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("[b-a]", "invalid character class range: `b-a`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (r"[\p", r"invalid character class range: `\p`"),
        (r"[a-\p", r"invalid escape sequence: `\p`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("(?P<1a>x", "missing closing ): `(?P<1a>x`"),
        ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
        ("(?<é>x)", "invalid named capture: `(?<é>`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("x(?<=y)z", "invalid named capture: `(?<=y)z`"),
        ("x(?<!y)(?P<n>z)", "invalid named capture: `(?<!y)(?P<n>`"),
        ("(?P(x))", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}?", "invalid repeat count: `{2,1}`"),
        ("a+{2,1}", "invalid repeat count: `{2,1}`"),
        ("((a{100}){100}){100}", "invalid repeat count: `{100}`"),
        ("(" * 1000 + ")" * 1000, f"expression nests too deeply: `{'(' * 1000}{')' * 1000}`"),
    ],
)
def test_a_bad_expression_is_refused_in_gos_words(pattern: str, words: str) -> None:
    message = f"error parsing regexp: {words}"
    with pytest.raises(re2.RegexError, match=f"^{re.escape(message)}$"):
        re2.compile(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\Q\C(\E", r"[^\x00]{500,1000}", "a{,2}", "a{", "x{0}", r"\\C"]
)
def test_what_looks_wrong_to_others_is_right(pattern: str) -> None:
    assert re2.compile(pattern)


@given(TEXTS, TEXTS)
def test_an_escaped_text_is_found_where_the_text_is(text: str, around: str) -> None:
    expression = re2.compile(re2.escape(text))
    assert expression.fullmatches(text)
    assert expression.matches(around) == (text in around)


@pytest.mark.parametrize(
    ("pattern", "text", "template", "result"),
    [
        ("a(x*)b", "-ab-axxb-", "${1}", "--xx-"),
        ("a(x*)b", "-ab-axxb-", "$1W", "---"),
        ("a(x*)b", "-ab-axxb-", "${1}W", "-W-xxW-"),
        ("a(?P<X>x*)b", "-ab-axxb-", "$X$$", "-$-xx$-"),
        ("a", "aé", "$0$0", "aaé"),
        ("", "aé", "-", "-a-é-"),
        ("a*", "baac", "x", "xbxcx"),
        ("(?P<a>x)?(?P<a>y)", "y", "${a}", "y"),
        ("(.)", "ab", "$2$name${3}", ""),
        ("(.)", "ab", "$", "$$"),
        ("(.)", "ab", "${1", "${1${1"),
        ("(.)", "ab", "$é", ""),
        ("(.)", "ab", "$01${}", "${}${}"),
    ],
)
def test_matches_are_replaced_with_references_to_groups(
    pattern: str, text: str, template: str, result: str
) -> None:
    assert re2.compile(pattern).replace_all(text, template) == result


def test_a_literal_replacement_refers_to_nothing() -> None:
    assert re2.compile("a(.)").replace_all_literal("ab-ac", "$1") == "$1-$1"


@given(TEXTS)
def test_no_match_is_missed_and_none_is_found_twice(text: str) -> None:
    spans = [found.span() for found in re2.compile("[a-z]+|é").finditer(text)]
    assert spans == [found.span() for found in re.finditer("[a-z]+|é", text)]


def test_bytes_that_are_no_text_do_not_match_a_dot_but_survive() -> None:
    found = re2.compile("a(.*)").search("\udcffab")
    assert found is not None
    assert found.group(1) == "b"
    assert re2.compile("a").replace_all("\udcffa", "x") == "\udcffx"
