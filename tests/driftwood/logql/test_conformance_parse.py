"""Queries of Loki's tests and docs parse to the same canonical form and layout, or are refused in its words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.ast import LogQuery
from driftwood.logql.prettifier import prettify


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (shared / "conformance" / "logql" / "parse.json").read_text()
    )["cases"]
    return found


def _differs(case: dict[str, Any]) -> str | None:
    """What is not as expected."""
    expected = case["expected"]
    try:
        expr = parse(case["query"])
    except QueryError as error:
        wanted = expected.get("error", "no error")
        return None if error.message == wanted else f"{error.message!r}, not {wanted!r}"
    got = {
        "type": "log" if isinstance(expr, LogQuery) else "metric",
        "canonical": str(expr),
        "pretty": prettify(expr),
    }
    wrong = {key: text for key, text in got.items() if text != expected.get(key)}
    return f"{wrong!r}, not {expected!r}" if wrong else None


@pytest.mark.parametrize("kind", ["parse_ok", "parse_error"])
def test_queries_are_read_or_refused_as_loki_does_it(
    cases: list[dict[str, Any]], kind: str
) -> None:
    asked = [case for case in cases if case["kind"] == kind]
    failed = [f"{case['id']}: {words}" for case in asked if (words := _differs(case))]
    assert asked
    assert not failed, f"{len(failed)} of {len(asked)}:\n" + "\n".join(failed[:50])


def test_what_parses_is_printed_so_that_it_parses_to_the_same(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        if case["kind"] != "parse_ok":
            continue
        expr = parse(case["query"])
        text = str(expr)
        rounds_a_size = re.search(r"[<>=][0-9.]+[kMGT]?B\b", text)
        if text != "NaN" and text.isascii() and not rounds_a_size:
            assert parse(text) == expr, case["id"]
