# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Log queries: from the end that is asked for, as many rows as it takes.

SQL drops what it can, and Python puts what is left through all stages, which makes the labels that are shown. Only (ts,
line_id) is sorted; lines are fetched for the rows that come first. The roll-ups say how far to look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from driftwood.errors import QueryError
from driftwood.logql.answer import Entry, Labels, Range, Streams
from driftwood.logql.ast import LogQuery
from driftwood.logql.gotemplate import TemplateError
from driftwood.logql.needs import required_names
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.rows import lists, relation_of
from driftwood.logql.plan.static import Compiler, Metadata, Static, among, grouped, rows_of
from driftwood.logql.reference.logs import Found, streams_of
from driftwood.logql.sql import FALSE, TRUE, Sql, sql
from driftwood.logql.stages import Pipeline, StageError
from driftwood.logql.stages.labels import NO_LABELS
from driftwood.store.read import Span
from driftwood.store.schema import LAST_HOUR, MINUTE

FIRST_LINES = 2_000
GROWTH = 8
"""Each slice of time holds so many times as many lines as the one before it."""
LEAST_BATCH = 100
MOST_BATCH = 5_000


class Key(NamedTuple):
    ts: int
    line_id: int
    sid: int


def log_answer(
    asking: Asked,
    query: LogQuery,
    question: Range,
    streams: Mapping[int, Labels],
    metadata: Metadata,
) -> Streams:
    """Raises QueryError for a stage that cannot be built."""
    try:
        pipeline = Pipeline(query.stages)
        search = _Search(asking, query, question, streams, metadata)
    except (StageError, TemplateError) as error:
        raise QueryError(f"parse error : {error}") from error
    found: list[Found] = []
    for row in search.rows() if question.limit > 0 else ():
        result = pipeline.process(row.ts, row.line, row.stream, row.structured_metadata)
        if result is None:
            continue
        labels = result.labels
        entry = Entry(row.ts, result.line, labels.structured_metadata, labels.parsed, row.line_id)
        found.append(Found(labels.all, labels.stream, entry))
        search.missing -= 1
        if not search.missing:
            break
    return streams_of(found, question)


class Row(NamedTuple):
    ts: int
    line_id: int
    stream: Labels
    structured_metadata: Labels
    line: str


def _variants(
    query: LogQuery, streams: Mapping[int, Labels], names: Collection[str], metadata: Metadata
) -> Iterator[Static]:
    """For rows in segments that have extracted columns, and for all others."""
    plain = Compiler(streams, names, metadata, all_names=False)
    made = plain.run(query.stages)
    if plain.parsed and made.unsure != TRUE:
        columns = Compiler(streams, names, metadata, all_names=False, from_columns=True)
        read = columns.run(query.stages)
        if read.columns:
            yield read
        made.lacking = read.columns
    yield made


class _Search:
    """Rows that may be shown, in the order in which they are."""

    def __init__(
        self,
        asking: Asked,
        query: LogQuery,
        question: Range,
        streams: Mapping[int, Labels],
        metadata: Metadata,
    ) -> None:
        self._asking = asking
        self._streams = streams
        self._backward = question.direction == "backward"
        self._span = Span(question.start, question.end)
        self.missing = question.limit
        """So many more are to be shown."""
        names = set(required_names(query.stages))
        self._parts = [
            static
            for group in grouped(streams, names)
            for static in _variants(query, group, names, metadata)
        ]
        for part in self._parts:
            asking.note(f"lines: {part.told}; Python makes the labels of those that are shown")
        self._exact = all(part.unsure == FALSE for part in self._parts)

    def rows(self) -> Iterator[Row]:
        for span in self._slices():
            after: Key | None = None
            batch = self.missing if self._exact else 2 * self.missing
            while True:
                batch = min(max(batch, LEAST_BATCH), MOST_BATCH)
                keys = self._keys(span, after, batch)
                yield from self._fetched(keys)
                if len(keys) < batch:
                    break
                after = keys[-1]
                batch *= 2

    def _slices(self) -> Iterator[Span]:
        """The span from the end that is asked for, without gaps, in parts that hold more and more lines."""
        start, end = self._span
        if start >= end or not self._streams:
            return
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
        lines, wanted = 0, max(FIRST_LINES, 2 * self.missing)
        for minute, n in reversed(ordered) if self._backward else ordered:
            lines += n
            edge = minute - MINUTE + 1 if self._backward else minute + 1
            if lines >= wanted and start < edge < end:
                if self._backward:
                    yield Span(edge, end)
                    end = edge
                else:
                    yield Span(start, edge)
                    start = edge
                lines, wanted = 0, wanted * GROWTH
        yield Span(start, end)

    def _keys(self, span: Span, after: Key | None, limit: int) -> list[Key]:
        """The first `limit` rows of `span` behind `after`."""
        order = "DESC" if self._backward else "ASC"
        within = ["TRUE"]
        if after is not None:
            sign = "<" if self._backward else ">"
            within = [
                f"ts {sign}= {after.ts}",
                f"(ts {sign} {after.ts} OR line_id {sign} {after.line_id})",
            ]
        behind = Sql(" AND ".join(within))
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

    def _fetched(self, keys: Sequence[Key]) -> Iterator[Row]:
        if not keys:
            return
        first, last = min(key.ts for key in keys), max(key.ts for key in keys)
        ids = ", ".join(str(key.line_id) for key in keys)
        order = "DESC" if self._backward else "ASC"
        sids = {key.sid for key in keys}
        places = self._asking.store.streams.places_of(sids)
        found = self._asking.query(
            sql(
                f"SELECT ts, line_id, sid, sm, line FROM {self._asking.store.relation(first, last, places)} "
                f"WHERE ts >= {first} AND ts <= {last} AND {{}} AND line_id IN ({ids}) "
                f"ORDER BY ts {order}, line_id {order}",
                among(sids),
            )
        )
        for ts, line_id, sid, metadata, line in lists(found):
            labels = dict(metadata) if metadata else NO_LABELS
            yield Row(ts, line_id, self._streams[sid], labels, line)
