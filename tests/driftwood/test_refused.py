"""A row that the store refuses becomes a dead letter of the same transaction; no other row waits for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Config
from driftwood.errors import StoreError, StoreFull, StoreRefused
from driftwood.intake import Waiting
from driftwood.pipeline import Pipeline
from driftwood.records import RECORDS, Batch, Commit, Events, Records
from driftwood.store.store import DuckStore
from tests.driftwood.test_pipeline import (
    ByFirstWord,
    CountsTen,
    Crash,
    Dying,
    Lines,
    opened,
    pipeline,
    records,
    stored,
    turns,
    until,
)
from tests.driftwood.test_pushes import pushed, running


class Picky(Dying):
    """Refuses every commit that has a line with "poison" in it."""

    trials = 0

    def write(self, commit: Commit) -> None:
        if self._poisonous(commit.events):
            raise StoreRefused("no poison here")
        super().write(commit)

    def refuses(self, events: Events) -> str | None:
        self.trials += 1
        if self._poisonous(events):
            return "no poison here"
        return self.store.refuses(events)

    def _poisonous(self, events: Events) -> bool:
        return any("poison" in str(line) for line in events.column("line").to_pylist())


def letters(store: DuckStore) -> list[dict[str, Any]]:
    return store.query("SELECT * FROM dead_letters ORDER BY off").to_pylist()


def broken(first_off: int, lines: Sequence[bytes], topic: str = "t") -> Records:
    """Records whose lines need not be UTF-8, as a faulty decoder would give them."""
    made = records(["x"] * len(lines), first_off, topic)
    raw = pa.array(lines, pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(lines), raw.buffers())
    return Records(made.set_column(RECORDS.get_field_index("line"), RECORDS.field("line"), text))


@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(st.sampled_from(["get a", "put b", "get poison"]), min_size=1, max_size=30),
    fates=st.lists(st.sampled_from(["live", "before", "after"]), max_size=8),
    per_poll=st.integers(1, 7),
    per_turn=st.integers(1, 3),
)
def test_each_line_is_a_row_or_a_dead_letter_once_whenever_the_process_is_killed(
    lines: list[str], fates: list[str], per_poll: int, per_turn: int
) -> None:
    with opened() as store:
        picky = Picky(store, *fates)
        while True:
            source = Lines(lines, per_poll)
            try:
                turns(pipeline(picky, source), source, per_turn)
                break
            except Crash:
                continue
        # Line numbers keep their gaps: what was buried has had its own, and no other line gets it.
        good = [(i, line, i) for i, line in enumerate(lines) if "poison" not in line]
        assert stored(store) == good
        dead = [(row["off"], row["raw"]) for row in letters(store)]
        assert dead == [(i, line.encode()) for i, line in enumerate(lines) if "poison" in line]
        assert store.checkpoint("lines") == {"at": str(len(lines))}
        assert store.next_line_id() == len(lines)
        found = store.query("SELECT count(*) AS n FROM templates").to_pylist()[0]["n"]
        assert found == len({line.split(" ")[0] for line in lines})


def test_a_dead_letter_of_the_store_tells_the_line_its_labels_and_where_it_came_from() -> None:
    with opened() as store:
        source = Lines(["get a", "get poison"])
        made = pipeline(Picky(store), source)
        turns(made, source, 1)
        [letter] = letters(store)
        assert (letter["source"], letter["topic"], letter["off"]) == ("lines", "t", 1)
        assert (letter["stage"], letter["reason"]) == ("store", "no poison here")
        assert letter["record_ts"] == 1_770_000_000_000_000_001
        assert dict(letter["headers"]) == {
            "labels": b'{"service_name":"api"}',
            "metadata": b"[]",
        }
        assert (made.counts["lines"], made.counts["dead_letters"]) == (1, 1)
        assert made.banner is None


def test_a_line_that_is_not_utf8_is_refused_by_the_database_and_keeps_its_bytes() -> None:
    with opened() as store:
        source = Lines([])
        made = pipeline(store, source)
        batch = Batch(broken(0, [b"get a", b"get \xff\xfe", b"get c"]), checkpoint={"at": "3"})
        made.turn([Waiting(source, batch)])
        assert [line for _, line, _ in stored(store)] == ["get a", "get c"]
        [letter] = letters(store)
        assert letter["raw"] == b"get \xff\xfe"
        assert "unicode" in letter["reason"]
        assert store.verify() == []


def test_metadata_of_a_refused_row_is_kept_with_odd_bytes_escaped() -> None:
    with opened() as store:
        made = records(["get a", "get b"], 0)
        values = pa.array([b"fine", b"\xff"], pa.binary())
        keys = pa.array(["k", "k"])
        text = pa.Array.from_buffers(pa.string(), 2, values.buffers())
        offsets: Any = pa.array([0, 1, 2], pa.int32())
        sm = pa.MapArray.from_arrays(offsets, keys, text)
        at = RECORDS.get_field_index("sm")
        source = Lines([])
        batch = Batch(Records(made.set_column(at, RECORDS.field("sm"), sm)), checkpoint={"at": "2"})
        pipeline(store, source).turn([Waiting(source, batch)])
        assert [line for _, line, _ in stored(store)] == ["get a"]
        [letter] = letters(store)
        assert json.loads(dict(letter["headers"])["metadata"]) == [["k", "\\xff"]]


def test_few_trials_find_one_row_among_thousands() -> None:
    with opened() as store:
        picky = Picky(store)
        source = Lines(["get a"] * 2_000 + ["get poison"] + ["get b"] * 2_000, per_poll=5_000)
        turns(pipeline(picky, source), source, 1)
        assert len(stored(store)) == 4_000
        assert picky.trials < 30


def test_a_push_with_a_refused_row_is_answered_when_the_row_is_a_dead_letter() -> None:
    with opened() as store, running(Picky(store)) as made:
        answers = [
            made.push(records([line], n, "push/1"), timeout=1)
            for n, line in enumerate(["get a", "get poison", "get b"])
        ]
        for answer in answers:
            assert answer is not None
            answer.result(10)
        assert [line for _, line, _ in stored(store)] == ["get a", "get b"]
        assert [row["source"] for row in letters(store)] == ["push/1"]


def test_a_push_learns_of_a_kill_before_its_dead_letter_is_durable() -> None:
    with opened() as store:
        made = Pipeline(Picky(store, "before"), ByFirstWord(), None, [], Config())
        made.recover()
        waiting = pushed(["get poison"], 0)
        with pytest.raises(Crash):
            made.turn([waiting])
        assert waiting.stored is not None
        assert isinstance(waiting.stored.exception(0), Crash)
        assert letters(store) == []


class Sulking(Picky):
    """Refuses whatever it is given, for a while: nothing of that is the rows' fault."""

    sulks = 2

    def write(self, commit: Commit) -> None:
        self.sulks -= 1
        if self.sulks >= 0:
            raise StoreRefused("no rows today")
        self.store.write(commit)

    def refuses(self, events: Events) -> str | None:
        return "no rows today" if self.sulks >= 0 else None


