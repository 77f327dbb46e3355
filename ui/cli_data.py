"""`driftwood data download`: the data sets and the other parsers that benchmarks want."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from driftwood.errors import ConfigError

data_app = typer.Typer(no_args_is_help=True, help="What benchmarks need: data sets, other parsers.")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.add_typer(data_app, name="data")


@data_app.callback()
def data() -> None:
    """What benchmarks need: data sets, other parsers."""


@data_app.command()
def download(
    name: Annotated[
        str,
        typer.Argument(
            help="loghub: Loghub-2.0 from Zenodo. loghub-raw: whole logs with labels, for detection. "
            "peers: the environment of the other parsers."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder that gets a folder per set; data/loghub_2_0 or data/detection."
        ),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            "--sets",
            help="Sets, A,B; by default all 14 of loghub, and HDFS_v1,BGL,Hadoop of loghub-raw.",
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option("--mirror", help="A server with Zenodo's paths in its place."),
    ] = None,
) -> None:
    """Fetch what a benchmark needs. An interrupted download goes on where it stopped; what is there stays.

    `peers` goes to ~/.cache/driftwood/peers, or to DRIFTWOOD_PEERS, and asks the package index that pip is set up for.
    """
    if name in ("loghub", "loghub-raw"):
        wanted = [each.strip() for each in (sets or "").split(",") if each.strip()]
        _loghub(name == "loghub-raw", data, wanted, mirror)
    elif name == "peers":
        _peers()
    else:
        raise ConfigError(f"no download {name!r}; there are loghub, loghub-raw and peers")


def _loghub(raw: bool, data: Path | None, sets: list[str], mirror: str | None) -> None:
    from eval.download import LOGHUB_2, RAW, ZENODO, Loghub

    data = data or Path("data/detection" if raw else "data/loghub_2_0")
    record = RAW if raw else LOGHUB_2
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bars: dict[str, TaskID] = {}

    def progress(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = shown.add_task(name, total=total)
        shown.update(bars[name], completed=done)

    with shown:
        fetched = Loghub(data, mirror or ZENODO, progress, record=record).fetch(sets)
    there = f"; fetched now: {', '.join(fetched)}" if fetched else "; nothing was missing"
    print(f"{data} is complete{there}")


def _peers() -> None:
    from eval.parsing.peers.environment import Environment

    environment = Environment()
    if environment.ready():
        print(f"the peers' environment at {environment.folder} is there already")
        return
    environment.make()
    print(f"made the peers' environment at {environment.folder}")
