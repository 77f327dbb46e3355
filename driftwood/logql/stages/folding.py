r"""Case as Go's package unicode has it: one character to one, no matter the language."""

from __future__ import annotations

import re
from functools import cache

_LAST_WITH_CASES = 0x1E943


def lower(char: str) -> str:
    r"""unicode.ToLower.

    >>> lower("K"), lower("\u0130")
    ('k', 'i')
    """
    small = char.lower()
    return small if len(small) == 1 else small[0]


def fold_orbit(char: str) -> list[str]:
    """The characters that differ from `char` in case only, itself among them, in order: unicode.SimpleFold.

    >>> list(map(ascii, fold_orbit("k"))), fold_orbit("1")
    (["'K'", "'k'", "'\\\\u212a'"], ['1'])
    """
    return _orbits().get(_folded(char), [char])


def has_cases(char: str) -> bool:
    return len(fold_orbit(char)) > 1


def smallest_fold(char: str) -> str:
    return fold_orbit(char)[0]


def any_case(lowered: str) -> str:
    """The source of a `re` that matches the texts whose characters, each lowered, are `lowered`.

    The first character is more: its UTF-8 must also begin with the byte that the lowered one begins with. Loki looks
    for that byte first, so U+0420, whose lower case has another first byte, is not found at the start.
    """
    parts = []
    for place, char in enumerate(lowered):
        chars = [each for each in _lowered_to().get(char, []) if place or _begins_like(each, char)]
        if lower(char) == char:
            chars.append(char)
        parts.append(f"[{''.join(map(re.escape, chars))}]" if chars else "(?!)")
    return "".join(parts)


def _begins_like(char: str, other: str) -> bool:
    first = char.encode("utf-8", "surrogateescape")[:1]
    return (first.lower() if first.isascii() else first) == other.encode(
        "utf-8", "surrogateescape"
    )[:1]


def _folded(char: str) -> str:
    folded = char.casefold()
    if len(folded) > 1:
        folded = char.lower()
    return folded if len(folded) == 1 else char


@cache
def _orbits() -> dict[str, list[str]]:
    orbits: dict[str, list[str]] = {}
    for code in range(_LAST_WITH_CASES + 1):
        char = chr(code)
        orbits.setdefault(_folded(char), []).append(char)
    return {folded: orbit for folded, orbit in orbits.items() if len(orbit) > 1}


@cache
def _lowered_to() -> dict[str, list[str]]:
    """The capitals of each lower-case character."""
    capitals: dict[str, list[str]] = {}
    for code in range(_LAST_WITH_CASES + 1):
        char = chr(code)
        if lower(char) != char:
            capitals.setdefault(lower(char), []).append(char)
    return capitals
