"""A line cut into masked words and the gaps between them, so that a template can be printed back exactly.

>>> cut("10:02:11 user=bob  logged in")
Tokens(words=('<TIME>', 'user=bob', 'logged', 'in'), gaps=('', ' ', '  ', ' ', ''), first=1)
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parsing.masks import PLACEHOLDER, mask

WILDCARD = "<*>"
# What is looked at of one line, so that a line of 10 MB costs no more than one of 4 kB.
MAX_CHARS = 4096
MAX_WORDS = 128
MAX_HEADER = 16

# In a JSON object a member begins a new word, or a compact one would be a single word.
_JSON_WORD = re.compile(r"(?:[^\s,]|,(?!\"))+,?|,")
_WORD = re.compile(r"\S+")
_MESSAGE = re.compile(
    r"""[{,]*"?(?:msg|message|event|log|body|text|error|err)"?\s*[=:]""", re.IGNORECASE
)
_ONLY_VALUES = re.compile(rf"[^\w<]*(?:(?:{PLACEHOLDER.pattern})[^\w<]*)*\Z")


class Tokens(NamedTuple):
    words: tuple[str, ...]
    gaps: tuple[str, ...]
    """One more than words: what stands before, between and after them."""
    first: int
    """The word at which the message begins, after a header of values: what tells templates apart best."""


def head(line: str) -> tuple[str, bool]:
    """The part of a line that is looked at, and whether more follows: not past MAX_CHARS, and of several lines (a stack
    trace, say) the first that holds a letter and no more.
    """
    start = line[:MAX_CHARS]
    letter = _LETTER.search(start)
    end = start.find("\n", letter.start()) if letter else -1
    kept = start if end < 0 else start[:end]
    return kept.encode("utf-8", "replace").decode(), len(kept) < len(line)


_LETTER = re.compile("[A-Za-z]")


def cut(line: str) -> Tokens:
    kept, more = head(line)
    text = mask(kept)
    words: list[str] = []
    gaps: list[str] = []
    at = 0
    pattern = _JSON_WORD if text[:1] == "{" else _WORD
    for match in pattern.finditer(text):
        if len(words) == MAX_WORDS:
            more = True
            break
        gaps.append(text[at : match.start()])
        words.append(match.group())
        at = match.end()
    else:
        gaps.append(text[at:])
    if more:
        if len(gaps) == len(words):
            gaps.append("")
        words.append(WILDCARD)
        gaps.append("")
    return Tokens(tuple(words), tuple(gaps), _first(words))


def text(words: tuple[str, ...], gaps: tuple[str, ...]) -> str:
    """The opposite of `cut`: words and gaps as one text."""
    parts = [gaps[0]]
    for word, gap in zip(words, gaps[1:], strict=True):
        parts += (word, gap)
    return "".join(parts)


def _first(words: list[str]) -> int:
    """Where the message begins: at a member called msg, message...; else after a header that opens with a time, which
    ends with `sshd[4711]:` or `storage.BlockManager:`; else at the first word that is not a mere value.
    """
    start = words[:MAX_HEADER]
    for at, word in enumerate(start):
        if _MESSAGE.match(word):
            return at
    stamped = any("<TIME>" in word for word in words[:4])
    plain = [at for at, word in enumerate(start) if not _ONLY_VALUES.match(word)]
    for at in plain if stamped else ():
        if words[at].endswith(":") and at + 1 < len(start):
            return at + 1
    return plain[0] if plain else 0
