"""The queue between sources and writer: bounded, in order, and never in anybody's way for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pytest

from driftwood.errors import Stopping
from driftwood.intake import Intake, Reader, Waiting
from driftwood.protocols import SourceStatus
from driftwood.records import RECORDS, Batch, Records


def records(n: int) -> Records:
    columns: dict[str, Sequence[object]] = {
        "ts": [0] * n,
        "observed_ts": [0] * n,
        "labels": ["{}"] * n,
        "line": ["x"] * n,
        "sm": [[]] * n,
        "severity": [0] * n,
        "service": [""] * n,
        "topic": ["t"] * n,
        "part": [0] * n,
        "off": list(range(n)),
        "idx": [0] * n,
    }
    arrays = [pa.array(columns[f.name], f.type) for f in RECORDS]
    return Records(pa.table(arrays, schema=RECORDS))


class Scripted:
    """A source that gives what it was told to: a batch, an error, or its end."""

    name = "scripted"

    def __init__(self, *steps: int | Exception) -> None:
        self.steps = list(steps)
        self.closed_by: str | None = None

    def open(self, checkpoint: Mapping[str, str]) -> None: ...

    def poll(self, timeout: float) -> Batch | None:
        if not self.steps:
            return None
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return Batch(records(step), checkpoint={"k": str(step)})

    def committed(self, checkpoint: Mapping[str, str]) -> None: ...

    def status(self) -> SourceStatus:
        return SourceStatus("scripted", "running")

    def close(self) -> None:
        self.closed_by = threading.current_thread().name


def waiting(n: int) -> Waiting:
    return Waiting(Scripted(), Batch(records(n)))


def test_a_source_waits_while_the_queue_is_full_and_goes_on_when_there_is_room() -> None:
    intake = Intake(capacity_rows=10)
    assert intake.put(waiting(10))
    late = threading.Thread(target=lambda: intake.put(waiting(3)))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    assert intake.rows == 10
    assert [w.batch.records.num_rows for w in intake.take(100, timeout=1)] == [10]
    late.join(5)
    assert [w.batch.records.num_rows for w in intake.take(100, timeout=1)] == [3]


def test_take_gives_the_oldest_first_and_stops_at_the_rows_asked_for() -> None:
    intake = Intake(capacity_rows=100)
    for n in (4, 5, 6):
        intake.put(waiting(n))
    assert [w.batch.records.num_rows for w in intake.take(9, timeout=0)] == [4, 5]
    assert [w.batch.records.num_rows for w in intake.take(1, timeout=0)] == [6]  # one at least
    assert intake.take(9, timeout=0) == []
    assert intake.rows == 0


def test_a_task_runs_between_batches_and_its_failure_reaches_who_asked() -> None:
    intake = Intake(capacity_rows=10)
    good = intake.submit(lambda: 42)
    bad = intake.submit(lambda: 1 // 0)
    assert intake.take(1, timeout=5) == []  # returns at once: a task waits
    intake.run_tasks()
    assert good.result(0) == 42
    with pytest.raises(ZeroDivisionError):
        bad.result(0)


def test_closing_lets_everyone_go() -> None:
    intake = Intake(capacity_rows=1)
    intake.put(waiting(1))
    answers: list[bool] = []
    blocked = threading.Thread(target=lambda: answers.append(intake.put(waiting(1))))
    blocked.start()
    asked = intake.submit(lambda: 0)
    intake.close()
    blocked.join(5)
    assert answers == [False]
    for late in (asked, intake.submit(lambda: 0)):
        with pytest.raises(Stopping, match="nothing was changed"):
            late.result(0)


def test_a_source_that_fails_once_is_asked_again_and_loses_nothing() -> None:
    source = Scripted(2, OSError("the disk hiccuped"), 3)
    intake = Intake(capacity_rows=100)
    reader = Reader(source, intake)
    reader.start()
    sizes: list[int] = []
    deadline = time.monotonic() + 10
    while len(sizes) < 2 and time.monotonic() < deadline:
        sizes += [w.batch.records.num_rows for w in intake.take(100, timeout=0.1)]
        if reader.status().state == "failed":
            assert "hiccuped" in reader.status().detail
    assert sizes == [2, 3]
    assert reader.done.wait(5)
    assert (reader.faults, source.closed_by) == (1, "source-scripted")


def test_long_lines_fill_the_queue_by_their_bytes_and_are_taken_in_parts() -> None:
    long = Records(records(1).set_column(3, RECORDS.field("line"), pa.array(["x" * 20_000_000])))
    intake = Intake(1_000, capacity_bytes=50_000_000)
    for _ in range(3):
        assert intake.put(Waiting(Scripted(), Batch(long)))
    assert intake.full
    waiting = threading.Thread(target=intake.put, args=(Waiting(Scripted(), Batch(long)),))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    assert [len(intake.take(1_000, timeout=0)) for _ in range(2)] == [1, 1]
    waiting.join(5)
    assert not waiting.is_alive()
    assert intake.rows == 2


def test_a_push_more_shares_the_commit_where_a_batch_of_a_source_waits_for_the_next() -> None:
    for source, sizes in ((Scripted(), [[4], [4]]), (None, [[4, 4], [4]])):
        intake = Intake(capacity_rows=100)
        for _ in range(2 if source else 3):
            intake.put(Waiting(source, Batch(records(4))))
        taken = [[w.batch.records.num_rows for w in intake.take(5, timeout=0)] for _ in range(2)]
        assert taken == sizes


def test_a_large_push_does_not_linger() -> None:
    intake = Intake(capacity_rows=10_000)
    intake.put(Waiting(None, Batch(records(1_000))))
    started = time.monotonic()
    assert len(intake.take(5_000, timeout=0, linger=5)) == 1
    assert time.monotonic() - started < 2


def test_a_put_may_give_up() -> None:
    intake = Intake(capacity_rows=1)
    assert intake.put(waiting(1), timeout=0)
    assert not intake.put(waiting(1), timeout=0.01)
    assert not intake.closed
