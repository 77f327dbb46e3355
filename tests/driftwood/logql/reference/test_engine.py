"""What holds for any lines: the reference engine compared with itself and with counting by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.answer import Instant, Labels, Limits, Matrix, Question, Range, Streams, Vector
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import MemorySource

S = 10**9
Logs: TypeAlias = Sequence[tuple[str, str, int, int]]
"""App, pod, time in seconds, value; no two of one stream at one time."""

LOGS = st.lists(
    st.tuples(
        st.sampled_from(["web", "db"]),
        st.sampled_from("abc"),
        st.integers(0, 120),
        st.integers(-50, 50),
    ),
    max_size=40,
    unique_by=lambda log: log[:3],
)


def source(logs: Logs) -> MemorySource:
    found = MemorySource()
    for app, pod, ts, value in logs:
        found.add({"app": app, "pod": pod}, [(ts * S, f"v={value}")])
    return found


def _vector(logs: Logs, query: str, at: int) -> dict[tuple[tuple[str, str], ...], float]:
    answer = evaluate(parse(query), source(logs), Instant(at * S), Limits())
    assert isinstance(answer, Vector)
    return {tuple(sorted(s.labels.items())): s.value for s in answer.samples}


def _matrix(logs: Logs, query: str, question: Question) -> Matrix:
    answer = evaluate(parse(query), source(logs), question, Limits())
    assert isinstance(answer, Matrix)
    return answer


@given(LOGS, st.integers(0, 140), st.integers(1, 100))
def test_lines_are_counted_as_by_hand(logs: Logs, at: int, width: int) -> None:
    counts = Counter(
        (("app", app), ("pod", pod)) for app, pod, ts, _ in logs if at - width < ts <= at
    )
    assert _vector(logs, f'count_over_time({{app=~".+"}}[{width}s])', at) == counts


@given(LOGS, st.integers(0, 140))
def test_the_sum_by_nothing_is_the_sum_of_all_series(logs: Logs, at: int) -> None:
    parts = _vector(logs, 'count_over_time({app=~".+"}[1m])', at)
    total = _vector(logs, 'sum by () (count_over_time({app=~".+"}[1m]))', at)
    assert total == ({(): sum(parts.values())} if parts else {})


@given(LOGS, st.integers(0, 140))
def test_the_rate_times_the_range_is_the_count(logs: Logs, at: int) -> None:
    counts = _vector(logs, 'count_over_time({app="web"}[50s])', at)
    assert _vector(logs, 'rate({app="web"}[50s]) * 50', at) == pytest.approx(counts)


@given(LOGS, st.integers(0, 140))
def test_adjacent_windows_add_up(logs: Logs, at: int) -> None:
    both = 'sum(count_over_time({app="web"}[40s]))'
    parts = (
        '(sum(count_over_time({app="web"}[10s])) or vector(0))'
        ' + (sum(count_over_time({app="web"}[30s] offset 10s)) or vector(0)) > 0'
    )
    assert _vector(logs, both, at) == _vector(logs, parts, at)


@given(LOGS, st.integers(1, 40), st.integers(1, 60))
def test_a_range_query_is_an_instant_query_at_each_step(logs: Logs, step: int, width: int) -> None:
    query = f'max without (pod) (avg_over_time({{app=~".+"}} | logfmt | unwrap v [{width}s]) / 2)'
    matrix = _matrix(logs, query, Range(0, 130 * S, step * S))
    for at in range(0, 131, step):
        points = {
            tuple(sorted(series.labels.items())): value
            for series in matrix.series
            for time, value in zip(series.times, series.values, strict=True)
            if time == at * S
        }
        assert points == _vector(logs, query, at)


@given(LOGS.flatmap(lambda logs: st.tuples(st.just(logs), st.permutations(logs))))
def test_the_order_in_which_lines_came_does_not_matter(given_: tuple[Logs, Logs]) -> None:
    came, shuffled = given_
    for query in (
        'sum by (app) (sum_over_time({app=~".+"} | logfmt | unwrap v [1m]))',
        'last_over_time({app=~".+"} | logfmt | unwrap v [1m]) by (app, pod)',
        'topk(2, quantile_over_time(0.5, {app=~".+"} | logfmt | unwrap v [1m]) by (pod))',
    ):
        assert _vector(came, query, 100) == _vector(shuffled, query, 100)


@given(LOGS, st.integers(0, 140))
def test_as_many_as_there_are_is_all(logs: Logs, at: int) -> None:
    counts = 'count_over_time({app=~".+"}[1m])'
    assert _vector(logs, f"topk(6, {counts})", at) == _vector(logs, counts, at)
    assert _vector(logs, f"bottomk(6, {counts})", at) == _vector(logs, counts, at)


@given(LOGS, st.integers(0, 140))
def test_something_is_absent_just_where_nothing_is_counted(logs: Logs, at: int) -> None:
    counted = _vector(logs, 'sum(count_over_time({app="web"}[30s]))', at)
    absent = _vector(logs, 'absent_over_time({app="web"}[30s])', at)
    assert bool(counted) is not bool(absent)


def _lines(
    logs: Logs, question: Range, query: str = '{app=~".+"}'
) -> list[tuple[int, Labels, str]]:
    answer = evaluate(parse(query), source(logs), question, Limits())
    assert isinstance(answer, Streams)
    return sorted(
        (entry.ts, tuple(sorted(stream.labels.items())), entry.line)  # type: ignore[misc]
        for stream in answer.streams
        for entry in stream.entries
    )


@given(LOGS, st.integers(0, 60), st.integers(61, 130))
def test_lines_are_those_of_the_span_in_both_directions(logs: Logs, start: int, end: int) -> None:
    forward = _lines(logs, Range(start * S, end * S, S, direction="forward"))
    assert forward == _lines(logs, Range(start * S, end * S, S, direction="backward"))
    assert [ts // S for ts, _, _ in forward] == sorted(
        ts for *_, ts, _ in logs if start <= ts < end
    )


@given(LOGS, st.integers(1, 10))
def test_a_limit_takes_the_lines_of_its_end(logs: Logs, limit: int) -> None:
    times = sorted(ts for *_, ts, _ in logs)
    oldest = _lines(logs, Range(0, 200 * S, S, limit=limit, direction="forward"))
    newest = _lines(logs, Range(0, 200 * S, S, limit=limit, direction="backward"))
    assert [ts // S for ts, _, _ in oldest] == times[:limit]
    assert [ts // S for ts, _, _ in newest] == times[-limit:]


@pytest.mark.parametrize(
    ("query", "question", "part"),
    [
        ('{app="web"}', Instant(0), "log queries are not supported as an instant query type"),
        ('{app="web"}', Range(0, 1, 1, limit=9_999), "max entries limit per query exceeded"),
        ("vector(1)", Range(0, 11_001, 1), "exceeded maximum resolution of 11,000 points"),
        ("vector(1)", Range(0, 1, 0), "zero or negative query resolution step"),
        ("approx_topk(2, vector(1))", Range(0, 1, 1), "only supported on instant queries"),
        ("sum(1)", Instant(0), "needs a vector"),
    ],
)
def test_what_cannot_be_answered_is_refused(query: str, question: Question, part: str) -> None:
    with pytest.raises(QueryError, match=part):
        evaluate(parse(query), MemorySource(), question, Limits())


def test_windows_beyond_all_times_hold_what_they_can() -> None:
    logs = [("web", "a", 1, 1)]
    assert _vector(logs, 'sum(count_over_time({app="web"}[250y] offset -1752000h))', 1) == {(): 1}
    assert _vector(logs, 'sum(count_over_time({app="web"}[200y] offset 200y))', 1) == {}
    assert _vector(logs, 'count_over_time({app="web"}[0s])', 1) == {}
