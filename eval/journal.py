"""The file of rows that a long benchmark keeps while it runs, and the bar that shows how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from driftwood.errors import ConfigError
from eval.results import Row, read, stamped, write

MEAN = "mean"


def is_mean(row: Row) -> bool:
    return row.data.rpartition("/")[2] == MEAN


def stored(journal: Path | None, bench: str) -> list[Row]:
    """What the file holds of this benchmark, without averages. Raises ConfigError for another file."""
    if journal is None or not journal.exists():
        return []
    try:
        return [row for row in read(journal) if row.bench == bench and not is_mean(row)]
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{journal} is no file of results ({error}); name another one") from error


def save(journal: Path | None, rows: Sequence[Row]) -> None:
    """The whole file anew, under another name first: a kill leaves the old one or the new one."""
    if journal is None:
        return
    new = journal.with_name(f"{journal.name}.new")
    new.unlink(missing_ok=True)
    write(rows, new)
    new.replace(journal)


def stamped_apart(rows: Iterable[Row]) -> list[Row]:
    """With commit, machine and time; the memory stays the subject's, and not that of this process."""
    rows = list(rows)
    return [
        replace(stamp, peak_mb=row.peak_mb) for row, stamp in zip(rows, stamped(rows), strict=True)
    ]


def progress() -> Progress:
    """On stderr, and only on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    )
