"""A pushed row that is stored already is known as such, wherever it lies; a row that differs in anything is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.labels import label_key
from driftwood.records import EVENTS, RECORDS, Commit, Events, Records, no_dead_letters
from driftwood.store import seen
from driftwood.store.schema import HOUR, LAST_HOUR, MINUTE
from driftwood.store.store import DuckStore

T0 = 1_700_000_000_000_000_000 // HOUR * HOUR


class Row(NamedTuple):
    ts: int
    line: str = "x"
    app: str = "a"
    sm: tuple[tuple[str, str], ...] = ()
    push: int = 0
    """Which push it came with."""


def records(rows: Sequence[Row], topic: str = "push/1") -> Records:
    n = len(rows)
    columns: dict[str, Sequence[object]] = {
        "ts": [row.ts for row in rows],
        "observed_ts": [T0] * n,
        "labels": [label_key({"app": row.app}) for row in rows],
        "line": [row.line for row in rows],
        "sm": [list(row.sm) for row in rows],
        "severity": [0] * n,
        "service": [row.app for row in rows],
        "topic": [topic] * n,
        "part": [0] * n,
        "off": [row.push for row in rows],
        "idx": list(range(n)),
    }
    return Records(pa.table([pa.array(columns[f.name], f.type) for f in RECORDS], schema=RECORDS))


def commit(store: DuckStore, new: Records) -> None:
    first = store.next_line_id()
    n = new.num_rows
    table = new.append_column(EVENTS.field("template_id"), pa.array([1] * n, pa.int64()))
    table = table.append_column(EVENTS.field("template_version"), pa.array([1] * n, pa.int32()))
    ids = pa.array(np.arange(first, first + n))
    events = Events(table.append_column(EVENTS.field("line_id"), ids))
    store.write(Commit(events, no_dead_letters(), {}))


def push(store: DuckStore, *rows: Row) -> int:
    """As the pipeline does it: the number of rows that were new."""
    new = records(rows)
    kept = Records(new.filter(pa.array(store.fresh(new))))
    if kept.num_rows:
        commit(store, kept)
    return kept.num_rows


def settle(store: DuckStore) -> None:
    for _ in range(3):
        store.maintain(time.time_ns() + 2 * HOUR)
        while store.sealing:
            time.sleep(0.001)
            store.maintain(time.time_ns() + 2 * HOUR)


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[[], DuckStore]]:
    opened: list[DuckStore] = []

    def make() -> DuckStore:
        for store in opened:
            store.close()
        opened.append(DuckStore.open(tmp_path / "data", Settings(min_free_bytes=0)))
        return opened[-1]

    yield make
    opened[-1].close()


def test_what_differs_in_stream_time_line_or_metadata_is_new(
    open_store: Callable[[], DuckStore],
) -> None:
    store = open_store()
    first = Row(T0, "x", "a", (("k", "1"), ("l", "2")))
    assert push(store, first) == 1
    assert push(store, first) == 0
    assert push(store, first._replace(sm=first.sm[::-1])) == 0  # metadata has no order
    for changed in (
        first._replace(ts=T0 + 1),
        first._replace(ts=T0 - 1),
        first._replace(line="y"),
        first._replace(app="b"),
        first._replace(sm=()),
        first._replace(sm=(("k", "1"),)),
        first._replace(sm=(("k", "1"), ("l", "3"))),
    ):
        assert push(store, changed) == 1
        assert push(store, changed) == 0


def test_a_repetition_within_one_commit_is_one_row(open_store: Callable[[], DuckStore]) -> None:
    store = open_store()
    row = Row(T0, sm=(("k", "1"),))
    assert push(store, row, Row(T0), row._replace(push=1), Row(T0), Row(T0 + 1)) == 3
    assert store.query("SELECT count(*) FROM logs").column(0)[0].as_py() == 3


def test_repetitions_are_known_after_sealing_and_after_a_restart(
    open_store: Callable[[], DuckStore],
) -> None:
    rows = [Row(T0 - h * HOUR - n * MINUTE, f"line {n}") for h in range(3) for n in range(50)]
    store = open_store()
    assert push(store, *rows[::2]) == 75
    settle(store)
    assert store.query("SELECT count(*) FROM segments").column(0)[0].as_py() > 1
    assert push(store, *rows) == 75
    store = open_store()
    assert push(store, *rows) == 0
    settle(store)
    assert push(store, *rows) == 0
    store = open_store()
    assert push(store, *rows, rows[0]._replace(line="new")) == 1


@pytest.mark.parametrize("ts", [-(2**63), -1, 0, LAST_HOUR, LAST_HOUR + 1, 2**63 - 1])
def test_the_ends_of_time_are_no_exception(open_store: Callable[[], DuckStore], ts: int) -> None:
    store = open_store()
    assert push(store, Row(ts)) == 1
    assert push(store, Row(ts)) == 0
    store = open_store()
    assert push(store, Row(ts)) == 0


def test_rows_of_other_sources_count_too(open_store: Callable[[], DuckStore]) -> None:
    store = open_store()
    assert push(store, Row(T0 + HOUR, "makes it look at what is stored")) == 1
    commit(store, records([Row(T0)], topic="orders/uuid"))
    assert push(store, Row(T0)) == 0


def test_lines_in_the_order_of_time_never_ask_the_store(
    open_store: Callable[[], DuckStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    asked: list[int] = []
    stored = seen.Seen._stored

    def counting(self: seen.Seen, *arguments: object) -> list[int]:
        asked.append(1)
        return stored(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(seen.Seen, "_stored", counting)
    days = [T0 - day * 24 * HOUR for day in range(4)]
    for n in range(20):  # four clients, each with the lines of a day of its own, share a commit
        rows = [
            Row(day + (n * 10 + i) * MINUTE, app=app, push=n * 4 + client)
            for client, day in enumerate(days)
            for i in range(10)
            for app in "ab"
        ]
        assert push(store, *rows) == 80
    assert asked == []
    assert push(store, *rows) == 0
    assert asked == [1]


entries = st.builds(
    Row,
    ts=st.integers(0, 6).map(lambda n: T0 + n * 40 * MINUTE),
    line=st.sampled_from("xy"),
    app=st.sampled_from("ab"),
    sm=st.sampled_from([(), (("k", "1"),), (("k", "2"),)]),
    push=st.integers(0, 2),
)
steps = st.lists(
    st.one_of(st.lists(entries, min_size=1, max_size=8), st.sampled_from(["seal", "reopen"])),
    max_size=10,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_each_entry_is_stored_once_whatever_is_sent_how_often(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Row] | str]
) -> None:
    folder = tmp_path_factory.mktemp("seen")
    store = DuckStore.open(folder, Settings(min_free_bytes=0))
    expected: set[tuple[object, ...]] = set()
    for step in steps:
        if step == "seal":
            store.compact()
        elif step == "reopen":
            store.close()
            store = DuckStore.open(folder, Settings(min_free_bytes=0))
        else:
            push(store, *(row for row in step if isinstance(row, Row)))
            expected |= {(r.ts, r.line, r.app, r.sm) for r in step if isinstance(r, Row)}
    rows = store.query("SELECT ts, line, service, sm FROM logs").to_pylist()
    found = [(row["ts"], row["line"], row["service"], tuple(row["sm"] or ())) for row in rows]
    assert sorted(found) == sorted(expected)
    store.close()
