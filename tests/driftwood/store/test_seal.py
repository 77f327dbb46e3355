"""Hours that are over become segments; nothing is lost, doubled or miscounted on the way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.records import Commit
from driftwood.store.schema import HOUR, LAST_HOUR, MINUTE
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
T0 = 1_700_000_000_000_000_000 // HOUR * HOUR
LATER = 10 * 10**9  # past the time that an hour must be quiet
DAY = 24 * HOUR


def opened(data: Path, **changes: object) -> DuckStore:
    return DuckStore.open(data, Settings(**{"min_free_bytes": 0, **changes}))  # type: ignore[arg-type]


def settle(store: DuckStore, after: int = LATER) -> None:
    """Let maintenance do all that is due `after` ns from now."""
    for _ in range(2):
        store.maintain(time.time_ns() + after)
        while store.sealing:
            time.sleep(0.001)
            store.maintain(time.time_ns() + after)


def segments(store: DuckStore) -> list[dict[str, int]]:
    rows: list[dict[str, int]] = store.query(
        "SELECT hour, row_count, min_ts, max_ts FROM segments ORDER BY hour, min_line_id"
    ).to_pylist()
    return rows


def ids(store: DuckStore) -> list[int]:
    found: list[int] = []
    for events in store.replay(-1, 0):
        found += events.column("line_id").to_numpy().tolist()
    return found


def test_an_hour_is_sealed_when_the_watermark_has_passed_it_by_ten_minutes(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + HOUR, T0 + HOUR + 1]))
    store.write(make_commit(3, [T0 + HOUR + 10 * MINUTE - 1]))
    settle(store)
    assert segments(store) == []
    store.write(make_commit(4, [T0 + HOUR + 10 * MINUTE]))
    settle(store)
    assert segments(store) == [
        {"hour": T0 + HOUR, "row_count": 2, "min_ts": T0 + 1, "max_ts": T0 + HOUR}
    ]
    assert ids(store) == [0, 1, 2, 3, 4]
    assert store.query("SELECT count(*) AS n FROM logs_hot").to_pylist() == [{"n": 3}]
    assert store.verify() == []
    store.close()


def test_late_rows_become_another_segment_of_the_hour_and_compact_joins_them(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + 2 * HOUR]))
    settle(store)
    store.write(make_commit(2, [T0 + 2], arrived=T0 + 2 * HOUR))
    settle(store)
    assert [(s["hour"], s["row_count"]) for s in segments(store)] == [(T0 + HOUR, 1)] * 2
    store.compact()
    assert [(s["hour"], s["row_count"]) for s in segments(store)] == [
        (T0 + HOUR, 2),
        (T0 + 2 * HOUR, 1),
    ]
    assert ids(store) == [0, 1, 2]
    assert store.verify() == []
    store.close()
    assert len(list((tmp_path / "segments").iterdir())) == 2


def test_a_clock_that_is_far_ahead_seals_nothing_early(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + 2], arrived=T0 + 2))
    store.write(make_commit(2, [T0 + 9000 * DAY], arrived=T0 + 3))
    settle(store)
    assert segments(store) == []
    settle(store, after=2 * HOUR)  # but what has not grown for an hour is sealed all the same
    assert [s["hour"] for s in segments(store)] == [T0 + HOUR, T0 + 9000 * DAY]
    store.close()


def test_an_hour_with_many_rows_is_sealed_before_it_is_over(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path, seal_rows=10)
    store.write(make_commit(0, [T0 + i for i in range(1, 10)]))
    settle(store, after=0)
    assert segments(store) == []
    store.write(make_commit(9, [T0 + 10]))
    settle(store, after=0)
    assert [s["row_count"] for s in segments(store)] == [10]
    store.close()


@pytest.mark.slow
def test_lines_too_long_for_the_memory_together_are_sealed_in_pieces(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path, memory_limit="128MB")
    for n in range(30):
        store.write(make_commit(n, [T0 + 1 + n], lines=[str(n % 10) * 2_000_000]))
        store._database.checkpoint()
    store.compact()
    assert len(segments(store)) > 1
    assert sum(s["row_count"] for s in segments(store)) == 30
    assert store.query("SELECT * FROM logs_hot").num_rows == 0
    assert store.verify() == []
    store.close()


def test_rows_that_come_while_a_segment_is_written_stay_hot(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + 2 * HOUR]))
    store.maintain(time.time_ns() + LATER)
    store.write(make_commit(2, [T0 + 2], arrived=T0 + 2 * HOUR))
    settle(store)
    settle(store)
    assert [s["row_count"] for s in segments(store)] == [1, 1]
    assert ids(store) == [0, 1, 2]
    assert store.verify() == []
    store.close()


def test_a_reader_in_the_middle_of_its_work_does_not_notice_sealing(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1 + i for i in range(30_000)] + [T0 + 2 * HOUR]))
    replay = store.replay(-1, 0)
    seen = next(replay).num_rows
    settle(store)
    assert len(segments(store)) == 1
    assert seen + sum(events.num_rows for events in replay) == 30_001
    store.close()


def test_relation_opens_only_the_segments_that_overlap(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + HOUR + 1, T0 + 2 * HOUR + 1]))
    store.compact()
    (first, *_) = sorted((tmp_path / "segments").iterdir())
    first.write_bytes(b"not Parquet")
    relation = store.relation(T0 + HOUR + 1, T0 + 3 * HOUR)
    assert store.query(f"SELECT count(*) AS n FROM {relation}").to_pylist() == [{"n": 2}]
    assert store.relation() != relation
    store.close()


def test_files_that_no_store_knows_are_removed_at_the_start(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1]))
    store.compact()
    store.close()
    (known,) = (tmp_path / "segments").iterdir()
    (tmp_path / "segments" / "2023-11-14T22-9.parquet").write_bytes(known.read_bytes())
    (tmp_path / "segments" / "2023-11-14T22-9.parquet.tmp").write_bytes(b"half")
    store = opened(tmp_path)
    assert list((tmp_path / "segments").iterdir()) == [known]
    assert ids(store) == [0]
    store.close()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 5 * 60).map(lambda m: T0 + m * MINUTE), min_size=1, max_size=8),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
@example([[-(2**63), 2**63 - 1, 0], [-1, 1, T0]], [True] * 5)
def test_wherever_sealing_cuts_in_rows_and_counts_stay_the_same(
    make_commit: MakeCommit, commits: list[list[int]], seals: list[bool]
) -> None:
    store = DuckStore.in_memory()
    n = 0
    for ts, seal in zip(commits, seals, strict=False):
        store.write(make_commit(n, ts))
        n += len(ts)
        if seal:
            settle(store)
    store.compact()
    assert ids(store) == list(range(n))
    assert store.verify() == []
    assert store.query("SELECT count(*) AS n FROM logs_hot").to_pylist() == [{"n": 0}]
    hours = {-(-min(t, LAST_HOUR) // HOUR) * HOUR for ts in commits for t in ts}
    assert [s["hour"] for s in segments(store)] == sorted(hours)
    store.close()


@pytest.mark.parametrize("damage", ["missing", "cut short", "changed"])
def test_verify_tells_which_segment_is_hurt_and_the_rest_still_answers(
    tmp_path: Path, make_commit: MakeCommit, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store = opened(tmp_path)
    store.write(make_commit(0, [T0 + 1, T0 + HOUR + 1, T0 + 2 * HOUR + 1]))
    store.compact()
    assert store.verify() == []
    store.close()
    victim, *_ = sorted((tmp_path / "segments").iterdir())
    content = victim.read_bytes()
    if damage == "missing":
        victim.unlink()
    elif damage == "cut short":
        victim.write_bytes(content[:-100])
    else:
        victim.write_bytes(content[:50] + b"\x00\x01\x02\x03" + content[54:])
    with caplog.at_level(logging.ERROR):
        store = opened(tmp_path)
    assert (victim.name in caplog.text) == (damage != "changed")
    (problem,) = store.verify()
    assert victim.name in problem
    rest = store.relation(T0 + HOUR + 1, T0 + 3 * HOUR)
    assert store.query(f"SELECT count(*) AS n FROM {rest}").to_pylist() == [{"n": 2}]
    store.close()


def test_readers_see_every_row_once_while_hours_are_sealed_and_merged(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path, seal_after_s=0.0)
    store.write(make_commit(0, [T0]))
    stop = threading.Event()
    torn: list[tuple[str, int, int]] = []
    asked = 0

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            for source in ("logs", store.relation(), store.relation(T0, T0 + DAY)):
                found = store.query(f"SELECT count(*), max(line_id) + 1 FROM {source}")
                rows, following = (column[0].as_py() for column in found.columns)
                asked += 1
                if rows != following:
                    torn.append((source, rows, following))

    with ThreadPoolExecutor(2) as readers:
        asking = [readers.submit(ask) for _ in range(2)]
        for n in range(20):
            store.write(make_commit(1 + 5 * n, [T0 + n * HOUR // 2 + i for i in range(1, 6)]))
            store.maintain(time.time_ns() + LATER)
            if n % 8 == 7:
                store.compact()
        stop.set()
        for reader in asking:
            reader.result()
    assert torn == []
    assert asked > 10
    assert len(segments(store)) >= 5
    assert store.verify() == []
    store.close()


@pytest.mark.slow
def test_long_lines_never_fill_the_memory_however_many_come(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = opened(tmp_path)
    for n in range(0, 100, 2):
        lines = [str(n % 10) * 10_000_000, "short"]
        store.write(make_commit(n, [T0 + 1 + n, T0 + 2 + n], lines=lines))
    assert store.query("SELECT count(*) AS n, sum(strlen(line)) AS size FROM logs").to_pylist() == [
        {"n": 100, "size": 50 * 10_000_005}
    ]
    assert store.verify() == []
    store.close()
    with DuckStore.open(tmp_path) as again:  # what is left in the write-ahead log is little
        assert again.next_line_id() == 100
