"""`driftwood bench NAME`: an offline benchmark; the same long rows from each of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from eval import BENCHES

if TYPE_CHECKING:
    from eval.results import Row


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(bench)


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark: demo.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder that holds the data sets.")
    ] = None,
    sets: Annotated[str | None, typer.Option("--sets", help="Folders in it, A,B.")] = None,
    subjects: Annotated[
        str | None, typer.Option("--subjects", help="What to measure, X,Y; all by default.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from 0 on.")] = 5,
    json_: Annotated[
        Path | None, typer.Option("--json", help="Write the rows as JSON lines; - prints them.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Post the rows to this server, too.")
    ] = None,
) -> None:
    """Run a benchmark and print its table; every row names data, seeds, commit and device."""
    from eval.results import write

    rows = BENCHES.make(name, data=data, sets=_split(sets), subjects=_split(subjects), seeds=seeds)
    if str(json_) == "-":
        for row in rows:
            print(json.dumps(dataclasses.asdict(row)))
    elif json_ is not None:
        json_.unlink(missing_ok=True)  # `write` appends
        write(rows, json_)
    if str(json_) != "-":
        Console(highlight=False).print(table(rows))
    if url is not None:  # last: a server that is away must not cost the rows
        from ui.client import Client

        Client(url).post_results([dataclasses.asdict(row) for row in rows])


def table(rows: Sequence[Row]) -> Table:
    """A line for each subject on each data set, a column for each metric; intervals in brackets."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        cells.setdefault((row.data, row.protocol, row.subject), {})[row.metric] = _cell(row)
    shown = Table(box=None, pad_edge=False)
    for name in ("data", "protocol", "subject"):
        shown.add_column(name, no_wrap=True)
    for name in metrics:
        shown.add_column(name, overflow="fold")
    for key, values in cells.items():
        shown.add_row(*key, *(values.get(metric, "") for metric in metrics))
    return shown


def _cell(row: Row) -> str:
    if row.value is None:
        return row.note or "-"
    if row.low is None or row.high is None or row.low == row.high:
        return f"{row.value:.3g}"
    return f"{row.value:.3g} [{row.low:.3g}, {row.high:.3g}]"


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []
