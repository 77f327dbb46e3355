r"""`| json` in SQL: the few labels that a query needs, from lines that are plain objects.

DuckDB's JSON functions give the value of a path, and a label's name may come from several: `a_b` from `{"a_b":1}`, from
`{"a":{"b":1}}`, but also from `{"a.b":1}`. So a value is sure only where no other key of the line can make the name.
Lines where that is not plain are left to Python, as are those with what the two readers read differently: escapes like
\u0041, U+FFFD, NaN, a comma before the closing brace, keys that come twice.

DuckDB also prints a number anew (1.50 as 1.5), so numbers with a point or an exponent are taken from the line's text.

What is asked of every line is cheap; what costs more is asked of the lines that give cause. A search for a quote is
not cheap, as JSON is full of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from driftwood.logql.plan.extracted import LINE, Define, Extracted, Line, is_plain
from driftwood.logql.sql import Sql, any_of, listed, sql
from driftwood.logql.stages.errors import JSON_ERROR

_NOT_JSON_NUMBERS = r":\s*-?(?i:nan|inf)"

Path = tuple[str, ...]


def parse_json(names: Iterable[str], define: Define, line: Line = LINE) -> Extracted | None:
    """`names` as `| json` extracts them; None where a name is of a kind that SQL does not find."""
    wanted = [name for name in names if name.isascii()]  # no extracted label has another name
    if not all(map(is_plain, wanted)):
        return None
    paths = [path for name in wanted for path in paths_of(name)]
    parents = dict.fromkeys([(), *(path[:end] for path in paths for end in range(1, len(path)))])
    opens = define(line.starts("{"))
    asked = [*map(json_path, paths), *map(_nameless, parents)]
    found = define(sql("CASE WHEN {} THEN {} END", opens, json_values(line, asked)))
    at = {path: define(sql(f"{{}}[{i}]", found)) for i, path in enumerate(paths, 1)}
    nameless = [
        sql(f"({{}}[{i}] IS NOT NULL)", found) for i, _ in enumerate(parents, len(paths) + 1)
    ]
    null = define(line.contains("null"))
    read = [
        _Name(
            name, [_Value(at[path], path[-1], define, line) for path in paths_of(name)], null, line
        )
        for name in wanted
    ]
    unsure = [
        sql("({} IS NULL)", found),
        *nameless,
        *_odd(line),
        *(name.unsure for name in read),
    ]
    blank = sql("(substring({}, 1, 1) IN (' ', chr(9), chr(10), chr(13)))", line.text)
    return Extracted(
        {name.name: name.value for name in read},
        sql("CASE WHEN {} THEN coalesce({}, TRUE) ELSE {} END", opens, any_of(unsure), blank),
        failed=sql("(NOT {} AND NOT {})", opens, blank),
        error=JSON_ERROR,
    )


def paths_of(name: str) -> list[Path]:
    """The ways to cut `name` into keys.

    >>> paths_of("a_b")
    [('a', 'b'), ('a_b',)]
    """
    head, _, rest = name.partition("_")
    if not rest:
        return [(head,)]
    ways = []
    for first, *others in paths_of(rest):
        ways += [(head, first, *others), (f"{head}_{first}", *others)]
    return ways


def json_path(path: Path) -> str:
    return "$" + "".join(f'."{key}"' for key in path)


def _nameless(parent: Path) -> str:
    """A pointer to the member without a name, whose own members count as those of the object around it."""
    return "/" + "".join(f"{key}/" for key in parent)


def json_values(line: Line, asked: Iterable[str]) -> Sql:
    """A list of texts, one for each JSONPath or pointer; NULL where the line is no JSON."""
    each = listed(sql("{}", path) for path in asked)
    return sql("TRY(json_extract_string({}, [{}]))", line.text, each)


class _Value:
    """What stands at one path."""

    def __init__(self, found: Sql, key: str, define: Define, line: Line) -> None:
        self.found = found
        reprinted = define(
            sql(
                "CASE WHEN {} < ':' AND {} >= '-' THEN {} = '0' OR regexp_matches({}, '^-?[0-9]+[.eE]') "
                "ELSE FALSE END",
                *(found, found, found, found),
            )
        )
        quoted = f'"{key}"'
        captured = line.captured(rf'{quoted}\s*:\s*"?(-?[0-9][-+.0-9eE]*)')
        source = define(sql("CASE WHEN {} THEN {} END", reprinted, captured))
        same = sql("TRY_CAST({} AS DOUBLE) = TRY_CAST({} AS DOUBLE)", source, found)
        self.text = sql("coalesce({}, {})", source, found)
        self.unsure = sql(
            "CASE WHEN {} IS NULL THEN FALSE WHEN {} THEN {} OR NOT {} ELSE {} END",
            *(found, reprinted, line.repeated(quoted), same, _brackets(found)),
        )


def _brackets(found: Sql) -> Sql:
    """Whether it is an object or an array, or a string that looks like one."""
    return sql("(starts_with({}, '{{') OR starts_with({}, '['))", found, found)


class _Name:
    """The label of one name, and whether another key of the line may give it."""

    def __init__(self, name: str, values: Sequence[_Value], null: Sql, line: Line) -> None:
        self.name = name
        texts = [value.text for value in values]
        self.value = texts[0] if len(texts) == 1 else sql("coalesce({})", listed(texts))
        doubts = [value.unsure for value in values]
        if len(values) == 1:
            doubts.append(_behind_null(values[0].found, name, null, line))
        else:
            doubts += _of_several(name.split("_"), [value.found for value in values], null, line)
        self.unsure = any_of(doubts)


def _behind_null(found: Sql, key: str, null: Sql, line: Line) -> Sql:
    """Nothing was found, and perhaps the key comes a second time, which then counts."""
    again = line.repeated(f'"{key}"')
    return sql("CASE WHEN {} IS NULL AND {} THEN {} ELSE FALSE END", found, null, again)


def _of_several(parts: Sequence[str], found: Sequence[Sql], null: Sql, line: Line) -> list[Sql]:
    """A key that comes twice hides what its second object holds, or the value behind a null."""
    last = f'{parts[-1]}"'
    several = line.repeated(last)
    twice = any_of([null, *(_twice(line, f'{part}"') for part in parts[:-1])])
    none = sql(" AND ".join(["{} IS NULL"] * len(found)), *found)
    hidden = sql(
        "CASE WHEN {} THEN CASE WHEN {} THEN {} OR {} ELSE FALSE END WHEN {} THEN {} ELSE FALSE END",
        *(none, line.contains(last), several, twice, twice, several),
    )
    there = [sql("({} IS NOT NULL)::INTEGER", each) for each in found]
    both = sql(f"({' + '.join(['{}'] * len(there))} > 1)", *there)
    joints = "|".join(rf"{a}[^A-Za-z0-9_\\]{b}" for a, b in pairwise(parts))
    return [hidden, both, line.matches(joints)]


def _twice(line: Line, part: str) -> Sql:
    """Whether it is repeated, where it is rarely there at all."""
    return sql("CASE WHEN {} THEN {} ELSE FALSE END", line.contains(part), line.repeated(part))


def _odd(line: Line) -> list[Sql]:
    """Whether the line holds what DuckDB reads in another way, or keys with spaces at their ends, or escapes."""
    return [
        line.contains("\\u"),
        line.contains("\ufffd"),
        line.contains(",}"),
        line.matches(_NOT_JSON_NUMBERS),
        line.matches_if(line.contains('" '), r'"\s[^"]*"\s*:'),
        line.matches_if(line.contains(' "'), r' "\s*:'),
        line.matches_if(line.contains("\\"), r'\\"?[^"]*"\s*:'),
        line.has_edge_spaces(),
    ]
