"""Answers as JSON: types of results, Go's numbers, categories of labels, and texts that are not UTF-8."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.answer import (
    Answer,
    Entry,
    Matrix,
    Sample,
    Scalar,
    Series,
    Stream,
    Streams,
    Vector,
)
from driftwood.logql.gotext import format_float
from ui.loki import legacy
from ui.loki.answers import query_answer, value_text

SECOND = 10**9
NOW = 1_795_256_048 * SECOND
STATS = {"summary": {"execTime": 0.5}}


def data(answer: Answer, **how: Any) -> Any:
    body = json.loads(query_answer(answer, STATS, **how))
    assert body["status"] == "success"
    assert body["data"].pop("stats") == STATS
    return body["data"]


def test_a_vector_has_one_value_per_series_at_seconds() -> None:
    answer = Vector(NOW, (Sample({"b": "2", "a": "1"}, 40.0), Sample({}, 0.016666666666666666)))
    assert data(answer) == {
        "resultType": "vector",
        "result": [
            {"metric": {"a": "1", "b": "2"}, "value": [1_795_256_048, "40"]},
            {"metric": {}, "value": [1_795_256_048, "0.016666666666666666"]},
        ],
    }
    assert b'"metric":{"a":"1","b":"2"}' in query_answer(answer, STATS)
    assert data(Vector(NOW)) == {"resultType": "vector", "result": []}


def test_a_scalar_has_its_time_in_milliseconds() -> None:
    assert data(Scalar(NOW, 3.0)) == {"resultType": "scalar", "result": [1_795_256_048_000, "3"]}


def test_a_matrix_has_values_per_series() -> None:
    times = (NOW, NOW + 250_000_000)
    answer = Matrix(
        (
            Series({"app": "web"}, times, (1.0, 2.5)),
            Series({"app": "api"}, times[:1], (math.nan,)),
            Series({"app": "db"}, (), ()),
        )
    )
    assert data(answer) == {
        "resultType": "matrix",
        "result": [
            {"metric": {"app": "web"}, "values": [[1_795_256_048, "1"], [1_795_256_048.25, "2.5"]]},
            {"metric": {"app": "api"}, "values": [[1_795_256_048, "NaN"]]},
            {"metric": {"app": "db"}, "values": []},
        ],
    }


@given(st.lists(st.floats()))
def test_every_number_is_in_go_s_form(values: list[float]) -> None:
    times = tuple(range(0, len(values) * SECOND, SECOND))
    points = data(Matrix((Series({}, times, tuple(values)),)))["result"][0]["values"]
    assert [text for _, text in points] == [format_float(value) for value in values]
    assert [value_text(value) for value in values] == [format_float(value) for value in values]


LINES = Streams(
    (
        Stream(
            {"app": "web", "trace": "2"},
            {"app": "web"},
            (Entry(3, "c", {"trace": "2"}, {}), Entry(1, "a", {"trace": "2"}, {})),
        ),
        Stream({"app": "web", "trace": "1"}, {"app": "web"}, (Entry(2, "b", {"trace": "1"}, {}),)),
        Stream({"app": "api", "n": "7"}, {"app": "api"}, (Entry(5, "d", {}, {"n": "7"}),)),
        Stream({"app": "db"}, {"app": "db"}, (Entry(9, "e", {}, {}),)),
    )
)


def test_streams_are_sorted_and_hold_all_labels() -> None:
    assert data(LINES) == {
        "resultType": "streams",
        "result": [
            {"stream": {"app": "api", "n": "7"}, "values": [["5", "d"]]},
            {"stream": {"app": "db"}, "values": [["9", "e"]]},
            {"stream": {"app": "web", "trace": "1"}, "values": [["2", "b"]]},
            {"stream": {"app": "web", "trace": "2"}, "values": [["3", "c"], ["1", "a"]]},
        ],
    }


def test_categorized_lines_stand_under_their_own_streams_in_order() -> None:
    answer = data(LINES, categorized=True)
    assert answer["encodingFlags"] == ["categorize-labels"]
    assert answer["result"] == [
        {"stream": {"app": "api"}, "values": [["5", "d", {"parsed": {"n": "7"}}]]},
        {"stream": {"app": "db"}, "values": [["9", "e", {}]]},
        {
            "stream": {"app": "web"},
            "values": [
                ["3", "c", {"structuredMetadata": {"trace": "2"}}],
                ["2", "b", {"structuredMetadata": {"trace": "1"}}],
                ["1", "a", {"structuredMetadata": {"trace": "2"}}],
            ],
        },
    ]
    forward = data(LINES, categorized=True, direction="forward")
    assert [line for _, line, _ in forward["result"][2]["values"]] == ["a", "b", "c"]


def test_bytes_that_are_not_utf_8_are_shown_as_such() -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    answer = Streams((Stream({"x": broken}, {}, (Entry(1, broken, {}, {}),)),))
    assert data(answer)["result"] == [
        {"stream": {"x": "caf\ufffd"}, "values": [["1", "caf\ufffd"]]}
    ]


def test_the_first_api_has_its_own_form() -> None:
    one = Streams((Stream({"b": 'say "hi"', "a": "1"}, {}, (Entry(NOW + 5, "line", {}, {}),)),))
    assert json.loads(legacy.query_answer(one, STATS)) == {
        "streams": [
            {
                "labels": '{a="1", b="say \\"hi\\""}',
                "entries": [{"ts": "2026-11-21T10:14:08.000000005Z", "line": "line"}],
            }
        ],
        "stats": STATS,
    }
