r"""`| logfmt` in SQL: the few labels that a query needs, from lines without anything unusual.

A key can only be where its text with `=` behind it is: a line without that has no such label, whatever else it is. A
line that has it must be clean: pairs with spaces between them, no escapes. What is not clean is left to Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from driftwood.logql.plan.extracted import LINE, Define, Extracted, Line, is_plain
from driftwood.logql.sql import FALSE, Sql, any_of, sql

_KEY = r'[^\x00-\x20="\\\x{fffd}]+'
QUOTED = r'"[^\x00-\x1f"\\\x{fffd}]*"'
BARE = r'[^\x00-\x20="\\\x{fffd}]*'
_CLEAN = rf"^ *(?:{_KEY}(?:=(?:{QUOTED}|{BARE}))?(?: +|$))*$"
_PAIR_IN_QUOTES = r'="[^"]* [^" =]+='


def parse_logfmt(names: Iterable[str], define: Define, line: Line = LINE) -> Extracted | None:
    """`names` as `| logfmt` extracts them without `--keep-empty`; None where SQL does not find a name."""
    wanted = [name for name in names if name.isascii()]  # no extracted label has another name
    if not all(map(is_plain, wanted)):
        return None
    if not wanted:
        return Extracted()
    pairs = Line(define(sql("CASE WHEN {} THEN {} END", line.contains("="), line.text)))
    there = {name: define(pairs.contains(f"{name}=")) for name in wanted}
    some = Line(define(sql("CASE WHEN {} THEN {} END", any_of(there.values()), pairs.text)))
    usual = define(sql("({} AND NOT {})", some.matches(_CLEAN), some.matches(_PAIR_IN_QUOTES)))
    each = [_Value(name, there[name], usual, some, define) for name in wanted]
    odd = [_other_keys(name, pairs) for name in wanted]
    return Extracted(
        {value.name: value.text for value in each},
        sql("coalesce({}, FALSE)", any_of([*(value.unsure for value in each), *odd])),
    )


class _Value:
    """The label of one name."""

    def __init__(self, name: str, there: Sql, usual: Sql, line: Line, define: Define) -> None:
        self.name = name
        value = r'("[^"]*"|[^ "]*)'
        found = define(
            sql(
                "CASE WHEN {} THEN {} WHEN {} THEN {} END",
                *(line.starts(f"{name}="), line.captured(rf"^{name}={value}")),
                *(line.contains(f" {name}="), line.captured(rf" {name}={value}")),
            )
        )
        self.text = sql("trim({}, '\"')", found)
        # The first value counts that is not empty.
        empty = sql("coalesce({} IN ('', '\"\"'), FALSE)", found)
        self.unsure = sql("({} AND (NOT {} OR {}))", there, usual, empty)


def _other_keys(name: str, line: Line) -> Sql:
    """Whether another key may give the name: `a-b` or `a.b` give a_b; and spaces that are no ASCII are cut off."""
    parts = name.split("_")
    spaced = sql("({} AND {})", line.contains(name), line.has_edge_spaces())
    joints = "|".join(rf"{a}[^A-Za-z0-9_]{b}" for a, b in pairwise(parts))
    return any_of((spaced, line.matches(joints) if joints else FALSE))
