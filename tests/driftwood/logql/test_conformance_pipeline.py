"""What Loki's own pipeline makes of 7,686 lines, and what ours makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.ast import LogQuery
from driftwood.logql.needs import log_ranges
from driftwood.logql.reference.samples import Extractor
from driftwood.logql.reference.sources import StoredEntry
from driftwood.logql.stages import Pipeline
from driftwood.logql.stages.errors import DETAILS

Outcome: TypeAlias = dict[str, Any]
"""As a case states it: whether the line is kept, and what it then is."""

FEWEST_CASES, FEWEST_LINES = 1_108, 7_686


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[dict[str, Any]]:
    path = shared / "conformance/logql/pipeline.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    return found


def test_every_line_becomes_what_loki_makes_of_it(cases: list[dict[str, Any]]) -> None:
    failed = [
        f"{case['id']} {case['query']}\n    {line!r}\n    want {want}\n    have {have}"
        for case, line, want, have in _outcomes(cases)
        if _without_details(want) != _without_details(have)
    ]
    assert len(cases) >= FEWEST_CASES
    assert sum(len(case["inputs"].get("lines", ())) for case in cases) >= FEWEST_LINES
    assert not failed, f"{len(failed)} lines differ\n" + "\n".join(failed)


def test_errors_have_the_texts_that_loki_gives_them(cases: list[dict[str, Any]]) -> None:
    failed = [
        f"{case['id']} {line!r}\n    want {want['labels']}\n    have {have.get('labels')}"
        for case, line, want, have in _outcomes(cases)
        if want["keep"] and want["labels"].get(DETAILS) != have.get("labels", {}).get(DETAILS)
    ]
    assert not failed, f"{len(failed)} texts differ\n" + "\n".join(failed)


def test_what_loki_refuses_is_refused(cases: list[dict[str, Any]]) -> None:
    refused = [case for case in cases if case["kind"] == "parse_error"]
    assert refused
    accepted = [case["id"] for case in refused if not _is_refused(case["query"])]
    assert not accepted


def _is_refused(query: str) -> bool:
    try:
        parse(query)
    except QueryError:
        return True
    return False


def _outcomes(
    cases: list[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], str, Outcome, Outcome]]:
    """Case, line, what is expected and what came of it; lines of queries that cannot be run, with why."""
    for case in cases:
        if case["kind"] != "pipeline":
            continue
        inputs = case["inputs"]
        outcome = _outcome(case)
        for line, want in zip(inputs["lines"], case["expected"]["results"], strict=True):
            yield case, line, want, outcome(line)


def _outcome(case: dict[str, Any]) -> Callable[[str], Outcome]:
    try:
        return _log_query(case) if case["expected"]["type"] == "entry" else _metric(case)
    except QueryError as error:
        refusal = {"keep": False, "refused": str(error)}
        return lambda _line: refusal


def _log_query(case: dict[str, Any]) -> Callable[[str], Outcome]:
    query = parse(case["query"])
    assert isinstance(query, LogQuery)
    pipeline = Pipeline(query.stages)
    inputs = case["inputs"]

    def outcome(line: str) -> Outcome:
        result = pipeline.process(
            inputs["ts_ns"], line, inputs["stream"], inputs["structured_metadata"]
        )
        if result is None:
            return {"keep": False}
        return {
            "keep": True,
            "line": result.line,
            "labels": dict(result.labels.all),
            "stream": dict(result.labels.stream),
            "sm": dict(result.labels.structured_metadata),
            "parsed": dict(result.labels.parsed),
        }

    return outcome


def _metric(case: dict[str, Any]) -> Callable[[str], Outcome]:
    query = parse(case["query"])
    assert not isinstance(query, LogQuery)
    ((aggregation, pushed),) = log_ranges(query)
    extractor = Extractor(aggregation, pushed)
    inputs = case["inputs"]

    def outcome(line: str) -> Outcome:
        entry = StoredEntry(inputs["ts_ns"], line, inputs["structured_metadata"], 0)
        sample = extractor.sample(entry, inputs["stream"])
        if sample is None:
            return {"keep": False}
        labels, value = sample
        return {"keep": True, "labels": dict(labels), "value": value}

    return outcome


def _without_details(outcome: Outcome) -> Outcome:
    """Values are texts in the cases."""
    stripped: Outcome = {}
    for key, value in outcome.items():
        if isinstance(value, dict):
            stripped[key] = {name: text for name, text in value.items() if name != DETAILS}
        else:
            stripped[key] = float(value) if key == "value" else value
    return stripped
