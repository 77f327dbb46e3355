"""Lines leave the store as files that other tools read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from driftwood.errors import StoreError
from driftwood.records import Commit
from driftwood.store.schema import HOUR
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
T0 = 1_700_000_000_000_000_000 // HOUR * HOUR


@pytest.fixture
def filled(store: DuckStore, make_commit: MakeCommit) -> DuckStore:
    store.write(make_commit(0, [T0 + 1, T0 + 9], lines=['first, "quoted"\nline', "ä\x00"]))
    store.compact()
    store.write(make_commit(2, [T0 + 2], levels=["error"], lines=["last"]))
    return store


def test_ndjson_holds_an_object_a_line_in_the_order_of_time(
    filled: DuckStore, tmp_path: Path
) -> None:
    file = tmp_path / "lines.ndjson"
    assert filled.export(file, format="ndjson") == 3
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [row["line"] for row in rows] == ['first, "quoted"\nline', "last", "ä\x00"]
    assert rows[1]["labels"] == {"level": "error", "service_name": "api"}
    assert rows[1]["sm"] == {"trace": "0"}
    assert rows[1]["ts"] == T0 + 2


def test_csv_holds_the_same_columns(filled: DuckStore, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    assert filled.export(file, format="csv") == 3
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert [row["line"] for row in rows] == ['first, "quoted"\nline', "last", "ä\x00"]
    assert json.loads(rows[1]["labels"]) == {"level": "error", "service_name": "api"}


def test_parquet_holds_the_lines_of_the_span(filled: DuckStore, tmp_path: Path) -> None:
    file = tmp_path / "lines.parquet"
    assert filled.export(file, start=T0 + 2, end=T0 + 9) == 1
    assert pq.read_table(file).column("line").to_pylist() == ["last"]


def test_a_file_that_exists_is_not_overwritten(filled: DuckStore, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("precious")
    with pytest.raises(StoreError, match="exists"):
        filled.export(file, format="csv")
    assert file.read_text() == "precious"
    with pytest.raises(StoreError, match="parquet, ndjson, csv"):
        filled.export(tmp_path / "x.xls", format="xls")
    with pytest.raises(StoreError, match="cannot write"):
        filled.export(tmp_path / "no" / "folder.csv", format="csv")
