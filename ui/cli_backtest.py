"""`driftwood backtest`: what these detectors would have fired on stored history, at what noise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from detectors import DETECTORS
from driftwood.errors import ConfigError, DriftwoodError
from driftwood.timeparse import SECOND, parse_duration
from ui import questions, shapes
from ui.cli_show import Json, Url, print_json, safe, strange
from ui.client import DEFAULT_URL, Client

POLL_S = 0.2
SHOWN = 10
BAR = 30


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(backtest)


def backtest(
    detector: Annotated[
        list[str] | None, typer.Option("--detector", help="Which detector; may be repeated.")
    ] = None,
    detectors: Annotated[
        str | None, typer.Option("--detectors", help="The same, A,B. Default: the server's own.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, help="Alerts per source and day.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="RFC 3339, epoch, or relative (-30d); default: 7 days before --to."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="As --from; default: the newest line.")
    ] = None,
    lead: Annotated[
        str, typer.Option("--lead", help="How much history before --from only teaches.")
    ] = "24h",
    match: Annotated[
        str | None,
        typer.Option("--match", help="Streams whose sessions are judged, for this run."),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", help="Expression that finds a session's id in a line."),
    ] = None,
    session_key: Annotated[
        str | None, typer.Option("--session-key", help="Label or metadata that holds that id.")
    ] = None,
    warmup: Annotated[
        int, typer.Option("--warmup-sessions", min=20, help="Sessions that only teach.")
    ] = 1_000,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    r"""What would these detectors have fired in the last days, and at what noise?

    A running server reads its stored lines again; nothing that it does or knows is changed. Ctrl-C cancels.

    backtest --detector rate_change --budget 5 --from -30d ·
    backtest --detector knn --match '{service_name="hdfs"}' --session 'blk_-?\d+'
    """
    names = [*(detector or ()), *filter(None, (detectors or "").split(","))]
    for name in names:
        DETECTORS.locate(name)
    wanted: questions.Backtest = {
        "detectors": names,
        "budget": budget,
        "start": start,
        "end": end,
        "lead_s": parse_duration(lead) / SECOND,
    }
    if match is not None or session is not None or session_key is not None:
        if session is None and session_key is None:
            raise ConfigError("--match needs --session or --session-key to say what a session is")
        wanted["sessions"] = {
            "match": match or "{}",
            "session": session or "",
            "session_key": session_key or "",
            "warmup_sessions": warmup,
        }
    with Client(url) as client:
        made = _ended(client, client.backtest(**wanted))
    if json_:
        print_json([made])
    if made["state"] != "done":
        raise DriftwoodError(
            f"the backtest {made['state']}: {made['error'] or 'by another client'}"
        )
    if not json_:
        _print(made)


def _ended(client: Client, made: shapes.Backtest) -> shapes.Backtest:
    """Wait under a progress bar; Ctrl-C cancels it on the server."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        job = bar.add_task("looking back", total=1.0, lines=0)
        try:
            while made["state"] == "running":
                time.sleep(POLL_S)
                made = client.backtest_state(made["id"])
                bar.update(job, completed=made["progress"], lines=made["lines"])
        except KeyboardInterrupt:
            client.cancel_backtest(made["id"])
            raise
    return made


def _print(made: shapes.Backtest) -> None:
    found = made["report"]
    assert found is not None  # it is done
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{found['total']:,} anomalies in {found['span_days']:.3g} days, {found['per_day']:.1f} a day · "
        f"{made['start']} .. {made['end']} · {made['lines']:,} lines in {made['took_s']:.1f} s"
    )
    for line in _warnings(made):
        console.print(f"[yellow]{line}[/yellow]")
    for line in _compared(found):
        console.print(line)
    if not found["total"]:
        return
    _days(console, found)
    _table(
        console,
        ("a day", "anomalies", "service"),
        [
            (f"{row['per_day']:.1f}", f"{row['count']:,}", strange(_who(row), "cyan"))
            for row in found["sources"][:SHOWN]
        ],
        len(found["sources"]),
    )
    _table(
        console,
        ("anomalies", "detector", "kind"),
        [(f"{r['count']:,}", r["detector"], strange(r["kind"])) for r in found["kinds"]],
        len(found["kinds"]),
    )
    scores = " · ".join(f"{name} {value:.1f}" for name, value in found["scores"].items())
    console.print(f"\nscores: {scores}\n")
    _table(
        console,
        ("start", "score", "service", "what", "stored as"),
        [
            (
                row["start"],
                f"{row['score']:.1f}",
                strange(row["service"], "cyan"),
                strange(row["title"]),
                row["stored_as"] or "-",
            )
            for row in found["examples"][:SHOWN]
        ],
        found["total"],
    )


def _warnings(made: shapes.Backtest) -> Iterator[str]:
    for row in made["detectors"]:
        if row["state"] == "warming":
            yield (
                f"{safe(row['name'])} was not ready by the end ({safe(row['detail'])}): "
                "give it more history with an earlier --from or a longer --lead"
            )


def _compared(found: shapes.BacktestReport) -> Iterator[str]:
    """Against what was told at the time and what people said of it."""
    words = {
        "real": "that people called real would be told",
        "noise": "that people called noise would be told",
        "expected": "that people called expected would be told",
        "open": "that nobody judged would be told",
    }
    by_status = {row["status"]: row for row in found["stored"]}
    for status, said in words.items():
        if (row := by_status.get(status)) is not None:
            yield f"{row['kept']:,} of {row['stored']:,} stored anomalies {said} ({row['stored'] - row['kept']:,} not)"
    if found["stored"]:
        yield f"{found['new']:,} anomalies are of incidents that no stored one is about"
    else:
        yield "no anomaly is stored in this span, so there is nothing to compare with"


def _days(console: Console, found: shapes.BacktestReport) -> None:
    most = max(row["count"] for row in found["days"]) or 1
    console.print()
    for row in found["days"]:
        console.print(f"{row['day']}  {row['count']:>6,}  {'█' * round(BAR * row['count'] / most)}")


def _who(row: shapes.SourceCount) -> str:
    return row["service"] or " ".join(f"{name}={value}" for name, value in row["source"].items())


def _table(
    console: Console, titles: tuple[str, ...], rows: list[tuple[object, ...]], of: int
) -> None:
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)  # type: ignore[arg-type]
    console.print()
    console.print(table)
    if of > len(rows):
        console.print(
            f"and {of - len(rows):,} more (--json has them)"
            if titles[0] != "start"
            else f"the loudest of {of:,}"
        )
