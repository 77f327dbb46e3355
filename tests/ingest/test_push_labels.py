"""Labels of a stream, as agents write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.config import Push
from driftwood.labels import label_key
from ingest.push_labels import BadLabels, PushLabels, text_of


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{a="b"}', {"a": "b"}),
        (' { a = "b" , c="d" } ', {"a": "b", "c": "d"}),
        ('{a="b",}', {"a": "b"}),
        ("{a='b\"c', d=`raw\\n`}", {"a": 'b"c', "d": "raw\\n"}),
        (r'{a="\"q\"\t\u00e9\x41"}', {"a": '"q"\té' + "A"}),
        ('{a="b", empty=""}', {"a": "b"}),
        (r'{a="}", b=","}', {"a": "}", "b": ","}),
        (r"{a='it\'s'}", {"a": "it's"}),
    ],
)
def test_the_written_form_is_read(text: str, labels: dict[str, str]) -> None:
    assert PushLabels(Push()).of_text(text).key == label_key(labels)


@given(
    st.dictionaries(
        st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_reads_back(labels: dict[str, str]) -> None:
    reader = PushLabels(Push(max_label_value_bytes=10**6))
    assert reader.of_text(text_of(labels)) == reader.of_map(labels)
    assert reader.of_map(labels).key == label_key(labels)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Error parsing labels '' with error: 1:1: parse error"),
        ("{}", "error at least one label pair is required per stream"),
        ('{a=""}', "error at least one label pair is required per stream"),
        ('{a="b", a="c"}', "stream '{a=\"b\", a=\"c\"}' has duplicate label name: 'a'"),
        ('{foo-bar="x"}', "1:5: parse error: unexpected character inside braces: '-'"),
        ('{ü="x"}', "1:2: parse error: unexpected character inside braces: 'ü'"),
        ('{1a="x"}', "1:2: parse error: unexpected character inside braces: '1'"),
        ("{a=b}", "parse error"),
        ('{a="b"', "parse error"),
        ('{a="b"} x', "parse error"),
        ('{a=~"b"}', "parse error: unexpected character inside braces: '~'"),
        (r'{a="\q"}', "parse error"),
        ('a="b"', "parse error"),
    ],
)
def test_what_is_no_label_set_is_refused_in_lokis_words(text: str, why: str) -> None:
    reader = PushLabels(Push())
    for _ in range(2):  # what was refused once is remembered
        with pytest.raises(BadLabels) as refused:
            reader.of_text(text)
        assert why in str(refused.value)


def test_the_limits_are_lokis() -> None:
    reader = PushLabels(Push())
    most = {f"l{n:02}": "x" for n in range(15)}
    reader.of_map(most | {"service_name": "does not count"})
    for labels, why in (
        (most | {"one_more": "x"}, "has 16 label names; limit 15"),
        ({"n" * 1025: "x"}, "has label name too long: 'nnn"),
        ({"n": "ü" * 1025}, "has label value too long: 'üüü"),
    ):
        with pytest.raises(BadLabels) as refused:
            reader.of_map(labels)
        assert why in str(refused.value)
    reader.of_map({"n" * 1024: "x" * 2048})


def test_what_is_remembered_has_a_bound() -> None:
    reader = PushLabels(Push(max_label_value_bytes=10**6))
    for n in range(50):
        reader.of_map({"a": f"{n}" + "x" * 900_000})
    assert sum(map(len, reader._known)) < 10 * 1024 * 1024


@given(st.text(st.sampled_from("{}=,\"\\`'ab1- \n\u00e9"), max_size=20))
def test_any_text_is_labels_or_refused(text: str) -> None:
    try:
        key = PushLabels(Push()).of_text(text).key
    except BadLabels as refused:
        assert str(refused)
    else:
        assert key.startswith("{")
