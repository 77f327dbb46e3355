r"""Lines as a program usually writes them: always the same keys in the same order. One regular expression knows them.

What such an expression matches is exact by itself - no key comes twice, no escape, no number that would be printed
anew - so the many questions that a line of any other kind raises need not be asked (`logql.plan.parse_json`). It knows
ASCII only: RE2 takes several times as long for characters of more bytes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from driftwood.logql import re2
from driftwood.logql.plan.columns import JSON, LOGFMT
from driftwood.logql.plan.extracted import LINE, Define, Extracted, Line, is_plain
from driftwood.logql.plan.parse_json import Path, json_path, json_values
from driftwood.logql.sql import FALSE, TRUE, Sql, any_of, listed, sql
from driftwood.logql.stages.errors import JSON_ERROR

MAX_JSON_SHAPES = 16
MAX_LOGFMT_SHAPES = 4
LEAST_SHARE = 0.01
"""A shape of fewer sampled lines is not worth it."""
MAX_PATTERN = 20_000
REMEMBERED = 64
"""Shapes of so many samples."""
MOST_OTHERS = 0.01
"""With a larger share of lines of no usual shape, Python would have too much to do."""


class Usual(NamedTuple):
    """What is known of the lines that have one of the shapes."""

    matches: Sql
    """Never NULL."""
    values: Mapping[str, Sql]
    """By label; of the lines that match. NULL where they have none."""
    others: int
    """How many of the sampled lines have none of the shapes, and may have labels all the same."""

    def value(self, name: str) -> Sql:
        return self.values.get(name, Sql("NULL::VARCHAR"))


T = TypeVar("T")


def _common(shapes: Iterable[T | None], lines: int, most: int) -> list[T]:
    counted = Counter(shapes).most_common(most)
    return [shape for shape, count in counted if shape is not None and count >= LEAST_SHARE * lines]


# -- JSON


class JsonShape(NamedTuple):
    pattern: str
    """RE2, without anchors."""
    leaves: tuple[Path, ...]
    objects: tuple[Path, ...]
    """Paths that lead to objects, whose text is no label's value."""

    def agrees_with(self, other: JsonShape) -> bool:
        """Whether no path leads to a value in one and to an object in the other."""
        return set(self.leaves).isdisjoint(other.objects) and set(other.leaves).isdisjoint(
            self.objects
        )


_KEY = re.compile(r'"([A-Za-z][A-Za-z0-9_]*)"')
_TOKEN = re.compile(r'"[^"\\]*"|-?[0-9][-+.0-9eE]*|true|false|null|[\s{}:,]')
_INTEGER = r"-?[1-9][0-9]{0,17}|0"
_DECIMAL = r"-?(?:[1-9][0-9]{0,8}\.(?:0|[0-9]{0,5}[1-9])|0\.[0-9]{0,3}[1-9])"
"""Numbers as DuckDB prints them, too."""
_STRING = r'"[\x20\x21\x23-\x5b\x5d-\x7f]*"'
"""Without quotes and backslashes."""
_SCALAR = rf"(?:{_STRING}|{_INTEGER}|{_DECIMAL}|true|false|null)"


def json_shape(line: str) -> JsonShape | None:
    """None: it is no JSON, or has arrays, escapes, or keys that are no names as they stand.

    >>> json_shape('{"a":1,"b":{"c":"x"}}').leaves
    (('a',), ('b', 'c'))
    >>> json_shape('{"b":{"c":{},"d":1}}').leaves
    (('b', 'd'),)
    """
    tokens = _TOKEN.findall(line)
    if not tokens or tokens[0] != "{" or "".join(tokens) != line or not _is_json(line):
        return None
    pieces: list[str] = []
    leaves: list[Path] = []
    objects: list[Path] = []
    path: list[str] = []
    depth = 0
    expects_key = False
    for part in tokens:
        if part in "{}:," or part.isspace():
            pieces.append(re2.escape(part))
            expects_key = part in "{," or (expects_key and part.isspace())
            if part == "{":
                objects.append(tuple(path[:depth]))
            depth += (part == "{") - (part == "}")
        elif expects_key:
            key = _KEY.fullmatch(part)
            if key is None:
                return None
            path[depth - 1 :] = [key[1]]
            pieces.append(part)
            expects_key = False
        else:
            leaves.append(tuple(path[:depth]))
            pieces.append(_SCALAR)
    names = ["_".join(leaf) for leaf in leaves]
    if len(set(names)) < len(names) or not all(map(is_plain, names)):
        return None
    return JsonShape("".join(pieces), tuple(leaves), tuple(objects[1:]))


