"""What is written is what is read, and nothing is half written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.config import Store as Settings
from driftwood.errors import QueryError, StoreError, StoreFull
from driftwood.protocols import Store
from driftwood.records import (
    DEAD_LETTERS,
    EVENTS,
    Anomaly,
    Commit,
    Contribution,
    DeadLetters,
    Events,
    Template,
    TemplateId,
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
@example([[(-(2**63), "", "info", 1), (2**63 - 1, "", "info", 1), (0, "", "info", 1)]])
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


def test_anomalies_templates_and_dead_letters_are_stored_once(
    store: DuckStore, make_commit: MakeCommit
) -> None:
    why = Contribution(TemplateId(7), "GET <*>", seen=9.0, expected=1.5, weight=1.0)
    anomaly = Anomaly(
        *("a1", "rate_change", "rate_up", '{"service_name":"api"}', "api", T0, T0 + MINUTE),
        score=8.5,
        p_value=1e-6,
        title="api: six times more",
        contributions=(why,),
        line_ids=(0, 2),
    )
    dead = DeadLetters(
        pa.Table.from_pylist(
            [
                {
                    "observed_ts": T0,
                    "source": "kafka",
                    "topic": "t",
                    "part": 0,
                    "off": 5,
                    "idx": 0,
                    "stage": "decode",
                    "reason": "no JSON",
                    "raw": b"\xff\x00",
                    "headers": [("h", b"\x01")],
                    "key": None,
                    "record_ts": None,
                }
            ],
            schema=DEAD_LETTERS,
        )
    )
    first = Template(TemplateId(7), 1, "GET /a")
    second = Template(TemplateId(7), 2, "GET <*>", parents=(TemplateId(3),))
    store.write(nothing(anomalies=(anomaly,), templates=(first, second), dead=dead))
    again = dataclasses.replace(anomaly, title="another")
    store.write(nothing(anomalies=(again,), templates=(second,), dead=dead, replayed=(1,)))
    (stored,) = store.query("SELECT * FROM anomalies").to_pylist()
    assert stored["title"] == "api: six times more"
    assert stored["contributions"] == [dataclasses.asdict(why)]
    assert stored["line_ids"] == [0, 2]
    versions = store.query("SELECT version, text, parents FROM templates ORDER BY version")
    assert versions.to_pylist() == [
        {"version": 1, "text": "GET /a", "parents": []},
        {"version": 2, "text": "GET <*>", "parents": [3]},
    ]
    letters = store.query(
        "SELECT id, raw, headers, replayed_at > 0 AS replayed FROM dead_letters ORDER BY id"
    )
    assert letters.to_pylist() == [
        {"id": 1, "raw": b"\xff\x00", "headers": [("h", b"\x01")], "replayed": True},
        {"id": 2, "raw": b"\xff\x00", "headers": [("h", b"\x01")], "replayed": None},
    ]


def test_a_header_or_a_field_that_comes_twice_is_kept_and_blocks_nothing(
    store: DuckStore, make_commit: MakeCommit
) -> None:
    commit = make_commit(0, [T0, T0 + 1])
    at = EVENTS.get_field_index("sm")
    twice = pa.array([[("tag", "a"), ("tag", "b")], []], EVENTS.field(at).type)
    letter = {
        "observed_ts": T0,
        "source": "kafka",
        "topic": "t",
        "part": 0,
        "off": 5,
        "idx": 0,
        "stage": "decode",
        "reason": "no JSON",
        "raw": b"",
        "headers": [("h", b"1"), ("h", b"2")],
    }
    dead = DeadLetters(pa.Table.from_pylist([letter], schema=DEAD_LETTERS))
    events = Events(commit.events.set_column(at, EVENTS.field(at), twice))
    store.write(dataclasses.replace(commit, events=events, dead=dead))
    found = store.query("SELECT sm FROM logs ORDER BY line_id").to_pylist()
    assert found == [{"sm": [("tag", "a"), ("tag#2", "b")]}, {"sm": []}]
    (stored,) = store.query("SELECT headers FROM dead_letters").to_pylist()
    assert stored == {"headers": [("h", b"1"), ("h#2", b"2")]}


def test_replay_gives_what_lies_behind_the_snapshot_in_the_order_of_arrival(
    store: DuckStore, make_commit: MakeCommit
) -> None:
    store.write(make_commit(0, [T0 + 5, T0 + 1, T0 + HOUR]))
    store.compact()
    store.write(make_commit(3, [T0 + 2, T0 + 3 * HOUR, T0 + 4]))

    def replayed(after: int, since: int) -> list[int]:
        batches = list(store.replay(after, since))
        assert all(events.schema.equals(EVENTS) for events in batches)
        return [i for events in batches for i in events.column("line_id").to_numpy().tolist()]

    assert replayed(-1, 0) == [0, 1, 2, 3, 4, 5]
    assert replayed(3, T0 + 9 * HOUR) == [4, 5]
    assert replayed(4, T0 + HOUR) == [2, 4, 5]
    assert replayed(5, T0 + 9 * HOUR) == []


def test_more_is_replayed_than_could_be_sorted_in_memory(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    small = Settings(min_free_bytes=0, memory_limit="128MB")
    with DuckStore.open(tmp_path / "data", small) as store:
        for first in range(0, 400_000, 20_000):
            times = [first * 1000 - i for i in range(20_000)]
            store.write(
                make_commit(first, times, lines=["x" * 400 + str(i) for i in range(20_000)])
            )
        ids = [e.column("line_id").to_numpy() for e in store.replay(29_999, 2**62)]
        assert (np.concatenate(ids) == np.arange(30_000, 400_000)).all()


def test_a_write_that_fails_changes_nothing_and_the_next_one_works(
    store: DuckStore, make_commit: MakeCommit
) -> None:
    good = make_commit(0, [T0 + 1], levels=["warn"])
    broken = dataclasses.replace(good, state={"parser": object()})  # type: ignore[dict-item]
    with pytest.raises(StoreError):
        store.write(broken)
    assert store.next_line_id() == 0
    assert store.checkpoint("kafka") == {}
    store.write(good)
    assert count(store) == 1
    assert store.verify() == []


def test_a_write_needs_free_space_and_works_again_when_there_is_some(
    tmp_path: Path, make_commit: MakeCommit
) -> None:
    with pytest.raises(StoreFull, match=r"store\.min_free_bytes"):
        DuckStore.open(tmp_path, Settings(min_free_bytes=2**60))  # a new one needs some at once
    DuckStore.open(tmp_path, SMALL).close()
    store = DuckStore.open(tmp_path, Settings(min_free_bytes=2**60))
    with pytest.raises(StoreFull, match=r"store\.min_free_bytes"):
        store.write(make_commit(0, [T0]))
    with pytest.raises(StoreFull):
        store.execute("INSERT INTO feedback VALUES ('a', 'real', '', '', 0)")
    store.close()
    with DuckStore.open(tmp_path, SMALL) as store:
        store.write(make_commit(0, [T0]))
        assert count(store) == 1


def test_a_query_reads_one_statement_and_nothing_outside(store: DuckStore, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    for sql in (
        "SELECT 1; SELECT 2",
        "INSERT INTO meta VALUES ('a', 'b')",
        "DROP TABLE logs_hot",
        "COPY logs TO 'x.csv'",
        "ATTACH 'other.duckdb'",
        "SET threads = 1",
        "SELEC 1",
        "SELECT * FROM nothing",
        "SELECT ?",
    ):
        with pytest.raises(QueryError):
            store.query(sql)
    for sql in (f"SELECT * FROM read_csv('{outside}')", f"SELECT * FROM '{outside}'"):
        with pytest.raises((QueryError, StoreError), match=r"disabled by configuration"):
            store.query(sql)
    assert store.query("SELECT ? AS a", ["'; DROP TABLE logs"]).to_pylist() == [
        {"a": "'; DROP TABLE logs"}
    ]


def test_a_query_that_takes_too_long_is_cancelled(store: DuckStore) -> None:
    endless = (
        "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 3"
    )
    with pytest.raises(QueryError, match=r"cancelled after 0\.1 s"):
        store.query(endless, timeout=0.1)
    assert store.query("SELECT 1 AS one", timeout=5.0).to_pylist() == [{"one": 1}]


def test_a_closed_store_says_so(store: DuckStore, make_commit: MakeCommit) -> None:
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.query("SELECT 1")
    with pytest.raises(StoreError, match="is closed"):
        store.write(make_commit(0, [T0]))


def test_rows_behind_the_stored_offset_are_reported_and_kept(
    tmp_path: Path, make_commit: MakeCommit, caplog: pytest.LogCaptureFixture
) -> None:
    store = DuckStore.open(tmp_path, SMALL)
    store.write(make_commit(0, [T0, T0 + 1]))
    store.close()
    store = DuckStore.open(tmp_path, SMALL)
    assert caplog.text == ""
    store.execute("UPDATE checkpoints SET position = '1'")
    store.close()
    store = DuckStore.open(tmp_path, SMALL)
    assert "orders/uuid/0" in caplog.text
    (problem,) = store.verify()
    assert "goes on at 1" in problem
    assert count(store) == 2
    store.close()


def test_info_counts_rows_and_bytes(store: DuckStore, make_commit: MakeCommit) -> None:
    empty = store.info()
    assert (empty["rows"], empty["oldest"], empty["ratio"]) == (0, None, None)
    store.write(make_commit(0, [T0, T0 + 1], lines=["ä", "bc"]))
    store.compact()
    store.write(make_commit(2, [T0 + HOUR], lines=["d"]))
    facts = store.info()
    assert (facts["rows_hot"], facts["rows_sealed"], facts["segments"]) == (1, 2, 2)
    assert facts["text_bytes"] == 5
    assert (facts["oldest"], facts["newest"]) == (T0, T0 + HOUR)
    files = [f for f in store.path.rglob("*") if f.is_file() and f.name != "driftwood.lock"]
    assert facts["bytes"] == sum(f.stat().st_size for f in files)


def test_label_sets_by_the_hundred_thousand_are_kept(store: DuckStore) -> None:
    n = 100_000
    keys = pa.array([f'{{"pod":"p{i}"}}' for i in range(n)])
    zeros = {name: pa.array([0] * n, EVENTS.field(name).type) for name in ("part", "off", "idx")}
    columns = {
        **zeros,
        **{name: pa.array(range(T0, T0 + n)) for name in ("ts", "observed_ts", "line_id")},
        **{name: pa.array([""] * n).dictionary_encode() for name in ("service", "topic")},
        "labels": keys.dictionary_encode(),
        "line": keys,
        "sm": pa.array([[]] * n, EVENTS.field("sm").type),
        "severity": pa.array([0] * n, pa.uint8()),
        "template_id": pa.array([1] * n, pa.int64()),
        "template_version": pa.array([1] * n, pa.int32()),
    }
    events = pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)
    store.write(nothing(events=Events(events)))
    assert count(store, "streams") == n
    assert next(iter(store.replay(-1, 0))).column("labels")[0].as_py() == '{"pod":"p0"}'
