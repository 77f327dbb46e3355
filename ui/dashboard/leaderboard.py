"""Benchmarks on the screen: a subject a row, a metric a column, the newest value of each, the best one marked."""

from __future__ import annotations

from collections.abc import Sequence

from ui.board import Board, lower_is_better, value_of
from ui.dashboard.markup import Html, join, tag
from ui.shapes import BoardRow, Result


def choices(boards: Sequence[BoardRow], name: str) -> list[str]:
    """What one may choose of; averages first, then by name."""
    values = {str(each[name]) for each in boards}  # type: ignore[literal-required]
    return sorted(values, key=lambda value: (value.rpartition("/")[2] != "mean", value))


def table(board: Board, by: str) -> Html:
    """A click on a metric picks `sort:METRIC`."""
    best = {metric: board.best(metric) for metric in board.metrics}
    return tag(
        "table",
        tag(
            "thead",
            tag(
                "tr",
                tag("th", "#", cls="n"),
                tag("th", "Subject"),
                [_head(metric, by) for metric in board.metrics],
                tag("th", "CPU s", cls="n wide"),
                tag("th", "Commit", cls="wide"),
            ),
        ),
        tag(
            "tbody",
            [
                _row(at, subject, board, best)
                for at, subject in enumerate(board.ranked(by), start=1)
            ],
        ),
        cls="dw-table dw-board",
    )


def empty() -> Html:
    """How the page is filled."""
    return tag(
        "div",
        tag("h2", "No result yet"),
        tag("p", "Benchmarks post their rows to this server, and they are compared here:"),
        tag("pre", "driftwood data download loghub"),
        tag("pre", "driftwood bench parsing --data DIR --json rows.jsonl --url URL"),
        tag("pre", "driftwood bench detection --data DIR --json rows.jsonl --url URL"),
        tag("p", "Or without any data: "),
        tag("pre", "driftwood bench demo --url URL"),
        cls="dw-empty",
    )


def _head(metric: str, by: str) -> Html:
    mark = (" ▴" if lower_is_better(metric) else " ▾") if metric == by else None
    return tag("th", metric, mark, cls="n", data_pick=f"sort:{metric}", tabindex=0)


def _row(at: int, subject: str, board: Board, best: dict[str, float | None]) -> Html:
    cells = board.cells[subject]
    any_row = next(iter(cells.values()))
    note = next((row["note"] for row in cells.values() if row.get("note")), None)
    seconds = any_row.get("seconds")
    return tag(
        "tr",
        tag("td", at, cls="n"),
        tag("td", subject, tag("small", note) if note else None),
        [_cell(cells.get(metric), best[metric]) for metric in board.metrics],
        tag("td", "" if seconds is None else f"{seconds:,.1f}", cls="n wide"),
        tag("td", tag("code", any_row.get("commit") or ""), cls="wide"),
    )


def _cell(row: Result | None, best: float | None) -> Html:
    value = value_of(row)
    if row is None:
        return tag("td", cls="n")
    if value is None:
        return tag("td", tag("span", "failed", cls="sev-error"), cls="n", data_tip=row.get("note"))
    low, high = row.get("low"), row.get("high")
    spread = f"{number(low)} to {number(high)}" if low is not None and high is not None else None
    shown = tag("b", number(value), cls="is-best") if value == best else number(value)
    return tag("td", join(shown), cls="n", data_tip=spread)


def number(value: float) -> str:
    """
    >>> [number(v) for v in (0, 0.90449, 1, 12.345, 45811.2)]
    ['0.000', '0.904', '1.000', '12.3', '45,811']
    """
    return f"{value:.3f}" if value <= 1 else f"{value:.1f}" if value < 1_000 else f"{value:,.0f}"
