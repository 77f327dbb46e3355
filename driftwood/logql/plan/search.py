# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Rows in the order of time, from the end that is asked for, as many as it takes.

SQL drops what it can. Only (ts, line_id) is sorted; lines are fetched for the rows that come first. The search walks
away from its end in slices: first what is not sealed, which is quick to ask, then by the roll-ups, which say how many
lines there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from driftwood.logql.answer import Direction, Labels
from driftwood.logql.ast import LabelFilter, LogQuery
from driftwood.logql.needs import required_names
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.compiler import COLUMNS, LINES, Compiler, Lines, Metadata, Source
from driftwood.logql.plan.needles import needles_of
from driftwood.logql.plan.rows import StoredRow, lists, relation_of
from driftwood.logql.plan.sampled import Sampled, sampled
from driftwood.logql.plan.static import Static, among, grouped, rows_of
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, sql
from driftwood.logql.stages.labels import NO_LABELS
from driftwood.store.read import Span
from driftwood.store.schema import LAST_HOUR, MINUTE

FIRST_LINES = 2_000
GROWTH = 8
"""Each slice of time holds so many times as many lines as the one before it."""
NEEDLE_LINES, NEEDLE_GROWTH = 16_000, 64
"""The same where filters need some text: most chunks of lines without it are not looked at."""
FEW_ROWS = 100_000
"""So many hot rows are looked at at once."""
LEAST_BATCH = 100
MOST_BATCH = 5_000


class Key(NamedTuple):
    ts: int
    line_id: int
    sid: int


class Search:
    def __init__(
        self,
        asking: Asked,
        query: LogQuery,
        span: Span,
        direction: Direction,
        streams: Mapping[int, Labels],
        metadata: Metadata,
    ) -> None:
        """Of `streams`, in start <= ts < end."""
        self._asking = asking
        self._streams = streams
        self._backward = direction == "backward"
        self._span = span
        filters = tuple(s for s in query.stages if isinstance(s, get_args(LabelFilter)))
        names = set(required_names(filters))
        self._parts = [
            static
            for group in grouped(streams, names)
            for static in _variants(query, group, names, metadata, sampled(asking, span))
        ]
        for part in self._parts:
            asking.note(f"lines: {part.told}; Python makes the labels of those that are shown")
        self._exact = all(part.unsure == FALSE for part in self._parts)
        self._plain = self._exact and all(part.is_everything for part in self._parts)
        self._skips = any(needles_of([stage for stage, _ in part.filters]) for part in self._parts)

    def rows(self, wanted: int) -> Iterator[StoredRow]:
        """Rows that may be wanted, about so many of them; as many as the caller takes."""
        for span in self._slices(wanted):
            after: Key | None = None
            batch = wanted if self._exact else 2 * wanted
            while True:
                batch = min(max(batch, LEAST_BATCH), MOST_BATCH)
                keys = self._keys(span, after, batch)
                yield from self._fetched(keys)
                wanted = max(wanted - len(keys), 1) if self._exact else wanted
                if len(keys) < batch:
                    break
                after = keys[-1]
                batch *= 2

    # -- slices

    def _slices(self, wanted: int) -> Iterator[Span]:
        """The span from the end that is asked for, without gaps, in parts that hold more and more lines."""
        start, end = self._span
        if start >= end or not self._streams:
            return
        unsealed = self._asking.store.unsealed
        if self._backward and unsealed.rows <= FEW_ROWS:
            edge = start if unsealed.after is None else min(max(unsealed.after + 1, start), end)
            if edge < end:
                yield Span(edge, end)
            end = edge
        yield from self._by_lines(Span(start, end), wanted) if start < end else ()

    def _by_lines(self, span: Span, wanted: int) -> Iterator[Span]:
        start, end = span
        first = min(start - MINUTE, LAST_HOUR - 1)
        minutes = self._asking.query(
            sql(
                f"SELECT minute, sum(n)::BIGINT AS n FROM template_counts WHERE minute > {first} "
                f"AND minute - {MINUTE} < {end} AND {{}} GROUP BY minute ORDER BY minute",
                among(self._streams),
            )
        )
        ordered = list(lists(minutes))
        if not ordered:
            return
        least, growth = (NEEDLE_LINES, NEEDLE_GROWTH) if self._skips else (FIRST_LINES, GROWTH)
        lines, enough = 0, wanted if self._plain else max(least, 2 * wanted)
        for minute, n in reversed(ordered) if self._backward else ordered:
            lines += n
            edge = minute - MINUTE + 1 if self._backward else minute + 1
            if lines >= enough and start < edge < end:
                yield Span(edge, end) if self._backward else Span(start, edge)
                start, end = (start, edge) if self._backward else (edge, end)
                lines, enough = 0, enough * growth
        yield Span(start, end)

    # -- one slice

    def _keys(self, span: Span, after: Key | None, limit: int) -> list[Key]:
        """The first `limit` rows of `span` behind `after`."""
        order = "DESC" if self._backward else "ASC"
        behind = TRUE if after is None else Sql(self._behind(after))
        found = []
        for part in self._parts:
            if part.matters:
                relation = relation_of(self._asking, part, Span(span.start - 1, span.end - 1))
                rows = sql("(SELECT * FROM {} WHERE {})", relation, behind)
                found.append(sql("SELECT ts, line_id, sid FROM {}", rows_of(part, rows)))
        if not found:
            return []
        union = sql(" UNION ALL ".join(["{}"] * len(found)), *found)
        ordered = sql(f"{{}} ORDER BY ts {order}, line_id {order} LIMIT {limit}", union)
        return [Key(*row) for row in lists(self._asking.query(ordered))]

    def _behind(self, key: Key) -> str:
        sign = "<" if self._backward else ">"
        return f"ts {sign}= {key.ts} AND (ts {sign} {key.ts} OR line_id {sign} {key.line_id})"

    def _fetched(self, keys: Sequence[Key]) -> Iterator[StoredRow]:
        if not keys:
            return
        first, last = min(key.ts for key in keys), max(key.ts for key in keys)
        sids = {key.sid for key in keys} if not self._plain else self._streams.keys()
        store = self._asking.store
        wanted = {key.line_id for key in keys}
        among_ids = TRUE
        if not self._plain:  # in a range of time there may be many others
            among_ids = sql("line_id IN (SELECT unnest({}))", sorted(wanted))
        relation = store.relation(first, last, store.streams.places_of(sids))
        order = "DESC" if self._backward else "ASC"
        found = self._asking.query(
            sql(
                f"SELECT ts, line_id, sid, sm, line FROM {relation} WHERE ts >= {first} AND ts <= {last} "
                f"AND {{}} ORDER BY ts {order}, line_id {order}",
                all_of((among(sids), among_ids)),
            )
        )
        for ts, line_id, sid, metadata, line in lists(found):
            if line_id in wanted:
                labels = dict(metadata) if metadata else NO_LABELS
                yield StoredRow(ts, line_id, self._streams[sid], labels, line)


def _variants(
    query: LogQuery,
    streams: Mapping[int, Labels],
    names: Collection[str],
    metadata: Metadata,
    sample: Sampled,
) -> Iterator[Static]:
    """For rows in segments that have extracted columns, and for all others."""

    def compiled(source: Source) -> Static:
        return Compiler(streams, names, metadata, all_names=False, source=source).run(query.stages)

    read = compiled(COLUMNS)
    if not read.columns or read.unsure == TRUE:
        yield compiled(LINES)
        return
    plain = compiled(Lines(sample(streams, read.columns)))
    plain.lacking = read.columns
    yield from (read, plain)
