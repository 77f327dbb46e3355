"""What has arrived since: by line id, hot or sealed, each line once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from driftwood.config import Store as Settings
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.read_tail import arrived
from driftwood.store.store import DuckStore
from tests.shop import HOUR, NOON, SECOND, Row, commit


@pytest.fixture
def store() -> Iterator[DuckStore]:
    with DuckStore.in_memory(Settings(min_free_bytes=0)) as one:
        yield one


def words(store: DuckStore, after: int, upto: int, limit: int = 100) -> list[str]:
    return [row["line"] for row in arrived(store, EVERY_LINE, after, upto, limit).lines]


def test_lines_come_in_the_order_of_storing(store: DuckStore) -> None:
    store.write(commit([Row(NOON + 9 * HOUR, "a"), Row(NOON, "b", metadata={"x": "1"})]))
    store.write(commit([Row(NOON + SECOND, "c")], 3))
    assert words(store, 0, 3) == ["a", "b", "c"]
    assert words(store, 1, 2) == ["b"]
    assert words(store, 3, 3) == []
    assert arrived(store, EVERY_LINE, 1, 2, 9).lines[0]["sm"] == {"x": "1"}


def test_it_does_not_matter_what_was_sealed(store: DuckStore) -> None:
    store.write(commit([Row(NOON + n * HOUR, str(n)) for n in range(5)]))
    store.compact()
    store.write(commit([Row(NOON + 2 * HOUR, "5"), Row(NOON, "6")], 6))
    assert words(store, 0, 7) == list("0123456")
    assert words(store, 3, 6) == list("345")
    store.compact()
    assert words(store, 3, 6) == list("345")


def test_of_too_many_the_newest_are_taken_and_the_others_named(store: DuckStore) -> None:
    store.write(commit([Row(NOON + n, str(n)) for n in range(10)], first_id=0))
    found = arrived(store, EVERY_LINE, -1, 10, 4)
    assert [row["line"] for row in found.lines] == list("6789")
    assert sorted(one.ts - NOON for one in found.left_out) == list(range(6))
    assert arrived(store, EVERY_LINE, -1, 10, 10).left_out == []


def test_lines_that_are_sealed_between_two_looks_are_seen_once(store: DuckStore) -> None:
    class Seals(DuckStore):
        """Seals everything right after it was first asked."""

        done = False

        def query(self, *asked, **how):  # type: ignore[no-untyped-def]
            answer = super().query(*asked, **how)
            if not Seals.done:
                Seals.done = True
                self.compact()
            return answer

    with Seals.in_memory(Settings(min_free_bytes=0)) as sealing:
        sealing.write(commit([Row(NOON + n * HOUR, str(n)) for n in range(4)]))
        assert words(sealing, 0, 4) == list("0123")
