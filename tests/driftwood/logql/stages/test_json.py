from __future__ import annotations

import json
import re
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.ast import Extraction, JsonParser, Unpack
from driftwood.logql.needs import Needs
from driftwood.logql.stages import Pipeline, StageError
from driftwood.logql.stages.hints import Hints
from driftwood.logql.stages.json_parser import _extract_text, _extract_tree, _tree
from driftwood.logql.stages.json_path import parse
from driftwood.logql.stages.labels import LabelSet

JSON_ERROR = "JSONParserErr"


def _labels(line: str, needs: Needs | None = None, **paths: str) -> dict[str, str]:
    stage = JsonParser(tuple(Extraction(name, path) for name, path in paths.items()))
    result = Pipeline([stage], needs or Needs()).process(0, line, {})
    assert result is not None
    assert result.line == line
    return dict(result.labels.all)


def test_scalars_become_labels_as_they_are_written() -> None:
    line = '{"a":"x","n":1.50,"e":1E3,"t":true,"f":false,"z":null,"l":[1,2],"o":{"p":{"q":"r"}}}'
    assert _labels(line) == {
        "a": "x",
        "n": "1.50",
        "e": "1E3",
        "t": "true",
        "f": "false",
        "o_p_q": "r",
    }


def test_the_first_of_equal_names_wins() -> None:
    assert _labels('{"a":"1","a":"2"}') == {"a": "1"}
    assert _labels('{"a-b":"1","a.b":"2"}') == {"a_b": "1"}
    assert _labels('{"a":{"b":"1"},"a_b":"2"}') == {"a_b": "1"}


def test_empty_keys_count_for_nothing_but_within_another() -> None:
    assert _labels('{"":"1"," ":"2"}') == {}
    assert _labels('{"a":{"":"1"}}') == {"a": "1"}
    assert _labels('{"":{"a":"1"}}') == {"a": "1"}
    assert _labels('{"":{"":"1"}}') == {"": "1"}


def test_only_a_whole_name_may_not_begin_with_a_digit() -> None:
    assert _labels('{"1a":{"2b":"x"}}') == {"_1a_2b": "x"}


@pytest.mark.parametrize(
    ("line", "found", "details"),
    [
        ("", {}, "Value looks like object, but can't find closing '}' symbol"),
        ("[1]", {}, "Value looks like object, but can't find closing '}' symbol"),
        ('{"a":"1"', {"a": "1"}, "Value is array, but can't find closing ']' symbol"),
        ('{"a":"1",', {"a": "1"}, "Value is array, but can't find closing ']' symbol"),
        ('{"a":"1",,}', {"a": "1"}, "Value looks like object, but can't find closing '}' symbol"),
        ('{"a":"1" "b"', {"a": "1"}, "Value looks like object, but can't find closing '}' symbol"),
        ('{"a":"1","b":tru}', {"a": "1"}, "Unknown value type"),
        ('{"a":"1","b":"x', {"a": "1"}, "Value is string, but can't find closing '\"' symbol"),
        (
            '{"a":"1","b":[1',
            {"a": "1"},
            "Value is array, but can't find closing ']' symbol",
        ),
        ('{"a":"1","b', {"a": "1"}, "Malformed JSON error"),
        ('{"a":"1","b"}', {"a": "1"}, "Malformed JSON error"),
        ("{", {}, "Malformed JSON error"),
        (
            r'{"a":"1","\ud800":"x"}',
            {"a": "1"},
            "Encountered an invalid escape sequence in a string",
        ),
        ('{"a":"1","o":{"b":"2",!', {"a": "1"}, None),
        ('{"a":"1","o":{"b":"2",!}}', {"a": "1", "o_b": "2"}, None),
    ],
)
def test_what_precedes_an_error_stays(
    line: str, found: dict[str, str], details: str | None
) -> None:
    labels = _labels(line)
    assert labels.pop("__error__") == JSON_ERROR
    assert labels.pop("__error_details__") == details or details is None
    assert labels == found


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ('{"a":"1", }', {"a": "1"}),
        ('{"a":"1",}', {"a": "1"}),
        ('{"a":"1","o":{"b":"2",},"c":"3"}', {"a": "1", "o_b": "2", "c": "3"}),
        ('{"a":"1"} and more', {"a": "1"}),
        ('  {"a":007}', {"a": "007"}),
        ('{"a":1x}', {"a": "1x"}),
        ('{"a":[1,}{],"b":"2"}', {"b": "2"}),
        ('{"a":"x\ny"}', {"a": "x\ny"}),
    ],
)
def test_what_is_not_looked_at_may_be_anything(line: str, labels: dict[str, str]) -> None:
    assert _labels(line) == labels


