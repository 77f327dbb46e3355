"""The command line as scripts and people meet it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import logging
import tomllib
from pathlib import Path

import pytest

from driftwood import __version__, config
from tests.ui.processes import driftwood, free_port
from ui.cli import OneLine

LINES = [
    "2026-11-21T03:00:00.000Z INFO api request 17 served in 12 ms",
    "2026-11-21T03:00:01.000Z ERROR api request 18 failed: connection refused",
    "2026-11-21T03:00:02.000Z INFO api request 19 served in 9 ms",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "api.log"
    path.write_text("\n".join(LINES) + "\n", "utf-8")
    return path


def test_a_file_is_ingested_once_however_often_it_is_named(log: Path, tmp_path: Path) -> None:
    data = str(tmp_path / "store")
    first = driftwood("-q", "ingest", str(log), "--data", data, "--json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert (summary["lines"], summary["templates"], summary["dead_letters"]) == (3, 2, 0)
    assert summary["seconds"] > 0
    again = driftwood("-q", "ingest", str(log), "--data", data)
    assert again.stdout.startswith("0 lines in ")
    with log.open("a", encoding="utf-8") as file:
        file.write("2026-11-21T03:00:03.000Z INFO api request 20 served in 8 ms\n")
    more = driftwood("-q", "ingest", str(log), "--data", data, "--json")
    assert json.loads(more.stdout)["lines"] == 1
    info = json.loads(driftwood("store", "info", "--data", data, "--json").stdout)
    assert info["rows"] == 4
    verified = driftwood("store", "verify", "--data", data)
    assert (verified.returncode, verified.stdout) == (0, "The store is sound.\n")


def test_standard_input_is_read_to_its_end(tmp_path: Path) -> None:
    text = "".join(line + "\n" for line in LINES).encode()
    run = driftwood("-q", "ingest", "-", "--data", str(tmp_path / "s"), "--json", stdin=text)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["lines"] == 3


def test_lines_are_exported_and_segments_compacted(log: Path, tmp_path: Path) -> None:
    data, out = str(tmp_path / "store"), tmp_path / "lines.ndjson"
    driftwood("-q", "ingest", str(log), "--data", data)
    compacted = json.loads(driftwood("store", "compact", "--data", data, "--json").stdout)
    assert (compacted["rows_hot"], compacted["rows_sealed"]) == (0, 3)
    run = driftwood("store", "export", str(out), "--data", data)
    assert run.returncode == 0, run.stderr
    assert sorted(json.loads(line)["line"] for line in out.read_text().splitlines()) == sorted(
        LINES
    )


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["serve", "--config", "none.toml"], 2, "cannot read the configuration none.toml"),
        (["serve", "--listen", "nowhere"], 2, "is not HOST:PORT"),
        (["serve", "--kafka", "localhost:9092"], 2, "Kafka needs topics to read: add --topics"),
        (["serve", "--topics", "a"], 2, "topics need a broker: add --kafka"),
        (["serve", "--lissten", "x"], 2, "No such option: --lissten"),
        (["ingest", "x.log"], 2, "say where to store"),
        (["ingest", "x.log", "--url", "http://127.0.0.1:1"], 6, "no Driftwood server answers"),
        (
            ["demo", "--truth", "no/such/folder/t"],
            2,
            "cannot write --truth no/such/folder/t: No such",
        ),
        (["query", "{}", "--at", "-1h", "--step", "1m"], 3, "--at asks for one instant"),
        (["bench", "dmo"], 2, "did you mean 'demo'"),
        (["store", "info", "--data", "nowhere"], 4, "there is no store in nowhere"),
    ],
)
def test_a_slip_ends_with_its_exit_code_and_a_sentence(
    argv: list[str], code: int, said: str
) -> None:
    run = driftwood(*argv)
    assert run.returncode == code
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_name_in_a_log_message_starts_no_new_line() -> None:
    record = logging.LogRecord("n", logging.INFO, "", 0, "path=%s", ("/a\nERROR \x1b[2J",), None)
    assert OneLine("%(levelname)s %(message)s").format(record) == "INFO path=/a\\x0aERROR \\x1b[2J"


def test_a_glob_that_matches_nothing_is_named(tmp_path: Path) -> None:
    run = driftwood("ingest", str(tmp_path / "*.log"), "--data", str(tmp_path / "s"))
    assert run.returncode == 5
    assert "*.log" in run.stderr


def test_a_typo_in_a_setting_names_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text("[kafka]\nbroker = ['x:1']\n")
    run = driftwood("serve", "--config", str(path))
    assert run.returncode == 2
    assert "unknown setting 'broker'; did you mean 'brokers'?" in run.stderr
    run = driftwood("config", "check", DRIFTWOOD__KAFKA__BROKER="x")
    assert run.returncode == 2
    assert "DRIFTWOOD__KAFKA__BROKER" in run.stderr


def test_no_server_is_said_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for argv in (["query", '{a="b"}'], ["templates", "list"], ["anomalies"], ["dlq", "list"]):
        run = driftwood(*argv, "--url", url)
        assert run.returncode == 6
        assert "driftwood serve" in run.stderr
        assert url in run.stderr


def test_settings_are_shown_as_toml_with_secrets_hidden() -> None:
    run = driftwood("config", "show", DRIFTWOOD__KAFKA__SASL_PASSWORD="hunter2")
    assert tomllib.loads(run.stdout)["kafka"]["sasl_password"] == "***"
    assert driftwood("config", "example").stdout == config.example()
    defaults = json.loads(driftwood("config", "example", "--json").stdout)
    assert defaults["server"]["listen"] == config.Server().listen
    assert json.loads(driftwood("config", "check", "--json").stdout) == {"ok": True}


def test_the_version_is_printed() -> None:
    assert driftwood("--version").stdout == f"driftwood {__version__}\n"
