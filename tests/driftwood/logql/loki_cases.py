"""Loki's own cases: what its declarative tests state, and what a real server answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from driftwood.errors import QueryError
from driftwood.logql.answer import Answer, Instant, Question, Range, Scalar, Streams
from driftwood.logql.gotext import format_float
from tests.driftwood.logql.conformance import (
    Case,
    Dataset,
    Line,
    Rows,
    StoredStream,
    close,
    error_problem,
    identical,
    number,
    rows_of,
    series_problem,
)

SECOND = 10**9

# -- the declarative scripts of Loki: logqltest.json


def logqltest_cases(shared: Path) -> list[Case]:
    content = json.loads((shared / "conformance/logql/logqltest.json").read_text())
    datasets = {name: _dataset(streams) for name, streams in content["datasets"].items()}
    return [_logqltest_case(case, datasets[case["inputs"]["dataset"]]) for case in content["cases"]]


def _dataset(streams: Sequence[Mapping[str, Any]]) -> Dataset:
    return tuple(
        StoredStream(stream["labels"], tuple((ts, line, sm) for ts, line, sm in stream["entries"]))
        for stream in streams
    )


def _logqltest_case(case: Mapping[str, Any], dataset: Dataset) -> Case:
    inputs, expected = case["inputs"], case["expected"]
    question: Question
    if case["kind"] == "instant":
        question = Instant(inputs["time_ns"])
    else:
        question = Range(inputs["start_ns"], inputs["end_ns"], inputs["step_ns"])
    return Case(
        case["id"],
        case["query"],
        question,
        dataset,
        lambda answer: _logqltest_problem(answer, expected, question),
    )


def _logqltest_problem(
    answer: Answer | QueryError, expected: Mapping[str, Any], question: Question
) -> str | None:
    if expected.get("error"):
        return error_problem(
            answer, expected.get("error_contains", ""), expected.get("error_regex")
        )
    if isinstance(answer, QueryError):
        return f"refused: {answer.message}"
    if "scalar" in expected:
        if isinstance(answer, Scalar) and close(answer.value, number(expected["scalar"])):
            return None
        return f"{answer}, not the scalar {expected['scalar']}"
    wanted = [
        (series["labels"], [None if v is None else number(v) for v in series["values"]])
        for series in expected["series"]
    ]
    return series_problem(rows_of(answer, question), wanted, ordered=bool(expected.get("ordered")))


# -- answers of a real Loki: http_loghub.json

UNSTABLE = "unstable-ties"
"""Which of equal values topk keeps is not defined: such a case says only which values there are."""


def loghub_cases(shared: Path) -> list[Case]:
    folder = shared / "conformance/logql"
    content = json.loads((folder / "http_loghub.json").read_text())
    dataset = loghub_lines(folder / "loghub_2k.jsonl")
    return [_loghub_case(case, dataset) for case in content["cases"]]


@cache
def loghub_lines(path: Path) -> Dataset:
    streams: dict[tuple[tuple[str, str], ...], list[Line]] = {}
    for text in path.read_text().splitlines():
        row = json.loads(text)
        key = tuple(sorted(row["labels"].items()))
        streams.setdefault(key, []).append((row["ts_ns"], row["line"], row["sm"]))
    return tuple(StoredStream(dict(key), tuple(lines)) for key, lines in streams.items())


def _loghub_case(case: Mapping[str, Any], dataset: Dataset) -> Case:
    inputs, expected, compare = case["inputs"], case["expected"], case["compare"]
    question: Question
    if inputs["endpoint"] == "instant":
        question = Instant(inputs["time"] * SECOND)
    else:
        question = Range(
            inputs["start"],
            inputs["end"],
            int(inputs.get("step", 0)) * SECOND or default_step(inputs["start"], inputs["end"]),
            limit=inputs.get("limit", 100),
            direction=inputs.get("direction", "backward"),
            interval=int(inputs.get("interval", "0s").removesuffix("s")) * SECOND,
        )
    return Case(
        case["id"],
        case["query"],
        question,
        dataset,
        lambda answer: _loghub_problem(answer, expected, compare, question),
    )


def default_step(start: int, end: int) -> int:
    """What Loki takes for `step` where none is given, in ns."""
    return max((end - start) // SECOND // 250, 1) * SECOND


def _loghub_problem(
    answer: Answer | QueryError, expected: Mapping[str, Any], compare: str, question: Question
) -> str | None:
    if "error" in expected:
        return error_problem(answer, expected["error_class"], None)
    if isinstance(answer, QueryError):
        return f"refused: {answer.message}"
    if expected["type"] == "streams":
        return _streams_problem(answer, expected["streams"])
    if expected["type"] == "scalar":
        right = isinstance(answer, Scalar) and format_float(answer.value) == expected["value"][1]
        return None if right else f"{answer}, not {expected['value']}"
    rows, wanted = rows_of(answer, question), _loghub_rows(expected, question)
    if compare == UNSTABLE:
        return rows if isinstance(rows, str) else _values_problem(rows, wanted)
    same = close if compare == "epsilon" else identical
    return series_problem(rows, wanted, ordered=False, same=same)  # the order was not recorded


def _loghub_rows(expected: Mapping[str, Any], question: Question) -> Rows:
    if isinstance(question, Instant):
        return [(one["labels"], [number(one["value"][1])]) for one in expected["series"]]
    times = range(question.start, question.end + 1, question.step)
    rows: Rows = []
    for one in expected["series"]:
        points = {round(time * SECOND): number(value) for time, value in one["values"]}
        rows.append((one["labels"], [points.get(time) for time in times]))
    return rows


def _values_problem(rows: Rows, wanted: Rows) -> str | None:
    """Whether every step has the same values, whichever series they belong to."""
    for step, (got, right) in enumerate(zip(_columns(rows), _columns(wanted), strict=True)):
        if not all(map(identical, got, right)) or len(got) != len(right):
            return f"step {step}: {got}, not {right}"
    return None


def _columns(rows: Rows) -> list[list[float]]:
    columns = zip(*(values for _, values in rows), strict=True)
    return [sorted(value for value in column if value is not None) for column in columns]


def _streams_problem(answer: Answer, wanted: Sequence[Mapping[str, Any]]) -> str | None:
    if not isinstance(answer, Streams):
        return f"{type(answer).__name__} where streams were expected"
    got = sorted(
        (sorted(stream.labels.items()), [[str(entry.ts), entry.line] for entry in stream.entries])
        for stream in answer.streams
    )
    right = sorted((sorted(stream["labels"].items()), stream["values"]) for stream in wanted)
    for ours, theirs in zip(got, right, strict=False):
        if ours != theirs:
            return f"{ours}, not {theirs}"
    return None if len(got) == len(right) else f"{len(got)} streams, not {len(right)}"
