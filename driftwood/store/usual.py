r"""Lines as a program usually writes them: always the same keys in the same order. One regular expression knows them.

What such an expression matches is exact by itself - no key comes twice, no escape, no number that would be printed
anew - so the many questions that a line of any other kind raises need not be asked (`logql.plan.parse_json`). It knows
ASCII only: RE2 takes several times as long for characters of more bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from driftwood.logql import re2
from driftwood.logql.plan.extracted import LINE, Define, Line, is_plain
from driftwood.logql.plan.parse_json import Path, json_path, json_values
from driftwood.logql.sql import FALSE, Sql, listed, sql

MAX_JSON_SHAPES = 16
MAX_LOGFMT_SHAPES = 4
LEAST_SHARE = 0.01
"""A shape of fewer sampled lines is not worth it."""
MAX_PATTERN = 20_000


class Usual(NamedTuple):
    """What is known of the lines that have one of the shapes."""

    matches: Sql
    """Never NULL."""
    values: Mapping[str, Sql]
    """By label; of the lines that match. NULL where they have none."""
    others: int
    """How many of the sampled lines have none of the shapes, and may have labels all the same."""


T = TypeVar("T")


def _common(shapes: Iterable[T | None], lines: int, most: int) -> list[T]:
    counted = Counter(shapes).most_common(most)
    return [shape for shape, count in counted if shape is not None and count >= LEAST_SHARE * lines]


# -- JSON


class JsonShape(NamedTuple):
    pattern: str
    """RE2, without anchors."""
    leaves: tuple[Path, ...]


_KEY = re.compile(r'"([A-Za-z][A-Za-z0-9_]*)"')
_TOKEN = re.compile(r'"[^"\\]*"|-?[0-9][-+.0-9eE]*|true|false|null|[\s{}:,]')
_INTEGER = r"-?[1-9][0-9]{0,17}|0"
_DECIMAL = r"-?(?:[1-9][0-9]{0,8}\.(?:0|[0-9]{0,5}[1-9])|0\.[0-9]{0,3}[1-9])"
"""Numbers as DuckDB prints them, too."""
_STRING = r'"[\x20\x21\x23-\x5b\x5d-\x7f]*"'
"""Without quotes and backslashes."""
_SCALAR = rf"(?:{_STRING}|{_INTEGER}|{_DECIMAL}|true|false|null)"


def json_shape(line: str) -> JsonShape | None:
    """None: it has arrays, escapes, or keys that are no names as they stand.

    >>> json_shape('{"a":1,"b":{"c":"x"}}').leaves
    (('a',), ('b', 'c'))
    """
    tokens = _TOKEN.findall(line)
    if not tokens or tokens[0] != "{" or "".join(tokens) != line:
        return None
    pieces: list[str] = []
    leaves: list[Path] = []
    path: list[str] = []
    expects_key = False
    for part in tokens:
        if part in "{}:," or part.isspace():
            pieces.append(re2.escape(part))
            expects_key = part in "{," or (expects_key and part.isspace())
            if part in ",}" and path:
                path.pop()
        elif expects_key:
            key = _KEY.fullmatch(part)
            if key is None:
                return None
            path.append(key[1])
            pieces.append(part)
            expects_key = False
        else:
            leaves.append(tuple(path))
            pieces.append(_SCALAR)
    names = ["_".join(leaf) for leaf in leaves]
    if len(set(names)) < len(names) or not all(map(is_plain, names)):
        return None
    return JsonShape("".join(pieces), tuple(leaves))


def usual_json(lines: Sequence[str], names: Sequence[str], define: Define) -> Usual:
    shape_of = {line: json_shape(line) for line in lines if line.lstrip().startswith("{")}
    shapes = _common(shape_of.values(), len(lines), MAX_JSON_SHAPES)
    while sum(len(shape.pattern) for shape in shapes) > MAX_PATTERN:
        shapes.pop()
    others = sum(shape not in shapes for shape in shape_of.values())
    if not shapes:
        return Usual(FALSE, {}, others)
    union = "|".join(shape.pattern for shape in shapes)
    matches = define(LINE.matches_if(LINE.starts("{"), f"^(?:{union})$"))
    paths = {
        name: sorted({p for shape in shapes for p in shape.leaves if "_".join(p) == name})
        for name in names
    }
    asked = [path for each in paths.values() for path in each]
    values = json_values(LINE, map(json_path, asked))
    got = define(sql("CASE WHEN {} THEN {} END", matches, values))
    at = {path: sql(f"{{}}[{i}]", got) for i, path in enumerate(asked, 1)}
    found = {name: _first(at[path] for path in each) for name, each in paths.items()}
    return Usual(matches, found, others)


def _first(values: Iterable[Sql]) -> Sql:
    found = list(values)
    if not found:
        return Sql("NULL::VARCHAR")
    return found[0] if len(found) == 1 else sql("coalesce({})", listed(found))


# -- logfmt

_PAIR = re.compile(r'([A-Za-z][A-Za-z0-9_]*)=(?:"[^"\\]*"|[^\s"=\\]*)')
_VALUE = rf"{_STRING}|[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]*"


def logfmt_keys(line: str) -> tuple[str, ...] | None:
    """The keys of a line that is pairs with a space between them, each key once; None for another.

    >>> logfmt_keys('level=info msg="all well"')
    ('level', 'msg')
    """
    keys: list[str] = []
    at = 0
    while (pair := _PAIR.match(line, at)) is not None:
        keys.append(pair[1])
        at = pair.end()
        if at == len(line):
            return tuple(keys) if len(set(keys)) == len(keys) else None
        if line[at] != " ":
            return None
        at += 1
    return None


def usual_logfmt(lines: Sequence[str], names: Sequence[str], define: Define) -> Usual:
    keys_of = {line: logfmt_keys(line) for line in lines if any(f"{n}=" in line for n in names)}
    shapes = _common(keys_of.values(), len(lines), MAX_LOGFMT_SHAPES)
    others = sum(keys not in shapes for keys in keys_of.values())
    matches: Sql = FALSE
    groups: list[tuple[Sql, Mapping[str, str]]] = []
    for keys in shapes:
        named = {key: f"g{i}" for i, key in enumerate(keys) if key in names}
        pairs = (f"{key}=({_VALUE})" if key in named else f"{key}=(?:{_VALUE})" for key in keys)
        pattern = f"^({' '.join(pairs)})$"
        quoted = ", ".join(f"'{name}'" for name in ("w", *named.values()))
        captured = sql(f"regexp_extract({{}}, {{}}, [{quoted}])", LINE.text, pattern)
        starts = sql("(NOT {} AND {})", matches, LINE.starts(f"{keys[0]}="))
        got = define(sql("CASE WHEN {} THEN {} END", starts, captured))
        groups.append((got, named))
        matches = define(sql("({} OR coalesce({}.w != '', FALSE))", matches, got))
    return Usual(matches, {name: _captured(name, groups) for name in names}, others)


def _captured(name: str, groups: Sequence[tuple[Sql, Mapping[str, str]]]) -> Sql:
    """An empty value is none."""
    cases = [
        sql(f"WHEN {{}}.w != '' THEN nullif(trim({{}}.{named[name]}, '\"'), '')", got, got)
        for got, named in groups
        if name in named
    ]
    if not cases:
        return Sql("NULL::VARCHAR")
    return sql(f"CASE {' '.join(['{}'] * len(cases))} END", *cases)


def rest(usual: Usual, define: Define) -> Line:
    """The lines that have none of the shapes; NULL for the others."""
    if usual.matches == FALSE:
        return LINE
    return Line(define(sql("CASE WHEN NOT {} THEN {} END", usual.matches, LINE.text)))
