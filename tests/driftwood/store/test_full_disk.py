"""A full disk stops writing, and nothing else; with room again, writing goes on."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from driftwood.config import Store as Settings
from driftwood.errors import StoreError, StoreFull
from driftwood.records import Commit
from driftwood.store.schema import HOUR
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
T0 = 1_700_000_000_000_000_000 // HOUR * HOUR


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root: run as root to test a full disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(store: DuckStore, make_commit: MakeCommit) -> int:
    """Commit until the disk is full; the number of rows that were stored."""
    rows = 0
    for _ in range(100):
        lines = [os.urandom(500).hex() for _ in range(2000)]
        try:
            store.write(make_commit(rows, [T0 + rows + i for i in range(2000)], lines=lines))
        except StoreFull:
            return rows
        rows += 2000
    raise AssertionError("the disk never filled up")


def counted(store: DuckStore) -> int:
    n: int = store.query("SELECT count(*) AS n FROM logs").column("n")[0].as_py()
    return n


def give_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)


def test_a_commit_without_room_changes_nothing_and_is_stored_once_there_is_some(
    small_disk: Path, make_commit: MakeCommit
) -> None:
    store = DuckStore.open(small_disk, Settings(min_free_bytes=0))
    rows = fill(store, make_commit)
    again = make_commit(rows, [T0] * 2000, lines=["x" * 200] * 2000)
    with pytest.raises(StoreFull, match="is full"):
        store.write(again)
    assert counted(store) == rows > 0
    assert store.next_line_id() == rows
    give_room(small_disk)
    store.write(again)
    assert counted(store) == rows + 2000
    assert store.verify() == []
    store.close()
    with DuckStore.open(small_disk) as store:
        assert counted(store) == rows + 2000


def test_sealing_without_room_keeps_the_rows_where_they_are(
    small_disk: Path, make_commit: MakeCommit
) -> None:
    store = DuckStore.open(small_disk, Settings(min_free_bytes=0))
    rows = fill(store, make_commit)
    with pytest.raises(StoreError, match=r"full|No space"):
        store.compact()
    assert counted(store) == rows
    assert store.verify() == []
    assert list((small_disk / "segments").iterdir()) == []
    store.maintain(time.time_ns())
    give_room(small_disk)
    store.compact()
    assert counted(store) == rows
    assert store.info()["rows_hot"] == 0
    assert store.verify() == []
    store.close()


def test_a_database_that_duckdb_gave_up_is_opened_again(
    small_disk: Path, make_commit: MakeCommit
) -> None:
    """A checkpoint that runs out of room is fatal for DuckDB. The store starts none, but another may fill the disk."""
    store = DuckStore.open(small_disk, Settings(min_free_bytes=0))
    rows = fill(store, make_commit)
    with store._database.cursor() as cursor, pytest.raises(Exception, match="No space left"):
        cursor.execute("CHECKPOINT")
    give_room(small_disk)
    more = make_commit(rows, [T0] * 10)
    with pytest.raises(StoreError):
        store.write(more)
    store.write(more)
    assert counted(store) == rows + 10
    assert store.verify() == []
    store.close()


def test_a_store_on_a_full_disk_is_opened_and_waits_for_room(
    small_disk: Path, make_commit: MakeCommit
) -> None:
    store = DuckStore.open(small_disk, Settings(min_free_bytes=0))
    rows = fill(store, make_commit)
    store._database._disconnect()  # as a kill leaves it: no checkpoint
    store._database._lock.release()
    with suppress(OSError), (small_disk / "ballast").open("wb") as file:  # until it is full
        while True:
            file.write(b"x" * 65_536)
    store = DuckStore.open(small_disk, Settings(min_free_bytes=0))
    assert counted(store) == rows
    with pytest.raises(StoreFull):
        store.write(make_commit(rows, [T0] * 2000))
    give_room(small_disk)
    store.write(make_commit(rows, [T0] * 2000))
    assert counted(store) == rows + 2000
    assert store.verify() == []
    store.close()


def test_a_new_store_needs_room(small_disk: Path) -> None:
    with pytest.raises(StoreFull, match="free some space"):
        DuckStore.open(small_disk)
