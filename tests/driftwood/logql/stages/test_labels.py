from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql import parse
from driftwood.logql.answer import Labels
from driftwood.logql.ast import Grouping, LogQuery
from driftwood.logql.stages import FinalLabels, Pipeline
from driftwood.logql.stages.labels import sanitized


def _final(stages: str, line: str, stream: Labels, metadata: Labels) -> FinalLabels:
    query = parse('{a="b"} ' + stages)
    assert isinstance(query, LogQuery)
    result = Pipeline(query.stages).process(0, line, stream, metadata)
    assert result is not None
    return result.labels


def test_a_name_goes_to_the_stream_and_the_parsed_value_wins_what_the_losers_get() -> None:
    labels = _final("| logfmt", "a=parsed", {"a": "stream"}, {"a": "metadata"})
    assert labels.all == {"a": "stream", "a_extracted": "parsed"}
    assert labels.parsed == {"a_extracted": "parsed"}
    assert labels.structured_metadata == {}


def test_metadata_gives_way_to_the_stream_without_any_stage() -> None:
    labels = _final("", "", {"a": "b"}, {"a": "sm"})
    assert labels.all == {"a": "b", "a_extracted": "sm"}
    assert labels.structured_metadata == {"a_extracted": "sm"}


def test_a_parsed_name_gives_way_to_metadata() -> None:
    labels = _final("| logfmt", "trace=2", {}, {"trace": "1"})
    assert labels.all == {"trace": "1", "trace_extracted": "2"}


def test_the_first_parser_to_write_a_name_wins() -> None:
    line = "a=1 a=2"
    assert _final("| logfmt", line, {}, {}).all == {"a": "1"}
    assert _final('| logfmt | regexp "(?P<a>2)"', line, {}, {}).all == {"a": "1"}


def test_label_format_takes_a_name_for_itself() -> None:
    labels = _final('| label_format a="{{.b}}!"', "", {"a": "1", "b": "2"}, {"c": "3"})
    assert labels.all == {"a": "2!", "b": "2", "c": "3"}
    assert labels.stream == {"b": "2"}
    assert labels.parsed == {"a": "2!"}


def test_a_dropped_name_stays_taken() -> None:
    assert _final("| drop a | logfmt", "a=2", {"a": "1"}, {}).all == {"a_extracted": "2"}


def test_what_was_extracted_and_dropped_is_not_extracted_again() -> None:
    assert _final("| logfmt | drop a | logfmt", "a=2", {}, {}).all == {}


def test_lines_of_a_stream_that_nothing_touches_share_their_labels() -> None:
    pipeline = Pipeline(())
    stream = {"a": "b"}
    first, second = pipeline.process(1, "x", stream), pipeline.process(2, "y", stream)
    assert first is not None
    assert second is not None
    assert first.labels is second.labels


def test_a_sample_keeps_the_labels_it_is_grouped_by() -> None:
    labels = FinalLabels({"a": "1", "b": "2"}, {}, {"c": "3"})
    assert labels.grouped(None) == {"a": "1", "b": "2", "c": "3"}
    assert labels.grouped(Grouping(("a", "c", "d"))) == {"a": "1", "c": "3"}
    assert labels.grouped(Grouping(("a",), without=True)) == {"b": "2", "c": "3"}
    assert labels.grouped(Grouping()) == {}


def test_a_sample_with_an_error_keeps_all_labels_or_the_error_would_be_lost() -> None:
    labels = _final("| json", "{", {"a": "1"}, {})
    assert labels.error == "JSONParserErr"
    assert labels.grouped(Grouping()) == labels.all


def test_a_name_that_was_renamed_and_set_again_can_be_grouped_by() -> None:
    labels = _final('| label_format b=a, a="2"', "", {"a": "1"}, {})
    assert labels.grouped(Grouping(("a",))) == {"a": "2"}
    assert labels.grouped(Grouping(("b",), without=True)) == {"a": "2"}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a", "a"),
        ("a-b.c/d", "a_b_c_d"),
        ("9x", "_9x"),
        (" x y ", "x_y"),
        ("ключ", "____"),
        ("\u00a0x", "x"),
        ("\x1cx", "_x"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_keys_become_names(key: str, name: str) -> None:
    assert sanitized(key) == name


@given(st.text(max_size=20))
def test_a_name_is_its_own_name(key: str) -> None:
    name = sanitized(key)
    assert sanitized(name) == name
    assert name == "" or name.isidentifier()
