r"""`| regexp` and `| pattern` in SQL: each is one regular expression of RE2, which DuckDB has, too.

A pattern is lazy and never goes back: each capture ends at the first place where the literal behind it stands, and
where that is missing, at the end of the line. As alternatives of RE2, of which the first that fits wins, that is

    <a> - <b>       ^(?:(.*?)( - )(?:(.*))|(.*))

There is a quicker expression for most lines: a capture that does not hold the first character of what follows it needs
no looking ahead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from driftwood.logql import re2
from driftwood.logql.ast import PatternParser, RegexpParser
from driftwood.logql.plan.extracted import Define, Extracted
from driftwood.logql.plan.texts import expression, is_text
from driftwood.logql.sql import FALSE, Sql, column, listed, sql
from driftwood.logql.stages.pattern import UNNAMED, Capture, parse

LINE = column("line")

_PART = re.compile(
    r"\\Q.*?(?:\\E|$)|(?P<edge>\\[bBAz]|[\^$])|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL
)
"""Of an expression; an edge takes no character."""


def parse_regexp(
    stage: RegexpParser, names: Collection[str] | None, define: Define
) -> Extracted | None:
    """The groups with one of `names` (None: all) of the first match; None where DuckDB cannot search so."""
    regex = re2.compile(stage.pattern)
    pattern = expression(f"({stage.pattern})")
    if pattern is None:
        return None
    groups = {name: at for at, name in enumerate(regex.names) if name and _wanted(name, names)}
    if not groups:
        return Extracted()
    found = define(
        sql("regexp_extract({}, {}, [{}])", LINE, pattern, _numbered(max(groups.values()) + 1))
    )
    whole = _group(found, "g0")
    return Extracted(
        {
            name: sql("CASE WHEN {} != '' THEN {} END", whole, _group(found, f"g{at}"))
            for name, at in groups.items()
        },
        # An empty match and none at all look alike.
        unsure=sql("({} = '')", whole) if _may_be_empty(regex) else FALSE,
    )


def _may_be_empty(regex: re2.Regex) -> bool:
    """Whether it may match without taking a character, here or there."""
    loose = _PART.sub(lambda part: "" if part["edge"] else part[0], regex.pattern)
    try:
        return re2.compile(loose).fullmatches("")
    except re2.RegexError:
        return True


def parse_pattern(
    stage: PatternParser, names: Collection[str] | None, define: Define
) -> Extracted | None:
    """The captures with one of `names` (None: all)."""
    parts = parse(stage.pattern)
    start = parts[0] if isinstance(parts[0], str) else ""
    captures = _captures(parts[1:] if start else parts)
    groups = [at for at, (name, _) in enumerate(captures) if _named(name, names)]
    if not groups:
        return Extracted()
    if not is_text(stage.pattern):
        return None
    captures = captures[: max(groups) + 1]
    quick = define(_quick(start, captures, groups))
    slow = define(sql("CASE WHEN {} = '' THEN {} END", _group(quick, "w"), _slow(start, captures)))
    values: dict[str, Sql] = {}
    for at in groups:
        name, end = captures[at]
        if at:
            reached = sql("{} != ''", _group(slow, f"e{at - 1}"))
        else:
            reached = sql("{} != ''", _group(slow, "s") if start else LINE)
        lazily = _group(slow, f"r{at}")
        if end:
            lazily = sql("{} || {}", _group(slow, f"f{at}"), lazily)
        values[name] = sql(
            "CASE WHEN {} IS NULL THEN {} WHEN {} THEN {} END",
            *(slow, _group(quick, f"f{at}"), reached, lazily),
        )
    return Extracted(values)


def _named(name: str, names: Collection[str] | None) -> bool:
    return name != UNNAMED and _wanted(name, names)


def _wanted(name: str, names: Collection[str] | None) -> bool:
    return names is None or name in names


def _numbered(count: int) -> Sql:
    return Sql(", ".join(f"'g{i}'" for i in range(count)))


def _group(struct: Sql, name: str) -> Sql:
    return sql(f"{{}}.{name}", struct)


def _captures(parts: Sequence[str | Capture]) -> list[tuple[str, str]]:
    """Each capture with the literal behind it, "" for none."""
    captures: list[tuple[str, str]] = []
    for part in parts:
        if isinstance(part, Capture):
            captures.append((part.name, ""))
        else:
            captures[-1] = (captures[-1][0], part)
    return captures


def _quick(start: str, captures: Sequence[tuple[str, str]], groups: Collection[int]) -> Sql:
    """(w, f0, f1 ...) of those in `groups`; `w`, the whole, is empty where the line needs the slow way."""
    pattern = re2.escape(start)
    names = ["w"]
    for at, (_, end) in enumerate(captures):
        body = f"[^{_in_class(end[0])}]*" if end else ".*"
        if at in groups:
            names.append(f"f{at}")
            body = f"({body})"
        pattern += body + re2.escape(end)
    if not captures[-1][1]:
        pattern += "$"
    return _extract(f"(?s)(^{pattern})", names)


def _in_class(char: str) -> str:
    return f"\\{char}" if char in r"\]^-[" else char


def _slow(start: str, captures: Sequence[tuple[str, str]]) -> Sql:
    """(s, f0, e0, f1, e1 ... r1, r0): the start, captures that end at a literal, the literals, captures of the rest."""
    pattern, names = "", list[str]()
    for at, (_, end) in reversed(list(enumerate(captures))):
        if end:
            pattern = f"(?:(.*?)({re2.escape(end)}){pattern}|(.*))"
            names = [f"f{at}", f"e{at}", *names, f"r{at}"]
        else:
            pattern, names = "(.*)", [f"r{at}"]
    return _extract(f"(?s)^({re2.escape(start)}){pattern}", ["s", *names])


def _extract(pattern: str, names: Sequence[str]) -> Sql:
    return sql("regexp_extract({}, {}, [{}])", LINE, pattern, listed(Sql(f"'{n}'") for n in names))
