"""Benchmarks on the screen: a subject a row, a metric a column, the newest value of each, the best one marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ui.dashboard.markup import Html, join, tag
from ui.shapes import Result

LOWER_IS_BETTER = ("peak_mb", "seconds", "false_alarms_per_hour", "delay_s", "delay_max_s")
SORTED_BY = ("FTA", "F1", "AP", "recall", "lines/s", "GA")
"""The first of these that a table has; else its first metric."""


@dataclass(frozen=True, slots=True)
class Board:
    """The newest rows of one benchmark, data set and protocol."""

    metrics: tuple[str, ...]
    cells: dict[str, dict[str, Result]]
    """By subject, then by metric."""

    @classmethod
    def of(cls, rows: Iterable[Result]) -> Board:
        """`rows`, the newest first. What breaks a metric down (`FTA@0`) has no column when the metric has one."""
        cells: dict[str, dict[str, Result]] = {}
        for row in rows:
            # A run that failed has one row; what an older one reached must not stand beside it.
            known = cells.setdefault(row["subject"], {})
            if any(each.get("at") != row.get("at") and _failed(each) for each in known.values()):
                continue
            known.setdefault(row["metric"], row)
        seen = {metric: None for each in cells.values() for metric in reversed(each)}
        metrics = tuple(m for m in seen if "@" not in m or m.partition("@")[0] not in seen)
        return cls(metrics, cells)

    def best(self, metric: str) -> float | None:
        values = [v for each in self.cells.values() if (v := _value(each.get(metric))) is not None]
        if not values:
            return None
        return min(values) if metric in LOWER_IS_BETTER else max(values)

    def ranked(self, by: str) -> list[str]:
        """Subjects, the best by that metric first; those without a value last."""
        down = 1 if by in LOWER_IS_BETTER else -1

        def place(subject: str) -> tuple[bool, float, str]:
            value = _value(self.cells[subject].get(by))
            return (value is None, down * (value or 0.0), subject)

        return sorted(self.cells, key=place)

    def sorted_by(self, wanted: str = "") -> str:
        for metric in (wanted, *SORTED_BY, *self.metrics[:1]):
            if metric in self.metrics:
                return metric
        return ""


def choices(rows: Sequence[Result], name: str) -> list[str]:
    """What stands in a column of the rows; averages first, then by name."""
    values = {str(row[name]) for row in rows}  # type: ignore[literal-required]
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
        tag("p", "Or without any data: "),
        tag("pre", "driftwood bench demo --url URL"),
        cls="dw-empty",
    )


def _head(metric: str, by: str) -> Html:
    mark = (" ▴" if metric in LOWER_IS_BETTER else " ▾") if metric == by else None
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
    value = _value(row)
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


def _value(row: Result | None) -> float | None:
    return None if row is None else row.get("value")


def _failed(row: Result) -> bool:
    return row.get("value") is None
