"""What stands in each place that a template leaves open: the most frequent values, and how numbers are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median

from parsing.params import Param, params
from ui import shapes

SHOWN = 20
"""Values per slot."""


def slots(lines: Iterable[str], text: str) -> list[shapes.SlotValue]:
    """By slot of the template `text`; lines that do not match it are left out."""
    matched = [found for line in lines if (found := params(line, text))]
    return [_slot(at, list(column)) for at, column in enumerate(zip(*matched, strict=False))]


def _slot(at: int, column: list[Param]) -> shapes.SlotValue:
    texts = Counter(param.text for param in column)
    kind, alike = Counter(param.kind for param in column).most_common(1)[0]
    numbers = [param.value for param in column if param.kind == kind and param.value is not None]
    spread: shapes.Spread | None = None
    if numbers:
        spread = {"min": min(numbers), "median": median(numbers), "max": max(numbers)}
    return {
        "slot": at,
        "name": Counter(param.name for param in column).most_common(1)[0][0],
        "kind": kind if alike == len(column) else "text",
        "top": sorted(texts.items(), key=lambda counted: (-counted[1], counted[0]))[:SHOWN],
        "distinct": len(texts),
        "spread": spread if alike == len(column) else None,
    }
