"""Single samples, where a range function needs each of them, or where Python made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from driftwood.logql.answer import Labels
from driftwood.logql.plan.cells import Cells
from driftwood.logql.reference.vectors import Floats, Ints, LabelKey, key_of
from driftwood.logql.reference.windows import Samples


@dataclass(frozen=True, slots=True)
class Points:
    """Column by column, in any order."""

    series: tuple[Labels, ...]
    row: Ints
    """(N,) which of `series`"""
    ts: Ints
    """(N,) ns"""
    line_id: Ints
    """(N,)"""
    value: Floats
    """(N,)"""

    def cells(self) -> Cells:
        """Each point as a cell of its own."""
        return Cells(self.series, self.row, self.ts, np.ones_like(self.ts), self.value)


def samples_of(parts: Sequence[Points]) -> dict[LabelKey, Samples]:
    """By labels, ordered by time and then line id."""
    found: dict[LabelKey, list[Points]] = {}
    for part in parts:
        order = np.lexsort((part.line_id, part.ts, part.row))
        bounds = np.searchsorted(part.row[order], np.arange(len(part.series) + 1))
        for at, labels in enumerate(part.series):
            mine = order[bounds[at] : bounds[at + 1]]
            if len(mine):
                points = Points(
                    (labels,), part.row[mine], part.ts[mine], part.line_id[mine], part.value[mine]
                )
                found.setdefault(key_of(labels), []).append(points)
    return {key: _merged(points) for key, points in found.items()}


def _merged(points: list[Points]) -> Samples:
    if len(points) == 1:
        return Samples(points[0].ts, points[0].value)
    ts = np.concatenate([part.ts for part in points])
    order = np.lexsort((np.concatenate([part.line_id for part in points]), ts))
    return Samples(ts[order], np.concatenate([part.value for part in points])[order])


@dataclass(slots=True)
class PointList:
    """Points as they come, one after the other."""

    _series: dict[LabelKey, int] = field(default_factory=dict)
    _labels: list[Labels] = field(default_factory=list)
    _row: list[int] = field(default_factory=list)
    _ts: list[int] = field(default_factory=list)
    _line_id: list[int] = field(default_factory=list)
    _value: list[float] = field(default_factory=list)

    def series(self, labels: Labels) -> int:
        key = key_of(labels)
        row = self._series.get(key)
        if row is None:
            row = self._series[key] = len(self._labels)
            self._labels.append(labels)
        return row

    def add(self, row: int, ts: int, line_id: int, value: float) -> None:
        self._row.append(row)
        self._ts.append(ts)
        self._line_id.append(line_id)
        self._value.append(value)

    def points(self) -> Points:
        return Points(
            tuple(self._labels),
            np.array(self._row, np.int64),
            np.array(self._ts, np.int64),
            np.array(self._line_id, np.int64),
            np.array(self._value, np.float64),
        )
