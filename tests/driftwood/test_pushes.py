"""A push waits in the pipeline's queue, shares a commit with what else is there, and is told when it is durable."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Config, override
from driftwood.errors import Stopping
from driftwood.intake import Waiting
from driftwood.pipeline import Pipeline
from driftwood.records import Batch
from tests.driftwood.test_pipeline import (
    ByFirstWord,
    CountsTen,
    Crash,
    Dying,
    Lines,
    opened,
    records,
    stored,
    until,
)


@contextmanager
def running(store: object, config: Config | None = None) -> Iterator[Pipeline]:
    """A pipeline on a thread of its own that lives on pushes alone."""
    made = Pipeline(store, ByFirstWord(), CountsTen(), [], config or Config())  # type: ignore[arg-type]
    made.recover()
    runner = threading.Thread(target=made.run)
    runner.start()
    try:
        yield made
    finally:
        made.stop()
        runner.join(10)


def pushed(lines: Sequence[str], first: int, timeout: float = 5.0) -> Waiting:
    return Waiting(None, Batch(records(lines, first, "push/1")), Future())


def test_a_push_is_answered_when_its_lines_are_stored() -> None:
    with opened() as store, running(store) as made:
        answer = made.push(records(["get a", "get b"], 0, "push/1"), timeout=1)
        assert answer is not None
        answer.result(10)
        assert [line for _, line, _ in stored(store)] == ["get a", "get b"]


def test_what_comes_again_is_answered_and_not_stored() -> None:
    with opened() as store, running(store) as made:
        for _ in range(3):
            answer = made.push(records(["get a", "get b"], 0, "push/1"), timeout=1)
            assert answer is not None
            answer.result(10)
        assert [line_id for _, _, line_id in stored(store)] == [0, 1]
        assert made.counts["repeated"] == 4


def test_pushes_that_come_meanwhile_share_the_next_commit() -> None:
    with opened() as store:
        commits: list[int] = []

        class Counting(Dying):
            def write(self, commit: object) -> None:
                commits.append(1)
                super().write(commit)  # type: ignore[arg-type]

        made = Pipeline(Counting(store), ByFirstWord(), None, [], Config())
        made.recover()
        taken = [pushed([f"get {n}"], n) for n in range(7)]
        assert made.turn(taken) == 7
        assert len(commits) == 1
        assert all(waiting.stored is not None and waiting.stored.done() for waiting in taken)


def test_sources_and_pushes_share_a_commit_and_only_pushes_are_looked_for() -> None:
    with opened() as store:
        source = Lines(["get a", "get a"])
        made = Pipeline(store, ByFirstWord(), None, [source], Config())
        made.recover()
        batch = source.poll(0)
        assert batch is not None
        assert made.turn([pushed(["put x"], 0), Waiting(source, batch), pushed(["put x"], 0)]) == 3
        assert sorted(line for _, line, _ in stored(store)) == ["get a", "get a", "put x"]
        assert source.told == [{"at": "2"}]
        again = Batch(records(["get a", "get a"], 0))  # the same lines, from another place
        assert made.turn([Waiting(source, again)]) == 2


def test_a_push_that_gave_up_before_its_turn_is_not_stored() -> None:
    with opened() as store:
        made = Pipeline(store, ByFirstWord(), None, [], Config())
        made.recover()
        late, here = pushed(["get a"], 0), pushed(["get b"], 1)
        assert late.stored is not None
        assert late.stored.cancel()
        assert made.turn([late, here]) == 1
        assert [line for _, line, _ in stored(store)] == ["get b"]


def test_a_full_queue_takes_no_push_and_a_closed_one_says_so() -> None:
    with opened() as store:
        config = override(Config(), ingest={"queue_rows": 1})
        made = Pipeline(store, ByFirstWord(), None, [], config)
        made.recover()
        first = made.push(records(["get a"], 0, "push/1"), timeout=0)
        assert first is not None
        assert made.push(records(["get b"], 1, "push/1"), timeout=0.01) is None
        made.stop()
        made.run()  # ends at once, and lets go of who waits
        with pytest.raises(Stopping, match="nothing of this push was stored"):
            first.result(0)
        with pytest.raises(Stopping):
            made.push(records(["get c"], 2, "push/1"), timeout=0)


def test_a_push_that_waits_for_room_on_the_disk_learns_that_the_server_stops() -> None:
    with opened() as store:
        dying = Dying(store, *["full"] * 1_000)
        with running(dying) as made:
            answer = made.push(records(["get a"], 0, "push/1"), timeout=1)
            assert answer is not None
            until(lambda: made.banner is not None)
        with pytest.raises(Stopping):
            answer.result(10)
        assert stored(store) == []


@settings(max_examples=25, deadline=None)
@given(
    fates=st.lists(st.sampled_from(["live", "before", "after"]), max_size=8),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    per_turn=st.integers(1, 3),
)
def test_an_agent_that_sends_again_until_it_is_answered_has_each_line_stored_once(
    fates: list[str], sizes: list[int], per_turn: int
) -> None:
    with opened() as store:
        dying = Dying(store, *fates)
        firsts = [sum(sizes[:n]) for n in range(len(sizes))]
        unanswered = [
            (first, [f"get {first + n}" for n in range(size)])
            for first, size in zip(firsts, sizes, strict=True)
        ]
        while unanswered:  # each round is one life of the server
            made = Pipeline(dying, ByFirstWord(), CountsTen(), [], Config())
            with suppress(Crash):
                made.recover()
                while unanswered:
                    taken = [pushed(lines, first) for first, lines in unanswered[:per_turn]]
                    made.turn(taken)
                    assert all(w.stored is not None and w.stored.done() for w in taken)
                    unanswered = unanswered[per_turn:]
        assert stored(store) == [(n, f"get {n}", n) for n in range(sum(sizes))]


def test_a_store_that_cannot_be_asked_costs_time_and_no_lines() -> None:
    class Hiccups(Dying):
        failures = 2

        def fresh(self, new: object) -> object:
            if self.failures:
                self.failures -= 1
                raise OSError("the disk hiccuped")
            return self.store.fresh(new)  # type: ignore[arg-type]

    with opened() as store, running(Hiccups(store)) as made:
        answer = made.push(records(["get a"], 0, "push/1"), timeout=1)
        assert answer is not None
        answer.result(20)
        assert made.counts["faults"] == 2
        assert made.banner is None
        assert len(stored(store)) == 1
