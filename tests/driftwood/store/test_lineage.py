"""Merged templates: what was merged away counts as what it was merged into, whoever asks; rows keep their ids."""

from __future__ import annotations

import pytest

from driftwood.records import Template, TemplateId
from driftwood.store.read import Span, rows
from driftwood.store.read_counts import counts
from driftwood.store.read_diff import diff
from driftwood.store.read_lines import lines
from driftwood.store.read_patterns import patterns
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.read_templates import successor, template, templates
from driftwood.store.store import DuckStore
from tests.shop import HOUR, MINUTE, NOON, Row, commit

A, B, C, D = (TemplateId(2**60 + i) for i in range(4))
SPAN = Span(NOON, NOON + HOUR)


def said(template: int, minute: int, n: int = 1) -> list[Row]:
    return [Row(NOON + minute * MINUTE + i + 1, f"user {i}", template=template) for i in range(n)]


@pytest.fixture
def store() -> DuckStore:
    """A and B became C, then C became D; each had lines before."""
    made = DuckStore.in_memory()
    first = [Template(A, 1, "user amy"), Template(B, 1, "user bob")]
    made.write(commit([*said(A, 1, 3), *said(B, 2, 2)], templates=first))
    made.write(commit(said(C, 5, 4), 100, templates=[Template(C, 1, "user <*>", parents=(A, B))]))
    made.write(commit(said(D, 9, 1), 200, templates=[Template(D, 1, "<*> <*>", parents=(C,))]))
    return made


def test_counts_of_merged_templates_add_up_in_their_successor(store: DuckStore) -> None:
    page, total = templates(store, EVERY_LINE, SPAN)
    assert total == 1
    assert [(t.id, t.count, t.text) for t in page] == [(D, 10, "<*> <*>")]
    assert counts(store, EVERY_LINE, SPAN, by="template").series.keys() == {str(D)}
    assert [(p.text, p.total) for p in patterns(store, EVERY_LINE, SPAN, MINUTE)] == [
        ("<*> <*>", 10)
    ]


def test_a_filter_by_template_finds_the_rows_of_those_merged_into_it(store: DuckStore) -> None:
    found = lines(store, EVERY_LINE.of_template(D), SPAN, 100)
    assert len(found) == 10
    assert {row["template_id"] for row in found} == {A, B, C, D}
    assert {row["template_id"] for row in lines(store, EVERY_LINE.of_template(A), SPAN, 100)} == {A}


def test_a_template_that_is_no_more_is_shown_as_it_was(store: DuckStore) -> None:
    assert (successor(store, A), successor(store, C), successor(store, D)) == (D, D, None)
    found = template(store, A)
    assert found is not None
    assert (found[0].count, found[0].text) == (3, "user amy")


def test_what_was_merged_and_takes_over_others_lives_again(store: DuckStore) -> None:
    store.write(commit([], templates=[Template(A, 2, "user <*>", parents=(D,))]))
    assert {row["id"] for row in rows(store, "SELECT id FROM merged")} == {B, C, D}
    assert {row["successor"] for row in rows(store, "SELECT successor FROM merged")} == {A}
    assert templates(store, EVERY_LINE, SPAN)[0][0].id == A


def test_a_merge_is_no_news_between_two_spans(store: DuckStore) -> None:
    before, after = Span(NOON, NOON + 4 * MINUTE), Span(NOON + 4 * MINUTE, NOON + 10 * MINUTE)
    found = diff(store, EVERY_LINE, after, before)
    assert (found.new, found.vanished) == ([], [])


def test_a_merge_that_is_written_twice_is_one(store: DuckStore) -> None:
    store.write(commit([], templates=[Template(D, 1, "<*> <*>", parents=(C,))]))
    assert rows(store, "SELECT count(*) AS n FROM merged")[0]["n"] == 3


def test_an_id_that_comes_back_after_its_merge_counts_for_itself(store: DuckStore) -> None:
    store.write(commit(said(A, 10), 300, templates=[Template(A, 2, "user amy")]))
    page, _ = templates(store, EVERY_LINE, SPAN)
    assert [(t.id, t.count) for t in page] == [(D, 7), (A, 4)]
