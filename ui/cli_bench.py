"""`driftwood bench NAME`: an offline benchmark; the same long rows from each of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from driftwood.errors import ConfigError
from eval import BENCHES, settings_of
from ui.board import Board, is_part
from ui.shapes import Result

if TYPE_CHECKING:
    from eval.results import Row


EXAMPLES = """Examples:

driftwood bench demo --seeds 5

driftwood bench parsing --data loghub_2k --subjects driftwood,drain3

driftwood bench parsing --data DIR --sets Linux,Mac --jobs 2 --json rows.jsonl

driftwood bench detection --data DIR --sets ait_ads,adfa --subjects knn,ensemble --json rows.jsonl

driftwood bench detection --data DIR --protocols strict,B --plots figures

With --json a benchmark that was stopped goes on. Docs: docs/parsing_benchmark.md, docs/detection_benchmark.md
"""
POSTED = 5_000  # rows in a request


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(epilog=EXAMPLES)(bench)


def bench(
    name: Annotated[str, typer.Argument(help=f"Which benchmark: {', '.join(BENCHES)}.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder that holds the data sets.")
    ] = None,
    sets: Annotated[str | None, typer.Option("--sets", help="Folders in it, A,B.")] = None,
    subjects: Annotated[
        str | None, typer.Option("--subjects", help="What to measure, X,Y; the fast ones or `all`.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from 0 on.")] = 5,
    json_: Annotated[
        Path | None, typer.Option("--json", help="Write the rows as JSON lines; - prints them.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Post the rows to this server, too.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="How many run at once; 1 by default.")
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option("--limit", min=0.1, help="Seconds that a subject may take on a data set."),
    ] = None,
    protocols: Annotated[
        str | None, typer.Option("--protocols", help="Rules, A,B; all that a data set has.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", help="Draw curves into this folder, SVG and PNG.")
    ] = None,
) -> None:
    """Run a benchmark and print its table; every row names data, seeds, commit and device."""
    from eval.results import write

    file = None if str(json_) == "-" else json_
    able = settings_of(name)
    settings: dict[str, object] = {"jobs": jobs, "limit_s": limit, "plots": plots}
    settings["protocols"] = _split(protocols) or None
    settings = {key: value for key, value in settings.items() if value is not None}
    if unknown := settings.keys() - able:
        flags = ", ".join(f"--{key.removesuffix('_s')}" for key in sorted(unknown))
        raise ConfigError(f"the benchmark {name} knows no {flags}")
    if "journal" in able:
        settings["journal"] = file
    rows = BENCHES.make(
        name, data=data, sets=_split(sets), subjects=_split(subjects), seeds=seeds, **settings
    )
    if str(json_) == "-":
        for row in rows:
            print(json.dumps(dataclasses.asdict(row)))
    elif file is not None and "journal" not in able:
        file.unlink(missing_ok=True)  # `write` appends
        write(rows, file)
    if str(json_) != "-":
        screen = Console(highlight=False)
        if not screen.is_terminal:  # a file has room
            screen.width = 160
        for shown in tables(rows):
            screen.print(shown, "")
    if url is not None:  # last: a server that is away must not cost the rows
        _post(rows, url)


def _post(rows: Sequence[Row], url: str) -> None:
    from ui.client import Client

    client = Client(url)
    metrics = {row.metric for row in rows}
    # Parts first: a leaderboard asks for the newest rows, and shows the whole.
    whole = sorted(rows, key=lambda row: not is_part(row.metric, metrics))
    ordered = [dataclasses.asdict(row) for row in whole]
    for start in range(0, len(ordered), POSTED):
        client.post_results(ordered[start : start + POSTED])


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """A table for all protocols with the same metrics, a line for each subject on each data set.

    The best of a data set and protocol has a star; intervals stand in brackets. Parts are for the file: their columns
    would fill the screen ten times.
    """
    boards: dict[tuple[str, str], list[Result]] = {}
    for row in rows:
        # dataclasses.asdict gives what `Result` says, which mypy cannot see
        boards.setdefault((row.data, row.protocol), []).append(
            cast(Result, dataclasses.asdict(row))
        )
    alike: dict[tuple[str, ...], dict[tuple[str, str], Board]] = {}
    for key, each in boards.items():
        board = Board.of(each)
        alike.setdefault(tuple(sorted(board.metrics)), {})[key] = board
    for group in alike.values():
        yield _table(group)


def _table(boards: Mapping[tuple[str, str], Board]) -> Table:
    metrics = list(dict.fromkeys(m for board in boards.values() for m in board.metrics))
    shown = Table(box=None, pad_edge=False)
    for name in ("data", "protocol", "subject"):
        shown.add_column(name, no_wrap=True)
    for name in metrics:
        shown.add_column(name, overflow="fold")
    for (data, protocol), board in boards.items():
        best = {metric: board.best(metric) for metric in metrics}
        for subject, cells in board.cells.items():
            texts = [_cell(cells.get(metric), best[metric]) for metric in metrics]
            shown.add_row(data, protocol, subject, *texts)
    return shown


def _cell(row: Result | None, best: float | None) -> str:
    if row is None:
        return ""
    value, low, high = row.get("value"), row.get("low"), row.get("high")
    if value is None:
        return row.get("note") or "-"
    star = "*" if value == best else ""
    if low is None or high is None or low == high:
        return f"{value:,.0f}{star}" if value >= 1_000 else f"{value:.3g}{star}"
    return f"{value:.3g}{star} [{low:.3g}, {high:.3g}]"


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []
