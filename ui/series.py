"""Series as people look at them: out of the JSON of Loki's paths, named by their labels, summed up in four numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from ui import shapes


@dataclass(frozen=True, slots=True)
class Series:
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]
    """(epoch s, value); NaN and infinities occur."""

    @property
    def name(self) -> str:
        return named(self.labels)

    @property
    def id(self) -> str:
        """Short, the same for the same labels: for links."""
        return f"{crc32(self.name.encode('utf-8', 'surrogatepass')):08x}"

    @property
    def finite(self) -> list[float]:
        return [value for _, value in self.points if math.isfinite(value)]

    @property
    def peak(self) -> float:
        """How far it reaches from zero; -1 without a value."""
        return max(map(abs, self.finite), default=-1.0)

    @property
    def summary(self) -> dict[str, float]:
        """last, min, max and avg; NaN where there is none."""
        values = self.finite or [math.nan]
        return {
            "last": self.points[-1][1] if self.points else math.nan,
            "min": min(values),
            "max": max(values),
            "avg": sum(values) / len(values),
        }


def series_of(answer: shapes.LokiAnswer) -> list[Series]:
    """Of a matrix, in its order; of a vector as series of one point."""
    if answer["resultType"] == "vector":
        return [Series(each["metric"], [_point(each["value"])]) for each in answer["result"]]
    return [
        Series(each["metric"], [_point(pair) for pair in each["values"]])
        for each in answer["result"]
    ]


def reaching_highest(series: Sequence[Series], most: int) -> list[int]:
    """The places of the `most` series that reach highest, in the order of `series`."""
    return sorted(sorted(range(len(series)), key=lambda i: -series[i].peak)[:most])


def named(labels: Mapping[str, str]) -> str:
    """A series by its labels.

    >>> named({"level": "error", "app": "api"}), named({})
    ('{app="api", level="error"}', '{}')
    """
    pairs = (f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items()))
    return "{" + ", ".join(pairs) + "}"


def number(value: float) -> str:
    """As exact as the eye wants it.

    >>> [number(v) for v in (3, 1234567, 0.016666666, 1e-9, float("nan"), float("-inf"))]
    ['3', '1,234,567', '0.0166667', '1e-09', 'NaN', '-Inf']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.6g}"


def _point(pair: Sequence[float | str]) -> tuple[float, float]:
    at, value = pair
    return float(at), float(value)
