"""The demo as a source: history, then live, resumable at any line, with its truth on the disk."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from driftwood.config import Demo, Ingest
from ingest.demo import DemoSource

SECOND = 1_000_000_000
START = 1_795_257_312_000_000_000  # 2026-11-21T10:35:12Z
SHOP = Demo(history_h=0.5)

Identity = tuple[str, int, int, int]


def source(data: Path, *, now: int = START, live_s: int = 1800, rows: int = 500) -> DemoSource:
    """A run that ends `live_s` seconds after START, without sleeping."""
    until = START + live_s * SECOND
    return DemoSource(SHOP, Ingest(batch_rows=rows), data=data, now=lambda: now, live_until=until)


def read(
    demo: DemoSource, checkpoint: dict[str, str], batches: int | None = None
) -> list[dict[str, Any]]:
    """All rows, or those of some batches; `checkpoint` is moved along, as a store does it."""
    rows: list[dict[str, Any]] = []
    while (batches is None or batches > 0) and (batch := demo.poll(0.0)) is not None:
        rows += batch.records.to_pylist()
        checkpoint.update(batch.checkpoint)
        batches = None if batches is None else batches - 1
    return rows


def identity(row: dict[str, Any]) -> Identity:
    return row["topic"], row["part"], row["off"], row["idx"]


def truth(data: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (data / "demo-truth.jsonl").read_text().splitlines()]


def test_history_comes_first_and_is_complete(tmp_path: Path) -> None:
    demo = source(tmp_path, live_s=0)
    demo.open({})
    times = [row["ts"] for row in read(demo, {})]
    assert START - 1801 * SECOND - 60 * SECOND <= min(times) <= START - 1790 * SECOND
    assert START - 10 * SECOND <= max(times) <= START


def test_lines_carry_source_and_service_and_their_own_time(tmp_path: Path) -> None:
    demo = source(tmp_path, live_s=0)
    demo.open({})
    rows = read(demo, {})
    labels = [json.loads(row["labels"]) for row in rows]
    assert {label["source"] for label in labels} == {"demo"}
    assert {label["service_name"] for label in labels} == {row["service"] for row in rows}
    assert len({row["service"] for row in rows}) == 6
    assert len({row["ts"] for row in rows}) > len(rows) / 3


def test_a_run_killed_at_any_batch_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    whole = source(tmp_path / "whole")
    whole.open({})
    expected = [(identity(row), row["line"]) for row in read(whole, {})]
    checkpoint: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for life in range(15):
        demo = source(tmp_path / "killed", now=START + life * SECOND, rows=100 + life)
        demo.open(checkpoint)
        rows += read(demo, checkpoint, batches=2)
        demo.poll(0.0)  # given out, but killed before it was stored
    demo = source(tmp_path / "killed")
    demo.open(checkpoint)
    rows += read(demo, checkpoint)
    assert [(identity(row), row["line"]) for row in rows] == expected


def test_the_truth_is_written_once_whatever_restarts(tmp_path: Path) -> None:
    checkpoint: dict[str, str] = {}
    for _ in range(5):
        demo = source(tmp_path)
        demo.open(checkpoint)
        read(demo, checkpoint, batches=3)
        demo.poll(0.0)
    demo = source(tmp_path)
    demo.open(checkpoint)
    read(demo, checkpoint)
    rows = truth(tmp_path)
    assert len(rows) == 8  # seven kinds, one of them in two services
    assert len({(row["kind"], row["service"], row["start"]) for row in rows}) == 8
    assert rows[0]["start"] == "2026-11-21T10:35:17.000Z"
    assert all(datetime.fromisoformat(r["start"]) < datetime.fromisoformat(r["end"]) for r in rows)


def test_truth_is_there_before_the_first_line_of_its_incident(tmp_path: Path) -> None:
    demo = source(tmp_path, rows=20)
    demo.open({})
    while (batch := demo.poll(0.0)) is not None:
        newest = batch.records.column("ts").to_numpy().max()
        begun = [row for row in truth(tmp_path) if _ns(row["start"]) <= newest]
        if "ledger mismatch" in str(batch.records.column("line").to_pylist()):
            assert begun
            return
    pytest.fail("the first incident was never told")


def _ns(rfc3339: str) -> int:
    return int(datetime.fromisoformat(rfc3339).timestamp() * 1000) * 1_000_000


def test_a_truth_row_that_a_crash_cut_off_is_written_again(tmp_path: Path) -> None:
    demo = source(tmp_path)
    demo.open({})
    read(demo, {})
    path = tmp_path / "demo-truth.jsonl"
    expected = path.read_bytes()
    path.write_bytes(expected[:-20])
    demo = source(tmp_path)
    demo.open({})
    read(demo, {})
    assert path.read_bytes() == expected


def test_a_live_poll_gives_what_is_due_and_not_more(tmp_path: Path) -> None:
    now = [START]
    demo = DemoSource(SHOP, Ingest(), data=tmp_path, now=lambda: now[0])
    demo.open({})
    assert max(_times(demo)) <= now[0]
    assert not _times(demo)
    now[0] += 10 * SECOND
    live = _times(demo)
    assert min(live) >= START - SECOND
    assert START + 5 * SECOND <= max(live) <= now[0]


def _times(demo: DemoSource) -> list[int]:
    batch = demo.poll(0.0)
    assert batch is not None
    return [row["ts"] for row in batch.records.to_pylist()]


def test_a_pause_longer_than_the_history_is_not_made_up_for(tmp_path: Path) -> None:
    checkpoint: dict[str, str] = {}
    demo = source(tmp_path, live_s=0)
    demo.open({})
    first = read(demo, checkpoint)
    later = START + 24 * 3600 * SECOND
    demo = DemoSource(SHOP, Ingest(), data=tmp_path, now=lambda: later, live_until=later)
    demo.open(checkpoint)
    rows = read(demo, checkpoint)
    assert min(row["ts"] for row in rows) >= later - 1900 * SECOND
    assert not {identity(row) for row in first} & {identity(row) for row in rows}
