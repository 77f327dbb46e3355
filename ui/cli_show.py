"""What the commands that ask a server share: their flags, and how rows are printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ui.client import DEFAULT_URL, Client

Url = Annotated[str, typer.Option("--url", envvar="DRIFTWOOD_URL", help="The server to ask.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="RFC 3339, epoch, or relative (-1h); default: the last hour."),
]
To = Annotated[str | None, typer.Option("--to", help="As --from; default: the newest line.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most this many.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

Row: TypeAlias = Mapping[str, Any]
Cell: TypeAlias = Callable[[Any], str | Text]


@dataclass(frozen=True, slots=True)
class Listing:
    """A command that lists what the server knows within a span, as a table or as JSON."""

    rows: Callable[[Client, dict[str, Any]], Sequence[Row]]
    """Out of the answer to start, end and limit."""
    columns: Mapping[str, Cell]
    """Title -> what stands in that column of a row; what others wrote goes through `strange`."""

    def command(self) -> Callable[..., None]:
        def listed(
            url: Url = DEFAULT_URL,
            start: From = None,
            end: To = None,
            limit: Limit = 50,
            json_: Json = False,
        ) -> None:
            with Client(url) as client:
                rows = self.rows(client, {"start": start, "end": end, "limit": limit})
            if json_:
                print_json(rows)
                return
            table = Table(*self.columns, box=None, pad_edge=False)
            for row in rows:
                table.add_row(*(cell(row) for cell in self.columns.values()))
            Console(highlight=False).print(table)

        return listed


def print_json(rows: Iterable[Row]) -> None:
    """One object a line; what a terminal would obey instead of showing it is escaped."""
    for row in rows:
        text = json.dumps(row, ensure_ascii=False)
        if not text.isprintable():
            text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
        print(text)


def safe(text: str) -> str:
    """`text` as a terminal may have it: a log line must not move the cursor or set the title."""
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)


def strange(text: str, style: str = "") -> Text:
    """What somebody else wrote, as text: neither the terminal nor rich's markup obeys it."""
    return Text(safe(text), style)
