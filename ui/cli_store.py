"""Commands on a store that no server holds, and on settings: store, config."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from driftwood import config as settings
from driftwood.errors import StoreError
from driftwood.timeparse import format_time, parse_time

if TYPE_CHECKING:
    from driftwood.store.store import DuckStore

Data = Annotated[Path, typer.Option("--data", help="Folder of the store.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

store_app = typer.Typer(
    no_args_is_help=True, help="Look after a store; stop its server first (one process owns it)."
)
config_app = typer.Typer(no_args_is_help=True, help="Settings: what is in force, and an example.")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.add_typer(store_app, name="store")
    app.add_typer(config_app, name="config")


def _existing(data: Path, config: Path | None, *, read_only: bool = False) -> DuckStore:
    """The store in `data`; StoreError when there is none, so that a typo in --data makes no empty store."""
    if not (data / "driftwood.duckdb").is_file():
        raise StoreError(f"there is no store in {data}; give --data a folder that has one")
    from driftwood.store.store import DuckStore  # half a second that no other command needs

    return DuckStore.open(data, settings.load(config).store, read_only=read_only)


def _show(facts: dict[str, Any], json_: bool) -> None:
    if json_:
        print(json.dumps(facts, default=str))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in facts.items():
        if key in ("oldest", "newest") and value is not None:
            value = format_time(value)
        table.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    Console(highlight=False).print(table)


@store_app.command()
def info(data: Data = Path("var"), config: ConfigFile = None, json_: Json = False) -> None:
    """Rows, sizes, segments, oldest and newest line."""
    with closing(_existing(data, config, read_only=True)) as store:
        _show(store.info(), json_)


@store_app.command()
def compact(data: Data = Path("var"), config: ConfigFile = None, json_: Json = False) -> None:
    """Seal everything into Parquet segments, and merge the segments of one hour."""
    with closing(_existing(data, config)) as store:
        store.compact()
        _show(store.info(), json_)


@store_app.command()
def verify(data: Data = Path("var"), config: ConfigFile = None, json_: Json = False) -> None:
    """Check that every segment is there and readable and that all counts agree; exit code 4 if not."""
    with closing(_existing(data, config, read_only=True)) as store:
        problems = store.verify()
    if json_:
        print(json.dumps({"ok": not problems, "problems": problems}))
    else:
        print("\n".join(problems) if problems else "The store is sound.")
    if problems:
        raise typer.Exit(4)


@store_app.command()
def export(
    destination: Annotated[Path, typer.Argument(help="File to write.")],
    data: Data = Path("var"),
    format_: Annotated[
        str | None, typer.Option("--format", help="parquet, ndjson or csv; by default the ending.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Lines from this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Lines before this time.")] = None,
    config: ConfigFile = None,
    json_: Json = False,
) -> None:
    """Write lines with all their columns to a file, however many there are."""
    now = time.time_ns()
    chosen = format_ or destination.suffix.removeprefix(".") or "parquet"
    with closing(_existing(data, config, read_only=True)) as store:
        rows = store.export(
            destination,
            start=None if start is None else parse_time(start, now),
            end=None if end is None else parse_time(end, now),
            format=chosen,
        )
    _show({"rows": rows, "file": str(destination), "format": chosen}, json_)


@config_app.command("show")
def show_config(config: ConfigFile = None, json_: Json = False) -> None:
    """The settings in force (file, then environment); secrets are hidden."""
    tree = settings.effective(settings.load(config))
    if json_:
        print(json.dumps(tree))
        return
    for section, values in tree.items():
        print(f"[{section}]")
        tables = {
            k: v for k, v in values.items() if v and isinstance(v, list) and isinstance(v[0], dict)
        }
        for key, value in values.items():
            if key not in tables:
                print(f"{key} = {json.dumps(value)}")
        for key, table in ((key, table) for key, rows in tables.items() for table in rows):
            print(f"\n[[{section}.{key}]]")
            for name, value in table.items():
                print(f"{name} = {json.dumps(value)}")
        print()


@config_app.command("example")
def example_config(json_: Json = False) -> None:
    """Every setting with its unit and default, as TOML."""
    if json_:
        print(json.dumps(settings.effective(settings.Config())))
    else:
        print(settings.example(), end="")


@config_app.command("check")
def check_config(config: ConfigFile = None, json_: Json = False) -> None:
    """Exit with 2 and the reason when the settings are wrong."""
    settings.load(config)
    print('{"ok": true}' if json_ else "The settings are fine.")