def test_escapes_are_undone_and_a_wrong_one_empties_the_value() -> None:
    assert _labels(r'{"a":"\u00e9\n\ud83d\ude00\/","b":"\x","c":"\ud800"}') == {
        "a": "é\n😀/",
        "b": "",
        "c": "",
    }


def test_bytes_that_are_no_text_become_spaces() -> None:
    assert _labels('{"a":"x\ufffdy","b":"\\ufffd"}') == {"a": "x y", "b": " "}


def test_a_reading_stops_when_it_has_all_that_is_needed() -> None:
    needs = Needs(frozenset({"a", "o_b"}))
    line = '{"a":"1","c":"2","o":{"d":"3","b":"4"},bad'
    assert _labels(line, needs) == {"a": "1", "o_b": "4"}
    assert _labels('{"c":"2",bad', needs)["__error__"] == JSON_ERROR
    assert _labels("bad", Needs(frozenset(), nothing=True)) == {}


def test_objects_below_which_nothing_is_needed_are_not_read() -> None:
    assert _labels('{"o":{bad},"a":"1","z":1}', Needs(frozenset({"a"}))) == {"a": "1"}


# -- expressions


def test_paths_lead_to_fields_and_elements() -> None:
    line = '{"a":{"b":[10,{"c":"x"}]},"k e y":"v","z":null,"o":{"p": 1}}'
    labels = _labels(
        line,
        first="a.b[0]",
        deep="a.b[1].c",
        key='["k e y"]',
        null="z",
        none="nosuch",
        object="o",
        array="a.b",
    )
    assert labels == {
        "first": "10",
        "deep": "x",
        "key": "v",
        "null": "",
        "none": "",
        "object": '{"p": 1}',
        "array": '[10,{"c":"x"}]',
    }


def test_the_line_may_be_an_array() -> None:
    assert _labels('[{"a":"1"},["x","y"]]', a="[0].a", y="[1][1]") == {"a": "1", "y": "y"}


def test_a_path_and_one_below_it_are_both_found() -> None:
    assert _labels('{"a":{"b":"1"}}', a="a", b="a.b") == {"a": '{"b":"1"}', "b": "1"}


def test_only_the_start_of_the_line_and_what_is_found_must_be_json() -> None:
    assert _labels('{"a":"1",bad', a="a", b="b") == {"a": "1", "b": ""}
    assert _labels("not json", a="a") == {"__error__": JSON_ERROR}
    assert _labels('{"a":tru}', a="a")["__error_details__"] == "Unknown value type"
    assert _labels("", a="a") == {}


@pytest.mark.parametrize(
    ("line", "first", "error"),
    [
        ('{["x"]}', "", ""),  # an array, but not the one that the line would be
        ('{"a" ["x"]}', "", ""),
        ('["x"] "a": 1', "x", JSON_ERROR),  # a key outside of any object
        ('{} } "a": 1', "", JSON_ERROR),
        ('{} } ["x"]', "", JSON_ERROR),
        ('["x" } ] "a": 1', "x", JSON_ERROR),
    ],
)
def test_brackets_may_be_anywhere_and_are_counted(line: str, first: str, error: str) -> None:
    labels = _labels(line, first="[0]", more="b")
    assert labels["first"] == first
    assert labels.get("__error__", "") == error


