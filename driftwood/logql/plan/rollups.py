"""Counts and bytes from the roll-ups per minute, which are some thousand times smaller than the lines.

A minute of the roll-ups is (m - 60 s, m], as LogQL's ranges are. Where an edge of a window cuts one, its lines are
looked at instead: those few minutes only.
"""

from __future__ import annotations

import numpy as np

from driftwood.logql.ast import RangeAggregation, RangeOp
from driftwood.logql.plan.extract import Part
from driftwood.logql.reference.windows import Windows
from driftwood.logql.sql import FALSE, TRUE
from driftwood.store.read import Span
from driftwood.store.schema import LAST_HOUR, MINUTE

COUNTED = {
    RangeOp.COUNT: "n",
    RangeOp.RATE: "n",
    RangeOp.ABSENT: "n",
    RangeOp.BYTES: "bytes",
    RangeOp.BYTES_RATE: "bytes",
}
"""The column that the value is the sum of."""

MAX_CUT = 4
"""With more minutes cut, the lines are as quick."""


def counted(aggregation: RangeAggregation, part: Part) -> bool:
    """Whether the samples of `part` are all lines of some streams, and no other column of them matters."""
    static = part.plain.static
    return (
        aggregation.op in COUNTED
        and aggregation.range.unwrap is None
        and static.kept == TRUE
        and static.unsure == FALSE
        and static.others == TRUE
        and not static.filters
        and not static.layers
        and part.keys.columns.keys() <= {"sid"}
    )


def cut_minutes(windows: Windows) -> list[int] | None:
    """The minutes, by their ends, that an edge of a window lies in the midst of; None: too many, or too far away."""
    edges = np.unique(np.concatenate((windows.starts, windows.ends)))
    if int(edges[-1]) >= LAST_HOUR or int(edges[0]) < -LAST_HOUR:
        return None
    within = edges % MINUTE
    cut = np.unique((edges - within + MINUTE)[within > 0]).tolist()
    return cut if len(cut) <= MAX_CUT else None


def lines_of(minute: int, span: Span) -> Span:
    """What `span` has of a minute."""
    return Span(max(span.start, minute - MINUTE), min(span.end, minute))
