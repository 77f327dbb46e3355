"""What a query answers. Times are ns; labels are plain mappings; both engines give exactly these values.

log query     -> Streams          instant metric -> Vector | Scalar          range metric -> Matrix
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Labels: TypeAlias = Mapping[str, str]
"""A final label set; sorted by name where it is printed."""
Direction = Literal["forward", "backward"]


class Entry(NamedTuple):
    """A line of an answer. `line_id` is the stored line's, for evidence and links (-1: unknown)."""

    ts: int
    line: str
    structured_metadata: Labels
    parsed: Labels
    line_id: int = -1


@dataclass(frozen=True, slots=True)
class Stream:
    """Lines that share their whole final label set: `stream` labels, structured metadata and parsed ones together."""

    labels: Labels
    """All of them, merged by the rules of logql section 3."""
    stream: Labels
    """The stream's own, as `categorize-labels` shows them."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Streams:
    streams: tuple[Stream, ...] = ()


class Sample(NamedTuple):
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """One value per series at `time`; in the order that is shown."""

    time: int
    samples: tuple[Sample, ...] = ()


class Series(NamedTuple):
    labels: Labels
    times: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Scalar:
    time: int
    value: float


Answer: TypeAlias = Streams | Vector | Matrix | Scalar


@dataclass(frozen=True, slots=True)
class Range:
    """What `query_range` asks: t = start, start + step, ... <= end for a metric; start <= ts < end for lines."""

    start: int
    end: int
    step: int
    """ns"""
    limit: int = 100
    direction: Direction = "backward"
    interval: int = 0
    """ns; lines closer than this to the last one that was kept are left out"""


@dataclass(frozen=True, slots=True)
class Instant:
    time: int


Question: TypeAlias = Range | Instant


@dataclass(frozen=True, slots=True)
class Limits:
    """Above these a query is refused or cut, with an error that names the setting."""

    max_series: int = 5_000
    max_entries: int = 5_000
    notes: tuple[str, ...] = field(default=())
