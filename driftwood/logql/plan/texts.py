"""What a text is searched for, as SQL. DuckDB searches with RE2, as the reference does, so the answers are the same.

What SQL cannot say (bytes that are no text, expressions that are too large for DuckDB's engine) has no condition: then
Python looks at the rows.
"""

from __future__ import annotations

import re
from functools import lru_cache

import duckdb

from driftwood.logql.ast import FilterOp, LineFilter
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, any_of, column, negated, sql
from driftwood.logql.stages import text_match
from driftwood.logql.stages.folding import any_case
from driftwood.logql.stages.pattern import Capture, line_pattern
from driftwood.logql.stages.text_match import (
    AnyOf,
    Anything,
    Contains,
    Equals,
    Match,
    NotEmpty,
    Search,
)

LINE = column("line")

NEGATIVE = {
    FilterOp.NOT_CONTAINS: FilterOp.CONTAINS,
    FilterOp.NOT_MATCHES: FilterOp.MATCHES,
    FilterOp.NOT_PATTERN: FilterOp.PATTERN,
}

_NAMED_GROUP = re.compile(r"((?:^|[^\\])(?:\\\\)*\()\?<(?=[A-Za-z_])")
_LARGE = re.compile(r"\{\d*,?\d{2,}\}")
_LONG = 500


def line_condition(stage: LineFilter) -> Sql | None:
    """Whether a line stays; None where SQL cannot say it."""
    op = NEGATIVE.get(stage.op, stage.op)
    if any(operand.ip for operand in stage.operands):
        return None
    found: list[Sql] = []
    for operand in stage.operands:
        if op is FilterOp.PATTERN:
            condition = _pattern(operand.text)
        else:
            match = line_match(op, operand.text)
            if match == text_match.ANYTHING and op is stage.op:
                continue  # Loki leaves out what always holds
            condition = text_condition(match, LINE)
        if condition is None:
            return None
        found.append(condition)
    if op is not stage.op:
        return negated(any_of(found))
    return any_of(found) if found else TRUE


def line_match(op: FilterOp, text: str) -> Match:
    """What one operand of `|=` or `|~` looks for."""
    if op is FilterOp.CONTAINS:
        return text_match.contains(text)
    return text_match.of_regex(text, whole=False)


def text_condition(match: Match, text: Sql) -> Sql | None:
    """Whether the text that `text` gives matches; None where SQL cannot say it."""
    match match:
        case Anything():
            return TRUE
        case NotEmpty():
            return sql("{} != ''", text)
        case Contains(wanted, fold=False):
            return sql("contains({}, {})", text, wanted) if is_text(wanted) else None
        case Contains(wanted):
            return _in_any_case(wanted, text)
        case Equals(wanted, fold=False):
            return sql("{} = {}", text, wanted) if is_text(wanted) else FALSE
        case Equals(wanted):
            found = _in_any_case(wanted, text)
            if found is None or not is_text(wanted):
                return None
            return found & sql("strlen({}) = {}", text, len(wanted.encode()))
        case AnyOf(left, right):
            first, second = text_condition(left, text), text_condition(right, text)
            return None if first is None or second is None else any_of((first, second))
        case Search(pattern, whole):
            return _found(expression(f"^(?:{pattern})$" if whole else pattern), text)


def _in_any_case(wanted: str, text: Sql) -> Sql | None:
    pattern = any_case(wanted)
    if "(?!)" in pattern:  # a character that no text has in lower case
        return FALSE
    return _found(expression(pattern), text)


def _found(pattern: str | None, text: Sql) -> Sql | None:
    return None if pattern is None else sql("regexp_matches({}, {})", text, pattern)


def _pattern(text: str) -> Sql | None:
    """`|> "<_> text <_>"`: each literal is looked for behind the one before, and never again."""
    parts = line_pattern(text).parts
    if not parts:
        return sql("{} = ''", LINE)
    literals = [part for part in parts if not isinstance(part, Capture)]
    if not literals:
        return sql("{} != ''", LINE)
    if len(literals) > 1 or not is_text(literals[0]):
        return None
    literal = literals[0]
    before, after = isinstance(parts[0], Capture), isinstance(parts[-1], Capture)
    at = sql("strpos({}, {})", LINE, literal)
    needed = [sql("{} > {}", at, 1 if before else 0)]
    end = sql("{} + {}", at, len(literal) - 1)
    needed.append(sql("{} < length({})" if after else "{} = length({})", end, LINE))
    return all_of(needed)


def is_text(text: str) -> bool:
    """Whether it can be bound: the bytes of a query need not be UTF-8."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def expression(pattern: str) -> str | None:
    """`pattern` as DuckDB's RE2 takes it, which is older; None where it does not."""
    if not is_text(pattern):
        return None
    while "(?<" in pattern and (renamed := _NAMED_GROUP.sub(r"\1?P<", pattern)) != pattern:
        pattern = renamed
    if "(?<" in pattern or len(pattern) > _LONG or _LARGE.search(pattern):
        return pattern if _runs(pattern) else None
    return pattern


@lru_cache(maxsize=1_024)
def _runs(pattern: str) -> bool:
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        try:
            engine.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
        except duckdb.Error:
            return False
    return True