def test_an_expression_writes_over_what_was_extracted() -> None:
    stages = [JsonParser(), JsonParser((Extraction("a", "b"),))]
    result = Pipeline(stages).process(0, '{"a":"1","b":"2"}', {})
    assert result is not None
    assert result.labels.all == {"a": "2", "b": "2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "syntax error: unexpected $end, expecting LSB or FIELD"),
        ("a b", "syntax error: unexpected FIELD"),
        ("a..b", "syntax error: unexpected DOT, expecting FIELD"),
        ("a.", "syntax error: unexpected $end, expecting FIELD"),
        ("a[", "syntax error: unexpected $end, expecting STRING or INDEX"),
        ("a[b]", "syntax error: unexpected FIELD, expecting STRING or INDEX"),
        ('["a"', "syntax error: unexpected $end, expecting RSB"),
        ('["a""b"]', "syntax error: unexpected STRING, expecting RSB"),
        ('"a"', "syntax error: unexpected STRING, expecting LSB or FIELD"),
        ("a-b", "unexpected char -"),
        ("a]", "syntax error: unexpected RSB"),
        ("a[1.5]", "syntax error: unexpected $end, expecting STRING or INDEX"),
    ],
)
def test_wrong_paths_are_explained(text: str, words: str) -> None:
    with pytest.raises(StageError, match=re.escape(f"cannot parse expression [{text}]: {words}")):
        parse(text)


# -- unpack


def _unpacked(line: str, needs: Needs | None = None) -> tuple[str, dict[str, str]]:
    result = Pipeline([Unpack()], needs or Needs()).process(0, line, {"app": "x"})
    assert result is not None
    return result.line, dict(result.labels.parsed)


def test_a_packed_line_gives_its_strings_and_its_entry() -> None:
    line = r'{"pod":"p1","n":1,"app":"y","_entry":"a \"line\"","o":{"k":"v"}}'
    assert _unpacked(line) == ('a "line"', {"pod": "p1", "app_extracted": "y"})


def test_a_line_without_an_entry_stays_as_it_is() -> None:
    assert _unpacked('{"pod":"p1"}') == ('{"pod":"p1"}', {})
    assert _unpacked('{"pod":"p1","_entry":1}') == ('{"pod":"p1","_entry":1}', {})
    assert _unpacked("") == ("", {})


def test_a_line_that_is_no_object_is_an_error() -> None:
    line, labels = _unpacked("[1]")
    assert (line, labels["__error__"]) == ("[1]", JSON_ERROR)
    assert labels["__error_details__"] == "expecting json object(6), but it is not"
    assert _unpacked('{"_entry":"x"')[1]["__error__"] == JSON_ERROR


# -- properties

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
KEY = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
SCALAR = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none())
OBJECT = st.dictionaries(
    KEY,
    st.recursive(SCALAR, lambda below: st.one_of(st.lists(below), st.dictionaries(KEY, below))),
    max_size=5,
)


def _leaves(value: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            leaf
            for key, below in value.items()
            for leaf in _leaves(below, f"{prefix}_{key}" if prefix else key)
        ]
    if isinstance(value, bool):
        return [(prefix, str(value).lower())]
    if isinstance(value, int):
        return [(prefix, str(value))]
    return [(prefix, value.replace("\ufffd", " "))] if isinstance(value, str) else []


@given(OBJECT, st.booleans())
def test_the_scalars_of_any_object_come_back(value: dict[str, Json], escaped: bool) -> None:
    line = json.dumps(value, ensure_ascii=escaped)
    expected: dict[str, str] = {}
    for name, text in _leaves(value):
        expected.setdefault(name, text)
    assert _labels(line) == expected


@given(OBJECT, st.integers(0, 60), st.sampled_from(["", "x", "}", ",", '"', "[", " "]))
def test_both_readers_read_alike(value: dict[str, Json], cut: int, instead: str) -> None:
    """Whatever the fast one accepts; a line is an object in which something was replaced."""
    line = json.dumps(value, ensure_ascii=False)
    line = line[:cut] + instead + line[cut + 1 :]
    tree = _tree(line)
    if tree is None:
        return
    fast, slow = LabelSet(Hints()), LabelSet(Hints())
    _extract_tree(tree, fast)
    _extract_text(line, slow)
    assert fast.parsed == slow.parsed


@given(st.text(alphabet='{}[]",:\\ua1 \nt\ufffd', max_size=30))
def test_no_line_is_refused(line: str) -> None:
    _labels(line)
    _labels(line, a="a", b="a[0].b", c="[1]")
    _unpacked(line)


def test_objects_may_nest_as_deep_as_they_like() -> None:
    line = '{"a":' * 5_000 + "1" + "}" * 5_000
    assert list(_labels(line).values()) == ["1"]
