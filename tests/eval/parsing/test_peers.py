"""Parsers of others in their own environment: here with this interpreter and tiny parsers in a file."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from eval.parsing.peers import worker
from eval.parsing.peers.environment import PINS, VARIABLE, Environment, PeersError, default_folder
from eval.parsing.peers.subject import Peer
from eval.parsing.peers.table import peers
from eval.parsing.subjects import SubjectFailed

LINES = ["connect from 10.0.0.1", "", "two\nlines 5", "größe 7"]


def column(lines: list[str]) -> pa.ChunkedArray[Any]:
    return pa.chunked_array([lines[:1], lines[1:]], pa.string())


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """One that holds this interpreter."""
    folder = tmp_path / "peers"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "driftwood-pins.txt").write_text(PINS.read_text())
    return Environment(folder)


def peer(tmp_path: Path, environment: Environment, body: str) -> Peer:
    path = tmp_path / "tiny.py"
    path.write_text(f"import os, re, subprocess, sys, time\ndef parse(lines):\n{body}\n")
    return Peer(str(path), environment=environment)


def test_a_template_comes_back_for_each_line_in_order(
    tmp_path: Path, environment: Environment
) -> None:
    tiny = peer(tmp_path, environment, "    return [re.sub(r'\\S*\\d\\S*', '*', x) for x in lines]")
    outcome = tiny.run(column(LINES), "any", 30)
    assert isinstance(outcome.templates, pa.Array)
    assert outcome.templates.to_pylist() == ["connect from <*>", "", "two lines <*>", "größe <*>"]
    assert outcome.seconds >= 0
    assert outcome.cpu_s >= 0
    assert 1 < outcome.peak_mb < 1000


def test_a_missing_template_stays_missing(tmp_path: Path, environment: Environment) -> None:
    tiny = peer(tmp_path, environment, "    return [None, 'a', None, 'b']")
    outcome = tiny.run(column(LINES), "any", 30)
    assert isinstance(outcome.templates, pa.Array)
    assert outcome.templates.to_pylist() == [None, "a", None, "b"]


def test_a_crash_is_told_by_its_last_words(tmp_path: Path, environment: Environment) -> None:
    tiny = peer(tmp_path, environment, "    print('at line 3')\n    raise IndexError('no token')")
    with pytest.raises(SubjectFailed, match=r"IndexError: no token \(exit code 1\)"):
        tiny.run(column(LINES), "any", 30)


def test_too_few_templates_are_a_failure(tmp_path: Path, environment: Environment) -> None:
    with pytest.raises(SubjectFailed, match="1 templates for 4 lines"):
        peer(tmp_path, environment, "    return ['a']").run(column(LINES), "any", 30)


def test_one_that_dies_without_a_word_is_a_failure(
    tmp_path: Path, environment: Environment
) -> None:
    with pytest.raises(SubjectFailed, match=r"it said nothing \(exit code 3\)"):
        peer(tmp_path, environment, "    os._exit(3)").run(column(LINES), "any", 30)


def test_after_its_time_it_is_killed_with_all_that_it_started(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.parsing.peers.subject.START_S", 1.0)
    pids = tmp_path / "pids"
    body = (
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"    open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "    time.sleep(60)"
    )
    with pytest.raises(SubjectFailed, match="took more than 1 s"):
        peer(tmp_path, environment, body).run(column(LINES), "any", 1)
    for pid in pids.read_text().split():
        assert gone(int(pid))


def gone(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_without_the_environment_the_reason_names_the_command(tmp_path: Path) -> None:
    nowhere = Peer("drain3", environment=Environment(tmp_path / "nowhere"))
    with pytest.raises(SubjectFailed, match="`driftwood data download peers` makes it"):
        nowhere.run(column(LINES), "any", 30)


def test_an_environment_of_other_pins_is_not_used(environment: Environment) -> None:
    assert environment.ready()
    (environment.folder / "driftwood-pins.txt").write_text("drain3==0.9.10\n")
    with pytest.raises(SubjectFailed, match="half made or old"):
        environment.python()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(PeersError, match="holds something else"):
        Environment(tmp_path).make()
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.slow
def test_an_environment_is_made_and_marked_ready(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("# nothing\n")
    made = Environment(tmp_path / "made", pins)
    made.make()
    assert made.ready()
    pins.write_text("no-such-distribution @ file:///nowhere/at/all.whl\n")
    with pytest.raises(PeersError, match="failed, see above"):
        made.make()
    assert not made.ready()


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_folder() == Path("/cache/driftwood/peers")


def test_fifteen_parsers_and_more_have_one_setting_for_all() -> None:
    table = peers()
    assert len([name for name, each in table.items() if not each.tuned]) >= 15
    assert all(name.endswith(" (per set)") == each.tuned for name, each in table.items())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("took * ms", "took <*> ms"),
        ("Sent *{1,3} bytes", "Sent <*> bytes"),
        ("a #spec# b", "a <*> b"),
        ("glob *.py stays", "glob *.py stays"),
        ("<*> stays", "<*> stays"),
    ],
)
def test_wildcards_are_brought_into_the_form_of_the_benchmark(theirs: str, ours: str) -> None:
    assert worker.form(theirs) == ours


def test_a_mask_counts_characters_or_bytes() -> None:
    assert worker.masked("from 10 to 7", "000001100001") == "from <*> to <*>"
    assert worker.masked("größe 7", "000000001") == "größe <*>"


@pytest.mark.parametrize(("pattern", "_"), worker.TYPED_MASKS)
def test_typed_masks_leave_identifiers_alone(pattern: str, _: str) -> None:
    assert re.sub(pattern, "*", "ipv4 eth0 worker_2 a.b.C") == "ipv4 eth0 worker_2 a.b.C"


REAL = [name for name, each in peers().items() if not each.tuned]


@pytest.mark.slow
@pytest.mark.skipif(not Environment().ready(), reason="`driftwood data download peers` was not run")
@pytest.mark.parametrize("name", [each for each in REAL if each not in ("logcluster", "slct")])
def test_the_real_parser_gives_a_template_for_each_line(name: str) -> None:
    lines = [f"connection from 10.0.0.{n} port {n * 7} closed" for n in range(120)]
    lines += [f"user u{n} logged in" for n in range(120)] + ["", "server started"]
    outcome = peers()[name].run(column(lines), "any", 60)
    assert len(outcome.templates) == len(lines)
    assert isinstance(outcome.templates, pa.Array)
    found = outcome.templates.to_pylist()
    assert all(isinstance(template, str) for template in found[:240])
    if (
        name != "logmine"
    ):  # with its demo's distance, close to nothing, it joins only lines that are equal
        assert len(set(found[:120])) < 120
    assert found[0] != found[-1]
