"""`driftwood query` in a terminal and in scripts: lines, plots, tables, JSON, and what it says of a wrong query."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.shop import MINUTE, NOON, SECOND, Row, commit
from tests.ui.api_server import Running
from tests.ui.processes import driftwood
from ui.client import Client

ROWS = [
    *(Row(NOON + i * 10 * SECOND, f"status=200 took={i}ms") for i in range(30)),
    Row(NOON + 2 * MINUTE + 1, "status=500 took=1s", level="error"),
    Row(NOON + 3 * MINUTE + 1, "\x1b[2Jcleared\x07", app="evil\x1b]0;x", level="warn"),
]
FROM, TO = "2024-05-14T12:00:00Z", "2024-05-14T12:05:00Z"
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(running: Running, client: Client) -> Ask:
    """A command that asks a server which has ROWS."""
    running.store.write(commit(ROWS))
    return lambda *argv: driftwood("query", *argv, "--url", client.url)


def objects(run: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_lines_are_printed_oldest_first_with_time_level_and_service(ask: Ask) -> None:
    run = ask('{app="api"} | logfmt | status >= 200', "--limit", "2")
    assert run.returncode == 0, run.stderr
    assert [line.split() for line in run.stdout.splitlines()] == [
        ["2024-05-14T12:04:40Z", "info", "api", "status=200", "took=28ms"],
        ["2024-05-14T12:04:50Z", "info", "api", "status=200", "took=29ms"],
    ]


def test_what_a_line_says_to_the_terminal_is_shown_and_not_done(ask: Ask) -> None:
    for argv in (['{level="warn"}'], ['{level="warn"}', "--json"]):
        run = ask(*argv)
        assert "cleared" in run.stdout
        assert "\x1b" not in run.stdout
    run = ask('count_over_time({level="warn"}[5m])', "--at", TO)
    assert "\x1b" not in run.stdout
    assert "evil" in run.stdout


def test_lines_as_json_have_all_that_is_known_of_them(ask: Ask) -> None:
    (line,) = objects(ask('{app="api", level="error"} | logfmt', "--json"))
    assert line["line"] == "status=500 took=1s"
    assert line["ts"] == str(NOON + 2 * MINUTE + 1)
    assert line["labels"] == {"app": "api", "level": "error"}
    assert line["parsed"] == {"status": "500", "took": "1s"}


def test_numbers_over_time_are_plotted_and_summed_up(ask: Ask) -> None:
    query = 'sum by (level) (count_over_time({app="api"}[1m]))'
    run = ask(query, "--from", FROM, "--to", TO, "--step", "1m")
    assert run.returncode == 0, run.stderr
    plot, table = run.stdout.split("series", 1)
    assert any("\u2800" < char <= "\u28ff" for char in plot)
    assert "12:00" in plot
    assert "┤" in plot
    rows = [line.split()[-5:] for line in table.splitlines() if "level=" in line]
    assert rows == [
        ['{level="error"}', "1", "1", "1", "1"],
        ['{level="info"}', "5", "1", "6", "5"],
    ]


def test_numbers_over_time_as_json_are_one_object_a_series(ask: Ask) -> None:
    query = 'sum by (level) (count_over_time({app="api"}[1m]))'
    found = objects(ask(query, "--from", FROM, "--to", TO, "--step", "60", "--json"))
    assert [each["metric"] for each in found] == [{"level": "error"}, {"level": "info"}]
    start = NOON // SECOND
    assert found[1]["values"] == [
        [start, "1"],
        *([start + i * 60, "6"] for i in (1, 2, 3, 4)),
        [start + 300, "5"],
    ]
    assert len(objects(ask(query, "--from", FROM, "--to", TO, "--limit", "1", "--json"))) == 1


def test_without_a_range_the_last_hour_of_the_newest_data_is_meant(ask: Ask) -> None:
    (series,) = objects(ask('sum(count_over_time({app="api"}[1h]))', "--json"))
    values: list[list[int | str]] = series["values"]  # type: ignore[assignment]
    assert values[-1] == [(NOON + 5 * MINUTE) // SECOND, "31"]
    times = [int(at) for at, _ in values]
    assert {after - before for before, after in pairwise(times)} == {15}


def test_one_instant_is_a_table_and_a_number_a_number(ask: Ask) -> None:
    run = ask('sum by (level) (count_over_time({app="api"}[5m]))', "--at", TO)
    assert [line.split() for line in run.stdout.splitlines()] == [
        ["series", "value"],
        ['{level="error"}', "1"],
        ['{level="info"}', "29"],
    ]
    assert "at 2024-05-14T12:05:00Z" in run.stderr
    assert objects(ask('count_over_time({level="error"}[5m])', "--at", TO, "--json")) == [
        {"metric": {"app": "api", "level": "error"}, "value": [(NOON + 5 * MINUTE) // SECOND, "1"]}
    ]
    assert ask("1 + 2 * 3").stdout == "7\n"
    assert objects(ask("2 ^ 10", "--json"))[0]["value"][1] == "1024"  # type: ignore[index]


def test_no_series_is_said_beside_the_output(ask: Ask) -> None:
    run = ask('rate({app="nobody"}[1m])')
    assert (run.returncode, run.stdout) == (0, "")
    assert "No series" in run.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ['{app="api"} |= error'],
            "driftwood: parse error at line 1, col 16: syntax error: unexpected IDENTIFIER, expecting STRING or ip\n"
            '  {app="api"} |= error\n'
            "                 ^\n"
            "  here comes a string in double quotes",
        ),
        (["sum(rate({a='x'}[1m]))"], "^"),
        (['{app="api"}', "--at", "-1h"], "--at and --step are for metric queries"),
        (['{app="api"}', "--step", "1m"], "ask for lines with --from and --to"),
        (['rate({app="api"}[1m])', "--at", FROM, "--from", FROM], "leave out --from"),
        (['rate({app="api"}[1m])', "--from", TO, "--to", FROM], "swap them"),
        (['rate({app="api"}[1m])', "--step", "fast"], "is not a duration"),
        (['rate({app="api"}[1m])', "--step", "0s"], "is no time to go on by"),
        (['rate({app="api"} | json [1m])', "--at", TO], "pipeline error: 'JSONParserErr'"),
    ],
)
def test_a_wrong_query_ends_with_3_and_its_place(ask: Ask, argv: list[str], said: str) -> None:
    run = ask(*argv)
    assert (run.returncode, run.stdout) == (3, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ['{app="api"} |= "500" | logfmt | status > 400'],
        ['sum by (level) (rate({app="api"}[1m]))'],
        ['sum by (level) (rate({app="api"}[1m]))', "--at", TO],
    ],
)
def test_a_plan_is_explained_with_its_sql_and_nothing_is_asked(ask: Ask, argv: list[str]) -> None:
    run = ask(*argv, "--explain")
    assert run.returncode == 0, run.stderr
    assert "SELECT" in run.stdout
    assert run.stdout.lstrip().startswith("1  ")
    (told,) = objects(ask(*argv, "--explain", "--json"))
    assert told["plan"]
    assert "status=500" not in run.stdout


def test_a_wrong_query_is_not_explained(ask: Ask) -> None:
    assert ask('{app="api"} oops', "--explain").returncode == 3
