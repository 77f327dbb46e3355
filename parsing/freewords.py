"""Free words: plain words that stand in no template, so which of them a line holds does not decide about its template.

Lines whose fine shapes differ in nothing but free words are of one *class*. When enough of them were one template, in
which each free word then is in a variable, the parser need not be asked about the next one: a name that is new in each
line costs one look-up and no masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# At these `parsing.masks` passes from word to word and `parsing.pieces` cuts.
_WORD = re.compile(r"""([^\s,;()\[\]{}"'=|]+)""")
_RUN = re.compile("[A-Za-z]+")
# Masks or pieces see more in these than a word...
_TELLING = frozenset(("true", "false", "True", "False", "null", "user", "for", "root"))
# ... and in what begins like the names of months and days.
_DATES = frozenset((
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
))  # fmt: skip
_BLANK = "\1"
# Words that are remembered as constant; where there are more, no word is free.
MAX_CONSTANTS = 100_000
# So many lines of a class must have been parsed with one outcome. Driftwood's miner remembers no more shapes of a
# template than this, so further ones would not teach it anything.
SETTLED = 64


def constants(texts: Iterable[str]) -> set[str]:
    """The words that stand in texts of templates, and more.

    >>> sorted(constants(["user <*> has left-<NUM>"]))
    ['NUM', 'has', 'left', 'user']
    """
    return {word for text in texts for word in _RUN.findall(text)}


def blanked(shape: str, constant: set[str]) -> str | None:
    """The class of a fine shape: its free words blank. None where it has none.

    >>> blanked("user bob left at 0000", {"user", "left", "at"})
    'user \\x01 left at 0000'
    """
    if len(constant) > MAX_CONSTANTS or _BLANK in shape:
        return None
    parts = _WORD.split(shape)
    words = [
        word
        if word in constant
        or not word.isalpha()
        or not "a" <= word[-1] <= "z"
        or not word.isascii()
        or word in _TELLING
        or word[:3] in _DATES
        else _BLANK
        for word in parts[1::2]
    ]
    if _BLANK not in words:
        return None
    parts[1::2] = words
    return "".join(parts)
