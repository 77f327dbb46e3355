# ruff: noqa: S608  (what stands in the SQL are our own names and integers)
"""Which lines a question is about: a query's streams, looked up first, and its line filters.

`streams` is small and `logs` is not: the label matchers run on the former, and the latter sees integers that prune
row groups.
"""

from __future__ import annotations

from dataclasses import dataclass

from driftwood.errors import QueryError
from driftwood.logql.ast import LogQuery
from driftwood.logql.sql import TRUE, Sql, line_condition, sql, stream_condition
from driftwood.store.read import Readable

LITERAL_STREAMS = 2_000
"""Above this many streams the condition is a sub-query: planning a longer list costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Selection:
    streams: Sql = TRUE
    """On `sid` and `template_id`: what the roll-ups can answer too."""
    lines: Sql = TRUE
    """On `line`: only the lines themselves can answer."""

    @property
    def needs_lines(self) -> bool:
        return self.lines != TRUE

    @property
    def condition(self) -> Sql:
        return self.streams & self.lines

    def of_template(self, template: int) -> Selection:
        """Lines of this template, and of those that were merged into it."""
        family = (
            f"(template_id = {template:d} OR template_id IN "
            f"(SELECT id FROM merged WHERE successor = {template:d}))"
        )
        return Selection(self.streams & Sql(family), self.lines)

    def of_service(self, service: str) -> Selection:
        among = "sid IN (SELECT sid FROM streams WHERE service = ?)"
        return Selection(self.streams & Sql(among, (service,)), self.lines)


EVERY_LINE = Selection()


def select(store: Readable, query: LogQuery | None) -> Selection:
    """What `query` selects of the streams there are now; None selects all. Raises QueryError."""
    if query is None:
        return EVERY_LINE
    lines = line_condition(query)
    if lines is None:
        raise QueryError(
            "only line filters with texts and regular expressions may follow the selector here"
        )
    if not query.matchers:
        return Selection(TRUE, lines)
    sids = list(store.streams.matching(query.matchers))
    if len(sids) > LITERAL_STREAMS:
        wanted = stream_condition(query)
        return Selection(sql("sid IN (SELECT sid FROM streams WHERE {})", wanted), lines)
    return Selection(Sql(one_of("sid", sids)), lines)


def one_of(column: str, ids: list[int]) -> str:
    """SQL: `column` is one of `ids`."""
    return f"{column} IN ({', '.join(map(str, map(int, ids)))})" if ids else "FALSE"
