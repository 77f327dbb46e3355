"""Who may open a store, and what it says to everybody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from driftwood.config import Store as Settings
from driftwood.errors import StoreError, StoreLocked, StoreTooNew
from driftwood.store.schema import MIGRATIONS
from driftwood.store.store import DuckStore

SMALL = Settings(min_free_bytes=0)


def test_one_process_owns_a_store(tmp_path: Path) -> None:
    with (
        DuckStore.open(tmp_path, SMALL),
        pytest.raises(StoreLocked, match=r"in use by process \d+.*--url"),
    ):
        DuckStore.open(tmp_path, SMALL)
    open_it = (
        "from pathlib import Path; from driftwood.store.store import DuckStore;"
        f"DuckStore.open(Path({str(tmp_path)!r}))"
    )
    with DuckStore.open(tmp_path, SMALL):
        other = subprocess.run([sys.executable, "-c", open_it], capture_output=True, text=True)
    assert "StoreLocked" in other.stderr
    with (
        DuckStore.open(tmp_path, SMALL, read_only=True) as one,
        DuckStore.open(tmp_path, SMALL, read_only=True) as two,
    ):
        assert one.next_line_id() == two.next_line_id() == 0
        assert one.query("SELECT * FROM logs").num_rows == 0


def test_a_store_that_another_tool_holds_is_locked_too(tmp_path: Path) -> None:
    DuckStore.open(tmp_path, SMALL).close()
    hold_it = (
        f"import duckdb; held = duckdb.connect({str(tmp_path / 'driftwood.duckdb')!r});"
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold_it], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreLocked, match=str(holder.pid)):
            DuckStore.open(tmp_path, SMALL)
        holder.communicate(b"\n")


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    DuckStore.open(tmp_path, SMALL).close()
    newer = len(MIGRATIONS) + 1
    with duckdb.connect(str(tmp_path / "driftwood.duckdb")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", [str(newer)])
    with pytest.raises(StoreTooNew, match=f"version {newer}"):
        DuckStore.open(tmp_path, SMALL)
    with pytest.raises(StoreTooNew):  # and was not left locked
        DuckStore.open(tmp_path, SMALL)


def test_a_folder_without_a_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store in .*--data"):
        DuckStore.open(tmp_path / "nowhere", SMALL, create=False)
    assert not (tmp_path / "nowhere").exists()
