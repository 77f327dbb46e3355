"""Loki's JSON to records, and its refusals word for word."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.labels import label_key
from ingest.push import BadPush, NoStreams, Pushed
from ingest.push_json import read
from ingest.push_metadata import label_name
from tests.ingest.pushes import NOW, column, pushed, rows

A = '{"a":"b"}'


def push(*streams: Any, **limits: int) -> Pushed:
    return pushed(read, orjson.dumps({"streams": streams}), **limits)


def one(*values: Any, **limits: int) -> Pushed:
    return push({"stream": {"a": "b"}, "values": values}, **limits)


def test_each_value_is_a_record_with_its_labels_time_line_and_metadata() -> None:
    taken = push(
        {"stream": {"app": "web", "env": "prod"}, "values": [["1", "x"], ["3", "y", {"k": "v"}]]},
        {"stream": {"app": "api"}, "values": [["2", "z"]]},
    )
    web = '{"app":"web","env":"prod"}'
    assert rows(taken) == [
        (web, 1, "x", {}),
        (web, 3, "y", {"k": "v"}),
        ('{"app":"api"}', 2, "z", {}),
    ]
    assert taken.refused == ""
    assert column(taken, "service") == ["web", "web", "api"]
    assert column(taken, "observed_ts") == [NOW] * 3


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
values = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), texts, st.dictionaries(names, texts, max_size=3)),
    max_size=6,
)
streams = st.lists(
    st.tuples(
        st.dictionaries(names, texts.filter(bool), min_size=1, max_size=4).filter(
            lambda labels: all(len(v) < 500 for v in labels.values())
        ),
        values,
    ),
    min_size=1,
    max_size=4,
)


@given(streams, st.booleans())
def test_everything_that_json_can_say_arrives_as_it_was(
    sent: list[tuple[dict[str, str], list[tuple[int, str, dict[str, str]]]]], always: bool
) -> None:
    body = orjson.dumps(
        {
            "streams": [
                {
                    "stream": labels,
                    "values": [
                        [str(ts), line, sm] if sm or always else [str(ts), line]
                        for ts, line, sm in entries
                    ],
                }
                for labels, entries in sent
            ]
        }
    )
    taken = pushed(read, body)
    found = [(labels, ts, line, set(sm)) for labels, ts, line, sm in rows(taken)]
    assert found == [
        (label_key(labels), ts, line, set(map(label_name, sm)))
        for labels, entries in sent
        for ts, line, sm in entries
    ]


def test_no_two_pushes_give_a_record_the_same_identity() -> None:
    body = orjson.dumps({"streams": [{"stream": {"a": "b"}, "values": [["1", "x"], ["2", "y"]]}]})
    several = [pushed(read, body) for _ in range(2)]  # two lives of a server
    found = [
        (row["topic"], row["part"], row["off"], row["idx"])
        for taken in several
        for row in taken.records.to_pylist()
    ]
    assert len(set(found)) == 4
    assert all(topic.startswith("push/") for topic, *_ in found)


def test_credentials_are_gone_from_lines_and_metadata_and_labels_stay() -> None:
    taken = push(
        {
            "stream": {"password": "as it is"},
            "values": [["1", "login password=hunter2 ok", {"api_key": "s3cr3t", "user": "x"}]],
        }
    )
    (labels, _, line, metadata), *_ = rows(taken)
    assert labels == '{"password":"as it is"}'
    assert line == "login password=<redacted:password> ok"
    assert metadata == {"api_key": "<redacted:api_key>", "user": "x"}


@pytest.mark.parametrize(
    ("labels", "value", "severity"),
    [
        ({"a": "b", "level": "warn"}, ["1", "ERROR in the line"], 13),
        ({"a": "b"}, ["1", "no level", {"detected_level": "error"}], 17),
        ({"a": "b"}, ["1", "INFO", {"severity_number": "21", "lvl": "debug"}], 5),
        ({"a": "b"}, ["1", "2026-11-21T02:47:58Z ERROR out of memory"], 17),
        ({"a": "b"}, ["1", '{"level":"warn","msg":"x"}'], 13),
        ({"a": "b"}, ["1", "nothing to see"], 0),
        ({"a": "b", "level": "loud"}, ["1", "[warn] x"], 13),
    ],
)
def test_the_severity_is_what_labels_say_else_metadata_else_the_line(
    labels: dict[str, str], value: list[Any], severity: int
) -> None:
    taken = push({"stream": labels, "values": [value]})
    assert column(taken, "severity") == [severity]
    assert rows(taken)[0][0] == label_key(labels)


def test_service_names_come_from_the_usual_labels() -> None:
    for name in ("service_name", "service", "app", "application", "job", "container"):
        taken = push({"stream": {"z": "1", name: "x"}, "values": [["1", "l"]]})
        assert column(taken, "service") == ["x"]
    assert column(one(["1", "x"]), "service") == [""]


def test_the_first_version_of_the_api_is_understood() -> None:
    taken = push(
        {
            "labels": '{app="web", env="a \\"quoted\\" one"}',
            "entries": [
                {"ts": "2018-12-18T08:28:06.801064004-04:00", "line": "x"},
                {"ts": "2018-12-18T12:28:07Z", "line": "y"},
            ],
        }
    )
    labels = '{"app":"web","env":"a \\"quoted\\" one"}'
    assert rows(taken) == [
        (labels, 1545136086801064004, "x", {}),
        (labels, 1545136087000000000, "y", {}),
    ]


# -- refusals


def test_the_refusals_of_loki_are_given_to_the_letter(shared: Any) -> None:
    for name in ("push_bad", "push_badts"):
        sample = (shared / "conformance/loki_api_samples" / f"{name}.txt").read_text()
        request, _, answer = sample.partition("\n\nHTTP 400\n")
        body = request.split("\n\n", 1)[1].strip().encode()
        expected = answer.split("\n\n", 1)[1].rstrip("\n")
        try:
            said = pushed(read, body).refused
        except BadPush as error:
            said = str(error)
        assert said == expected


def body_of(values: str) -> bytes:
    return b'{"streams":[{"stream":{"a":"b"},"values":%s}]}' % values.encode()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ('[["",""]]', "Value looks like Number/Boolean/None"),
        ('[["0x10","x"]]', "Value looks like Number/Boolean/None"),
        ('[["1_000","x"]]', "Value looks like Number/Boolean/None"),
        ('[["1e9","x"]]', "Value looks like Number/Boolean/None"),
        ('[["9223372036854775808","x"]]', "Value is number, but overflowed while parsing"),
        ('[[1,"x"]]', "Value looks like string"),
        ('[["1",2]]', "Value looks like string"),
        ('[["1",null]]', "Value looks like string"),
        ('[["1","x",["k","v"]]]', "Value looks like object"),
        ('[["1","x",{"k":1}]]', "Value looks like string"),
        ('[["1","x",null]]', "Value looks like object"),
        ('[{"ts":"1"}]', "Value is array"),
        ('["ab","cd"]', "Value is array"),
        ("[[]]", "Value is array"),
        ('{"1":"x"}', "Value is array"),
    ],
)
def test_a_value_that_is_none_costs_the_whole_push_and_is_shown(values: str, why: str) -> None:
    body = body_of(values)
    with pytest.raises(BadPush) as refused:
        pushed(read, body)
    assert why in str(refused.value)
    assert str(refused.value).startswith("loghttp.PushRequest.Streams: []loghttp.LogProtoStream:")
    assert values[-8:] in str(refused.value)


def test_the_stream_that_is_wrong_is_found_among_others() -> None:
    good = '{"stream":{"a":"}]{["},"values":[["1","] } \\" {"]]}'
    bad = '{"stream":{"here":"it is"},"values":[["noon","x"]]}'
    body = f'{{"other":["streams",{{}}],"streams":[{good},{bad},{good}]}}'.encode()
    with pytest.raises(BadPush, match="noon") as refused:
        pushed(read, body)
    assert f'...|on","x"]]}},{good[:9]}|...' in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b'{"streams": [}', b"\xff\xff", b"[" * 10_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadPush):
        pushed(read, body)


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"streams":null}', b'{"streams":[]}'])
def test_nothing_is_a_refusal_of_its_own(body: bytes) -> None:
    with pytest.raises(NoStreams, match="at least one valid stream is required for ingestion"):
        pushed(read, body)


@pytest.mark.parametrize("body", [b'{"streams":{}}', b'{"streams":"x"}', b'{"streams":[1]}'])
def test_streams_of_another_kind_are_refused(body: bytes) -> None:
    with pytest.raises(BadPush):
        pushed(read, body)


def test_a_stream_without_entries_is_passed_over_whatever_its_labels() -> None:
    taken = push({"stream": {}, "values": []}, {"stream": {"a": "b"}, "values": [["1", "x"]]})
    assert taken.refused == ""
    assert rows(taken) == [(A, 1, "x", {})]


def test_entries_beyond_a_limit_are_named_and_the_others_taken() -> None:
    taken = one(["1", "x" * 11], ["2", "short"], ["3", "y" * 11], max_line_bytes=10)
    assert rows(taken) == [(A, 2, "short", {})]
    assert taken.refused == (
        "2 errors like: Max entry size '10' bytes exceeded for stream '{a=\"b\"}' "
        "while adding an entry with length '11' bytes"
    )
    sm = {"k": "v" * 9}
    assert "structured metadata too large: '10' bytes, limit: '9' bytes" in (
        one(["1", "x", sm], max_metadata_bytes=9).refused
    )
    many = {"a": "1", "b": "2"}
    taken = one(["1", "x", many], ["2", "y", {"a": "1"}], max_metadata=1)
    assert "too many structured metadata labels: '2', limit: '1'" in taken.refused
    assert [line for _, _, line, _ in rows(taken)] == ["y"]


def test_a_stream_with_bad_labels_costs_its_own_entries() -> None:
    taken = push(
        {"stream": {"a.b": "c"}, "values": [["1", "x"], ["2", "y"]]},
        {"stream": {"a": "b"}, "values": [["3", "z"]]},
        {"stream": {}, "values": [["4", "z"]]},
    )
    assert rows(taken) == [(A, 3, "z", {})]
    assert taken.refused == (
        "Error parsing labels '{a.b=\"c\"}' with error: "
        "1:3: parse error: unexpected character inside braces: '.'; "
        "error at least one label pair is required per stream"
    )


# -- text that is not what it should be


def test_bytes_that_are_no_text_are_kept_and_noted() -> None:
    body = (
        b'{"streams":[{"stream":{"a":"caf\xe9"},"values":[["1","caf\xe9 \\u00e9"],["2","fine"]]}]}'
    )
    assert rows(pushed(read, body)) == [
        ('{"a":"caf\\\\xe9"}', 1, "caf\\xe9 é", {"decode_error": "invalid UTF-8 at byte 3"}),
        ('{"a":"caf\\\\xe9"}', 2, "fine", {}),
    ]


def test_half_of_a_surrogate_pair_is_kept_and_noted() -> None:
    line = json.dumps("a\ud800b")
    assert rows(pushed(read, body_of(f'[["1",{line}]]'))) == [
        (A, 1, "a\\ud800b", {"decode_error": "text with half of a surrogate pair"})
    ]


def test_names_of_metadata_become_names_of_labels() -> None:
    sm = {"k8s.pod": "1", "2xx": "2", "_id": "3", "ok": "4"}
    assert rows(one(["1", "x", sm]))[0][3] == {
        "k8s_pod": "1",
        "key_2xx": "2",
        "key_id": "3",
        "ok": "4",
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["1", "x", "a", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["streams", "stream", "values", "labels", "entries", "ts", "line", "a"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_taken_or_refused(value: Any) -> None:
    for body in (value, {"streams": value}, {"streams": [value]}):
        try:
            pushed(read, orjson.dumps(body))
        except BadPush as refused:
            assert str(refused)
