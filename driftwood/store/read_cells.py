# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Cells: how many lines and bytes of one stream, template and severity came at one time. All that is counted is counted
on them.

They come from the roll-ups per minute, which are some thousand times smaller than the lines, unless a line filter or
a step that is no whole number of minutes demands the lines themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from driftwood.store.lineage import current
from driftwood.store.read import Readable, Span
from driftwood.store.read_selection import Selection
from driftwood.store.schema import MINUTE


@dataclass(frozen=True, slots=True)
class Cells:
    """SQL that stands after FROM, with columns (until, sid, template_id, template_version, severity, n, bytes).

    A cell holds the lines of (until - grain, until], as LogQL's ranges do: unlike a search for lines, counting leaves
    the start of a span out and takes its end in.
    """

    sql: str
    parameters: tuple[object, ...]
    span: Span
    """(start, end]: what was asked for, or the whole minutes around it where the roll-ups answer."""

    def bucket(self, origin: int, width: int) -> str:
        """SQL for the number of the bucket (origin + i * width, origin + (i + 1) * width] that a cell lies in."""
        # 64 bits of ns hold 292 years, and a span may reach from 1677 to 2262.
        wide = "::HUGEINT" if self.span.end - origin >= 2**63 else ""
        return f"((until{wide} - 1 - {origin}) // {width})"


def cells(
    store: Readable, selection: Selection, span: Span, step: int, *, as_given: bool = False
) -> Cells:
    """The cells of `span`, fine enough for buckets of `step` ns.

    Templates that were merged away count as what they were merged into; `as_given`, as what they were on arrival.
    """
    if selection.needs_lines or step % MINUTE:
        where = selection.condition
        source = (
            "(SELECT ts AS until, sid, template_id, template_version, severity, 1 AS n, strlen(line) AS bytes "
            f"FROM {store.relation(span.start, span.end)} "
            f"WHERE ts > {span.start} AND ts <= {span.end} AND {where.sql})"
        )
        return Cells(source if as_given else current(source), where.parameters, span)
    whole = Span(span.start // MINUTE * MINUTE, -(-span.end // MINUTE) * MINUTE)
    source = (
        "(SELECT minute AS until, sid, template_id, template_version, severity, n, bytes FROM template_counts "
        f"WHERE minute > {whole.start} AND minute <= {whole.end} AND {selection.streams.sql})"
    )
    return Cells(source if as_given else current(source), selection.streams.parameters, whole)
