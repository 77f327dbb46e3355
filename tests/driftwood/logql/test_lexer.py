"""Text to tokens, by Go's rules and the neighbours of a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.logql.lexer import Token, tokens


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokens(text)][:-1]


def values(text: str) -> list[str | int]:
    return [token.text if token.value is None else token.value for token in tokens(text)][:-1]


def wrong(text: str) -> Token:
    last = tokens(text)[-1]
    assert last.kind == "ERROR"
    return last


def test_signs_are_as_long_as_they_can_be() -> None:
    signs = "{ } ( ) , . = == =~ ! != !~ !> | |= |~ |> > >= < <= + - * / % ^ ]"
    assert kinds(signs.replace(" ! ", " ")) == signs.replace(" ! ", " ").split()
    assert kinds("===~") == ["==", "=~"]
    assert kinds("|||=") == ["|", "|", "|="]


def test_blanks_and_comments_separate_tokens() -> None:
    assert kinds("# x {\n { // y\r\n /* ( \n */ } #") == ["{", "}"]
    assert kinds("\ufeff{") == ["{"]


def test_keywords_are_read_in_any_case_and_names_are_not_changed() -> None:
    assert kinds("By UNLESS Json json_x") == ["by", "unless", "json", "IDENTIFIER"]
    assert values("Foo _x1 日本 x²") == ["Foo", "_x1", "日本", "x", "²"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sum(", "SUM"),
        ("Sum (", "SUM"),
        ("sum\n(", "SUM"),
        ("sum by (", "SUM"),
        ("sum WITHOUT(", "SUM"),
        ("sum", "IDENTIFIER"),
        ("sum by x", "IDENTIFIER"),
        ("sum bytes (", "IDENTIFIER"),
        ("sum /* */ (", "IDENTIFIER"),
        ("count_over_time(", "COUNT_OVER_TIME"),
        ("bytes(", "BYTES_CONV"),
        ("bytes >", "IDENTIFIER"),
        ("duration_seconds(", "DURATION_SECONDS_CONV"),
        ("ip(", "ip"),
        ("ip", "IDENTIFIER"),
        ("label_replace(", "label_replace"),
        ("json(", "json"),
    ],
)
def test_a_function_is_one_only_where_it_is_called(text: str, kind: str) -> None:
    assert kinds(text)[0] == kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"\\\n\x41\101\u00e9\U0001F600"', 'a"\\\nAAé😀'),
        (r'"\xc3\xa9"', "é"),
        (r'"\ud800\\ud800"', "\ufffd\\ud800"),
        ("`a\\n\n\r'\"`", "a\\n\n\r'\""),
        ('""', ""),
        ("``", ""),
    ],
)
def test_strings_are_written_as_in_go(text: str, value: str) -> None:
    assert [(token.kind, token.value) for token in tokens(text)[:-1]] == [("STRING", value)]


@pytest.mark.parametrize(
    "text",
    ["0", "12", "1_000", "0x1F", "0x1.8p3", "0b101", "0o17", "017", "1.5", ".5", "5.", "1e3", "1E-3", "08.5",
     "09e1", "0x_1", "1_0.0_1"],
)  # fmt: skip
def test_gos_numbers_are_one_token(text: str) -> None:
    assert [(t.kind, t.text) for t in tokens(text)[:-1]] == [("NUMBER", text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5m", "DURATION", 300 * 10**9),
        ("1d12h", "DURATION", 129_600 * 10**9),
        ("1.5h", "DURATION", 5_400 * 10**9),
        ("2us", "DURATION", 2_000),
        ("2µs", "DURATION", 2_000),
        ("-5m", "DURATION", -300 * 10**9),
        ("-0", "DURATION", 0),
        ("42B", "BYTES", 42),
        ("1.5KiB", "BYTES", 1_536),
        ("2k", "BYTES", 2_000),
        ("3TB", "BYTES", 3 * 10**12),
        ("[1h30m]", "RANGE", 5_400 * 10**9),
        ("[0s]", "RANGE", 0),
        ("--strict", "FUNCTION_FLAG", "--strict"),
        ("--keep-empty", "FUNCTION_FLAG", "--keep-empty"),
    ],
)
def test_a_number_runs_on_into_what_it_measures(text: str, kind: str, value: str | int) -> None:
    token = tokens(text)[0]
    assert (token.kind, token.text) == (kind, text)
    assert (text if token.value is None else token.value) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 m", ["NUMBER", "IDENTIFIER"]),
        ("5mb", ["DURATION", "IDENTIFIER"]),
        ("1mx", ["DURATION", "IDENTIFIER"]),
        ("1h1.2.3m", ["NUMBER", "IDENTIFIER", "NUMBER", "DURATION"]),
        ("- 5m", ["-", "DURATION"]),
        ("-5", ["-", "NUMBER"]),
        ("-5KB", ["-", "BYTES"]),
        ("--stricter", ["-", "-", "IDENTIFIER"]),
        ("--strict--keep-empty", ["-", "-", "IDENTIFIER", "FUNCTION_FLAG"]),
        ("5x", ["NUMBER", "IDENTIFIER"]),
    ],
)
def test_what_does_not_measure_stays_a_number(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_a_character_that_means_nothing_is_a_name() -> None:
    assert values("$ ; 'x' \u00a0 !") == ["$", ";", "'x'", "\u00a0", "!"]
    assert set(kinds("$ ; 'x' \u00a0 !")) == {"IDENTIFIER"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"a', "literal not terminated"),
        ('"a\nb"', "literal not terminated"),
        ("`a", "literal not terminated"),
        (r'"\d"', "invalid char escape"),
        (r'"\x4"', "invalid char escape"),
        (r'"\400"', "invalid syntax"),
        (r'"\U00110000"', "invalid syntax"),
        ("'ab'", "invalid char literal"),
        ("''", "invalid char literal"),
        ("/* x", "comment not terminated"),
        ("1e", "exponent has no digits"),
        ("5PB", "'P' exponent requires hexadecimal mantissa"),
        ("0x", "hexadecimal literal has no digits"),
        ("0B", "binary literal has no digits"),
        (" 0B", "decimal literal has no digits"),
        ("0b12", "invalid digit '2' in binary literal"),
        ("08", "invalid digit '8' in octal literal"),
        ("0x1e1.5", "hexadecimal mantissa requires a 'p' exponent"),
        ("0b1.0", "invalid radix point in binary literal"),
        ("1__0", "'_' must separate successive digits"),
        ("1_", "'_' must separate successive digits"),
        ("[5m", "missing closing ']' in duration"),
        ("[5]", 'not a valid duration string: "5"'),
        ("[]", "empty duration string"),
        ("x\0", "invalid character NUL"),
        (r'"\xff"', "the escapes in this string do not make valid UTF-8"),
    ],
)
def test_what_is_no_token_ends_the_list(text: str, words: str) -> None:
    assert wrong("{" + text).text == words


def test_tokens_know_their_line_and_column() -> None:
    found = tokens('{é="b"}\n  |= `x\ny` 5m\n')
    places = [(token.text, token.line, token.column) for token in found]
    assert places == [
        *(("{", 1, 1), ("é", 1, 2), ("=", 1, 3), ('"b"', 1, 4), ("}", 1, 7)),
        *(("|=", 0, 3), ("`x\ny`", 2, 6), ("5m", 0, 4), ("", 4, 1)),
    ]
    assert [token.at for token in found] == [0, 1, 2, 3, 6, 10, 13, 19, 22]


def test_nothing_is_at_line_0_column_0() -> None:
    assert tokens("") == [Token("$end", "", 0, 0, 0)]


@given(st.text())
def test_tokens_are_parts_of_the_text_in_order(text: str) -> None:
    try:
        found = tokens(text)
    except QueryError:
        assert any("\ud800" <= char <= "\udfff" for char in text)
        return
    end = 0
    for token in found[:-1]:
        assert token.at >= end
        assert text.startswith(token.text, token.at)
        end = token.at + len(token.text)
    assert found[-1].kind in ("$end", "ERROR")
