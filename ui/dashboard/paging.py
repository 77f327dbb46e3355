"""Walking through lines newest first, page by page, without losing or repeating one of several at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ui.shapes import Line

PAGE = 100
SPARE = 100  # lines of one instant that may stand on both sides of a page's edge


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last line of the page before: what follows is older, or as old with a smaller id."""

    ts: int
    line_id: int

    def __str__(self) -> str:
        return f"{self.ts}.{self.line_id}"


def cursor(text: str) -> Cursor | None:
    """From a link; None for anything that is none.

    >>> cursor("12.3"), cursor("x"), cursor("")
    (Cursor(ts=12, line_id=3), None, None)
    """
    ts, _, line_id = text.partition(".")
    if not (ts.isdigit() and line_id.isdigit() and len(ts) < 20):
        return None
    return Cursor(int(ts), int(line_id))


def page(
    lines: Sequence[Line], after: Cursor | None, size: int = PAGE
) -> tuple[list[Line], Cursor | None]:
    """The page that follows `after` out of lines newest first, and the cursor of the next one (None: the last page)."""
    rest = [
        line
        for line in lines
        if after is None or (int(line["ts"]), line["line_id"]) < (after.ts, after.line_id)
    ]
    shown = rest[:size]
    more = len(rest) > size
    return shown, Cursor(int(shown[-1]["ts"]), shown[-1]["line_id"]) if shown and more else None
