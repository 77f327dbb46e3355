"""Runs cases through any engine, and compares answers. The cases are in `loki_cases` and `scripts`.

An engine is tested by writing a `Load` for it:

    failed = failures(logqltest_cases(shared), load)
    assert not failed, report(failed)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from driftwood.errors import QueryError
from driftwood.logql.answer import (
    Answer,
    Labels,
    Limits,
    Matrix,
    Question,
    Range,
    Vector,
)
from driftwood.logql.gotext import format_float

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


def error_problem(answer: Answer | QueryError, part: str, pattern: str | None) -> str | None:
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
