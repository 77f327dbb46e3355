"""`driftwood query`: LogQL from the command line; lines as lines, numbers as a plot and a table, all of it as JSON."""

from __future__ import annotations

import time
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from driftwood.errors import QueryError
from driftwood.timeparse import SECOND, parse_duration, parse_time
from ui import cli_numbers, questions, shapes
from ui.cli_show import From, Json, Limit, To, Url, print_json, safe, strange
from ui.client import DEFAULT_URL, Client

HOUR = 3_600 * SECOND
MOST_STEPS = 240
"""Of a metric query that names no step: about two to a character of a terminal."""
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)
COLORS = {
    "fatal": "bold white on red",
    "error": "bold red",
    "warn": "yellow",
    "info": "green",
    "debug": "blue",
    "trace": "bright_black",
}


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(query)


def query(
    logql: Annotated[str, typer.Argument(help='As in {service_name="api"} |= "timeout".')],
    url: Url = DEFAULT_URL,
    start: From = None,
    end: To = None,
    step: Annotated[
        str | None, typer.Option("--step", help="A metric query: time between values, as in 1m.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="A metric query: its values at this one time.")
    ] = None,
    limit: Limit = 100,
    json_: Json = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the plan and the SQL; ask nothing.")
    ] = False,
) -> None:
    """Print the lines that a query finds, oldest first; or the numbers that it counts, as plot and table."""
    if at is not None and (start is not None or end is not None or step is not None):
        raise QueryError("--at asks for one instant: leave out --from, --to and --step")
    wanted = Wanted(start, end, step, at, limit, json_, explain)
    with Client(url) as client:
        known = client.parse(logql)
        if not known["ok"]:
            raise QueryError(known["error"], logql, known["at"], known["hint"])
        (_lines if known["kind"] == "log" else _numbers)(client, logql, wanted)


class Wanted(NamedTuple):
    """The flags."""

    start: str | None
    end: str | None
    step: str | None
    at: str | None
    limit: int
    json: bool
    explain: bool


def _lines(client: Client, logql: str, wanted: Wanted) -> None:
    if wanted.at is not None or wanted.step is not None:
        raise QueryError(
            '--at and --step are for metric queries, such as rate({app="api"}[5m]); '
            "ask for lines with --from and --to"
        )
    asked: questions.Listing = {
        "start": wanted.start,
        "end": wanted.end,
        "limit": wanted.limit,
    }
    if wanted.explain:
        _explain(client.explain(logql, **asked), wanted.json)
    else:
        _print_lines(client.lines(logql, **asked)["lines"][::-1], wanted.json)


def _numbers(client: Client, logql: str, wanted: Wanted) -> None:
    """A query without a selector is a number whenever it is asked: one instant is enough."""
    if wanted.at is not None or "{" not in logql:
        moment = str(parse_time(wanted.at or "now", time.time_ns()))
        if wanted.explain:
            _explain(client.explain(logql, time=moment), wanted.json)
        else:
            cli_numbers.show(client.query(logql, time=moment), wanted.limit, wanted.json)
        return
    span = _span(client, wanted.start, wanted.end, wanted.step)
    if wanted.explain:
        _explain(client.explain(logql, **span.asked), wanted.json)
    else:
        answer = client.query_range(logql, **span.asked)
        cli_numbers.show(answer, wanted.limit, wanted.json, span)


def _span(client: Client, start: str | None, end: str | None, step: str | None) -> cli_numbers.Span:
    """What a metric query is asked over: as said, or the last hour of the newest data in whole steps."""
    now = time.time_ns()
    newest = None if end is not None else client.stats()["newest"]
    last = parse_time(end or newest or "now", now)
    first = last - HOUR if start is None else parse_time(start, now)
    if first > last and end is None:  # nothing that late is stored: up to now
        last = now
    if first > last:
        raise QueryError(f"--from ({start}) lies behind --to ({end}): swap them")
    if step is not None:
        apart = parse_duration(step)
        if apart <= 0:
            raise QueryError(f"--step {step} is no time to go on by; write 30s, 1m or 1h")
    else:
        fitting = (s for s in STEPS_S if (last - first) / s / SECOND <= MOST_STEPS)
        apart = next(fitting, -(-(last - first) // MOST_STEPS // SECOND)) * SECOND
    if start is None:
        first -= first % apart
    if end is None:
        last += -last % apart  # so that the newest lines are counted, too
    return cli_numbers.Span(first, last, apart)


def _print_lines(lines: list[shapes.Line], json_: bool) -> None:
    if json_:
        print_json(lines)
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        text = Text(f"{line['time']} ", style="bright_black")
        text.append(f"{line['severity'] or '-':5} ", style=COLORS.get(line["severity"], ""))
        text.append(f"{safe(line['service']):12} ", style="cyan")
        text.append(safe(line["line"]))
        console.print(text)
    if not lines:
        Console(stderr=True).print(
            "No line matches. Without --from the last hour of the newest data is searched."
        )


def _explain(told: shapes.Explained, json_: bool) -> None:
    if json_:
        print_json([told])
        return
    console = Console(highlight=False, soft_wrap=True)
    for number, step in enumerate(told["plan"], 1):
        console.print(Text(f"{number:2}  ", "cyan") + strange(step))
    for line in ("", *told["sql"].splitlines()) if told["sql"] else ():
        console.print(strange(line, "bright_black" if line.startswith("--") else ""))
