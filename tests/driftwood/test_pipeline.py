"""The pipeline's promise: rows, positions and parser state are one transaction, and nothing stops the lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Config
from driftwood.errors import Stopping, StoreFull
from driftwood.intake import Waiting
from driftwood.labels import stable_id
from driftwood.pipeline import Pipeline
from driftwood.protocols import SourceStatus
from driftwood.records import (
    DEAD_LETTERS,
    RECORDS,
    Anomaly,
    Batch,
    Commit,
    DeadLetters,
    Events,
    Feedback,
    Records,
    Template,
    TemplateId,
)
from driftwood.store.store import DuckStore


def records(lines: Sequence[str], first_off: int, topic: str = "t") -> Records:
    n = len(lines)
    columns: dict[str, Sequence[object]] = {
        "ts": [1_770_000_000_000_000_000 + first_off + i for i in range(n)],
        "observed_ts": [1_770_000_000_000_000_000] * n,
        "labels": ['{"service_name":"api"}'] * n,
        "line": lines,
        "sm": [[]] * n,
        "severity": [9] * n,
        "service": ["api"] * n,
        "topic": [topic] * n,
        "part": [0] * n,
        "off": list(range(first_off, first_off + n)),
        "idx": [0] * n,
    }
    return Records(pa.table([pa.array(columns[f.name], f.type) for f in RECORDS], schema=RECORDS))


class Lines:
    """A source over a fixed list; its checkpoint is the number of lines given."""

    name = "lines"

    def __init__(self, lines: Sequence[str], per_poll: int = 2) -> None:
        self.lines = lines
        self.per_poll = per_poll
        self.at = 0
        self.told: list[Mapping[str, str]] = []

    def open(self, checkpoint: Mapping[str, str]) -> None:
        self.at = int(checkpoint.get("at", "0"))

    def poll(self, timeout: float) -> Batch | None:
        if self.at >= len(self.lines):
            return None
        chunk = self.lines[self.at : self.at + self.per_poll]
        batch = Batch(records(chunk, self.at), checkpoint={"at": str(self.at + len(chunk))})
        self.at += len(chunk)
        return batch

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        self.told.append(dict(checkpoint))

    def status(self) -> SourceStatus:
        return SourceStatus("lines", "running")

    def close(self) -> None: ...


@dataclass
class ByFirstWord:
    """A parser whose template is the first word; it chokes on a line that says so."""

    known: dict[str, int] = field(default_factory=dict)
    revision: int = 0
    fresh: list[Template] = field(default_factory=list)

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        out = []
        for line in lines:
            if line == "choke":
                raise ValueError("this parser cannot read that")
            word = line.split(" ")[0]
            if word not in self.known:
                self.known[word] = stable_id(word.encode())
                self.revision += 1
                self.fresh.append(Template(TemplateId(self.known[word]), 1, word + " <*>"))
            out.append(TemplateId(self.known[word]))
        return out

    def assign(self, lines: pa.ChunkedArray[Any]) -> tuple[pa.Array[Any], pa.Array[Any]]:
        ids = self.parse([str(line) for line in lines.to_pylist()])
        return pa.array(ids, pa.int64()), pa.array([1] * len(ids), pa.int32())

    def templates(self) -> dict[TemplateId, str]:
        return {TemplateId(i): word + " <*>" for word, i in self.known.items()}

    def changes(self) -> tuple[Template, ...]:
        fresh, self.fresh = tuple(self.fresh), []
        return fresh

    def version(self, template: TemplateId) -> int:
        return 1

    def save(self) -> bytes:
        return "\n".join(self.known).encode()

    def load(self, state: bytes) -> None:
        self.known = {word: stable_id(word.encode()) for word in state.decode().split("\n") if word}


@dataclass
class CountsTen:
    """A detection that finds an anomaly in every tenth line, whatever the batches."""

    seen: int = 0
    last: int = -1
    broken: bool = False
    advanced: int = 0
    said: dict[str, str] = field(default_factory=dict)

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        if self.broken:
            raise ValueError("no verdicts today")
        found = []
        for line_id in events.column("line_id").to_numpy().tolist():
            self.last, self.seen = line_id, self.seen + 1
            if self.seen % 10 == 0:
                found.append(
                    Anomaly(f"tenth-{self.seen}", "d", "k", "{}", "api", 0, 1, 1.0, 0.1, "tenth")
                )
        return tuple(found)

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        self.advanced += 1
        return ()

    def finish(self) -> tuple[Anomaly, ...]:
        return (Anomaly("last", "d", "k", "{}", "api", 0, 1, 1.0, 0.1, "what was still open"),)

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        before = self.said
        self.said = {**before, anomaly_id: verdict}

        def undo() -> None:
            self.said = before

        return undo if anomaly_id.startswith("tenth") else None

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        return {}

    def save(self) -> bytes:
        return json.dumps([self.seen, self.last, self.said]).encode()

    def load(self, state: bytes) -> tuple[int, int]:
        self.seen, self.last, self.said = json.loads(state)
        return self.last, 2**62

    def status(self) -> list[dict[str, Any]]:
        return []


class Crash(BaseException):
    """The process dies here."""


class Dying:
    """A store whose `write` fails as told: before it happened, or just after."""

    def __init__(self, store: DuckStore, *fates: str) -> None:
        self.store = store
        self.fates = list(fates)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write(self, commit: Commit) -> None:
        fate = self.fates.pop(0) if self.fates else "live"
        if fate == "before":
            raise Crash
        if fate == "full":
            raise StoreFull("no room")
        self.store.write(commit)
        if fate == "after":
            raise Crash


def pipeline(store: Any, source: Lines, **parts: Any) -> Pipeline:
    made = Pipeline(
        store,
        parts.get("parser", ByFirstWord()),
        parts.get("detection", CountsTen()),
        [source],
        Config(),
        keep_alive=False,
    )
    made.recover()
    return made


def stored(store: DuckStore) -> list[tuple[int, str, int]]:
    table = store.query("SELECT off, line, line_id FROM logs ORDER BY line_id")
    return [(row["off"], row["line"], row["line_id"]) for row in table.to_pylist()]


@contextmanager
def opened() -> Iterator[DuckStore]:
    store = DuckStore.in_memory()
    try:
        yield store
    finally:
        store.close()


def turns(made: Pipeline, source: Lines, per_turn: int) -> None:
    """Poll and store until the source ends, without threads: the crashes come where the test says."""
    while True:
        taken = [Waiting(source, b) for _ in range(per_turn) if (b := source.poll(0)) is not None]
        if not taken:
            return
        made.turn(taken)


@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(st.sampled_from(["get a", "get b", "put c", "choke"]), min_size=1, max_size=40),
    fates=st.lists(st.sampled_from(["live", "before", "after"]), max_size=8),
    per_poll=st.integers(1, 7),
    per_turn=st.integers(1, 3),
)
def test_a_crash_around_any_write_stores_each_line_once_and_comes_to_the_same_verdicts(
    lines: list[str], fates: list[str], per_poll: int, per_turn: int
) -> None:
    with opened() as store:
        dying = Dying(store, *fates)
        while True:  # each round is one life of the process
            source = Lines(lines, per_poll)
            try:
                turns(pipeline(dying, source), source, per_turn)
                break
            except Crash:
                continue
        assert stored(store) == [(i, line, i) for i, line in enumerate(lines)]
        assert store.checkpoint("lines") == {"at": str(len(lines))}
        found = store.query("SELECT id FROM anomalies ORDER BY id").column("id").to_pylist()
        assert found == sorted(f"tenth-{n}" for n in range(10, len(lines) + 1, 10))
        words = {line.split(" ")[0] for line in lines} - {"choke"}
        texts = store.query("SELECT text FROM templates ORDER BY text").column("text").to_pylist()
        assert texts == sorted(word + " <*>" for word in words)


def test_a_line_that_breaks_the_parser_is_stored_without_a_template_and_the_others_with_theirs() -> (
    None
):
    with opened() as store:
        source = Lines(["get a", "choke", "put b"], per_poll=3)
        made = pipeline(store, source)
        turns(made, source, 1)
        ids = store.query("SELECT template_id FROM logs ORDER BY off").column(0).to_pylist()
        assert ids == [stable_id(b"get"), 0, stable_id(b"put")]
        assert made.counts["faults"] == 1


def test_a_failing_detector_costs_verdicts_and_no_lines() -> None:
    with opened() as store:
        source = Lines(["get a"] * 20)
        turns(pipeline(store, source, detection=CountsTen(broken=True)), source, 1)
        assert len(stored(store)) == 20


def test_a_full_disk_pauses_with_a_banner_and_loses_nothing() -> None:
    with opened() as store:
        source = Lines(["get a"] * 30)
        made = pipeline(Dying(store, "full", "full"), source)
        banners: list[str | None] = []
        runner = threading.Thread(target=made.run)
        runner.start()
        while runner.is_alive():
            banners.append(made.banner)
            time.sleep(0.02)
        assert len(stored(store)) == 30
        assert any(banner and "paused" in banner and "no room" in banner for banner in banners)
        assert made.banner is None


def test_the_source_is_told_only_what_is_durable() -> None:
    with opened() as store:
        source = Lines(["get a"] * 5, per_poll=2)
        made = pipeline(store, source)
        turns(made, source, 1)
        assert source.told == [{"at": "2"}, {"at": "4"}, {"at": "5"}]


def test_stopping_while_the_disk_is_full_ends_at_once_and_the_next_start_goes_on() -> None:
    with opened() as store:
        source = Lines(["get a"] * 4)
        made = pipeline(Dying(store, *["full"] * 1_000), source)
        runner = threading.Thread(target=made.run)
        runner.start()
        until(lambda: made.banner is not None)
        made.stop()
        runner.join(10)
        assert not runner.is_alive()
        again = Lines(source.lines)
        pipeline(store, again).run()
        assert [off for off, _, _ in stored(store)] == [0, 1, 2, 3]


@pytest.mark.parametrize("room_comes_back", [False, True])
def test_no_commit_overtakes_one_that_waits_for_room(room_comes_back: bool) -> None:
    """Parser and detection know the waiting rows already: what they say next is true only after them."""
    with opened() as store:
        dying = Dying(store, *["full"] * 1_000)
        made = pipeline(dying, Lines(["get a"]))
        runner = threading.Thread(target=made.run)
        runner.start()
        until(lambda: made.banner is not None)

        def replay() -> int:
            dying.fates.clear()
            return made.write_events(records(["put b"], 70))

        with pytest.raises(StoreFull, match="no room"):
            made.submit(replay).result(10)
        if room_comes_back:
            until(lambda: made.banner is None)
        made.stop()
        runner.join(10)
        again = pipeline(store, Lines(["get a"]))
        again.run()
        assert [off for off, _, _ in stored(store)] == [0]
        texts = store.query("SELECT text FROM templates").column("text").to_pylist()
        assert texts == ["get <*>"]


def test_what_could_not_be_replayed_before_the_stop_is_said_and_nothing_follows_it() -> None:
    with opened() as store:
        dying = Dying(store)
        made = Pipeline(dying, ByFirstWord(), CountsTen(), [], Config())
        runner = threading.Thread(target=made.run)
        runner.start()
        dying.fates += ["full"] * 1_000
        replayed = made.submit(lambda: made.write_events(records(["put b"], 70), (1,)))
        until(lambda: made.banner is not None)
        dying.fates[1:] = []  # the room comes back after the program has given up
        made.stop()
        runner.join(10)
        with pytest.raises(Stopping):
            replayed.result(0)
        with pytest.raises(Stopping):
            made.turn([Waiting(Lines([]), Batch(records(["get a"], 0)))])
        assert stored(store) == []


def test_a_start_on_a_full_disk_waits_for_room_and_keeps_the_verdicts() -> None:
    with opened() as store:
        source = Lines(["get a"] * 10)
        turns(pipeline(store, source, detection=CountsTen(broken=True)), source, 1)
        store.execute("DELETE FROM state WHERE owner = 'detection'")
        pipeline(Dying(store, "full"), source)
        assert store.query("SELECT id FROM anomalies").column(0).to_pylist() == ["tenth-10"]


def test_a_stop_ends_the_recovery() -> None:
    with opened() as store:
        source = Lines(["get a"] * 10)
        turns(pipeline(store, source), source, 1)
        store.execute("DELETE FROM state WHERE owner = 'detection'")
        made = Pipeline(store, ByFirstWord(), CountsTen(), [source], Config())
        made.stop()
        with pytest.raises(Stopping, match="took in"):
            made.recover()


def test_what_is_submitted_runs_on_the_writing_thread_also_while_the_disk_is_full() -> None:
    with opened() as store:
        made = pipeline(Dying(store, *["full"] * 1_000), Lines(["get a"]))
        runner = threading.Thread(target=made.run, name="the writer")
        runner.start()
        assert made.submit(lambda: threading.current_thread().name).result(10) == "the writer"
        made.stop()
        runner.join(10)


def test_dead_letters_travel_in_the_same_transaction_as_the_rows(tmp_path: Path) -> None:
    letter = {
        "observed_ts": 5,
        "source": "lines",
        "topic": "t",
        "part": 0,
        "off": 9,
        "idx": 0,
        "stage": "decode",
        "reason": "not JSON",
        "raw": b"\x00{",
        "headers": [("content-type", b"json")],
        "key": None,
        "record_ts": None,
    }
    with opened() as store:
        source = Lines([])
        dead = DeadLetters(pa.Table.from_pylist([letter], schema=DEAD_LETTERS))
        made = pipeline(store, source)
        made.turn([Waiting(source, Batch(dead=dead, checkpoint={"at": "10"}))])
        row = store.query("SELECT raw, reason, off FROM dead_letters").to_pylist()
        assert row == [{"raw": b"\x00{", "reason": "not JSON", "off": 9}]
        assert store.checkpoint("lines") == {"at": "10"}
        assert made.stats()["dead_stored"] == 1


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("per_turn", [1, 5])
def test_line_numbers_are_dense_and_go_on_after_a_restart(per_turn: int) -> None:
    with opened() as store:
        for length in (7, 12):  # the second life finds five more lines
            source = Lines([f"get {i}" for i in range(length)], per_poll=3)
            turns(pipeline(store, source), source, per_turn)
        assert [line_id for _, _, line_id in stored(store)] == list(range(12))


def test_when_all_sources_have_ended_what_is_still_open_is_judged() -> None:
    with opened() as store:
        pipeline(store, Lines(["get a"])).run()
        assert store.query("SELECT id FROM anomalies").column("id").to_pylist() == ["last"]


class Away(Lines):
    """A source whose other side is not there."""

    def poll(self, timeout: float) -> Batch | None:
        time.sleep(0.01)
        return Batch()

    def status(self) -> SourceStatus:
        return SourceStatus("lines", "waiting", "nobody answers")


@pytest.mark.parametrize(("source", "judged"), [(Lines([]), True), (Away([]), False)])
def test_silence_is_judged_only_while_the_sources_can_be_heard(source: Lines, judged: bool) -> None:
    with opened() as store:
        detection = CountsTen()
        made = Pipeline(store, ByFirstWord(), detection, [source], Config())
        made.recover()
        runner = threading.Thread(target=made.run)
        runner.start()
        time.sleep(1.5)
        made.stop()
        runner.join(10)
        assert (detection.advanced > 0) is judged


def test_a_verdict_and_what_it_taught_are_durable_together() -> None:
    with opened() as store:
        dying = Dying(store, "live", "after")
        source = Lines(["get a"] * 10, per_poll=10)
        made = pipeline(dying, source)
        turns(made, source, 1)
        with pytest.raises(Crash):
            made.judge(Feedback("tenth-10", "expected", "a deploy", "service"))
        detection = CountsTen()
        pipeline(store, Lines(source.lines), detection=detection)
        assert detection.said == {"tenth-10": "expected"}
        rows = store.query("SELECT * EXCLUDE created FROM feedback").to_pylist()
        said = {"anomaly_id": "tenth-10", "verdict": "expected", "note": "a deploy"}
        assert rows == [said | {"scope": "service"}]


@pytest.mark.parametrize("fate", ["before", "full"])
def test_a_verdict_that_could_not_be_stored_teaches_nothing(fate: str) -> None:
    with opened() as store:
        detection = CountsTen()
        made = pipeline(Dying(store, fate), Lines([]), detection=detection)
        with pytest.raises((Crash, StoreFull)):
            made.judge(Feedback("tenth-10", "expected"))
        assert detection.said == {}
        assert store.query("SELECT * FROM feedback").num_rows == 0


def test_no_verdict_overtakes_lines_that_wait_for_room() -> None:
    with opened() as store:
        detection = CountsTen()
        dying = Dying(store, *["full"] * 1_000)
        made = pipeline(dying, Lines(["get a"] * 10), detection=detection)
        runner = threading.Thread(target=made.run)
        runner.start()
        until(lambda: made.banner is not None)
        with pytest.raises(StoreFull, match="no room"):
            made.submit(lambda: made.judge(Feedback("tenth-10", "expected"))).result(10)
        dying.fates.clear()
        runner.join(10)
        assert detection.said == {}


def test_a_verdict_is_stored_also_where_nothing_detects() -> None:
    with opened() as store:
        pipeline(store, Lines([]), detection=None).judge(Feedback("a", "real"))
        assert store.query("SELECT verdict FROM feedback").column(0).to_pylist() == ["real"]
