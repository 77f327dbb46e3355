"""What a metric query answers, in a terminal: a plot with a table of its series, a table, or a number."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftwood.timeparse import SECOND, format_time
from ui import shapes
from ui.cli_show import print_json, strange
from ui.plot import COLORS, color, plot
from ui.questions import Range
from ui.series import Series, number, reaching_highest, series_of

PLOTTED = len(COLORS)
"""Series; more colours are not told apart."""


@dataclass(frozen=True, slots=True)
class Span:
    """start, start + step, ... <= end; ns."""

    start: int
    end: int
    step: int

    @property
    def asked(self) -> Range:
        return {
            "start": str(self.start),
            "end": str(self.end),
            "step": f"{self.step / SECOND:.9f}".rstrip("0").rstrip("."),
        }


def show(answer: shapes.LokiAnswer, limit: int, json_: bool, span: Span | None = None) -> None:
    """The first `limit` series or samples. `span` is what a range was asked over."""
    result = answer["result"]
    if answer["resultType"] == "scalar":
        if json_:
            print_json([{"value": result}])
        else:
            print(result[1])
        return
    if json_:
        print_json(result[:limit])
    elif not result:
        _aside("No series: nothing matches there, or nothing has the label that is unwrapped.")
    elif answer["resultType"] == "matrix" and span is not None:
        _matrix(series_of(answer), limit, span)
    else:
        _vector(series_of(answer), limit)
    if len(result) > limit:
        _aside(f"{len(result) - limit:,} more series; --limit shows more of them")


def _matrix(series: Sequence[Series], limit: int, span: Span) -> None:
    console = Console(highlight=False)
    drawn = reaching_highest(series, PLOTTED)
    console.print(
        plot(
            [series[i].points for i in drawn],
            span.start / SECOND,
            span.end / SECOND,
            span.step / SECOND,
            width=min(console.width, 160),
        )
    )
    print()
    table = Table("", "series", box=None, pad_edge=False)
    for name in ("last", "min", "max", "avg"):
        table.add_column(name, justify="right", no_wrap=True)
    for i, each in enumerate(series[:limit]):
        mark = Text("━━", color(drawn.index(i))) if i in drawn else Text("")
        table.add_row(mark, strange(each.name), *map(number, each.summary.values()))
    console.print(table)
    if len(series) > PLOTTED:
        _aside(f"Plotted are the {PLOTTED} series of {len(series):,} that reach highest.")


def _vector(samples: Sequence[Series], limit: int) -> None:
    """In the order of the answer, which `sort` and `topk` chose."""
    table = Table("series", box=None, pad_edge=False)
    table.add_column("value", justify="right", no_wrap=True)
    for each in samples[:limit]:
        table.add_row(strange(each.name), number(each.points[0][1]))
    Console(highlight=False).print(table)
    _aside(f"at {format_time(round(samples[0].points[0][0] * 1_000) * 1_000_000)}")


def _aside(text: str) -> None:
    """For people, beside what a script reads."""
    print(text, file=sys.stderr)
