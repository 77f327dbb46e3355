"""Commands that ask a running server: query, templates, anomalies, dlq."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftwood.errors import QueryError
from ui.client import Client

Url = Annotated[str, typer.Option("--url", envvar="DRIFTWOOD_URL", help="The server to ask.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="RFC 3339, epoch, or relative (-1h); default: the last hour."),
]
To = Annotated[str | None, typer.Option("--to", help="As --from; default: the newest line.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most this many.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

DEFAULT_URL = "http://127.0.0.1:3100"
COLORS = {
    "fatal": "bold white on red",
    "error": "bold red",
    "warn": "yellow",
    "info": "green",
    "debug": "blue",
    "trace": "bright_black",
}

templates_app = typer.Typer(no_args_is_help=True, help="What kinds of lines there are.")
dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be decoded.")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(query)
    app.command()(anomalies)
    app.add_typer(templates_app, name="templates")
    app.add_typer(dlq_app, name="dlq")


def print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """One object a line; what a terminal would obey instead of showing it is escaped."""
    for row in rows:
        text = json.dumps(row, ensure_ascii=False)
        if not text.isprintable():
            text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
        print(text)


def safe(text: str) -> str:
    """`text` as a terminal may have it: a log line must not move the cursor or set the title."""
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)


def query(
    logql: Annotated[str, typer.Argument(help='As in {service_name="api"} |= "timeout".')],
    url: Url = DEFAULT_URL,
    start: From = None,
    end: To = None,
    step: Annotated[str | None, typer.Option("--step", help="For metric queries.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="For metric queries.")] = None,
    limit: Limit = 100,
    json_: Json = False,
) -> None:
    """Print the newest lines that a query matches, oldest first."""
    if step is not None or at is not None:
        raise QueryError(
            "--step and --at are for metric queries, such as rate(...), which this version does "
            "not have yet; ask for lines, with --from and --to"
        )
    lines = Client(url).lines(query=logql, start=start, end=end, limit=limit)["lines"][::-1]
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


@templates_app.command("list")
def list_templates(
    url: Url = DEFAULT_URL,
    start: From = None,
    end: To = None,
    limit: Limit = 50,
    json_: Json = False,
) -> None:
    """Templates by the number of their lines."""
    rows = Client(url).templates(start=start, end=end, limit=limit)["templates"]
    if json_:
        print_json(rows)
        return
    table = Table("count", "share", "id", "services", "template", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            f"{row['count']:,}",
            f"{row['share']:.1%}",
            row["id"],
            Text(safe(", ".join(row["services"])), style="cyan"),
            Text(safe(row["text"])),
        )
    Console(highlight=False).print(table)


def anomalies(
    url: Url = DEFAULT_URL,
    start: From = None,
    end: To = None,
    limit: Limit = 50,
    json_: Json = False,
) -> None:
    """What drifted from normal, the newest last."""
    rows = Client(url).anomalies(start=start, end=end, limit=limit, status="all")["anomalies"][::-1]
    if json_:
        print_json(rows)
        return
    table = Table("start", "service", "what", "p", "status", "id", box=None, pad_edge=False)
    for row in rows:
        p_value = row["p_value"]
        table.add_row(
            row["start"],
            Text(safe(row["service"]), style="cyan"),
            Text(safe(row["title"])),
            "" if p_value is None else f"{p_value:.1e}",
            row["status"],
            row["id"],
        )
    Console(highlight=False).print(table)


@dlq_app.command("list")
def list_dead_letters(
    url: Url = DEFAULT_URL,
    start: From = None,
    end: To = None,
    limit: Limit = 50,
    json_: Json = False,
) -> None:
    """The newest dead letters."""
    rows = Client(url).dead_letters(start=start, end=end, limit=limit)["dead_letters"]
    if json_:
        print_json(rows)
        return
    table = Table("id", "time", "from", "reason", "replayed", "bytes", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            row["time"],
            Text(safe(f"{row['topic']}/{row['part']}@{row['off']}")),
            Text(safe(row["reason"])),
            row["replayed_at"] or "",
            Text(safe(row["raw"][:60])),
        )
    Console(highlight=False).print(table)


@dlq_app.command("show")
def show_dead_letter(
    letter: Annotated[int, typer.Argument(metavar="ID")],
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """One dead letter with its bytes, reason and provenance."""
    row = Client(url).dead_letter(letter)
    if json_:
        print_json([row])
        return
    for key, value in row.items():
        print(f"{key:13} {safe(str(value))}")


@dlq_app.command("replay")
def replay_dead_letters(
    letters: Annotated[
        list[int] | None, typer.Argument(metavar="ID...", help="Which; all by default.")
    ] = None,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Decode dead letters again, say after an upgrade; what can be read now is stored, once."""
    outcome = Client(url).replay_dead_letters(letters or None)
    if json_:
        print_json([outcome])
        return
    print(f"{outcome['replayed']} stored now, {outcome['still_dead']} still cannot be decoded")
