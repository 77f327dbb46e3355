# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""What has arrived since: lines in the order in which they were stored, whatever their own time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from driftwood.store.read import Readable, Row, rows
from driftwood.store.read_selection import Selection

MAX_LEFT_OUT = 1_000
"""Of the lines that are left out so many are named."""


class LeftOut(NamedTuple):
    """A line that there was no room for."""

    sid: int
    ts: int


class Arrived(NamedTuple):
    lines: Sequence[Row]
    """(ts, line_id, sid, line, sm), oldest line id first."""
    left_out: Sequence[LeftOut]


def arrived(store: Readable, selection: Selection, after: int, upto: int, limit: int) -> Arrived:
    """Lines of `selection` with `after` < line id <= `upto`; of more than `limit` the newest."""
    where = (
        f"WHERE line_id > {after:d} AND line_id <= {upto:d} AND {selection.condition.sql} "
        "ORDER BY line_id DESC"
    )
    found = _among(
        store,
        after,
        upto,
        f"SELECT ts, line_id, sid, line, sm FROM {{}} {where} LIMIT {limit:d}",
        selection.condition.parameters,
    )
    left_out: list[LeftOut] = []
    if len(found) == limit:
        left = _among(
            store,
            after,
            upto,
            f"SELECT sid, ts FROM {{}} {where} LIMIT {MAX_LEFT_OUT} OFFSET {limit:d}",
            selection.condition.parameters,
        )
        left_out = [LeftOut(row["sid"], row["ts"]) for row in left]
    for row in found:
        row["sm"] = dict(row["sm"] or ())
    return Arrived(found[::-1], left_out)


def _among(
    store: Readable, after: int, upto: int, form: str, parameters: Sequence[object]
) -> list[dict[str, Any]]:
    """The answer to `form` about the lines with such ids; they are hot, but for those that were sealed already."""
    sealed = _sealed(store, after, upto)
    while True:
        source = "logs_hot" if sealed is None else store.relation(*sealed)
        found = rows(store, form.format(source), parameters)
        again = _sealed(store, after, upto)
        if again == sealed:  # none was sealed between the two looks, and so seen by neither
            return found
        sealed = again


def _sealed(store: Readable, after: int, upto: int) -> tuple[int, int] | None:
    """From when to when the lines are that lie in segments with such ids; None where there is no such segment."""
    found = rows(
        store,
        f"""SELECT min(min_ts) AS first, max(max_ts) AS last FROM segments
            WHERE max_line_id > {after:d} AND min_line_id <= {upto:d}""",
    )[0]
    return None if found["first"] is None else (found["first"], found["last"])
