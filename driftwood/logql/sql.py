"""SQL with the values that it binds. Texts of users are parameters, never part of it; integers of ours may be.

>>> sql("contains({}, {})", column("line"), "it's")
Sql(sql='contains(line, ?)', parameters=("it's",))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from driftwood.logql.ast import FilterOp, LineFilter, LogQuery, Matcher, MatchOp


class Sql(NamedTuple):
    """A piece of SQL; `parameters` fill its `?` in order."""

    sql: str
    parameters: tuple[object, ...] = ()

    def __and__(self, other: Sql) -> Sql:
        return all_of((self, other))


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")
NULL = Sql("NULL")


def sql(form: str, *parts: object) -> Sql:
    """`form` with a part in place of each `{}`: SQL as it is, anything else as a bound value."""
    texts: list[str] = []
    parameters: list[object] = []
    for part in parts:
        if isinstance(part, Sql):
            texts.append(part.sql)
            parameters += part.parameters
        else:
            texts.append("?")
            parameters.append(part)
    return Sql(form.format(*texts), tuple(parameters))


def column(name: str) -> Sql:
    """A column that we named."""
    return Sql(name)


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Every one of them; TRUE and FALSE are folded away.

    >>> all_of((TRUE, column("a"), column("b"))).sql
    '((a) AND (b))'
    """
    needed = [c for c in conditions if c != TRUE]
    if FALSE in needed:
        return FALSE
    return _joined(" AND ", needed, TRUE)


def any_of(conditions: Iterable[Sql]) -> Sql:
    """At least one of them; TRUE and FALSE are folded away."""
    needed = [c for c in conditions if c != FALSE]
    if TRUE in needed:
        return TRUE
    return _joined(" OR ", needed, FALSE)


def negated(condition: Sql) -> Sql:
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return sql("NOT ({})", condition)


def listed(parts: Iterable[Sql]) -> Sql:
    """The parts with commas between them."""
    found = list(parts)
    return sql(", ".join(["{}"] * len(found)), *found)


def _joined(sign: str, parts: list[Sql], nothing: Sql) -> Sql:
    if len(parts) < 2:
        return parts[0] if parts else nothing
    return sql(f"({sign.join(['({})'] * len(parts))})", *parts)


# -- the parts of a query that are one condition


def stream_condition(query: LogQuery) -> Sql:
    """Which rows of `streams` the matchers select."""
    return all_of(_matcher(matcher) for matcher in query.matchers)


def line_condition(query: LogQuery) -> Sql | None:
    """Which rows of `logs` the line filters let through; None where other stages have a say."""
    filters = [_filter(stage) for stage in query.stages if isinstance(stage, LineFilter)]
    found = [condition for condition in filters if condition is not None]
    return all_of(found) if len(found) == len(query.stages) else None


def _matcher(matcher: Matcher) -> Sql:
    value = sql(
        "coalesce(labels[{}], '')", matcher.name
    )  # a label that is absent is the empty text
    match matcher.op:
        case MatchOp.EQUAL:
            return sql("{} = {}", value, matcher.value)
        case MatchOp.NOT_EQUAL:
            return sql("{} != {}", value, matcher.value)
        case MatchOp.MATCHES:
            return sql("regexp_full_match({}, {})", value, f"(?s:{matcher.value})")
        case MatchOp.NOT_MATCHES:
            return sql("NOT regexp_full_match({}, {})", value, f"(?s:{matcher.value})")


def _filter(line_filter: LineFilter) -> Sql | None:
    if any(operand.ip for operand in line_filter.operands):
        return None
    texts = [operand.text for operand in line_filter.operands]
    line = column("line")
    match line_filter.op:
        case FilterOp.CONTAINS:
            return any_of(sql("contains({}, {})", line, text) for text in texts)
        case FilterOp.NOT_CONTAINS:
            return all_of(sql("NOT contains({}, {})", line, text) for text in texts)
        case FilterOp.MATCHES:
            return any_of(sql("regexp_matches({}, {})", line, text) for text in texts)
        case FilterOp.NOT_MATCHES:
            return all_of(sql("NOT regexp_matches({}, {})", line, text) for text in texts)
        case _:
            return None
