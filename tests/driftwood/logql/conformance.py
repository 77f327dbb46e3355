"""Runs conformance cases through any engine: reads the files, loads the lines, compares the answers.

An engine is tested by writing a `Load` for it:

    failed = failures(logqltest_cases(shared), load)
    assert not failed, report(failed)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from driftwood.errors import QueryError
from driftwood.logql.answer import (
    Answer,
    Instant,
    Labels,
    Limits,
    Matrix,
    Question,
    Range,
    Scalar,
    Streams,
    Vector,
)
from driftwood.logql.gotext import format_float

SECOND = 10**9
EPSILON = 1e-9

Line: TypeAlias = tuple[int, str, Labels]
"""Time in ns, text, structured metadata."""


@dataclass(frozen=True, slots=True)
class StoredStream:
    labels: Labels
    lines: tuple[Line, ...]


Dataset: TypeAlias = tuple[StoredStream, ...]


class Engine(Protocol):
    """Something that answers LogQL over lines that it was given."""

    def answer(self, query: str, question: Question, limits: Limits) -> Answer:
        """Raises QueryError, and nothing else."""
        ...


Load: TypeAlias = Callable[[Dataset], Engine]
"""An engine over these lines. Cases with equal lines share one."""


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    query: str
    question: Question
    dataset: Dataset
    problem: Callable[[Answer | QueryError], str | None]
    """What is wrong with an answer; None: nothing."""


def failures(cases: Iterable[Case], load: Load, limits: Limits | None = None) -> dict[str, str]:
    """What is wrong, by case id. An exception that is not a QueryError is a failure, too."""
    failed: dict[str, str] = {}
    engines: dict[int, tuple[Dataset, Engine]] = {}
    for case in cases:
        key = id(case.dataset)
        if key not in engines:
            engines[key] = case.dataset, load(case.dataset)
        problem = _problem(case, engines[key][1], limits or Limits())
        if problem is not None:
            failed[case.id] = f"{case.query!r}: {problem}"
    return failed


def _problem(case: Case, engine: Engine, limits: Limits) -> str | None:
    try:
        return case.problem(engine.answer(case.query, case.question, limits))
    except QueryError as error:
        return case.problem(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def report(failed: Mapping[str, str], shown: int = 60) -> str:
    """All ids, then the details of the first `shown`."""
    details = [f"{name}: {problem[:600]}" for name, problem in list(failed.items())[:shown]]
    return f"{len(failed)} failed: {' '.join(failed)}\n" + "\n".join(details)


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


def error_problem(answer: Answer | QueryError, part: str, pattern: str | None) -> str | None:
    import re

    if not isinstance(answer, QueryError):
        return f"{answer}, not an error with {part or pattern or 'any text'!r}"
    if part in answer.message and (pattern is None or re.search(pattern, answer.message)):
        return None
    return f"the error {answer.message!r} lacks {part or pattern!r}"


# -- comparing series

Rows: TypeAlias = list[tuple[Labels, list[float | None]]]
"""A value per step for each series; None: no sample."""


def rows_of(answer: Answer, question: Question) -> Rows | str:
    if isinstance(answer, Vector):
        return [(sample.labels, [sample.value]) for sample in answer.samples]
    if isinstance(answer, Matrix) and isinstance(question, Range):
        times = range(question.start, question.end + 1, question.step or 1)
        rows: Rows = []
        for series in answer.series:
            points = dict(zip(series.times, series.values, strict=True))
            if len(points) != len(series.times) or not set(points) <= set(times):
                return f"the series {dict(series.labels)} has points at {series.times}"
            rows.append((series.labels, [points.get(time) for time in times]))
        return rows
    return f"{type(answer).__name__} where series were expected"


def series_problem(
    rows: Rows | str,
    wanted: Rows,
    *,
    ordered: bool,
    same: Callable[[float, float], bool] | None = None,
) -> str | None:
    if isinstance(rows, str):
        return rows
    if not ordered:
        rows, wanted = sorted(rows, key=_by_labels), sorted(wanted, key=_by_labels)
    if [dict(labels) for labels, _ in rows] != [dict(labels) for labels, _ in wanted]:
        return f"series {rows}, not {wanted}"
    for (labels, got), (_, right) in zip(rows, wanted, strict=True):
        if len(got) != len(right) or not all(map(_alike(same or close), got, right)):
            return f"{dict(labels)}: {got}, not {right}"
    return None


def _by_labels(row: tuple[Labels, list[float | None]]) -> list[tuple[str, str]]:
    return sorted(row[0].items())


def _alike(same: Callable[[float, float], bool]) -> Callable[[float | None, float | None], bool]:
    def alike(a: float | None, b: float | None) -> bool:
        return a is b if a is None or b is None else same(a, b)

    return alike


def number(written: float | str) -> float:
    return float(written)  # also NaN, +Inf and -Inf


def close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=EPSILON, abs_tol=EPSILON)


def identical(a: float, b: float) -> bool:
    """In their shortest exact form; but for what the order of adding up makes of the last digits.

    Loki adds up in the order of a hash map, and gave different last digits for equal samples at two steps of one query.
    """
    return format_float(a) == format_float(b) or math.isclose(a, b, rel_tol=1e-14)


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
