r"""`| logfmt` in SQL: the few labels that a query needs, from lines without anything unusual.

A key can only be where its text with `=` behind it is: a line without that has no such label, whatever else it is. A
line that has it must be clean: pairs with spaces between them, no escapes. What is not clean is left to Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from driftwood.logql.plan.extracted import EDGE_SPACES, Define, Extracted, is_plain
from driftwood.logql.sql import Sql, any_of, column, sql

LINE = column("line")

_KEY = r'[^\x00-\x20="\\\x{fffd}]+'
_VALUE = r'(?:"[^\x00-\x1f"\\\x{fffd}]*"|[^\x00-\x20="\\\x{fffd}]*)'
_CLEAN = rf"^ *(?:{_KEY}(?:={_VALUE})?(?: +|$))*$"


def parse_logfmt(names: Iterable[str], define: Define) -> Extracted | None:
    """`names` as `| logfmt` extracts them without `--keep-empty`; None where SQL does not find a name."""
    wanted = [name for name in names if name.isascii()]  # no extracted label has another name
    if not all(map(is_plain, wanted)):
        return None
    there = {name: define(sql("contains({}, {})", LINE, f"{name}=")) for name in wanted}
    if not there:
        return Extracted()
    matches = sql("regexp_matches({}, {})", LINE, _CLEAN)
    clean = define(sql("CASE WHEN {} THEN {} END", any_of(there.values()), matches))
    each = [_Value(name, there[name], clean, define) for name in wanted]
    return Extracted(
        {value.name: value.text for value in each}, any_of(value.unsure for value in each)
    )


class _Value:
    """The label of one name."""

    def __init__(self, name: str, there: Sql, clean: Sql, define: Define) -> None:
        self.name = name
        has = sql(
            "(contains({}, {}) OR starts_with({}, {}))", *(LINE, f" {name}=", LINE, f"{name}=")
        )
        extract = sql("regexp_extract({}, {}, 1)", LINE, rf'(?:^| ){name}=("[^"]*"|[^ "]*)')
        found = define(sql("CASE WHEN {} AND {} THEN {} END", there, has, extract))
        self.text = sql("trim({}, '\"')", found)
        in_quotes = sql("regexp_matches({}, {})", LINE, rf'="[^"]* {name}=')
        unusual = sql("({} IN ('', '\"\"') OR {})", found, in_quotes)
        self.unsure = any_of(
            (
                sql(
                    "CASE WHEN {} THEN NOT {} OR ({} IS NOT NULL AND {}) ELSE FALSE END",
                    *(there, clean, found, unusual),
                ),
                _other_keys(name),
            )
        )


def _other_keys(name: str) -> Sql:
    """Whether another key may give the name: `a-b` or `a.b` give a_b; and spaces that are no ASCII are cut off."""
    foreign = sql(
        "CASE WHEN strlen({}) = length({}) THEN FALSE ELSE contains({}, {}) AND regexp_matches({}, {}) END",
        *(LINE, LINE, LINE, name, LINE, EDGE_SPACES),
    )
    parts = name.split("_")
    if len(parts) == 1:
        return foreign
    joints = "|".join(rf"{a}[^A-Za-z0-9_]{b}" for a, b in pairwise(parts))
    return any_of((foreign, sql("regexp_matches({}, {})", LINE, joints)))
