"""A masked line cut finely, at whitespace and at the delimiters of a log: what the miner of templates compares.

>>> pieces('user="bob" took <NUM> ms')
(('user', 'bob', 'took', '<NUM>', 'ms'), ('', '="', '" ', ' ', ' ', ''))
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from parsing.masks import PLACEHOLDER
from parsing.plain import plain
from parsing.tokens import MAX_WORDS, WILDCARD

ANY = "\0"
"""A variable among compared words; a word of a line never holds it, see `pieces`."""

# What a rule of a user protects stands between words, as the delimiters do: see `parsing.rules.hidden`.
# Nothing where a value may stand is a word, too: `rhost= user=x`, `connection from 10.0.0.7 () at ...`.
_WORD = re.compile(
    rf"((?:{PLACEHOLDER.pattern}|[^\s=:,;|()\[\]{{}}\"'<>\U000F0000-\U000F00FF]|<(?!\s)|>)+"
    r"|(?<=\()(?=\))|(?<=\[)(?=\])|(?<==)(?=[\s,;]|\Z))"
)
_PART = rf"{PLACEHOLDER.pattern}[A-Za-z]{{0,2}}"
_VALUE = re.compile(
    r"(?=[^<>]*[A-Za-z])[^<>\d]*\d[^<>\d]*\d[^<>]*"  # two digits and more: the name of one of many
    r"|null|NULL"
    r"|[\w.]+\.[\w.]+/[\w.$]+|[\w.]+/\.[\w.$]+"
    rf"|{_PART}(?:[-./+_~]{_PART})+"  # a range, a version, 125312k/129720k
    rf"|[vV]\d*(?:\.?{PLACEHOLDER.pattern}|\.\d+)+[a-z]?"
    rf"|(?=[^<>]*{PLACEHOLDER.pattern})[\w<>-]+(?:\.[A-Za-z][A-Za-z-]+){{2,}}"  # a host
)
# Before a line is cut: lists of values, of any length, and the parts of `key=a:b:c`.
_LISTS = re.compile(
    rf"(?:[\w.-]*{PLACEHOLDER.pattern} ){{6,}}[\w.-]*{PLACEHOLDER.pattern}"
    rf"|{PLACEHOLDER.pattern}(?:[-,]{PLACEHOLDER.pattern})+"
    r"|(?<=[a-z]=)[\w.-]+(?::[\w.-]+)+(?=[\s,]|\Z)"
)
_ACCOUNT_AFTER = frozenset(("user", "for"))
_KEYED = re.compile(r"(?:^|[^=])=\Z")
_OPENS = tuple("({[=")
_SPACES = re.compile(r"\s+")


def pieces(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and gaps by turns, a gap at each end; past MAX_WORDS all is one variable."""
    text = _LISTS.sub(WILDCARD, text.replace(ANY, "\ufffd"))
    parts = _WORD.split(text, MAX_WORDS)
    gaps, words = parts[::2], parts[1::2]
    if len(words) == MAX_WORDS and gaps[-1]:
        words.append(WILDCARD)
        gaps.append("")
    for at, word in enumerate(words):
        key = gaps[at + 1].startswith("=") or (at == 0 and gaps[1].startswith(":"))
        account = word == "root" and at > 0 and words[at - 1] in _ACCOUNT_AFTER
        if not key and (account or value(word)):
            words[at] = WILDCARD
    return tuple(words), tuple(gaps)


@lru_cache(maxsize=65_536)
def value(word: str) -> bool:
    """Whether a word that no mask took is a value by its looks.

    >>> [value(w) for w in ("storage234", "node-D07", "null", "com.x.app/.Main", "ssh2", "opened")]
    [True, True, True, True, False, False]
    """
    return _VALUE.fullmatch(word) is not None


def shaped(words: Sequence[str], gaps: tuple[str, ...]) -> tuple[str, ...]:
    """What is compared of a line: its gaps and words. After `key=` stands any value, though its text stays."""
    shape = [skeleton(gaps), *map(compared, words)]
    if "=" in shape[0]:
        for at, word in enumerate(words):
            if word and _KEYED.search(gaps[at]) and not gaps[at + 1].startswith(_OPENS):
                shape[at + 1] = ANY
    return tuple(shape)


def skeleton(gaps: tuple[str, ...]) -> str:
    """What lines of one template have in common between their words; whitespace of any length is one space."""
    return "\0".join(_SPACES.sub(" ", gap) if gap != " " else gap for gap in gaps)


@lru_cache(maxsize=65_536)
def compared(word: str) -> str:
    """A word as it is compared: without the kinds of its values, ANY where nothing but a value is left.

    >>> compared("<IP>"), compared("node-<NUM>"), compared("x<NUM>") == ANY
    ('\\x00', 'node-<*>', True)
    """
    if "<" not in word or not PLACEHOLDER.search(word):
        return word
    return ANY if (text := plain(word)) == WILDCARD else text
