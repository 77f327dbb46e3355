"""A query as SQL conditions: on the table of streams, and on the lines of `logs`.

Texts of users are bound parameters, never part of the SQL. Regular expressions are RE2's, which DuckDB brings along: a
label's must match the whole value, with `.` matching newlines too; a line's may match anywhere, and there it does not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import duckdb

from driftwood.errors import QueryError
from driftwood.logql.ast import FilterOp, LineFilter, Matcher, MatchOp, Query


class Condition(NamedTuple):
    """A boolean SQL expression; `parameters` fill its `?` in order."""

    sql: str
    parameters: tuple[object, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) AND ({other.sql})", self.parameters + other.parameters)


EVERYTHING = Condition("TRUE")


def stream_condition(query: Query) -> Condition:
    """Which rows of `streams` the matchers select. Raises QueryError for a pattern that RE2 refuses."""
    condition = EVERYTHING
    for matcher in query.matchers:
        if matcher.op in (MatchOp.MATCHES, MatchOp.NOT_MATCHES):
            _check(matcher.value, query.text, matcher.at)
        condition &= _matcher(matcher)
    return condition


def line_condition(query: Query) -> Condition:
    """Which rows of `logs` the line filters let through. Raises QueryError for a pattern that RE2 refuses."""
    condition = EVERYTHING
    for line_filter in query.filters:
        if line_filter.op in (FilterOp.MATCHES, FilterOp.NOT_MATCHES):
            _check(line_filter.text, query.text, line_filter.at)
        condition &= _filter(line_filter)
    return condition


def _matcher(matcher: Matcher) -> Condition:
    value = "coalesce(labels[?], '')"  # a label that a stream lacks is the empty text
    match matcher.op:
        case MatchOp.EQUAL | MatchOp.NOT_EQUAL:
            return Condition(f"{value} {matcher.op} ?", (matcher.name, matcher.value))
        case MatchOp.MATCHES | MatchOp.NOT_MATCHES:
            negated = "NOT " if matcher.op is MatchOp.NOT_MATCHES else ""
            pattern = f"(?s:{matcher.value})"
            return Condition(f"{negated}regexp_full_match({value}, ?)", (matcher.name, pattern))


def _filter(line_filter: LineFilter) -> Condition:
    match line_filter.op:
        case FilterOp.CONTAINS:
            return Condition("contains(line, ?)", (line_filter.text,))
        case FilterOp.NOT_CONTAINS:
            return Condition("NOT contains(line, ?)", (line_filter.text,))
        case FilterOp.MATCHES:
            return Condition("regexp_matches(line, ?)", (line_filter.text,))
        case FilterOp.NOT_MATCHES:
            return Condition("NOT regexp_matches(line, ?)", (line_filter.text,))


def _check(pattern: str, query: str, at: int) -> None:
    if reason := _refusal(pattern):
        raise QueryError(f"this regular expression is not valid (RE2): {reason}", query, at)


@lru_cache(maxsize=1_024)
def _refusal(pattern: str) -> str | None:
    """Why RE2 cannot read `pattern`. Asked of the engine that will run it, on nothing."""
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        try:
            engine.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            return str(error).partition(": ")[2] or str(error)
    return None