def _is_json(line: str) -> bool:
    """A line cut short has tokens of JSON, too, and others of its shape would count as read."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@lru_cache(REMEMBERED)
def _json_shapes(lines: tuple[str, ...]) -> tuple[Sequence[JsonShape], int]:
    """And how many of the lines have none of these."""
    shape_of = {line: json_shape(line) for line in lines if line.lstrip().startswith("{")}
    shapes: list[JsonShape] = []
    for shape in _common(shape_of.values(), len(lines), MAX_JSON_SHAPES):
        if all(map(shape.agrees_with, shapes)):
            shapes.append(shape)
    while sum(len(shape.pattern) for shape in shapes) > MAX_PATTERN:
        shapes.pop()
    return shapes, sum(shape not in shapes for shape in shape_of.values())


def usual_json(lines: Sequence[str], names: Sequence[str], define: Define) -> Usual:
    shapes, others = _json_shapes(tuple(lines))
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


@lru_cache(REMEMBERED)
def _logfmt_shapes(
    lines: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Sequence[tuple[str, ...]], int]:
    """And how many of the lines that seem to have one of `names` have none of these."""
    keys_of = {line: logfmt_keys(line) for line in lines if any(f"{n}=" in line for n in names)}
    shapes = _common(keys_of.values(), len(lines), MAX_LOGFMT_SHAPES)
    return shapes, sum(keys not in shapes for keys in keys_of.values())


def usual_logfmt(lines: Sequence[str], names: Sequence[str], define: Define) -> Usual:
    shapes, others = _logfmt_shapes(tuple(lines), tuple(names))
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


def usual_extracted(
    parser: str, lines: Sequence[str], names: Sequence[str], define: Define
) -> Extracted | None:
    """Labels of lines of the shapes that `lines` show; any other line that may have labels is left to Python.

    None: too many are of no usual shape.
    """
    usual = USUAL[parser](lines, names, define)
    if usual.others > MOST_OTHERS * len(lines):
        return None
    unsure, failed = DOUBTS[parser](names, define)
    doubtful = [sql("(NOT {} AND {})", usual.matches, each) for each in (unsure, failed)]
    values = {
        name: sql("CASE WHEN {} THEN {} END", usual.matches, usual.value(name)) for name in names
    }
    sure_failed = FALSE if failed == FALSE else sql("({} AND NOT {})", doubtful[1], unsure)
    return Extracted(values, doubtful[0], sure_failed, JSON_ERROR if parser == JSON else "")


def _json_doubts(_labels: Sequence[str], _define: Define) -> tuple[Sql, Sql]:
    """(unsure, failed) of lines that have no usual shape."""
    unsure = sql("(substring({}, 1, 1) IN ('{{', ' ', chr(9), chr(10), chr(13)))", LINE.text)
    return unsure, TRUE


def _logfmt_doubts(labels: Sequence[str], define: Define) -> tuple[Sql, Sql]:
    pairs = Line(define(sql("CASE WHEN {} THEN {} END", LINE.contains("="), LINE.text)))
    keys = "|".join(label.replace("_", "[^A-Za-z0-9]") for label in labels)
    doubts = any_of((pairs.matches(rf"(?:{keys})="), pairs.has_edge_spaces()))
    return sql("coalesce({}, FALSE)", doubts), FALSE


USUAL = {JSON: usual_json, LOGFMT: usual_logfmt}
DOUBTS = {JSON: _json_doubts, LOGFMT: _logfmt_doubts}


def rest(usual: Usual, define: Define) -> Line:
    """The lines that have none of the shapes; NULL for the others."""
    if usual.matches == FALSE:
        return LINE
    return Line(define(sql("CASE WHEN NOT {} THEN {} END", usual.matches, LINE.text)))
