"""`driftwood bench NAME`: an offline benchmark; the same long rows from each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eval import BENCHES


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
    from eval.results import table, write_json

    from ui.client import Client

    run = BENCHES.load(name)
    rows = run(data=data, sets=_split(sets), subjects=_split(subjects), seeds=seeds)
    if json_ is not None:
        write_json(rows, json_)
    if url is not None:
        Client(url).post_results(rows)
    if str(json_) != "-":
        print(table(rows))


def _split(text: str | None) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()] if text else None
