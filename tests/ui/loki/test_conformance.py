"""Loki's own cases once more, asked over HTTP: what its scripts state, and what a real server answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from driftwood.config import Config, Query
from driftwood.errors import QueryError
from driftwood.logql.answer import (
    Answer,
    Entry,
    Instant,
    Limits,
    Matrix,
    Question,
    Sample,
    Scalar,
    Series,
    Stream,
    Streams,
    Vector,
)
from driftwood.timeparse import format_time
from tests.driftwood.logql.conformance import Dataset, failures, report
from tests.driftwood.logql.loki_cases import loghub_cases, logqltest_cases
from tests.ui.api_server import Running
from tests.ui.loki.rows import Line, commit

NS_PER_MS = 1_000_000


class OverHttp:
    """An engine whose answers come from `query` and `query_range`."""

    def __init__(self, running: Running, http: httpx.Client, dataset: Dataset) -> None:
        running.start_over()
        lines = {
            (ts, line, *sorted(stream.labels.items()), *sorted(metadata.items())): Line(
                ts, line, {n: v for n, v in stream.labels.items() if v}, dict(metadata)
            )
            for stream in dataset
            for ts, line, metadata in stream.lines
        }
        if lines:
            running.store.write(commit(lines.values()))
        self._running = running
        self._http = http

    def answer(self, query: str, question: Question, limits: Limits) -> Answer:
        settings = Query(max_series=limits.max_series)
        self._running.config = replace(Config(), query=settings)
        if isinstance(question, Instant):
            path, said = "query", {"time": format_time(question.time)}
        else:
            path = "query_range"
            said = {
                "start": format_time(question.start),
                "end": format_time(question.end),
                "limit": str(question.limit),
                "direction": question.direction,
                "interval": f"{question.interval // NS_PER_MS}ms",
            }
            if question.step:
                said["step"] = f"{question.step // NS_PER_MS}ms"
        reply = self._http.post(f"/loki/api/v1/{path}", data={"query": query, **said})
        if reply.status_code != 200:
            assert reply.status_code == 400, reply.text
            raise QueryError(reply.text)
        return read(reply.json()["data"])


def read(data: Any) -> Answer:
    """An answer of JSON; categories of labels are not told."""
    result = data["result"]
    match data["resultType"]:
        case "streams":
            return Streams(
                tuple(
                    Stream(
                        one["stream"],
                        one["stream"],
                        tuple(Entry(int(ts), line, {}, {}) for ts, line in one["values"]),
                    )
                    for one in result
                )
            )
        case "vector":
            samples = tuple(Sample(one["metric"], float(one["value"][1])) for one in result)
            return Vector(ns(result[0]["value"][0]) if result else 0, samples)
        case "matrix":
            return Matrix(
                tuple(
                    Series(
                        one["metric"],
                        tuple(ns(t) for t, _ in one["values"]),
                        tuple(float(value) for _, value in one["values"]),
                    )
                    for one in result
                )
            )
    return Scalar(result[0] * NS_PER_MS, float(result[1]))


def ns(seconds: float) -> int:
    return round(seconds * 1000) * NS_PER_MS


def test_every_answer_is_the_one_that_a_real_server_gave(
    shared: Path, running: Running, http: httpx.Client
) -> None:
    cases = loghub_cases(shared)
    assert len(cases) >= 445
    load = lambda dataset: OverHttp(running, http, dataset)  # noqa: E731
    failed = failures(cases, load, Limits(max_series=10_000))
    assert not failed, report(failed)


@pytest.mark.slow
def test_every_answer_is_the_one_that_loki_s_scripts_state(
    shared: Path, running: Running, http: httpx.Client
) -> None:
    load = lambda dataset: OverHttp(running, http, dataset)  # noqa: E731
    failed = failures(logqltest_cases(shared), load)
    assert not failed, report(failed)
