"""Counts by roll-ups and by lines, against a count in plain Python."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.errors import QueryError
from driftwood.store.read import DAY, Span
from driftwood.store.read_counts import MAX_BUCKETS, STEPS, By, counts, natural_step
from driftwood.store.read_selection import EVERY_LINE, select
from driftwood.store.read_templates import templates
from driftwood.store.schema import HOUR, MINUTE
from driftwood.store.store import DuckStore
from driftwood.timeparse import SECOND
from tests.shop import NOON, Row, commit, log_query

Made = list[tuple[int, str, str, int]]

moments = st.integers(-40 * 60, 40 * 60).map(lambda s: s * SECOND + s % 3)
made_rows = st.lists(
    st.tuples(
        moments,
        st.sampled_from(["api", "pay"]),
        st.sampled_from(["", "info", "error"]),
        st.integers(1, 4),
    ),
    max_size=40,
)


def stored(made: Made, base: int, sealed: int) -> tuple[DuckStore, list[Row]]:
    rows = [
        Row(base + moment, f"line {i}", app, level, template)
        for i, (moment, app, level, template) in enumerate(made)
    ]
    store = DuckStore.in_memory(Settings(min_free_bytes=0))
    store.write(commit(rows[:sealed]))
    store.compact()
    store.write(commit(rows[sealed:], sealed + 1))
    return store, rows


@settings(max_examples=12, deadline=None)
@given(
    made_rows,
    st.sampled_from([NOON, 0]),
    moments,
    st.integers(1, 45 * 60).map(lambda s: s * SECOND),
    st.sampled_from([7 * SECOND, MINUTE, 5 * MINUTE, HOUR]),
    st.sampled_from(["severity", "service", "template", "none"]),
    st.sampled_from(["{}", '{app="api"}', '{} |~ "[13579]$"', '{app!="api"} |= "2"']),
    st.integers(0, 40),
)
@example(
    [(0, "api", "", 1), (60 * SECOND, "api", "", 1)], 0, 0, 60 * SECOND, MINUTE, "none", "{}", 1
)
def test_counts_are_what_counting_one_by_one_gives(
    made: Made, base: int, start: int, length: int, step: int, by: By, query: str, sealed: int
) -> None:
    store, rows = stored(made, base, sealed)
    try:
        asked = Span(base + start, base + start + length)
        counted = counts(store, select(store, log_query(query)), asked, step, by)
    finally:
        store.close()
    expected: dict[str, Counter[int]] = {}
    for row in rows:
        number = row.line.removeprefix("line ")
        chosen = {
            "{}": True,
            '{app="api"}': row.app == "api",
            '{} |~ "[13579]$"': int(number) % 2 == 1,
            '{app!="api"} |= "2"': row.app != "api" and "2" in number,
        }[query]
        if chosen and counted.span.start < row.ts <= counted.span.end:
            key = {
                "severity": row.level or "unknown",
                "service": row.app,
                "template": str(row.template),
                "none": "all",
            }[by]
            bucket = -(-row.ts // step) - 1  # (bucket * step, (bucket + 1) * step]
            expected.setdefault(key, Counter())[bucket] += 1
    first = counted.origin // step
    assert {
        key: Counter({first + i: n for i, n in enumerate(points) if n})
        for key, points in counted.series.items()
    } == expected
    assert counted.span.start <= asked.start
    assert counted.span.end >= asked.end
    exact = "|" in query or step % MINUTE
    assert counted.span.length < asked.length + (1 if exact else 2 * MINUTE)


@settings(max_examples=8, deadline=None)
@given(made_rows, st.integers(0, 40), st.sampled_from(["{}", '{level!="info"} |= "1"']))
def test_template_counts_add_up_whatever_they_are_made_from(
    made: Made, sealed: int, query: str
) -> None:
    store, rows = stored(made, NOON, sealed)
    try:
        found, total = templates(
            store, select(store, log_query(query)), Span(NOON - HOUR, NOON + HOUR), limit=10
        )
    finally:
        store.close()
    expected = Counter(
        row.template for row in rows if query == "{}" or (row.level != "info" and "1" in row.line)
    )
    assert {t.id: t.count for t in found} == expected
    assert total == len(expected)
    for t in found:
        mine = [row for row in rows if row.template == t.id]
        chosen = [r for r in mine if query == "{}" or (r.level != "info" and "1" in r.line)]
        assert sum(t.spark) == t.count
        assert t.severities == Counter(r.level or "unknown" for r in chosen)
        assert set(t.services) == {r.app for r in chosen}
        first = min(r.ts for r in mine)
        assert t.first_seen <= first <= t.first_seen + MINUTE
        assert t.share == pytest.approx(t.count / sum(expected.values()))


@given(st.integers(1, 290 * 365 * DAY))
def test_the_natural_step_never_makes_too_many_buckets(length: int) -> None:
    step = natural_step(Span(0, length))
    assert step in STEPS
    assert length / step <= MAX_BUCKETS - 2


def test_a_step_that_is_too_fine_is_refused_with_one_that_is_not() -> None:
    with DuckStore.in_memory(Settings(min_free_bytes=0)) as store:
        span = Span(NOON, NOON + DAY)
        with pytest.raises(QueryError, match="1440 buckets and at most 600 .* step of 5m or more"):
            counts(store, EVERY_LINE, span, MINUTE)
        assert counts(store, EVERY_LINE, span, 5 * MINUTE).series == {}
