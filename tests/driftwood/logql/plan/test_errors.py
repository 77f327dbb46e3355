"""Lines that `| json` cannot read, and what the planner makes of them."""

from __future__ import annotations

import pytest

from driftwood.logql import parse
from driftwood.logql.answer import Instant
from driftwood.logql.plan.usual import json_shape
from tests.driftwood.logql.conformance import Line, StoredStream
from tests.driftwood.logql.plan.random_questions import SPAN, START, judged, memory
from tests.driftwood.logql.plan.stored import stored

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
