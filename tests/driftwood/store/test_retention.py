"""Old lines go, a segment at a time, and what is left still adds up."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from driftwood.config import Store as Settings
from driftwood.records import Commit
from driftwood.store.retention import GRACE_NS
from driftwood.store.schema import HOUR
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
T0 = 1_700_000_000_000_000_000 // HOUR * HOUR
DAY = 24 * HOUR


def sealed(data: Path, make_commit: MakeCommit, **changes: object) -> DuckStore:
    """Three segments, of three hours that arrived in their order; the first has a late row in a fourth."""
    store = DuckStore.open(data, Settings(**{"min_free_bytes": 0, **changes}))  # type: ignore[arg-type]
    for n in range(3):
        store.write(make_commit(2 * n, [T0 + n * HOUR + 1, T0 + n * HOUR + 2]))
        store.compact()
    store.write(make_commit(6, [T0 + 3], arrived=T0 + 3 * HOUR))
    seal_all(store)
    return store


def seal_all(store: DuckStore) -> None:
    later = time.time_ns() + 2 * HOUR
    store._sealer.start(list(store._writer.hot), later)
    store._retention.condemn(store._sealer.finish(wait=True) or (), later)


def ids(store: DuckStore) -> list[int]:
    rows = store.query("SELECT line_id FROM logs ORDER BY line_id").column("line_id")
    return [int(i) for i in rows.to_numpy()]


def files(data: Path) -> int:
    return len(list((data / "segments").iterdir()))


def test_nothing_is_forgotten_unless_it_was_asked_for(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = sealed(tmp_path, make_commit)
    store.maintain(T0 + 9000 * DAY)
    assert ids(store) == [0, 1, 2, 3, 4, 5, 6]
    store.close()


def test_age_is_counted_from_arrival_and_counts_follow_the_rows(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = sealed(tmp_path, make_commit, retention_s=7200.0)
    store.maintain(T0 + 2 * HOUR + 3)
    assert ids(store) == [2, 3, 4, 5, 6]  # 6 lies in the oldest hour, but came last
    assert store.verify() == []
    store.maintain(T0 + 9 * HOUR)
    assert ids(store) == []
    assert store.query("SELECT * FROM template_counts").num_rows == 0
    assert store.next_line_id() == 7
    store.close()
    assert DuckStore.open(tmp_path).next_line_id() == 7


def test_bytes_are_kept_below_the_limit_by_dropping_what_came_first(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = sealed(tmp_path, make_commit)
    size = store.info()["segment_bytes"]
    store.close()
    store = DuckStore.open(tmp_path, Settings(min_free_bytes=0, retention_bytes=size - 1))
    store.maintain(T0 + 4 * HOUR)
    assert ids(store) == [2, 3, 4, 5, 6]
    assert store.info()["segment_bytes"] < size
    store.maintain(T0 + 4 * HOUR)
    assert ids(store) == [2, 3, 4, 5, 6]
    assert store.verify() == []
    store.close()


def test_a_file_outlives_its_segment_for_the_queries_that_read_it(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    store = sealed(tmp_path, make_commit, retention_s=1.0)
    before = files(tmp_path)
    now = T0 + 9 * HOUR
    with store._database.snapshot() as reader:
        reader.execute("SELECT count(*) FROM segments").fetchall()
        store.maintain(now)
        assert reader.execute("SELECT count(*) FROM logs").fetchall() == [(7,)]
    assert ids(store) == []
    assert files(tmp_path) == before
    store.maintain(now + GRACE_NS)
    assert files(tmp_path) == 0
    store.close()
