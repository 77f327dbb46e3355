"""Sliding windows, `length` long and one every `stride`: runs of panes, which are tumbling windows of one stride.

    panes = Windows(stride_ns, lateness_ns)             streaming: units = sliding.add(panes.add(events, severity))
    sliding = Sliding(length_ns, stride_ns)
    units = cut(events, severity, length_ns, stride_ns) at once, by the same two
    batch = batch_of(units, stride_ns, length_ns)

All that is to be decided about time (clocks, lateness, silence, gaps, sources) is decided by `detectors.windows` for
the panes; a window ends with each pane that it closes and holds that pane's rows and those of the panes before it that
lie within `length`. So a row is in each window that ends less than `length` after it and for which a pane was closed;
`stride = length` gives the panes themselves. The first windows of a source reach back to before its first row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.snapshot import parted
from detectors.units import FOREVER, Rows, Unit
from detectors.windows import Windows
from driftwood.errors import ConfigError
from driftwood.records import Events

_COLUMNS = ("ts", "template_id", "severity", "line_id")


class Sliding:
    def __init__(self, length_ns: int, stride_ns: int) -> None:
        """Raises ConfigError when `length_ns` is not a multiple of `stride_ns`."""
        if stride_ns <= 0 or length_ns < stride_ns or length_ns % stride_ns:
            raise ConfigError(
                f"a sliding window of {length_ns / 1e9:g} s cannot move by {stride_ns / 1e9:g} s: "
                "the length must be a multiple of the stride, such as 300 s by 60 s"
            )
        self.panes = length_ns // stride_ns
        self._kept: dict[str, list[tuple[int, Rows]]] = {}
        """By source: the number and the rows of panes that a later window may hold, oldest first."""

    def add(self, panes: list[Unit]) -> list[Unit]:
        """The windows that end with these panes, in their order, which is that of time for each source.

        A unit's number is that of its first pane.
        """
        found = []
        for pane in panes:
            first = pane.window - self.panes + 1
            kept = self._kept.get(pane.source.key, [])
            run = [(number, rows) for number, rows in kept if number >= first]
            run.append((pane.window, pane.rows))
            found.append(Unit(pane.source, first, Rows.concat([r for _, r in run if len(r)])))
            self._kept[pane.source.key] = [
                (number, rows) for number, rows in run if number > first and len(rows)
            ]
            if not self._kept[pane.source.key]:
                del self._kept[pane.source.key]
        return found

    def save(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """The rows of panes that later windows may hold."""
        parts = [rows for kept in self._kept.values() for _, rows in kept]
        header = {
            "panes": self.panes,
            "kept": [[key, [number for number, _ in kept]] for key, kept in self._kept.items()],
        }
        arrays: dict[str, npt.NDArray[Any]] = dict(
            zip(_COLUMNS, Rows.concat(parts).columns(), strict=True)
        )
        return header, {**arrays, "lengths": np.array([len(rows) for rows in parts], np.int64)}

    def fits(self, header: dict[str, Any]) -> bool:
        return bool(header["panes"] == self.panes)

    def load(self, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from `save`."""
        columns = [parted(arrays[name], arrays["lengths"]) for name in _COLUMNS]
        rows = iter([Rows(*each) for each in zip(*columns, strict=True)])
        self._kept = {
            key: [(number, next(rows)) for number in numbers] for key, numbers in header["kept"]
        }


def cut(
    events: Events, severity: npt.NDArray[np.uint8], length_ns: int, stride_ns: int
) -> list[Unit]:
    """All windows of these rows, none of which is late, source by source in the order of time."""
    windows = Windows(stride_ns, FOREVER // 4, max_sources=FOREVER)
    closed = windows.add(events, severity)
    whole, begun = windows.unfinished()
    panes = sorted(closed + whole + begun, key=lambda unit: (unit.source.key, unit.window))
    return Sliding(length_ns, stride_ns).add(panes)
