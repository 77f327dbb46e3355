"""What is written is what is read, and nothing is half written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.protocols import Store
from driftwood.records import (
    EVENTS,
    Commit,
    Events,
    no_dead_letters,
)
from driftwood.store.schema import HOUR, MINUTE
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
T0 = 1_700_000_000_000_000_000 // HOUR * HOUR
SMALL = Settings(min_free_bytes=0)


def nothing(**parts: object) -> Commit:
    whole = {"events": Events(EVENTS.empty_table()), "dead": no_dead_letters(), "checkpoints": {}}
    return Commit(**{**whole, **parts})  # type: ignore[arg-type]


def count(store: DuckStore, table: str = "logs") -> int:
    n: int = store.query(f"SELECT count(*) AS n FROM {table}").column("n")[0].as_py()
    return n


def test_the_duckdb_store_plays_the_store(store: DuckStore) -> None:
    role: Store = store
    assert role.next_line_id() == 0


def test_a_commit_is_read_back_after_the_store_was_opened_again(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    commit = make_commit(0, [T0, T0 + 1, T0 + 2], levels=["info", "error", "info"])
    commit = dataclasses.replace(commit, state={"parser": b"\x00state"})
    store = DuckStore.open(tmp_path, SMALL)
    store.write(commit)
    store.close()
    store = DuckStore.open(tmp_path, SMALL)
    assert store.next_line_id() == 3
    assert store.checkpoint("kafka") == {"orders/uuid/0": "3"}
    assert store.checkpoint("files") == {}
    assert store.state("parser") == b"\x00state"
    assert store.state("detection") is None
    assert pa.concat_tables(store.replay(-1, 0)).to_pylist() == commit.events.to_pylist()
    labels = store.query("SELECT key, source, service FROM streams ORDER BY key").to_pylist()
    assert labels == [
        {
            "key": '{"level":"error","service_name":"api"}',
            "source": '{"service_name":"api"}',
            "service": "api",
        },
        {
            "key": '{"level":"info","service_name":"api"}',
            "source": '{"service_name":"api"}',
            "service": "api",
        },
    ]
    store.close()


TIMES = st.integers(min_value=-(2**63), max_value=2**63 - 1)
NEAR = st.integers(min_value=0, max_value=3).flatmap(
    lambda minute: st.sampled_from([T0 + minute * MINUTE + d for d in (-1, 0, 1)])
)
LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(
    st.tuples(TIMES | NEAR, LINES, st.sampled_from(["info", "error"]), st.integers(1, 3)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_every_row_comes_back_as_it_was_and_the_counts_are_those_of_the_rows(
    make_commit: MakeCommit, commits: list[list[tuple[int, str, str, int]]]
) -> None:
    store = DuckStore.in_memory()
    written = []
    for rows in commits:
        ts, lines, levels, templates = (list(column) for column in zip(*rows, strict=True))
        commit = make_commit(
            store.next_line_id(), ts, lines=lines, levels=levels, templates=templates
        )
        store.write(commit)
        written += commit.events.to_pylist()
    assert pa.concat_tables(store.replay(-1, 0)).to_pylist() == written
    counted = {
        (row["minute"], row["template_id"]): (row["n"], row["bytes"])
        for row in store.query(
            """SELECT minute, template_id, sum(n)::BIGINT AS n, sum(bytes)::BIGINT AS bytes
            FROM template_counts GROUP BY ALL"""
        ).to_pylist()
    }
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for row in written:
        # Python's integers divide downwards; the last hour before 2262 has no end that fits into 64 bits
        minute = -(-min(row["ts"], (2**63 - 1) // HOUR * HOUR) // MINUTE) * MINUTE
        n, size = expected.get((minute, row["template_id"]), (0, 0))
        expected[minute, row["template_id"]] = (n + 1, size + len(row["line"].encode()))
    assert counted == expected
    store.close()
