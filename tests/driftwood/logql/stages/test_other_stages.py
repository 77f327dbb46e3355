"""regexp, pattern, line_format, label_format, decolorize, drop, keep and unwrap."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    Assignment,
    Conversion,
    Decolorize,
    DropLabels,
    KeepLabels,
    LabelFormat,
    LineFormat,
    LogfmtParser,
    Matcher,
    MatchOp,
    PatternParser,
    RegexpParser,
    Stage,
    StringFilter,
    Unwrap,
)
from driftwood.logql.needs import Needs
from driftwood.logql.stages import Pipeline, Processed, StageError, compile_stage


def _run(stage: Stage, line: str = "", labels: Labels | None = None) -> Processed:
    result = Pipeline([stage]).process(0, line, labels or {})
    assert result is not None
    return result


def _parsed(stage: Stage, line: str) -> dict[str, str]:
    return dict(_run(stage, line).labels.all)


# -- regexp


def test_the_groups_of_the_first_match_become_labels() -> None:
    stage = RegexpParser(r"(?P<key>\w+)=(?P<value>\d+)?")
    assert _parsed(stage, "- a=1 b=2") == {"key": "a", "value": "1"}


def test_a_group_that_took_no_part_is_an_empty_label() -> None:
    assert _parsed(RegexpParser("(?P<a>a)|(?<b>b)"), "b") == {"a": "", "b": "b"}


def test_no_match_is_no_error() -> None:
    assert _parsed(RegexpParser("(?P<a>a)"), "b") == {}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("x", "at least one named capture must be supplied"),
        ("(x)", "at least one named capture must be supplied"),
        ("(?P<x>.)(?P<x>.)", "duplicate extracted label name 'x'"),
        ("(", "error parsing regexp: missing closing ): `(`"),
    ],
)
def test_wrong_expressions_are_refused(pattern: str, words: str) -> None:
    with pytest.raises(StageError, match=re.escape(f"invalid regexp parser: {words}")):
        compile_stage(RegexpParser(pattern))


# -- pattern


@pytest.mark.parametrize(
    ("pattern", "line", "labels"),
    [
        ("<a> <b>", "x y z", {"a": "x", "b": "y z"}),
        ("<a> - <_> - <b>", "1 - 2 - 3", {"a": "1", "b": "3"}),
        ("[<a>] <b>", "[1] 2", {"a": "1", "b": "2"}),
        ("[<a>] <b>", " [1] 2", {}),
        ("<a>;<b>", "x y", {"a": "x y"}),
        ("<_>;<b>", "x y", {}),
        ("<a> end", "x end of line", {"a": "x"}),
        ("<a><1>", "x<1>", {"a": "x"}),
        ("<a>", "", {}),
        ("<a> <b>", " x", {"a": "", "b": "x"}),
        ("é <a>", "é ü", {"a": "ü"}),
    ],
)
def test_captures_take_what_lies_between_literals(
    pattern: str, line: str, labels: dict[str, str]
) -> None:
    assert _parsed(PatternParser(pattern), line) == labels


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (
            "",
            "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or",
        ),
        ("x", "at least one capture is required"),
        ("<_>", "at least one capture is required"),
        ("<a><_>", "found consecutive capture '<a><_>': invalid expression"),
        ("<a> <a>", "duplicate capture name (a): invalid expression"),
    ],
)
def test_wrong_patterns_are_refused(pattern: str, words: str) -> None:
    with pytest.raises(StageError, match=re.escape(f"invalid pattern parser: {words}")):
        compile_stage(PatternParser(pattern))


def test_only_what_is_needed_is_captured() -> None:
    pipeline = Pipeline([PatternParser("<a> <b> <c>")], Needs(frozenset({"b"})))
    result = pipeline.process(0, "1 2 3", {})
    assert result is not None
    assert result.labels.all == {"b": "2"}


# -- formats


def test_a_line_is_made_of_labels_and_missing_ones_are_empty() -> None:
    assert _run(LineFormat("{{.a}}-{{.b}}"), "x", {"a": "1"}).line == "1-"
    assert _run(LineFormat("{{.a}}"), "x", {"b": "1"}).line == ""


def test_a_template_that_fails_keeps_the_line_and_notes_why() -> None:
    result = _run(LineFormat("{{div 1 .a}}"), "x")
    assert result.line == "x"
    assert result.labels.error == "TemplateFormatErr"


def _format(*assignments: tuple[str, str] | tuple[str, str, str]) -> LabelFormat:
    return LabelFormat(
        tuple(Assignment(name, value, rename=bool(rest)) for name, value, *rest in assignments)
    )


def test_a_rename_takes_the_name_and_gives_up_its_own() -> None:
    stage = _format(("b", "a", "rename"), ("d", "none", "rename"))
    assert _run(stage, "", {"a": "1", "b": "2", "c": "3"}).labels.all == {"b": "1", "c": "3"}


def test_all_templates_see_the_labels_that_the_first_one_saw() -> None:
    stage = _format(("c", "a", "rename"), ("b", "{{.c}}2"), ("a", "{{.b}}"))
    assert _run(stage, "", {"a": "1", "b": "0"}).labels.all == {"c": "1", "b": "12", "a": "0"}


def test_a_template_may_give_an_empty_label() -> None:
    assert _run(_format(("a", "")), "").labels.all == {"a": ""}


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (
            _format(("a", "b", "rename"), ("a", "x")),
            "multiple label name 'a' not allowed in a single format operation",
        ),
        (_format(("__error__", "x")), "__error__ cannot be formatted"),
        (
            _format(("x", "{{")),
            "invalid template for label 'x': template: label:1: unclosed action",
        ),
        (LineFormat("{{"), "invalid line template: template: line:1: unclosed action"),
    ],
)
def test_wrong_formats_are_refused(stage: Stage, words: str) -> None:
    with pytest.raises(StageError, match=f"^{re.escape(words)}$"):
        compile_stage(stage)


# -- decolorize


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("\x1b[1;38;5;12mx\x1b[m", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x9b31mx", "x"),
        ("no colour [31m", "no colour [31m"),
    ],
)
def test_escape_sequences_go(line: str, plain: str) -> None:
    assert _run(Decolorize(), line).line == plain


@given(st.text())
def test_what_is_plain_stays_plain(line: str) -> None:
    once = _run(Decolorize(), line).line
    if "\x1b" not in line and "\x9b" not in line:
        assert once == line


# -- drop and keep


def _matcher(name: str, op: str, value: str) -> Matcher:
    return Matcher(name, MatchOp(op), value)


def test_labels_are_dropped_by_name_or_where_they_match() -> None:
    labels = {"a": "1", "b": "2", "c": "3"}
    drop = DropLabels(("a", _matcher("b", "=", "x"), _matcher("c", "=~", "[0-9]")))
    assert _run(drop, "", labels).labels.all == {"b": "2"}


def test_all_others_are_dropped_by_keep() -> None:
    labels = {"a": "1", "b": "2", "c": "3"}
    keep = KeepLabels(("a", _matcher("b", "=", "x"), _matcher("c", "=~", "3|4")))
    assert _run(keep, "", labels).labels.all == {"a": "1", "c": "3"}


def test_here_the_dot_of_an_expression_is_a_newline_too() -> None:
    assert _run(DropLabels((_matcher("a", "=~", "x.y"),)), "", {"a": "x\ny"}).labels.all == {}


def test_errors_survive_keep_and_are_cleared_by_drop() -> None:
    strict = LogfmtParser(strict=True)
    kept = Pipeline([strict, KeepLabels(("x",))]).process(0, "a=1 =", {"b": "2"})
    assert kept is not None
    assert kept.labels.all.keys() == {"__error__", "__error_details__"}
    dropped = Pipeline([strict, DropLabels(("__error__",))]).process(0, "a=1 =", {})
    assert dropped is not None
    assert not dropped.labels.error
    assert dropped.labels.all.keys() == {"a", "__error_details__"}


# -- unwrap


def _value(unwrap: Unwrap, labels: Labels) -> Processed | None:
    return Pipeline([], unwrap=unwrap).process(0, "", labels)


@pytest.mark.parametrize(
    ("conversion", "text", "value"),
    [
        (Conversion.NONE, "1.5e3", 1500.0),
        (Conversion.BYTES, "1.5KiB", 1536.0),
        (Conversion.DURATION, "1m30s", 90.0),
        (Conversion.DURATION_SECONDS, "250ms", 0.25),
        (Conversion.DURATION, "-8.531709363s", -8.531709363000001),  # -8 - 0.531709363
    ],
)
def test_a_label_is_a_value(conversion: Conversion, text: str, value: float) -> None:
    result = _value(Unwrap("x", conversion), {"x": text})
    assert result is not None
    assert result.value == value


def test_without_the_label_there_is_no_sample() -> None:
    assert _value(Unwrap("x"), {}) is None
    assert _value(Unwrap("x"), {"x": ""}) is None


def test_a_bad_value_is_a_sample_with_an_error_that_filters_may_drop() -> None:
    result = _value(Unwrap("x"), {"x": "one"})
    assert result is not None
    assert (result.value, result.labels.error) == (0.0, "SampleExtractionErr")
    clean = StringFilter(Matcher("__error__", MatchOp.EQUAL, ""))
    assert _value(Unwrap("x", filters=(clean,)), {"x": "one"}) is None
