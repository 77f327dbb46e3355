"""Which names structured metadata has had."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwood.config import Store as Settings
from driftwood.store import metadata
from driftwood.store.store import DuckStore
from tests.driftwood.store.conftest import NOON, commit_of


def test_names_are_known_after_the_commit_and_after_a_restart(tmp_path: Path) -> None:
    with DuckStore.open(tmp_path, Settings(min_free_bytes=0)) as store:
        assert store.metadata_names == set()
        store.write(commit_of(0, [NOON, NOON + 1]))
        assert store.metadata_names == {"trace"}
    with DuckStore.open(tmp_path, read_only=True) as store:
        assert store.metadata_names == {"trace"}


def test_a_store_that_kept_no_account_looks_at_its_rows(tmp_path: Path) -> None:
    with DuckStore.open(tmp_path, Settings(min_free_bytes=0)) as store:
        store.write(commit_of(0, [NOON]))
        store.compact()
        store.execute("DELETE FROM metadata_names")
        store.execute("DELETE FROM meta WHERE key = 'metadata_names'")
    with DuckStore.open(tmp_path, read_only=True) as store:
        assert store.metadata_names is None
    with DuckStore.open(tmp_path, Settings(min_free_bytes=0)) as store:
        assert store.metadata_names == {"trace"}


def test_too_many_names_are_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "MAX_NAMES", 0)
    with DuckStore.open(tmp_path, Settings(min_free_bytes=0)) as store:
        assert store.metadata_names == set()
        store.write(commit_of(0, [NOON]))
        assert store.metadata_names is None
        store.write(commit_of(1, [NOON]))
        found = store.query("SELECT count(*) AS n FROM metadata_names").to_pylist()
        assert found == [{"n": 1}]
