from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftwood.logql.ast import Extraction, LogfmtParser
from driftwood.logql.needs import Needs
from driftwood.logql.stages import Pipeline, StageError
from driftwood.logql.stages.logfmt import (
    LogfmtError,
    _slow_pairs,  # the reader for lines that are not clean, which must read clean ones alike
    clean_pairs,
    pairs,
    unquote,
)
from driftwood.logql.stages.logfmt_expressions import parse_key


def _labels(line: str, stage: LogfmtParser, needs: Needs | None = None) -> dict[str, str]:
    result = Pipeline([stage], needs or Needs()).process(0, line, {})
    assert result is not None
    return dict(result.labels.all)


def test_separators_are_whatever_is_not_above_a_space() -> None:
    assert _labels("a=1\tb=2\x01c=3\n d=4", LogfmtParser()) == {
        "a": "1",
        "b": "2",
        "c": "3",
        "d": "4",
    }


def test_quoted_values_have_escapes_and_end_where_the_quote_does() -> None:
    line = r'a="x \"y\" \u00e9\n\'" b="2"c=3'
    assert _labels(line, LogfmtParser()) == {"a": 'x "y" é\n\'', "b": "2", "c": "3"}


def test_keys_without_a_value_are_left_out_unless_asked_for() -> None:
    assert _labels('a b= c="" d=1', LogfmtParser()) == {"d": "1"}
    assert _labels('a b= c="" d=1', LogfmtParser(keep_empty=True)) == {
        "a": "",
        "b": "",
        "c": "",
        "d": "1",
    }


@pytest.mark.parametrize(
    ("line", "found", "details"),
    [
        ("a=1 =x b=2", {"a": "1", "b": "2"}, "pos 5 : unexpected '='"),
        ('a=1 x"y b=2', {"a": "1", "b": "2"}, "pos 6 : unexpected '\"'"),
        ("a=1 x=y=z b=2", {"a": "1", "b": "2"}, "pos 8 : unexpected '='"),
        ('a=1 x="open b=2', {"a": "1"}, "pos 16 : unterminated quoted value"),
        (r'a=1 x="\q" b=2', {"a": "1", "b": "2"}, "pos 11 : invalid quoted value"),
        ("a=1 \ufffd=2 b=2", {"a": "1", "b": "2"}, "pos 8 : invalid key"),
    ],
)
def test_what_is_no_logfmt_is_skipped_or_ends_a_strict_reading(
    line: str, found: dict[str, str], details: str
) -> None:
    assert _labels(line, LogfmtParser()) == found
    assert _labels(line, LogfmtParser(strict=True)) == {
        "a": "1",
        "__error__": "LogfmtParserErr",
        "__error_details__": f"logfmt syntax error at {details}",
    }


def test_bytes_that_are_no_text_become_spaces() -> None:
    assert _labels("a=x\ufffd\ufffdy", LogfmtParser()) == {"a": "x  y"}


def test_a_reading_stops_when_it_has_all_that_is_needed() -> None:
    stage = LogfmtParser(strict=True)
    needs = Needs(frozenset({"a", "b"}))
    assert _labels("a=1 c=3 b=2 =bad", stage, needs) == {"a": "1", "b": "2"}
    assert _labels("a=1 =bad b=2", stage, needs)["__error__"] == "LogfmtParserErr"
    assert _labels("=bad", stage, Needs(frozenset(), nothing=True)) == {}


def test_every_named_label_exists_and_the_last_value_stays() -> None:
    stage = LogfmtParser(extractions=(Extraction("x", "a"), Extraction("y", "none")))
    assert _labels("a=1 a=2 b=3", stage) == {"x": "2", "y": ""}


def test_a_key_like_the_new_name_gives_its_value_to_it() -> None:
    stage = LogfmtParser(extractions=(Extraction("x", "nosuch"),))
    assert _labels("x=1", stage) == {"x": "1"}


def test_a_taken_name_is_extracted_once() -> None:
    stage = LogfmtParser(extractions=(Extraction("a", "a"), Extraction("b", "b")))
    result = Pipeline([stage]).process(0, "a=1 a=2 b=3", {"a": "s"})
    assert result is not None
    assert result.labels.all == {"a": "s", "a_extracted": "1", "b": "3"}


def test_named_labels_are_extracted_whichever_a_metric_query_needs() -> None:
    stage = LogfmtParser(extractions=(Extraction("x", "a"), Extraction("y", "b")))
    assert _labels("a=1 b=2", stage, Needs(frozenset({"x", "y"}))) == {"x": "1", "y": "2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "syntax error: unexpected $end, expecting STRING or KEY"),
        ("a b", "syntax error: unexpected KEY"),
        ("a.b", "unexpected char ."),
        (".a", "syntax error: unexpected $end, expecting STRING or KEY"),
    ],
)
def test_wrong_expressions_are_explained(text: str, words: str) -> None:
    with pytest.raises(StageError, match=re.escape(f"cannot parse expression [{text}]: {words}")):
        parse_key(text)


LINE = st.text(alphabet=st.sampled_from('ab= "\\\n\ufffdé'), max_size=24)


@given(st.one_of(LINE, st.text()))
@example('a="')
@example('a="\\')
def test_no_line_is_refused(line: str) -> None:
    for stage in (
        LogfmtParser(),
        LogfmtParser(strict=True, keep_empty=True),
        LogfmtParser(extractions=(Extraction("x", "a"),)),
    ):
        _labels(line, stage)


@given(LINE)
def test_both_readers_read_alike(line: str) -> None:
    slow = list(_slow_pairs(line))
    clean = clean_pairs(line)
    if clean is not None:
        read = [(key, unquote(quoted) if quoted else bare) for key, quoted, bare in clean]
        assert [pair for pair in read if pair[1] is not None] == [
            pair for pair in slow if not isinstance(pair, LogfmtError)
        ]
    else:
        assert any(isinstance(pair, LogfmtError) for pair in slow)
    assert [str(pair) for pair in pairs(line)] == [str(pair) for pair in slow]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), min_size=1),
    )
)
def test_quoted_pairs_come_back(values: dict[str, str]) -> None:
    line = " ".join(
        '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"'))
        for key, value in values.items()
    )
    assert _labels(line, LogfmtParser()) == values
