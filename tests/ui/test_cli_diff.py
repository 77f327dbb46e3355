"""`driftwood templates diff A B`: two windows of a server, two files, and what it says when it cannot compare."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from driftwood.records import Template, TemplateId
from tests.shop import HOUR, MINUTE, NOON, Row, commit
from tests.ui.api_server import Running
from tests.ui.processes import driftwood
from ui.client import Client

BEFORE, AFTER = (
    "2024-05-14T11:00:00Z..2024-05-14T12:00:00Z",
    "2024-05-14T12:00:00Z..2024-05-14T13:00:00Z",
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Before and after a release: one line is reworded, one is rarer, one is new; a tick stays as it was."""
    before, after = [], []
    for i in range(100):
        before += [
            f"user {i} logged in from 10.0.0.{i}",
            f"served request {i} in {i * 7} ms",
            "tick",
        ]
        after += [f"user {i} has logged in from 10.0.0.{i}", "tick"]
        after += [f"served request {i} in {i * 7} ms"] * (i % 5 == 0)
        after += [f"\x1b[2Jdisk sda{i} is FULL"] * (i % 9 == 0)
    old, new = tmp_path / "old.log", tmp_path / "new.log.gz"
    old.write_text("\n".join(before) + "\n", "utf-8")
    new.write_bytes(gzip.compress(("\n".join(after) + "\n").encode()))
    return str(old), str(new)


def test_two_files_are_compared_without_a_server(files: tuple[str, str]) -> None:
    run = driftwood("templates", "diff", *files, "--json")
    assert run.returncode == 0, run.stderr
    rows = {row["kind"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert rows.keys() == {"less", "new", "reworded"}
    assert (rows["less"]["base_count"], rows["less"]["count"]) == (100, 20)
    assert rows["less"]["surprise"] < -4
    assert (rows["new"]["base_count"], rows["new"]["count"]) == (0, 12)
    assert rows["reworded"]["base_text"] == "user <NUM> logged in from <IP>"
    assert rows["reworded"]["text"] == "user <NUM> has logged in from <IP>"


def test_the_table_shows_what_was_said_before_and_obeys_no_line(files: tuple[str, str]) -> None:
    run = driftwood("templates", "diff", *files)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[:6] == ["what", "before", "after", "ratio", "surprise", "template"]
    assert "→" in run.stdout
    assert "\x1b" not in run.stdout
    shorter = driftwood("templates", "diff", *files, "--limit", "1", "--json")
    assert len(shorter.stdout.splitlines()) == 1


def test_a_file_against_itself_has_no_change(files: tuple[str, str]) -> None:
    run = driftwood("templates", "diff", files[0], files[0])
    assert (run.returncode, run.stdout) == (
        0,
        f"Nothing changed from {files[0]} to {files[0]}.\n",
    )


def test_two_windows_of_a_server_are_compared(running: Running, client: Client) -> None:
    old, new = TemplateId(2**60), TemplateId(2**60 + 1)
    rows = [Row(NOON - HOUR + i * MINUTE + 1, "tick", template=old) for i in range(60)]
    rows += [Row(NOON + i * MINUTE + 1, "tick", template=old) for i in range(0, 60, 6)]
    rows += [Row(NOON + i * MINUTE + 1, "FULL", template=new, app="pay") for i in range(3)]
    said = [Template(old, 1, "tick"), Template(new, 1, "FULL")]
    running.store.write(commit(rows, templates=said))
    run = driftwood("templates", "diff", BEFORE, AFTER, "--url", client.url, "--json")
    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(r["kind"], r["text"], r["base_count"], r["count"]) for r in found] == [
        ("less", "tick", 60, 10),
        ("new", "FULL", 0, 3),
    ]
    query = ("--query", '{app="pay"}', "--url", client.url)
    assert "FULL" in driftwood("templates", "diff", BEFORE, AFTER, *query).stdout
    none = driftwood("templates", "diff", "-2h..-1h", "-1h..", "--url", client.url)
    assert none.stdout == "Nothing changed from -2h..-1h to -1h...\n"


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("-2h..-1h", "nothing.log"), 2, "name two windows (FROM..TO) or two log files"),
        (("nothing.log", "nor.log"), 5, "nothing.log is neither a log file nor a window"),
        (("..-1h", "-1h..now"), 2, "the window ..-1h has no start"),
        (("-2h..-1h", "-1h..now", "--url", "http://127.0.0.1:1"), 6, "no Driftwood server answers"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    argv: tuple[str, ...], code: int, words: str
) -> None:
    run = driftwood("templates", "diff", *argv)
    assert run.returncode == code
    assert words in run.stderr


def test_an_empty_file_is_nothing_to_compare(files: tuple[str, str], tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    run = driftwood("templates", "diff", files[0], str(empty))
    assert run.returncode == 5
    assert "has no lines" in run.stderr
