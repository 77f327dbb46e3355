"""Rows of results go to a file and back, and carry where they come from."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from eval.results import Row, interval, read, stamped, write


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [
        Row("demo", "demo/silence", "incidents", "all", "recall", 1.0, 0.9, 1.0, n=12, seeds=5),
        Row("demo", "demo", "incidents", "all", "precision", None, note="no case"),
    ]
    path = tmp_path / "new" / "rows.jsonl"
    write(rows[:1], path)
    write(rows[1:], path)
    assert read(path) == rows
    first = orjson.loads(path.read_bytes().splitlines()[0])
    assert list(first)[:7] == ["bench", "data", "protocol", "subject", "metric", "value", "low"]
    rest = "high n seeds seconds peak_mb commit device at config data_sha note"
    assert " ".join(list(first)[7:]) == rest


def test_a_stamp_says_when_and_where_and_leaves_what_is_there() -> None:
    row, kept = stamped(
        [Row("b", "d", "p", "s", "m", 1.0), Row("b", "d", "p", "s", "m", 1.0, device="H200")]
    )
    assert row.at.endswith("Z")
    assert "cores" in row.device
    assert kept.device == "H200"
    assert row.peak_mb
    assert row.peak_mb > 1


def test_an_interval_is_students() -> None:
    # t(0.975, 4) = 2.776; sd of 1..5 = 1.5811; 2.776 * 1.5811 / sqrt(5) = 1.963
    assert interval([1, 2, 3, 4, 5]) == pytest.approx((3.0, 1.0366, 4.9634), abs=1e-3)
    assert interval([]) == (None, None, None)
