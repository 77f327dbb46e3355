"""`driftwood bench parsing` from folder to rows: real parsers, each in a process of its own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from driftwood.errors import ConfigError
from eval.journal import is_mean
from eval.parsing import run as bench
from eval.parsing.apart import Apart
from eval.parsing.run import run
from eval.parsing.subjects import Outcome, SubjectFailed, known_subjects
from eval.results import Row, read

FULL = "LineId,Content,EventId,EventTemplate\n"


def lay(data: Path, name: str, group: str = "") -> None:
    folder = data / group / name
    folder.mkdir(parents=True)
    lines = "".join(
        f"{at},took {at} ms,E1,took <*> ms\n{at},started,E2,started\n" for at in range(9)
    )
    (folder / f"{name}_full.log_structured.csv").write_text(FULL + lines)


@dataclass(frozen=True)
class Scripted:
    """A subject that says one thing of every line, or fails as it is told to."""

    does: str = "started"
    tuned: bool = False
    settings: str = "{}"

    def run(self, lines: pa.ChunkedArray[Any], dataset: str, limit_s: float) -> Outcome:
        match self.does:
            case "crash":
                os._exit(3)
            case "refuse":
                raise SubjectFailed("is not installed")
            case "stumble":
                raise KeyError("a bug")
            case "sleep":
                time.sleep(60)
            case "short":
                return Outcome(["x"], 0.1, 0.1, 1.0)
        return Outcome([self.does] * len(lines), 0.5, 0.25, 12.0, "of one mind")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    known = {
        does: Scripted(does) for does in ("started", "crash", "refuse", "stumble", "sleep", "short")
    }
    monkeypatch.setattr(bench, "known_subjects", lambda: known)
    return known


def values(rows: list[Row], protocol: str = "raw") -> dict[tuple[str, str, str], float | None]:
    return {
        (row.data, row.subject, row.metric): row.value for row in rows if row.protocol == protocol
    }


def test_our_parser_is_measured_under_both_protocols(tmp_path: Path) -> None:
    lay(tmp_path, "A")
    rows = run(tmp_path, subjects=["drain3"])
    for protocol in ("raw", "normalised"):
        found = values(rows, protocol)
        for metric in ("GA", "PGA", "RGA", "FGA", "PA", "PTA", "RTA", "FTA", "FTA@1-4", "GA@top5%"):
            assert found["A", "drain3", metric] == 1.0
            assert found["mean", "drain3", metric] == 1.0
    cost = values(rows, "cost")
    assert (cost["A", "drain3", "lines/s"] or 0) > 100
    assert (cost["A", "drain3", "peak_mb"] or 0) > 10
    assert all(row.commit and row.device and row.at and row.n for row in rows)
    assert {row.data_sha for row in rows if row.data == "A"} != {""}


def test_a_failure_is_a_row_and_the_others_go_on(
    tmp_path: Path, scripted: dict[str, Scripted]
) -> None:
    lay(tmp_path, "A")
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "B_full.log_structured.csv").write_text(FULL + "1,a")
    rows = run(tmp_path, ["A", "B", "C"], ["crash", "refuse", "stumble", "short", "started"])
    notes = {(row.data, row.subject): row.note for row in rows if row.value is None}
    assert "exit code 3" in notes["A", "crash"]
    assert notes["A", "refuse"] == "is not installed"
    assert notes["A", "stumble"] == "KeyError: 'a bug'"
    assert notes["A", "short"] == "1 templates for 18 lines"
    assert "Expected 4 columns" in notes["B", "started"]
    assert "there is no folder" in notes["C", "started"]
    assert ("A", "started") not in notes
    assert values(rows)["A", "started", "PA"] == 0.5
    (mean,) = (
        row for row in rows if row.data == "mean" and (row.protocol, row.metric) == ("raw", "PA")
    )
    assert (mean.value, mean.n, mean.note) == (0.5, 1, "without 2 data sets that failed")


def test_who_takes_too_long_is_ended(
    tmp_path: Path, scripted: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.parsing.apart.GRACE_S", 0.5)
    lay(tmp_path, "A")
    begun = time.monotonic()
    rows = run(tmp_path, subjects=["sleep"], limit_s=0.5, journal=tmp_path / "rows.jsonl")
    assert time.monotonic() - begun < 30
    assert {row.note for row in rows} == {"took more than 0.5 s"}
    monkeypatch.delattr(bench, "Apart")  # it is not tried again within the same limit
    assert run(tmp_path, subjects=["sleep"], limit_s=0.5, journal=tmp_path / "rows.jsonl") == rows


def test_averages_keep_groups_of_data_sets_apart(
    tmp_path: Path, scripted: dict[str, Scripted]
) -> None:
    lay(tmp_path, "A", "loghub_2k")
    lay(tmp_path, "A", "loghub_2_0")
    lay(tmp_path, "B", "loghub_2_0")
    rows = run(tmp_path, subjects=["started"], jobs=2)
    means = {row.data: row.n for row in rows if is_mean(row) and row.metric == "GA"}
    assert means == {"loghub_2k/mean": 1, "loghub_2_0/mean": 2}


def test_what_the_file_holds_is_not_run_again(
    tmp_path: Path, scripted: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "rows.jsonl"
    lay(tmp_path, "A")
    first = run(tmp_path, subjects=["started", "refuse"], journal=journal)
    assert [orjson.loads(line) for line in journal.read_bytes().splitlines()]
    lay(tmp_path, "B")
    asked: list[str] = []
    scored = Apart

    def noted(dataset: Any, subject: Any, limit_s: float) -> Any:
        asked.append(f"{dataset.name} {subject.does}")
        return scored(dataset, subject, limit_s)

    monkeypatch.setattr(bench, "Apart", noted)
    rows = run(tmp_path, subjects=["started", "refuse"], journal=journal)
    assert sorted(asked) == ["A refuse", "B refuse", "B started"], "failures are tried again"
    assert [row for row in first if row.data == "A" and row.value is not None] == [
        row for row in rows if row.data == "A" and row.value is not None
    ]
    assert read(journal) == rows
    asked.clear()
    run(tmp_path, ["A"], subjects=["short"], journal=journal)
    assert asked == ["A short"]
    assert {(row.data, row.subject) for row in read(journal)} >= {("B", "started"), ("A", "short")}


def test_a_stop_leaves_what_is_done_in_the_file(
    tmp_path: Path, scripted: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "A")
    journal = tmp_path / "rows.jsonl"

    class Stopped(Apart):
        def __init__(self, dataset: Any, subject: Any, limit_s: float) -> None:
            super().__init__(dataset, subject, limit_s)
            if subject.does == "sleep":
                raise KeyboardInterrupt

    monkeypatch.setattr(bench, "Apart", Stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, subjects=["started", "sleep"], journal=journal)
    assert {row.subject for row in read(journal)} == {"started"}


def test_a_wrong_subject_and_a_wrong_file_stop_before_anything_runs(tmp_path: Path) -> None:
    lay(tmp_path, "A")
    with pytest.raises(ConfigError, match="no subject named 'drian'; known: .*drain3"):
        run(tmp_path, subjects=["drian"])
    (tmp_path / "notes.txt").write_text("dear diary\n")
    with pytest.raises(ConfigError, match="no file of results"):
        run(tmp_path, subjects=["drain3"], journal=tmp_path / "notes.txt")


def test_every_parser_of_ours_is_a_subject() -> None:
    from parsing import PARSERS

    assert set(PARSERS) <= set(known_subjects())
