"""Commits to store: whole batches of events out of a few columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from driftwood.config import Store as Settings
from driftwood.labels import label_key
from driftwood.records import EVENTS, Commit, Events, no_dead_letters
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]

NOON = 1_700_000_000_000_000_000 // (3600 * 10**9) * 3600 * 10**9


@pytest.fixture(scope="session")
def make_commit() -> MakeCommit:
    return commit_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    made = DuckStore.open(tmp_path / "data", Settings(min_free_bytes=0))
    yield made
    made.close()


def commit_of(
    first: int,
    ts: Sequence[int],
    *,
    lines: Sequence[str] | None = None,
    levels: Sequence[str] | None = None,
    templates: Sequence[int] | None = None,
    arrived: int | None = None,
) -> Commit:
    """Events with line ids and offsets from `first` on; the checkpoint is the offset that follows the last."""
    n = len(ts)
    levels = levels or ["info"] * n
    keys = [label_key({"service_name": "api", "level": level}) for level in levels]
    columns = {
        "ts": pa.array(ts, pa.int64()),
        "observed_ts": pa.array([arrived if arrived is not None else t for t in ts], pa.int64()),
        "labels": pa.array(keys, pa.string()).dictionary_encode(),
        "line": pa.array(lines or [f"line {first + i}" for i in range(n)], pa.string()),
        "sm": pa.array([[("trace", str(i))] for i in range(n)], EVENTS.field("sm").type),
        "severity": pa.array([9] * n, pa.uint8()),
        "service": pa.array(["api"] * n, pa.string()).dictionary_encode(),
        "topic": pa.array(["orders/uuid"] * n, pa.string()).dictionary_encode(),
        "part": pa.array([0] * n, pa.int32()),
        "off": pa.array(np.arange(first, first + n), pa.int64()),
        "idx": pa.array([0] * n, pa.int32()),
        "template_id": pa.array(templates or [7] * n, pa.int64()),
        "template_version": pa.array([1] * n, pa.int32()),
        "line_id": pa.array(np.arange(first, first + n), pa.int64()),
    }
    events = Events(pa.table([columns[name] for name in EVENTS.names], schema=EVENTS))
    return Commit(events, no_dead_letters(), {"kafka": {"orders/uuid/0": str(first + n)}})
