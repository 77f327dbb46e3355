from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    And,
    CompareOp,
    Decolorize,
    FilterOp,
    IpFilter,
    LabelFilter,
    LineFilter,
    LineFormat,
    LogfmtParser,
    Matcher,
    MatchOp,
    NumberFilter,
    Operand,
    Or,
    Stage,
    StringFilter,
)
from driftwood.logql.stages import FinalLabels, Pipeline, StageError, compile_stage


def _keeps(op: str, line: str, *texts: str) -> bool:
    stage = LineFilter(FilterOp(op), tuple(map(Operand, texts)))
    return Pipeline([stage]).process(0, line, {}) is not None


def _kept(stage: Stage, labels: Labels) -> FinalLabels | None:
    result = Pipeline([stage]).process(0, "", labels)
    return None if result is None else result.labels


# -- lines


def test_lines_contain_texts_in_their_case() -> None:
    assert _keeps("|=", "an Error", "Error")
    assert not _keeps("|=", "an error", "Error")
    assert _keeps("!=", "an error", "Error")


def test_or_means_any_for_a_positive_filter_and_none_for_a_negative_one() -> None:
    assert _keeps("|=", "b", "a", "b")
    assert not _keeps("!=", "b", "a", "b")
    assert _keeps("!=", "c", "a", "b")
    assert _keeps("|~", "b", "^a", "^b")
    assert not _keeps("!~", "b", "^a", "^b")


def test_the_empty_text_is_in_every_line_and_is_left_out_of_alternatives() -> None:
    assert _keeps("|=", "x", "")
    assert not _keeps("!=", "x", "")
    assert not _keeps("|=", "x", "", "y")


def test_expressions_are_not_anchored_and_their_dot_stops_at_a_newline() -> None:
    assert _keeps("|~", "xfoo1y", "foo[0-9]")
    assert not _keeps("|~", "a\nb", "a.b")
    assert _keeps("|~", "", ".*")


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("", "", True),
        ("", "x", False),
        ("<_>", "", False),
        ("<_>", "x", True),
        ("foo", "foo", True),
        ("foo", "a foo", True),
        ("foo", "foo b", False),
        ("foo <_>", "a foo b", True),
        ("foo <_>", "foo ", False),
        ("<_> bar", "foo bar baz", False),
        ("<_> bar <_>", " bar ", False),
        ("<_>bar<_>", " bar ", True),
        ("a<_>a", "aba", True),
        ("a<_>a", "aaa", False),
        ("<_>a<_>a", "xabaca", False),
        ("<a b><_>", "<a b>c", True),
        ("<1>", "<1>", True),
    ],
)
def test_a_pattern_is_matched_without_going_back(pattern: str, line: str, matches: bool) -> None:
    assert _keeps("|>", line, pattern) == matches
    assert _keeps("!>", line, pattern) != matches


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (
            LineFilter(FilterOp.PATTERN, (Operand("<a> x"),)),
            "named captures are not allowed: found '<a>'",
        ),
        (
            LineFilter(FilterOp.NOT_PATTERN, (Operand("<_><_>"),)),
            "found consecutive capture '<_><_>': invalid expression",
        ),
        (
            LineFilter(FilterOp.MATCHES, (Operand("("),)),
            "error parsing regexp: missing closing ): `(`",
        ),
        (LineFilter(FilterOp.MATCHES, (Operand("1.1.1.1", ip=True),)), "ip: invalid operation"),
        (LineFilter(FilterOp.CONTAINS, (Operand("x", ip=True),)), 'ip: invalid pattern: "x"'),
        (IpFilter("a", MatchOp.EQUAL, "x"), 'ip: invalid pattern: "x"'),
    ],
)
def test_filters_that_cannot_be_built_say_so_in_lokis_words(stage: Stage, words: str) -> None:
    with pytest.raises(StageError, match=f"^{re.escape(words)}$"):
        compile_stage(stage)


def test_a_filter_sees_the_line_as_the_stages_before_it_left_it() -> None:
    contains = LineFilter(FilterOp.CONTAINS, (Operand("foobar"),))
    coloured = "foo\x1b[31mbar\x1b[0m"
    assert Pipeline([Decolorize(), LogfmtParser(), contains]).process(0, coloured, {}) is not None
    assert Pipeline([contains, Decolorize()]).process(0, coloured, {}) is None
    assert Pipeline([LineFormat("x"), contains]).process(0, "foobar", {}) is None


# -- labels


def _text(op: str, value: str, name: str = "a") -> StringFilter:
    return StringFilter(Matcher(name, MatchOp(op), value))


def test_an_absent_label_is_the_empty_text() -> None:
    assert _kept(_text("=", ""), {}) is not None
    assert _kept(_text("!=", "x"), {}) is not None
    assert _kept(_text("=~", "x?"), {}) is not None
    assert _kept(_text("=~", ".+"), {}) is None


def test_an_absent_label_drops_the_line_from_all_comparisons_of_numbers() -> None:
    for op in CompareOp:
        assert _kept(NumberFilter("a", op, 1.0), {}) is None


def test_a_value_that_is_no_number_notes_an_error_and_the_line_stays() -> None:
    kept = _kept(NumberFilter("a", CompareOp.GREATER, 1.0), {"a": "x"})
    assert kept is not None
    assert kept.parsed == {
        "__error__": "LabelFilterErr",
        "__error_details__": 'strconv.ParseFloat: parsing "x": invalid syntax',
    }


def test_an_earlier_error_is_not_overwritten() -> None:
    stages: list[Stage] = [
        LogfmtParser(strict=True),
        NumberFilter("a", CompareOp.GREATER, 1.0),
    ]
    result = Pipeline(stages).process(0, "a=x =", {})
    assert result is not None
    assert result.labels.error == "LogfmtParserErr"


def test_or_does_not_ask_the_right_side_where_the_left_one_holds() -> None:
    bad = NumberFilter("a", CompareOp.GREATER, 1.0)
    kept = _kept(Or(_text("=", "x"), bad), {"a": "x"})
    assert kept is not None
    assert not kept.error


def test_and_asks_both_sides_so_that_an_error_stays_on_a_line_that_or_keeps() -> None:
    bad = NumberFilter("a", CompareOp.GREATER, 1.0)
    kept = _kept(Or(And(_text("=", "y"), bad), _text("=", "x")), {"a": "x"})
    assert kept is not None
    assert kept.error == "LabelFilterErr"


def test_addresses_of_labels_are_searched_and_lines_with_errors_are_kept() -> None:
    stage = IpFilter("a", MatchOp.EQUAL, "10.0.0.0/8")
    assert _kept(stage, {"a": "from 10.1.1.1"}) is not None
    assert _kept(stage, {"a": "x"}) is None
    assert _kept(stage, {}) is None
    assert _kept(IpFilter("a", MatchOp.NOT_EQUAL, "10.0.0.0/8"), {"a": "x"}) is not None
    assert Pipeline([LogfmtParser(strict=True), stage]).process(0, "=", {}) is not None


def test_wrong_addresses_within_or_hold_for_nothing() -> None:
    stage: LabelFilter = Or(IpFilter("a", MatchOp.NOT_EQUAL, "bogus"), _text("=", "x"))
    assert _kept(stage, {"a": "1.1.1.1"}) is None
    assert _kept(stage, {"a": "x"}) is not None


@given(st.text(max_size=8), st.text(max_size=8))
def test_equality_of_labels_is_equality(value: str, other: str) -> None:
    assert (_kept(_text("=", value), {"a": other}) is not None) == (value == other)
    assert (_kept(_text("!=", value), {"a": other}) is None) == (value == other)
