"""How much there is, and what kinds of lines: from lines and from roll-ups the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.records import Template, TemplateId
from driftwood.store.read import Span
from driftwood.store.read_patterns import patterns
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.read_volume import SHORT, size_of, volumes, volumes_by_label
from driftwood.store.store import DuckStore
from tests.shop import HOUR, MINUTE, NOON, SECOND, Row, commit


@pytest.fixture
def store() -> Iterator[DuckStore]:
    with DuckStore.in_memory(Settings(min_free_bytes=0)) as one:
        yield one


# Inside of minutes, so that the roll-ups and the lines must tell the same.
moments = st.integers(0, 3 * 3_600 - 1).map(lambda s: NOON + s * SECOND + 1)
rows = st.builds(
    Row,
    ts=moments,
    line=st.sampled_from(["", "short", "é" * 40]),
    app=st.sampled_from(["api", "web"]),
    level=st.sampled_from(["", "info", "error"]),
    template=st.integers(1, 3),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, max_size=30))
def test_volume_and_size_are_those_of_the_lines(lines: list[Row]) -> None:
    span = Span(NOON, NOON + 3 * HOUR)
    with DuckStore.in_memory(Settings(min_free_bytes=0)) as store:
        if lines:
            store.write(commit(lines))
        size = size_of(store, EVERY_LINE, span)
        assert size.entries == len(lines)
        assert size.size_bytes == sum(len(r.line.encode()) for r in lines)
        assert size.streams == len({(r.app, r.level) for r in lines})
        expected: dict[str, dict[int, int]] = {}
        for row in lines:
            bucket = (row.ts - NOON) // HOUR
            by_app = expected.setdefault(row.app, {})
            by_app[bucket] = by_app.get(bucket, 0) + len(row.line.encode())
        found = volumes(store, EVERY_LINE, span, HOUR, ["app"])
        assert {v.labels["app"]: v.size_bytes for v in found} == expected
        assert [v.total for v in found] == sorted((v.total for v in found), reverse=True)
        levels = volumes_by_label(store, EVERY_LINE, span, HOUR, ["level"])
        with_level = sum(len(r.line.encode()) for r in lines if r.level)
        assert sum(v.total for v in levels) == with_level
        counted = patterns(store, EVERY_LINE, span, MINUTE)
        assert sum(p.total for p in counted) == len(lines)


def test_a_short_span_includes_both_of_its_ends(store: DuckStore) -> None:
    store.write(commit([Row(NOON, "first"), Row(NOON + MINUTE, "last"), Row(NOON - 1, "before")]))
    span = Span(NOON, NOON + MINUTE)
    assert span.length < SHORT
    assert size_of(store, EVERY_LINE, span).entries == 2
    (volume,) = volumes(store, EVERY_LINE, span, MINUTE, ["app"])
    assert volume.size_bytes == {0: len("first") + len("last")}


def test_patterns_are_named_by_the_newest_text_of_their_template(store: DuckStore) -> None:
    first = Template(TemplateId(1), 1, "took 5 ms")
    second = Template(TemplateId(1), 2, "took <NUM> ms")
    store.write(commit([Row(NOON + 1, "took 5 ms")], templates=[first]))
    store.write(commit([Row(NOON + 2, "took 6 ms", version=2)], 2, templates=[second]))
    store.write(commit([Row(NOON + 3, "?", template=9, level="")], 3))
    found = patterns(store, EVERY_LINE, Span(NOON, NOON + HOUR), MINUTE)
    assert [(p.text, p.level, p.counts) for p in found] == [
        ("took <NUM> ms", "info", {0: 2}),
        ("", "", {0: 1}),
    ]
