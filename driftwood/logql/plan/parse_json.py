r"""`| json` in SQL: the few labels that a query needs, from lines that are plain objects.

DuckDB's JSON functions give the value of a path, and a label's name may come from several: `a_b` from `{"a_b":1}`, from
`{"a":{"b":1}}`, but also from `{"a.b":1}`. So a value is sure only where no other key of the line can make the name:
every such key ends in the name's last part, and where two parts meet within a key, one odd character stands between
them. Lines where that is not plain are left to Python, as are those with what the two readers read differently:
escapes like \u0041, U+FFFD, NaN, a comma before the closing brace.

DuckDB also prints a number anew (1.50 as 1.5), so numbers with a point or an exponent are taken from the line's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from driftwood.logql.plan.extracted import EDGE_SPACES, Define, Extracted, is_plain
from driftwood.logql.sql import FALSE, Sql, any_of, column, listed, sql
from driftwood.logql.stages.errors import JSON_ERROR

LINE = column("line")
_SPACE = r"(?: |\\[tnrf])"
"""In a key; at its edges it is no part of the name."""
_ESCAPES = sql("contains({}, {})", LINE, "\\")
_NOT_JSON_NUMBERS = r":\s*-?(?i:nan|inf)"


def parse_json(names: Iterable[str], define: Define) -> Extracted | None:
    """`names` as `| json` extracts them; None where a name is of a kind that SQL does not find."""
    wanted = [name for name in names if name.isascii()]  # no extracted label has another name
    if not all(map(is_plain, wanted)):
        return None
    paths = [path for name in wanted for path in _paths(name)]
    opens = define(sql("starts_with({}, '{{')", LINE))
    extract = sql("TRY(json_extract_string({}, {}))", LINE, _list(paths))
    found = define(sql("CASE WHEN {} THEN {} END", opens, extract))
    values: dict[str, Sql] = {}
    unsure = [sql("({} IS NULL)", found), _odd()]
    at = 1
    for name in wanted:
        several = _paths(name)
        each = [
            _Value(define(sql("{}[{}]", found, Sql(str(at + i)))), path[-1], define)
            for i, path in enumerate(several)
        ]
        at += len(several)
        values[name] = _only([value.text for value in each])
        unsure += [value.unsure for value in each] + _ambiguous(name, each, define)
    blank = sql("(substring({}, 1, 1) IN (' ', chr(9), chr(10), chr(13)))", LINE)
    return Extracted(
        values,
        sql("CASE WHEN {} THEN coalesce({}, TRUE) ELSE {} END", opens, any_of(unsure), blank),
        failed=sql("(NOT {} AND NOT {})", opens, blank),
        error=JSON_ERROR,
    )


def _paths(name: str) -> list[tuple[str, ...]]:
    """The ways to cut `name` into keys.

    >>> _paths("a_b")
    [('a', 'b'), ('a_b',)]
    """
    head, _, rest = name.partition("_")
    if not rest:
        return [(head,)]
    ways = []
    for first, *others in _paths(rest):
        ways += [(head, first, *others), (f"{head}_{first}", *others)]
    return ways


def _list(paths: Sequence[tuple[str, ...]]) -> Sql:
    if not paths:  # the line is read all the same: it may be no JSON
        paths = [("a",)]
    return sql("[{}]", listed(sql("{}", _path(path)) for path in paths))


def _path(path: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in path)


class _Value:
    """What stands at one path."""

    def __init__(self, found: Sql, key: str, define: Define) -> None:
        self.found = found
        quoted = f'"{key}"'
        reprinted = define(
            sql(r"({} = '0' OR regexp_matches({}, '^-?[0-9][0-9]*[.eE]'))", found, found)
        )
        pattern = rf'{quoted}\s*:\s*"?(-?[0-9][-+.0-9eE]*)'
        source = define(
            sql("CASE WHEN {} THEN regexp_extract({}, {}, 1) END", reprinted, LINE, pattern)
        )
        once = sql(
            f"strlen(replace({{}}, {{}}, '')) + {len(quoted)} = strlen({{}})", LINE, quoted, LINE
        )
        self.text = sql("coalesce({}, {})", source, found)
        self.unsure = sql(
            "CASE WHEN {} IS NULL THEN FALSE WHEN {} THEN NOT ({} AND TRY_CAST({} AS DOUBLE) = "
            "TRY_CAST({} AS DOUBLE)) ELSE substring({}, 1, 1) IN ('{{', '[') END",
            *(found, reprinted, once, source, found, found),
        )


def _only(values: Sequence[Sql]) -> Sql:
    return values[0] if len(values) == 1 else sql("coalesce({})", listed(values))


def _ambiguous(name: str, values: Sequence[_Value], define: Define) -> list[Sql]:
    """Whether another key of the line may give the name."""
    parts = name.split("_")
    ends = f'{parts[-1]}"'
    names = "|".join(dict.fromkeys(parts))
    near = [
        sql("contains({}, {})", LINE, text) for part in parts for text in (f" {part}", f"{part} ")
    ]
    edges = sql(
        "CASE WHEN {} THEN regexp_matches({}, {}) ELSE FALSE END",
        *(any_of([*near, _ESCAPES]), LINE, rf'"{_SPACE}+(?:{names})|(?:{names}){_SPACE}+"'),
    )
    # A key that comes twice hides what its second object holds, or the value behind a null.
    several = define(_count_above(1, ends))
    null = sql("contains({}, {})", LINE, "null")
    twice = any_of([null, *(_count_above(1, f'{part}"') for part in parts[:-1])])
    hidden = sql(
        "CASE WHEN {} THEN contains({}, {}) AND ({} OR {}) ELSE {} END",
        *(_none(values), LINE, ends, several, twice),
        sql("CASE WHEN {} THEN {} ELSE FALSE END", several, twice) if len(parts) > 1 else FALSE,
    )
    odd = [edges, hidden]
    if len(parts) > 1:
        joints = "|".join(rf"{a}(?:\\.|[^A-Za-z0-9_\\]){b}" for a, b in pairwise(parts))
        odd.append(sql("regexp_matches({}, {})", LINE, joints))
        there = [sql("({} IS NOT NULL)::INTEGER", value.found) for value in values]
        odd.append(sql("{} > 1", sql(" + ".join(["{}"] * len(there)), *there)))
    return odd


def _count_above(count: int, text: str) -> Sql:
    """Whether `text` occurs in the line more than `count` times."""
    size = len(text)
    without = sql("strlen(replace({}, {}, ''))", LINE, text)
    return sql(f"(strlen({{}}) - {{}} > {count * size})", LINE, without)


def _none(values: Sequence[_Value]) -> Sql:
    return sql(" AND ".join(["{} IS NULL"] * len(values)), *(value.found for value in values))


def _odd() -> Sql:
    """Whether the line holds what DuckDB reads in another way, or keys with spaces that are no ASCII."""
    return any_of(
        (
            sql("contains({}, {})", LINE, "\\u"),
            sql("contains({}, {})", LINE, "\ufffd"),
            sql("contains({}, {})", LINE, ",}"),
            sql(
                "CASE WHEN contains({}, {}) OR contains({}, {}) OR {} THEN regexp_matches({}, {}) ELSE FALSE END",
                *(
                    LINE,
                    '""',
                    LINE,
                    '" ',
                    _ESCAPES,
                    LINE,
                    rf'"{_SPACE}*"\s*:',
                ),  # a key that is no part of a name
            ),
            sql("regexp_matches({}, {})", LINE, _NOT_JSON_NUMBERS),
            sql(
                "CASE WHEN strlen({}) = length({}) THEN FALSE ELSE regexp_matches({}, {}) END",
                *(LINE, LINE, LINE, EDGE_SPACES),
            ),
        )
    )
