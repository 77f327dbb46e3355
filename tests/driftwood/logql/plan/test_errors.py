"""Lines that `| json` cannot read, and what the planner makes of them."""

from __future__ import annotations

import pytest

from driftwood.logql import parse
from driftwood.logql.answer import Instant
from driftwood.logql.plan.engine import QuerySettings, explain
from driftwood.logql.plan.usual import json_shape
from tests.driftwood.logql.conformance import Line, StoredStream
from tests.driftwood.logql.plan.random_questions import LIMITS, SPAN, START, judged, memory
from tests.driftwood.logql.plan.stored import Kept, stored

END = Instant(START + SPAN)


@pytest.mark.parametrize("line", ["{", '{"c":"x"', '{"a":1}}', '{"a":1,}', '{"a" "b"}', '{"a":01}'])
def test_what_is_no_json_is_no_usual_shape(line: str) -> None:
    assert json_shape(line) is None


def test_lines_cut_short_fail_like_others_that_are_no_json() -> None:
    texts = ["{", '{"c":"x"', "{}"] * 4
    lines: list[Line] = [(START + at, text, {}) for at, text in enumerate(texts, 1)]
    made = (StoredStream({"app": "web"}, tuple(lines)),)
    expr = parse('sum by (a) (count_over_time({app="web"} | json [40m]))')
    found = judged(memory(made), stored(made, "hot"), expr, END)
    assert found.agree, f"{found.expected}\n{found.got}"
    assert "JSONParserErr" in str(found.expected)


@pytest.mark.parametrize(
    "query",
    [
        '{app="db"} | json | status>=250 , status=ip("192.168.0.0/16")',
        '{app="db"} | json | status<250 or status=ip("192.168.0.0/16")',
    ],
)
def test_an_address_within_and_or_or_keeps_lines_with_an_error(query: str) -> None:
    made = (StoredStream({"app": "db", "status": "500"}, ((START + 1, "a=b=c", {}),)),)
    found = judged(memory(made), stored(made, "sealed"), parse(query), END)
    assert found.agree, f"{found.expected}\n{found.got}"
    assert "JSONParserErr" in str(found.expected)


def shop(*texts: str) -> tuple[StoredStream, ...]:
    return (
        StoredStream(
            {"app": "web"}, tuple((START + at, text, {}) for at, text in enumerate(texts, 1))
        ),
    )


@pytest.mark.parametrize("kept", ["hot", "sealed"])
@pytest.mark.parametrize(
    "query",
    [
        'sum by (a) (count_over_time({app="web"} | json [40m]))',
        'sum by (a, __error__) (count_over_time({app="web"} | json [40m]))',
        'sum by (a) (bytes_over_time({app="web"} | json | __error__!="" [40m]))',
        'sum by (a) (count_over_time({app="web"} | json | a="1" or __error__="JSONParserErr" [40m]))',
        'count_over_time({app="web"} | json [40m])',
        'max_over_time({app="web"} | json | unwrap a [40m]) by (app)',
    ],
)
def test_text_that_json_cannot_read_is_counted_with_its_error(query: str, kept: Kept) -> None:
    made = shop(
        *['{"a":1,"b":"x"}'] * 9, *["GET / 200"] * 40, '{"a":"2"}', '{"__error__":"x","a":3}'
    )
    store = stored(made, kept)
    found = judged(memory(made), store, parse(query), END)
    assert found.agree, f"{found.expected}\n{found.got}"


def test_counting_lines_of_text_that_json_cannot_read_is_done_by_sql() -> None:
    made = shop(*['{"a":1,"b":"x"}'] * 9, *["GET / 200"] * 40)
    expr = parse('sum by (a) (count_over_time({app="web"} | json [40m]))')
    told = explain(stored(made, "hot"), expr, END, QuerySettings(LIMITS))
    assert len(told.statements) == 2  # a sample of lines, and the answer
    assert "Python with all stages" not in "".join(told.plan)


@pytest.mark.parametrize("kept", ["hot", "sealed"])
@pytest.mark.parametrize(
    "texts",
    [
        ['{"status":{},"a":1}', '{"status":"x","a":1}'],
        ['{"status":{"b":2},"a":1}', '{"status":"x","a":1}'],
        ['{"b":{"c":{},"status":1},"a":1}', '{"status":"x","a":1}'],
    ],
)
def test_what_is_an_object_in_some_lines_is_a_value_in_others(texts: list[str], kept: Kept) -> None:
    made = shop(*texts * 20, "GET / 200")
    for query in (
        'sum by (status) (count_over_time({app="web"} | json [40m]))',
        'sum by (status, b_status) (count_over_time({app="web"} | json | __error__="" [40m]))',
    ):
        found = judged(memory(made), stored(made, kept), parse(query), END)
        assert found.agree, f"{found.expected}\n{found.got}"
