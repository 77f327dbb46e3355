"""`driftwood bench`: one command from a folder of data sets to the file, the table and the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from eval.results import Row, read
from ui.cli_bench import tables
from ui.client import Client

LETTERS = str.maketrans("0123456789", "abcdefghij")


def lay(data: Path, name: str, lines: int = 20) -> None:
    """A data set with a free word in each line, so that every line takes its time."""
    (data / name).mkdir(parents=True)
    with (data / name / f"{name}_full.log_structured.csv").open("w") as file:
        file.write("LineId,Content,EventId,EventTemplate\n")
        for at in range(lines):
            word = str(at).translate(LETTERS)
            file.write(f"{at},job {at} of {word} done,E1,job <*> of <*> done\n")


def driftwood(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
    )


def test_rows_go_to_the_file_the_table_and_the_server(tmp_path: Path, client: Client) -> None:
    lay(tmp_path, "A")
    file = tmp_path / "rows.jsonl"
    process = driftwood(
        "bench", "parsing", "--data", tmp_path, "--sets", "A,Gone", "--subjects", "drain3",
        "--json", file, "--url", client.url,
    )  # fmt: skip
    said, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert "normalised" in said
    assert "there is no folder" in said
    rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    assert {row["data"] for row in rows} == {"A", "Gone", "mean"}
    kept = client.results(bench="parsing")["results"]
    assert len(kept) == len(rows)
    newest = kept[: sum("@" not in row["metric"] for row in kept)]
    assert not any("@" in row["metric"] for row in newest), "what a leaderboard shows is newest"


def test_ctrl_c_leaves_a_file_that_is_gone_on_with(tmp_path: Path) -> None:
    lay(tmp_path, "A")
    lay(tmp_path, "B", 400_000)
    file = tmp_path / "rows.jsonl"
    process = driftwood(
        "bench", "parsing", "--data", tmp_path, "--subjects", "drain3", "--json", file
    )
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {row.data for row in read(file) if row.value is not None} == {"A", "mean"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--jobs", "2"], "the benchmark demo knows no --jobs"),
        (["parsing"], "--data DIR"),
        (["parsing", "--data", "nowhere"], "no folder of data sets at nowhere"),
    ],
)
def test_a_wrong_flag_is_told(arguments: list[str], words: str) -> None:
    process = driftwood("bench", *arguments)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 2
    assert words in complaints


def test_large_numbers_are_written_out() -> None:
    screen = Console(width=120, record=True, file=StringIO())
    screen.print(*tables([Row("parsing", "A", "cost", "drain3", "lines/s", 45_811.3)]))
    assert "45,811" in screen.export_text()


def test_the_best_of_a_data_set_has_a_star_and_a_part_no_column() -> None:
    rows = [
        Row("detection", data, "A", subject, metric, value, note="" if value else "took too long")
        for data, values in {"one": (0.5, 0.9, 1.0), "two": (0.8, None, 1.0)}.items()
        for subject, value in zip(("knn", "pca", "all_positive"), values, strict=True)
        for metric in ("AP", "AP@distinct")
    ]
    rows.append(Row("detection", "one", "cost", "knn", "events/s", 2e6))
    screen = Console(width=120, record=True, file=StringIO())
    for shown in tables(rows):
        screen.print(shown)
    said = [line.split() for line in screen.export_text().splitlines()]
    assert ["one", "A", "pca", "0.9*"] in said
    assert ["two", "A", "knn", "0.8*"] in said
    assert ["two", "A", "pca", "took", "too", "long"] in said
    assert ["one", "A", "all_positive", "1"] in said, "flagging everything wins nothing"
    assert ["data", "protocol", "subject", "events/s"] in said, "costs are a table of their own"
    assert not any("distinct" in word for line in said for word in line)