def test_a_store_that_refuses_everything_has_nothing_buried() -> None:
    with opened() as store:
        pipeline(Sulking(store), Lines(["get a"] * 3)).run()
        assert len(stored(store)) == 3
        assert letters(store) == []


class Clogged(Picky):
    """Trouble of another kind comes up during the search."""

    troubles: list[StoreError]

    def refuses(self, events: Events) -> str | None:
        if self.troubles:
            raise self.troubles.pop()
        return super().refuses(events)


def test_trouble_during_the_search_is_waited_for_and_the_search_begins_again() -> None:
    with opened() as store:
        clogged = Clogged(store)
        clogged.troubles = [StoreFull("no room"), StoreError("a locked file")]
        made = pipeline(clogged, Lines(["get a", "get poison"]), detection=CountsTen())
        made.run()
        assert len(stored(store)) == len(letters(store)) == 1
        assert made.banner is None


def test_a_stop_during_the_search_ends_at_once_and_stores_nothing() -> None:
    with opened() as store:
        picky = Picky(store)
        source = Lines(["get poison"])
        made = pipeline(picky, source)
        made.stop()
        with pytest.raises(Exception, match="stopped"):
            turns(made, source, 1)
        assert not stored(store)
        assert not letters(store)
        again = pipeline(picky, Lines(["get poison"]))
        again.run()
        until(lambda: len(letters(store)) == 1)
