"""What a parser makes of a line, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from driftwood.logql.ast import JsonParser, LogfmtParser
from driftwood.logql.sql import FALSE, Sql, column, sql

Define: TypeAlias = Callable[[Sql], Sql]
"""Gives an expression a name, so that it is computed once (`Layers.define`)."""

MAX_PARTS = 5
"""A label's name with more parts could come from too many nested keys."""

_EDGE_SPACES = r"[\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"


@dataclass(frozen=True, slots=True)
class Extracted:
    values: Mapping[str, Sql] = field(default_factory=dict)
    """By the name that the parser gives: a text, NULL where the line has none."""
    unsure: Sql = FALSE
    """Never NULL. Where it holds, nothing else counts: Python has to look at the line."""
    failed: Sql = FALSE
    """Never NULL. The line ends with this parser's `error`, and nothing was extracted."""
    error: str = ""


def is_plain(name: str) -> bool:
    """Whether the name's parts can be those of keys: `_entry` comes from none, `a__b` from too many."""
    parts = name.split("_")
    return all(parts) and len(parts) <= MAX_PARTS


_ODD = r'(?:[^A-Za-z0-9"\\]|\\.)'
_JSON_ERROR_KEY = rf'error(?:{_ODD}{{2}}"|{_ODD}*"\s*:\s*\{{)'
_LOGFMT_ERROR_KEY = "error[^A-Za-z0-9=]{2,}="


def names_error(stage: JsonParser | LogfmtParser) -> Sql:
    """Whether a key of the line may give the name `__error__`, which is no error then; only such lines are looked at.

    Of JSON, `{"--error--":1}` does, as does `{"_":{"error":{"_":1}}}`; of logfmt, `--error--=1`.
    """
    pattern = _JSON_ERROR_KEY if isinstance(stage, JsonParser) else _LOGFMT_ERROR_KEY
    return LINE.matches_if(LINE.contains("error"), pattern)


class Line:
    """Searches in a text; a NULL costs nothing, and finds nothing."""

    def __init__(self, text: Sql) -> None:
        self.text = text

    def starts(self, prefix: str) -> Sql:
        return sql("starts_with({}, {})", self.text, prefix)

    def contains(self, part: str) -> Sql:
        return sql("contains({}, {})", self.text, part)

    def matches(self, pattern: str) -> Sql:
        return sql("regexp_matches({}, {})", self.text, pattern)

    def matches_if(self, cause: Sql, pattern: str) -> Sql:
        """Looked for only where there is cause."""
        return sql("CASE WHEN {} THEN {} ELSE FALSE END", cause, self.matches(pattern))

    def captured(self, pattern: str) -> Sql:
        return sql("regexp_extract({}, {}, 1)", self.text, pattern)

    def repeated(self, part: str) -> Sql:
        """Whether it comes more than once."""
        form = f"(strlen({{}}) - strlen(replace({{}}, {{}}, '')) > {len(part)})"
        return sql(form, self.text, self.text, part)

    def has_edge_spaces(self) -> Sql:
        """Spaces beyond ASCII, which are cut off a key's ends."""
        beyond_ascii = sql("strlen({}) != length({})", self.text, self.text)
        return self.matches_if(beyond_ascii, _EDGE_SPACES)


LINE = Line(column("line"))
