# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own integers)
"""Which lines a question is about: a query's streams, looked up first, and its line filters.

`streams` is small and `logs` is not: the label matchers run on the former, and the latter sees integers that prune
row groups.
"""

from __future__ import annotations

from dataclasses import dataclass

from driftwood.logql.ast import Query
from driftwood.logql.sql import EVERYTHING, Condition, line_condition, stream_condition
from driftwood.store.read import Readable, rows

LITERAL_STREAMS = 2_000
"""Above this many streams the condition is a sub-query: planning a longer list costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Selection:
    streams: Condition = EVERYTHING
    """On `sid` and `template_id`: what the roll-ups can answer too."""
    lines: Condition = EVERYTHING
    """On `line`: only the lines themselves can answer."""

    @property
    def needs_lines(self) -> bool:
        return self.lines != EVERYTHING

    @property
    def condition(self) -> Condition:
        return self.streams & self.lines

    def of_template(self, template: int) -> Selection:
        return Selection(self.streams & Condition(f"template_id = {template:d}"), self.lines)

    def of_service(self, service: str) -> Selection:
        among = "sid IN (SELECT sid FROM streams WHERE service = ?)"
        return Selection(self.streams & Condition(among, (service,)), self.lines)


EVERY_LINE = Selection()


def select(store: Readable, query: Query | None) -> Selection:
    """What `query` selects of the streams there are now; None selects all. Raises QueryError."""
    if query is None:
        return EVERY_LINE
    lines = line_condition(query)
    wanted = stream_condition(query)
    if not query.matchers:
        return Selection(EVERYTHING, lines)
    found = rows(
        store,
        f"SELECT sid FROM streams WHERE {wanted.sql} LIMIT {LITERAL_STREAMS + 1}",
        wanted.parameters,
    )
    sids = [row["sid"] for row in found]
    if len(sids) > LITERAL_STREAMS:
        among = f"sid IN (SELECT sid FROM streams WHERE {wanted.sql})"
        return Selection(Condition(among, wanted.parameters), lines)
    return Selection(Condition(one_of("sid", sids)), lines)


def one_of(column: str, ids: list[int]) -> str:
    """SQL: `column` is one of `ids`."""
    return f"{column} IN ({', '.join(map(str, map(int, ids)))})" if ids else "FALSE"
