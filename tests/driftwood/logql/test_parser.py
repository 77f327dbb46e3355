"""The language: what parses, how it prints, and what a refusal says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.ast import FilterOp, LineFilter, Matcher, MatchOp, Query

matchers = st.builds(
    Matcher,
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
    st.sampled_from(MatchOp),
    st.text(),
)
filters = st.builds(LineFilter, st.sampled_from(FilterOp), st.text())
queries = st.builds(
    Query, st.lists(matchers, max_size=4).map(tuple), st.lists(filters, max_size=4).map(tuple)
)


@given(queries)
@example(Query((Matcher("a", MatchOp.EQUAL, '\x00"\\\n\x7f\u2028\U0001f600`'),)))
def test_what_is_printed_parses_to_the_same_query(query: Query) -> None:
    assert parse(str(query)) == query


pieces = st.sampled_from(
    [
        "{",
        "}",
        "a",
        '"b"',
        "=",
        "!=",
        "=~",
        "!~",
        "|=",
        "|~",
        ",",
        " ",
        "`c`",
        '"',
        "\\",
        "#",
        "\n",
        "|",
        "'",
    ]
)


@given(st.one_of(st.text(), st.lists(pieces, max_size=14).map("".join)))
@example("\ud800")
@example('{a="\\ud800"}')
@example('{a="\\U00110000"}')
@example('{a="\\xff"}')
def test_any_text_either_parses_or_is_refused_with_a_query_error(text: str) -> None:
    refusal: QueryError | None = None
    query = Query()
    try:
        query = parse(text)
    except QueryError as error:
        refusal = error
    if refusal is None:
        assert parse(str(query)) == query
    else:
        assert refusal.message
        assert 0 <= refusal.at <= len(text)


def test_every_operator_is_read_in_its_place() -> None:
    query = parse(
        '{a="b", c!="d" , e=~"re.*",f!~`\\d+`} |= "text" != "other" |~ `a|b` !~ "c" # the end'
    )
    assert query == Query(
        (
            Matcher("a", MatchOp.EQUAL, "b"),
            Matcher("c", MatchOp.NOT_EQUAL, "d"),
            Matcher("e", MatchOp.MATCHES, "re.*"),
            Matcher("f", MatchOp.NOT_MATCHES, "\\d+"),
        ),
        (
            LineFilter(FilterOp.CONTAINS, "text"),
            LineFilter(FilterOp.NOT_CONTAINS, "other"),
            LineFilter(FilterOp.MATCHES, "a|b"),
            LineFilter(FilterOp.NOT_MATCHES, "c"),
        ),
    )


def test_blanks_and_comments_do_not_matter() -> None:
    assert parse('\n{ # streams\n a="b" }|="c"') == parse('{a="b"} |= "c"')
    assert parse("{}") == Query()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
        (r'"\x41\101A\U0001F600"', "AAA\U0001f600"),
        (r'"\xc3\xa9"', "é"),  # bytes of UTF-8, as in Go
        ("`a\r\nb\\n`", "a\nb\\n"),  # raw: no escapes, and carriage returns vanish
    ],
)
def test_strings_are_written_as_in_go(written: str, value: str) -> None:
    assert parse("{} |= " + written).filters == (LineFilter(FilterOp.CONTAINS, value),)


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 0, 'starts with a selector, as in {service_name="api"}'),
        ("error", 0, "starts with a selector"),
        ('{app="api"} |= error', 15, 'after |= a quoted string is needed, as in |= "error"'),
        ('{app="api"', 10, "after a matcher comes , or }"),
        ('{app="api" b="c"}', 11, "after a matcher comes , or }"),
        ("{app=api}", 5, 'after app= a quoted string is needed, as in app= "api"'),
        ('{"app"="api"}', 1, "a label name is needed"),
        ('{app|="api"}', 4, "after the label app comes =, !=, =~ or !~"),
        ('{app="api"} | json', 12, "after the selector come |=, !=, |~ or !~"),
        ('{app="api} |= ', 5, 'this string never ends: a " is missing'),
        ('{app="a\nb"}', 5, 'this string never ends: a " is missing'),
        ("{app=`api}", 5, "this string never ends: a ` is missing"),
        ("{app='api'}", 5, "double quotes"),
        (r'{app="\d+"}', 6, r"a backslash is written \\"),
        (r'{app="\ud800"}', 6, "is not a Unicode character"),
        (r'{app="\xff"}', 5, "do not make valid UTF-8"),
        ("{} %", 3, "'%' means nothing here"),
    ],
)
def test_a_refusal_says_what_would_be_right_and_where(text: str, at: int, words: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(text)
    assert words in refusal.value.message
    assert refusal.value.at == at
