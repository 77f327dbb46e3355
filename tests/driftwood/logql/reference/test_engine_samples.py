"""Cases recorded from the tests of Loki's engine: what becomes of samples and lines that are given to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from driftwood.logql import parse
from driftwood.logql.answer import Entry, Instant, Limits, Range, Streams, Vector
from driftwood.logql.ast import RangeAggregation
from driftwood.logql.gotext import format_float
from driftwood.logql.reference.answers import metric_answer, steps_of
from driftwood.logql.reference.leaves import range_matrix, text_of
from driftwood.logql.reference.logs import Found, streams_of
from driftwood.logql.reference.vectors import LabelKey, key_of
from driftwood.logql.reference.windows import Samples, windows_of

_LABEL = re.compile(r'(\w+)="([^"]*)"')


def _key(written: str) -> LabelKey:
    return key_of(dict(_LABEL.findall(written)))


def _vector(case: Mapping[str, Any]) -> list[dict[str, object]]:
    expr = parse(case["query"])
    assert isinstance(expr, RangeAggregation)
    (given,) = case["inputs"]["sets"]
    series = {
        _key(one["labels"]): Samples(
            np.array([ts for ts, _ in one["samples"]], dtype=np.int64),
            np.array([value for _, value in one["samples"]], dtype=np.float64),
        )
        for one in given["series"]
    }
    question = Instant(case["inputs"]["start_ns"])
    matrix = range_matrix(expr, series, windows_of(expr.range, steps_of(question)))
    answer = metric_answer(matrix, expr, question, Limits())
    assert isinstance(answer, Vector)
    return [
        {"labels": dict(s.labels), "t": answer.time // 10**6, "v": format_float(s.value)}
        for s in answer.samples
    ]


def _streams(case: Mapping[str, Any]) -> list[dict[str, object]]:
    inputs = case["inputs"]
    (given,) = inputs["sets"]
    question = Range(
        inputs["start_ns"],
        inputs["end_ns"],
        inputs["step_ns"],
        limit=inputs["limit"],
        direction="forward" if inputs["direction"] == "FORWARD" else "backward",
        interval=inputs["interval_ns"],
    )
    lines = [
        Found(dict(_key(s["labels"])), dict(_key(s["labels"])), Entry(ts, line, {}, {}))
        for s in given["streams"]
        for ts, line in s["entries"]
    ]
    answer: Streams = streams_of(lines, question)
    return [
        {"labels": text_of(key_of(s.labels)), "entries": [[e.ts, e.line] for e in s.entries]}
        for s in answer.streams
    ]


def test_samples_and_lines_become_the_answers_that_were_recorded(shared: Path) -> None:
    cases = json.loads((shared / "conformance/logql/engine_samples.json").read_text())["cases"]
    assert len(cases) >= 9
    for case in cases:
        expected = case["expected"]
        if "vector" in expected:
            assert _vector(case) == expected["vector"], case["id"]
        else:
            assert _streams(case) == expected["streams"], case["id"]
