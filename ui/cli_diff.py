"""`driftwood templates diff A B`: what B says that A did not, of two windows of a server or two log files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftwood import config as settings
from driftwood.errors import ConfigError, SourceError
from driftwood.template_diff import Counted, Counts, Moved, compare
from ui.cli_show import Json, Limit, Row, Url, print_json, safe, strange
from ui.client import DEFAULT_URL, Client

KINDS = ("new", "vanished", "reworded", "changed")
PARTS = 12
STYLES = {"new": "green", "vanished": "red", "reworded": "yellow", "more": "cyan", "less": "blue"}


def diff(
    base: Annotated[str, typer.Argument(metavar="A", help="Before: FROM..TO, or a log file.")],
    now: Annotated[str, typer.Argument(metavar="B", help="After: likewise.")],
    url: Url = DEFAULT_URL,
    query: Annotated[
        str, typer.Option("--query", help="Two windows: only lines that this LogQL finds.")
    ] = "",
    limit: Limit = 50,
    json_: Json = False,
) -> None:
    """What changed from A to B: templates that are new, vanished, reworded, more or less frequent.

    A and B are two windows of a running server, as in -2h..-1h -1h..now (times as for --from), or two log files,
    for which no server is needed. The most remarkable come first; surprise is in standard deviations.
    """
    windows = [".." in text and not Path(text).exists() for text in (base, now)]
    if all(windows):
        rows = _of_server(url, _window(base), _window(now), query, limit)
    elif any(windows):
        raise ConfigError(
            f"{base} and {now} cannot be compared: name two windows (FROM..TO) or two log files"
        )
    elif query:
        raise ConfigError("--query asks a server: leave it out when two files are compared")
    else:
        rows = _of_files(_file(base), _file(now))
    rows = rows[:limit]
    if json_:
        print_json(rows)
    else:
        _show(rows, base, now)


def _window(text: str) -> tuple[str | None, str | None]:
    start, _, end = text.partition("..")
    if not start:
        raise ConfigError(f"the window {text} has no start: write FROM..TO, as in -2h..-1h")
    return start, end or None


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise SourceError(
            f"{text} is neither a log file nor a window; a window is FROM..TO, as in -2h..-1h"
        )
    return path


def _of_server(
    url: str,
    base: tuple[str | None, str | None],
    now: tuple[str | None, str | None],
    query: str,
    limit: int,
) -> list[Row]:
    with Client(url) as client:
        answer: Any = client.template_diff(
            query=query,
            start=now[0],
            end=now[1],
            base_start=base[0],
            base_end=base[1],
            limit=min(limit, 1_000),
        )
    rows = [
        _row(kind, {"base_id": each["id"], "base_text": each["text"], **each})
        for kind in KINDS
        for each in answer[kind]
    ]
    return sorted(rows, key=lambda row: -abs(row["surprise"]))


def _of_files(base: Path, now: Path) -> list[Row]:
    return [_row(moved.kind, _plain(moved)) for moved in compare(*_counted(now, base))]


def _plain(moved: Moved) -> dict[str, Any]:
    found = {name: getattr(moved, name) for name in Moved.__slots__}
    return found | {"id": str(moved.id), "base_id": str(moved.base_id)}


def _row(kind: str, found: dict[str, Any]) -> Row:
    if kind == "changed":
        kind = "more" if found["surprise"] > 0 else "less"
    names = (
        "count", "base_count", "ratio", "surprise", "id", "text", "base_id", "base_text",
    )  # fmt: skip
    return {"kind": kind} | {name: found[name] for name in names}


def _counted(now: Path, base: Path) -> tuple[Counts, Counts]:
    """Both through one parser, the default one, so that what is alike has one id."""
    from parsing import PARSERS
    from parsing.shapes import ShapeCache

    chosen = settings.Config()
    parser = ShapeCache(
        PARSERS.make(chosen.parsing.parser, max_templates=chosen.parsing.max_templates)
    )
    texts: dict[int, str] = {}
    merged: dict[int, int] = {}

    def ids(path: Path) -> np.ndarray[Any, np.dtype[np.int64]]:
        blocks = [np.empty(0, np.int64)]
        for lines in _lines(path):
            blocks.append(parser.assign(lines)[0].to_numpy())
            for template in parser.changes():
                texts[template.id] = template.text
                merged.pop(template.id, None)  # an id may come back
                merged.update({p: template.id for p in template.parents if p != template.id})
        return np.concatenate(blocks)

    def living(template: int) -> int:
        while template in merged:
            template = merged[template]
        return template

    before, after = ids(base), ids(now)
    for path, found in ((base, before), (now, after)):
        if not len(found):
            raise SourceError(f"{path} has no lines: there is nothing to compare")
    return _table(after, texts, living), _table(before, texts, living)


def _table(ids: np.ndarray[Any, np.dtype[np.int64]], texts: dict[int, str], living: Any) -> Counts:
    blocks = np.array_split(ids, min(PARTS, len(ids)))
    counted: dict[int, list[int]] = {}
    for i, block in enumerate(blocks):
        for template, n in zip(*np.unique(block, return_counts=True), strict=True):
            counted.setdefault(living(int(template)), [0] * len(blocks))[i] += int(n)
    return Counts(
        [float(len(block)) for block in blocks],
        {template: Counted(texts.get(template, ""), n) for template, n in counted.items()},
    )


def _lines(path: Path) -> Iterator[Any]:
    """As a server would read them: unpacked, decoded and redacted."""
    from ingest import SOURCES
    from ingest.redact import Redactor

    chosen = settings.override(settings.Config(), files={"paths": (str(path),), "follow": False})
    source = SOURCES.make("files", chosen.files, chosen.ingest, Redactor(chosen.redaction))
    source.open({})
    try:
        while (batch := source.poll(0.2)) is not None:
            if batch.records.num_rows:
                yield batch.records["line"]
    finally:
        source.close()


def _show(rows: Sequence[Row], base: str, now: str) -> None:
    if not rows:
        print(f"Nothing changed from {safe(base)} to {safe(now)}.")
        return
    table = Table(
        "what", "before", "after", "ratio", "surprise", "template", box=None, pad_edge=False
    )
    for row in rows:
        text = strange(row["text"])
        if row["base_text"] != row["text"]:
            text = Text.assemble(strange(row["base_text"], "dim"), "\n→ ", text)
        table.add_row(
            Text(row["kind"], STYLES[row["kind"]]),
            f"{row['base_count']:,}",
            f"{row['count']:,}",
            f"{row['ratio']:.3g}",
            f"{row['surprise']:+.1f}",
            text,
        )
    Console(highlight=False).print(table)
