"""Where the variables of a template stand in a line: found when asked for, never stored.

The constant texts of the template are looked for in order; a typed variable is tried with its own expression first. One
walk from left to right with no way back, so the cost is linear in the line. A `<NUM>` that the line itself holds is a
variable whose value is the text `<NUM>`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from parsing import units
from parsing.masks import PLACEHOLDER, SINGLE

# Longer lines are not searched for other whitespace than their template has.
MAX_LOOSE = 65_536
_SPACES = re.compile(r"\s+")
# `user=`, `"user": "`, `user: [` right before a variable names it.
_KEY = re.compile(r"""([A-Za-z_][A-Za-z0-9_.-]{0,63})["']?\s?[=:]\s?["'(\[]?\Z""")
_KIND = {"*": "text", "NUM": "number", "DUR": "duration", "PCT": "percent"}
# What a variable that no mask knew may still be by its text; the more telling kinds first.
_TELLING = (
    "UUID",
    "IP",
    "MAC",
    "URL",
    "EMAIL",
    "TIME",
    "DUR",
    "SIZE",
    "PCT",
    "NUM",
    "PATH",
    "HEX",
    "BOOL",
)


class Param(NamedTuple):
    """A variable of one line."""

    kind: str
    """ip, uuid, path, number, duration, size, time...; text where nothing is known; user where a rule named it."""
    name: str
    """The key before it, as in `user=`, or the name of the user's rule; "" where there is none."""
    start: int
    end: int
    """[start, end) in characters of the line."""
    text: str
    value: float | None
    """A number; durations in seconds, sizes in bytes, percentages as they are. None for what is none."""


def spans(line: str, template_text: str) -> list[tuple[int, int]]:
    """The character range of each variable, in the order of the template; [] where the line does not match.

    >>> spans("took 12 ms for bob", "took <NUM> ms for <*>")
    [(5, 7), (15, 18)]
    """
    constants, kinds = _parsed(template_text)
    if not kinds:
        return []
    untyped = ("*",) * len(kinds)
    return (
        _walk(line, constants, kinds)
        or _walk(line, constants, untyped)
        or _loosely(line, template_text, untyped)
    )


def values(line: str, template_text: str) -> list[tuple[str, str]]:
    """Kind and text of each variable; [] where the line does not match.

    >>> values("took 12 ms for bob", "took <NUM> ms for <*>")
    [('NUM', '12'), ('*', 'bob')]
    """
    kinds = _parsed(template_text)[1]
    found = spans(line, template_text)
    return [(kind, line[a:b]) for kind, (a, b) in zip(kinds, found, strict=False)]


def params(line: str, template_text: str) -> list[Param]:
    """The variables of the line with kind, name and value; [] where the line does not match.

    >>> [tuple(p) for p in params("user=bob took 12 ms", "user=<*> took <NUM> ms")]
    [('text', 'user', 5, 8, 'bob', None), ('duration', '', 14, 16, '12', 0.012)]
    """
    constants, kinds = _parsed(template_text)
    found = spans(line, template_text)
    return [
        _param(kind, line[a:b], constants[i], constants[i + 1], (a, b))
        for i, (kind, (a, b)) in enumerate(zip(kinds, found, strict=False))
    ]


def _param(kind: str, text: str, before: str, behind: str, at: tuple[int, int]) -> Param:
    key = _KEY.search(before)
    if kind[0] == ":":
        return Param("user", kind.strip(":").lower(), *at, text, units.number(text))
    if kind == "*":
        kind = next((k for k in _TELLING if SINGLE[k].fullmatch(text)), kind)
    named, value = _KIND.get(kind, kind.lower()), None
    if kind == "NUM":
        named, value = units.with_unit(text, behind) or (named, units.number(text))
    elif kind == "DUR":
        value = units.seconds(text)
    elif kind == "SIZE":
        value = units.size(text)
    elif kind == "PCT":
        value = units.number(text.rstrip("% "))
    return Param(named, key[1] if key else "", *at, text, value)


def matches(line: str, template_text: str) -> bool:
    """Whether the line is the constant texts of the template in order, with anything for the variables.

    >>> matches("took 12 ms", "took <NUM> ms"), matches("took 12 ms!", "took <NUM> ms")
    (True, False)
    """
    constants, kinds = _parsed(template_text)
    if not kinds:
        return line == template_text
    return bool(_walk(line, constants, ("*",) * len(kinds)))


@lru_cache(maxsize=4096)
def _parsed(template_text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    constants: list[str] = []
    kinds: list[str] = []
    at = 0
    for match in PLACEHOLDER.finditer(template_text):
        constants.append(template_text[at : match.start()])
        kinds.append(match.group()[1:-1])
        at = match.end()
    return (*constants, template_text[at:]), tuple(kinds)


def _walk(line: str, constants: tuple[str, ...], kinds: tuple[str, ...]) -> list[tuple[int, int]]:
    at = len(constants[0])
    last = len(line) - len(constants[-1])
    if last < at or not line.startswith(constants[0]) or not line.endswith(constants[-1]):
        return []
    found = []
    for kind, after in zip(kinds[:-1], constants[1:-1], strict=True):
        end = _end(line, at, last, kind, after)
        if end < 0:
            return []
        found.append((at, end))
        at = end + len(after)
    return [*found, (at, last)]


def _end(line: str, at: int, last: int, kind: str, after: str) -> int:
    """Where the variable that starts at `at` ends: before the next `after`; -1 if there is none before `last`."""
    typed = SINGLE.get(kind)
    match = typed.match(line, at) if typed else None
    if match and match.end() + len(after) <= last and line.startswith(after, match.end()):
        return match.end()
    end = line.find(after, at + 1, last)
    return end if end >= 0 else line.find(after, at, last)  # the variable may be empty


def _loosely(line: str, template_text: str, kinds: tuple[str, ...]) -> list[tuple[int, int]]:
    """As `_walk`, with any run of whitespace as good as any other: a padded column, say."""
    if len(line) > MAX_LOOSE:
        return []
    collapsed: list[str] = []
    starts, shifts = (
        [0],
        [0],
    )  # from this position of the collapsed line on, the line is so much further
    at = length = 0
    for match in _SPACES.finditer(line):
        collapsed += (line[at : match.start()], " ")
        length += match.start() - at + 1
        at = match.end()
        starts.append(length)
        shifts.append(at - length)
    collapsed.append(line[at:])
    constants, _ = _parsed(_SPACES.sub(" ", template_text))
    found = _walk("".join(collapsed), constants, kinds)

    def place(position: int) -> int:
        return position + shifts[bisect_right(starts, position) - 1]

    return [(place(start), place(end)) for start, end in found]
