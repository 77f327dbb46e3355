"""Lines of a span, the surroundings of one, and lines by id; what stays hot and what is sealed answer as one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.errors import QueryError, QueryTimeout
from driftwood.store.read import DAY, Deadline, Span, extent
from driftwood.store.read_lines import by_id, context, lines, slices
from driftwood.store.read_selection import LITERAL_STREAMS, Selection, select
from driftwood.store.store import DuckStore
from tests.shop import HOUR, MINUTE, NOON, SECOND, Row, commit, log_query


@pytest.fixture
def store() -> Iterator[DuckStore]:
    made = DuckStore.in_memory(Settings(min_free_bytes=0))
    yield made
    made.close()


def shown(store: DuckStore, query: str, **more: object) -> list[str]:
    rows = lines(store, select(store, log_query(query)), **more)  # type: ignore[arg-type]
    return [row["line"] for row in rows]


SHOP = [
    Row(NOON + 1 * SECOND, "GET /cart 200", labels={"zone": "eu"}),
    Row(NOON + 2 * SECOND, "GET /cart 500", level="error", template=2),
    Row(NOON + 2 * SECOND, "payment declined: card 17", app="pay", level="warn", template=3),
    Row(NOON + 3 * SECOND, "GET /cart\nFailed", labels={"zone": ""}),
    Row(NOON + 4 * SECOND, "100% of it_all \\d+", app="pay", level="error", template=4),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("{}", [0, 1, 2, 3, 4]),
        ('{app="pay"}', [2, 4]),
        ('{app!="pay"}', [0, 1, 3]),
        ('{app=~"pa"}', []),  # a label's pattern matches the whole value
        ('{app=~"p.*"}', [2, 4]),
        ('{app=~"x|pay"}', [2, 4]),
        ('{app!~"a.i"}', [2, 4]),
        ('{app="pay", level="error"}', [4]),
        ('{zone=""}', [1, 2, 3, 4]),  # a missing label equals the empty text
        ('{zone!=""}', [0]),
        ('{zone=~".+"}', [0]),
        ('{zone!~".+"}', [1, 2, 3, 4]),
        ('{nobody="here"}', []),
        ('{} |= "cart"', [0, 1, 3]),
        ('{} |= "Cart"', []),
        ('{} != "cart"', [2, 4]),
        ('{} |= "cart" != "200" |~ "[0-9]$"', [1]),
        ('{} |~ "cart.Failed"', []),  # in a line, . is not a newline
        ('{} |~ "(?s)cart.Failed"', [3]),
        ('{} |~ "^Failed"', []),  # nor does a line begin after one
        ('{} !~ "GET|card"', [4]),
        ('{} |= "100% of it_"', [4]),  # neither % nor _ nor \ means anything
        (r"{} |= `\d+`", [4]),
        ('{} |~ "(?i)PAYMENT"', [2]),
        ('{} |= ""', [0, 1, 2, 3, 4]),
        ('{app="api"} |= "declined"', []),
        ('{} |= "\'; DROP TABLE logs_hot; --"', []),
    ],
)
def test_a_query_finds_its_lines_and_no_others(
    store: DuckStore, query: str, found: Sequence[int]
) -> None:
    store.write(commit(SHOP))
    assert shown(store, query, direction="forward") == [SHOP[i].line for i in found]


@pytest.mark.parametrize("query", ['{app=~"("}', '{} |~ "a(?=b)"', '{app="x"} !~ "[z-a]"'])
def test_a_pattern_that_re2_refuses_is_shown_with_its_place(query: str) -> None:
    with pytest.raises(QueryError, match="error parsing regexp") as refusal:
        log_query(query)
    assert query[refusal.value.at] == '"'


def test_lines_come_newest_first_and_ties_by_line_id(store: DuckStore) -> None:
    store.write(commit(SHOP))
    assert [row["line_id"] for row in lines(store)] == [5, 4, 3, 2, 1]
    assert [row["line_id"] for row in lines(store, limit=3)] == [5, 4, 3]
    assert [row["line_id"] for row in lines(store, limit=3, direction="forward")] == [1, 2, 3]


def test_a_span_includes_its_start_and_not_its_end(store: DuckStore) -> None:
    store.write(commit(SHOP))
    span = Span(NOON + 2 * SECOND, NOON + 4 * SECOND)
    assert [row["line_id"] for row in lines(store, span=span)] == [4, 3, 2]


def test_a_line_comes_with_all_that_is_known_of_it(store: DuckStore) -> None:
    store.write(
        commit(
            [Row(NOON + 7, "hello", level="error", template=2**62, metadata={"trace": "ab"})], 41
        )
    )
    (row,) = lines(store)
    row = dict(row)
    del row["sid"]
    assert row == {
        "ts": NOON + 7,
        "line": "hello",
        "sm": {"trace": "ab"},
        "labels": {"app": "api", "level": "error"},
        "severity": 17,
        "service": "api",
        "template_id": 2**62,
        "template_version": 1,
        "line_id": 41,
        "topic": "orders/uuid",
        "part": 0,
        "off": 41,
        "idx": 0,
    }


def test_more_streams_than_a_list_can_hold_are_found_all_the_same(store: DuckStore) -> None:
    many = LITERAL_STREAMS + 10
    store.write(commit([Row(NOON + i, f"line {i}", labels={"pod": f"p{i}"}) for i in range(many)]))
    store.write(commit([Row(NOON, "noise", labels={"pod": "q"})], many + 1))
    assert len(shown(store, '{pod=~"p.*"}', limit=2 * many)) == many


def test_context_is_of_the_same_source_whatever_the_level(store: DuckStore) -> None:
    rows = [
        Row(NOON + 1, "before"),
        Row(NOON + 2, "another service", app="pay"),
        Row(NOON + 3, "just before, at the same time"),
        Row(NOON + 3, "the error", level="error"),
        Row(NOON + 3, "just after, at the same time", level="warn"),
        Row(NOON + 4, "another zone", labels={"zone": "eu"}),
        Row(NOON + 5, "after"),
        Row(NOON + 2, "late, but of then"),
    ]
    store.write(commit(rows))
    found = [row["line"] for row in context(store, 4, before=20, after=20)]
    assert found == [
        "before",
        "late, but of then",
        "just before, at the same time",
        "the error",
        "just after, at the same time",
        "after",
    ]
    assert [row["line_id"] for row in context(store, 4, before=1, after=1)] == [3, 4, 5]
    assert [row["line_id"] for row in context(store, 4, before=0, after=0)] == [4]
    assert context(store, 99, before=1, after=1) == []


def test_what_is_sealed_is_found_like_what_is_not(store: DuckStore) -> None:
    hours = [Row(NOON + i * HOUR, f"line {i}", level=["info", "error"][i % 2]) for i in range(6)]
    store.write(commit(hours[:4]))
    store.compact()
    store.write(commit([*hours[4:], Row(NOON + HOUR + 1, "late", app="pay")], 5))
    assert [row["line_id"] for row in lines(store)] == [6, 5, 4, 3, 7, 2, 1]
    assert [row["line_id"] for row in lines(store, select(store, log_query('{} |= "3"')))] == [4]
    assert [row["line_id"] for row in context(store, 4, before=2, after=2)] == [2, 3, 4, 5, 6]
    assert [row["line_id"] for row in by_id(store, [1, 6, 7])] == [1, 7, 6]
    stored = extent(store)
    assert stored is not None
    assert (stored.oldest, stored.newest) == (NOON, NOON + 5 * HOUR)


def test_a_sealed_line_of_the_future_does_not_move_what_is_recent(store: DuckStore) -> None:
    store.write(commit([Row(NOON, "now"), Row(NOON + 900 * DAY, "ahead", arrived=NOON)]))
    store.compact()
    stored = extent(store)
    assert stored is not None
    assert (stored.recent, stored.newest) == (NOON, NOON + 900 * DAY)


def test_lines_by_id_leave_out_the_unknown(store: DuckStore) -> None:
    store.write(commit(SHOP))
    assert [row["line_id"] for row in by_id(store, [4, 2, 77])] == [2, 4]
    assert by_id(store, []) == []
    assert by_id(store, [77]) == []


def test_an_empty_store_has_no_lines_and_no_extent(store: DuckStore) -> None:
    assert extent(store) is None
    assert lines(store) == []
    assert context(store, 1, 5, 5) == []


def test_clocks_that_are_years_ahead_do_not_move_what_is_recent(store: DuckStore) -> None:
    store.write(
        commit(
            [
                Row(NOON, "now"),
                Row(NOON - HOUR, "before"),
                Row(NOON + 30 * 365 * DAY, "from the future", arrived=NOON),
            ]
        )
    )
    stored = extent(store)
    assert stored is not None
    assert (stored.oldest, stored.recent) == (NOON - HOUR, NOON)
    assert stored.newest == NOON + 30 * 365 * DAY
    assert stored.last(HOUR) == Span(NOON + 1 - HOUR, NOON + 1)
    assert [row["line"] for row in lines(store, limit=2)] == ["from the future", "now"]


def test_where_every_clock_is_ahead_their_newest_line_is_recent(store: DuckStore) -> None:
    store.write(commit([Row(NOON + 400 * DAY, "ahead", arrived=NOON)]))
    stored = extent(store)
    assert stored is not None
    assert stored.recent == NOON + 400 * DAY


def test_a_deadline_holds_for_all_questions_together(store: DuckStore) -> None:
    store.write(commit(SHOP))
    assert len(lines(Deadline(store, 30))) == len(SHOP)
    with pytest.raises(QueryTimeout, match="after 0 s"):
        lines(Deadline(store, 0), Selection())


@given(
    st.integers(-(10**18), 10**18),
    st.integers(0, 2 * 10**18),
    st.sampled_from(["backward", "forward"]),
)
def test_slices_cover_a_span_without_gap_or_overlap(
    start: int, length: int, direction: str
) -> None:
    span = Span(start, start + length)
    parts = list(slices(span, direction))  # type: ignore[arg-type]
    ordered = parts if direction == "forward" else parts[::-1]
    assert len(parts) <= 32
    assert all(a.end == b.start for a, b in itertools.pairwise(ordered))
    assert not length or (ordered[0].start, ordered[-1].end) == span
    assert bool(parts) == bool(length)


offsets = st.integers(-3 * 24 * 60, 3 * 24 * 60).map(lambda m: m * MINUTE + m % 7)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(offsets, st.sampled_from(["api", "pay"])), max_size=40),
    st.integers(1, 12),
    st.sampled_from(["backward", "forward"]),
    offsets,
    offsets,
    st.integers(0, 40),
)
def test_the_search_in_slices_finds_what_a_sort_of_everything_finds(
    made: list[tuple[int, str]], limit: int, direction: str, one: int, other: int, sealed: int
) -> None:
    span = Span(NOON + min(one, other), NOON + max(one, other))
    rows = [Row(NOON + offset, f"{i}", app=app) for i, (offset, app) in enumerate(made)]
    expected = sorted(
        (row.ts, i + 1)
        for i, row in enumerate(rows)
        if span.start <= row.ts < span.end and row.app == "api"
    )
    if direction == "backward":
        expected.reverse()
    store = DuckStore.in_memory(Settings(min_free_bytes=0))
    try:
        store.write(commit(rows[:sealed]))
        store.compact()
        store.write(commit(rows[sealed:], sealed + 1))
        found = lines(store, select(store, log_query('{app="api"}')), span, limit, direction)  # type: ignore[arg-type]
        assert [(row["ts"], row["line_id"]) for row in found] == expected[:limit]
    finally:
        store.close()
