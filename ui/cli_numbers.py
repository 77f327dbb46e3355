"""What a metric query answers, in a terminal: a plot with a table of its series, a table, or a number."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftwood.timeparse import SECOND, format_time
from ui import shapes
from ui.cli_show import print_json, strange
from ui.plot import COLORS, color, plot
from ui.questions import Range

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
        _matrix(result, limit, span)
    else:
        _vector(result, limit)
    if len(result) > limit:
        _aside(f"{len(result) - limit:,} more series; --limit shows more of them")


def _matrix(series: Sequence[shapes.LokiSeries], limit: int, span: Span) -> None:
    console = Console(highlight=False)
    points = [[(float(at), float(value)) for at, value in each["values"]] for each in series]
    largest = sorted(range(len(series)), key=lambda i: -_peak(points[i]))[:PLOTTED]
    drawn = sorted(largest)
    console.print(
        plot(
            [points[i] for i in drawn],
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
        values = [v for _, v in points[i] if math.isfinite(v)] or [math.nan]
        numbers = (points[i][-1][1], min(values), max(values), sum(values) / len(values))
        table.add_row(mark, strange(named(each["metric"])), *map(number, numbers))
    console.print(table)
    if len(series) > PLOTTED:
        _aside(f"Plotted are the {PLOTTED} series of {len(series):,} that reach highest.")


def _vector(samples: Sequence[shapes.LokiSample], limit: int) -> None:
    """In the order of the answer, which `sort` and `topk` chose."""
    console = Console(highlight=False)
    table = Table("series", box=None, pad_edge=False)
    table.add_column("value", justify="right", no_wrap=True)
    for each in samples[:limit]:
        table.add_row(strange(named(each["metric"])), number(float(each["value"][1])))
    console.print(table)
    _aside(f"at {format_time(round(float(samples[0]['value'][0]) * 1_000) * 1_000_000)}")


def named(labels: Mapping[str, str]) -> str:
    """A series by its labels.

    >>> named({"level": "error", "app": "api"}), named({})
    ('{app="api", level="error"}', '{}')
    """
    pairs = (f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items()))
    return "{" + ", ".join(pairs) + "}"


def number(value: float) -> str:
    """As exact as the eye wants it; --json has all digits.

    >>> [number(v) for v in (3, 1234567, 0.016666666, 1e-9, float("nan"), float("-inf"))]
    ['3', '1,234,567', '0.0166667', '1e-09', 'NaN', '-Inf']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.6g}"


def _peak(points: Sequence[tuple[float, float]]) -> float:
    return max((abs(v) for _, v in points if math.isfinite(v)), default=-1.0)


def _aside(text: str) -> None:
    """For people, beside what a script reads."""
    print(text, file=sys.stderr)
