"""A line cut into masked words and the gaps between them, so that a template can be printed back exactly.

>>> cut("10:02:11 user=bob  logged in")
Tokens(words=('<TIME>', 'user=bob', 'logged', 'in'), gaps=('', ' ', '  ', ' ', ''), start=1, stop=4)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from parsing.masks import PLACEHOLDER, mask

WILDCARD = "<*>"
# What is looked at of one line, so that a line of 10 MB costs no more than one of 4 kB.
MAX_CHARS = 4096
MAX_WORDS = 128
# Words that may stand before the message.
MAX_HEADER = 16
# Objects inside objects of a JSON line are values when they lie deeper than this; lists always are.
MAX_DEPTH = 2

_LETTER = re.compile("[A-Za-z]")
_MESSAGE_KEYS = ("msg|message", "event|log|body|text|error|err")
_MESSAGE = tuple(
    re.compile(rf"""[{{,]*"?(?:{keys})"?\s*[=:]""", re.IGNORECASE) for keys in _MESSAGE_KEYS
)
_SOME_MESSAGE = re.compile(rf"""(?:{"|".join(_MESSAGE_KEYS)})"?\s*[=:]""", re.IGNORECASE)
_NOT_MESSAGE = rf"(?!(?i:{'|'.join(_MESSAGE_KEYS)})\b)"
_STRING = r'"(?:[^"\\]|\\.)*+"'
# A member of an object is one word, whatever its value holds; a message is cut at its spaces.
_JSON_WORD = re.compile(
    rf'({{?"{_NOT_MESSAGE}(?:[^"\\]|\\.)*+"\s*+:\s*+(?:{_STRING}|[^\s,"{{}}\[\]]+)[}}\],]*+'
    r'|(?:[^\s,]|,(?!"))++,?|,)'
)
_WORD = re.compile(rf"({_NOT_MESSAGE}[A-Za-z_][A-Za-z0-9_.@-]*+={_STRING}\S*|\S+)")
_JSON_PART = re.compile(rf'{_STRING}|[{{}}\[\]]|[^"{{}}\[\]]++|"')
_ONLY_VALUES = re.compile(rf"[^\w<]*(?:(?:{PLACEHOLDER.pattern})[^\w<]*)*\Z")


class Tokens(NamedTuple):
    words: tuple[str, ...]
    gaps: tuple[str, ...]
    """One more than words: what stands before, between and after them."""
    start: int
    stop: int
    """words[start:stop] are the message; a header, and other members of an object, tell templates apart less well."""


def head(line: str) -> tuple[str, bool]:
    """The part of a line that is looked at, and whether more follows.

    Not past MAX_CHARS, and of several lines (a stack trace, say) the first that holds a letter and no more.
    """
    begin = line[:MAX_CHARS]
    letter = _LETTER.search(begin)
    end = begin.find("\n", letter.start()) if letter else -1
    kept = begin if end < 0 else begin[:end]
    return kept.encode("utf-8", "replace").decode(), len(kept) < len(line)


@lru_cache(maxsize=1)
def masked(line: str) -> tuple[str, bool]:
    """The head of a line with its values masked, and whether more follows. Remembers the last one: the shape cache and
    then a parser ask for it.
    """
    kept, more = head(line)
    return mask(_folded(kept) if kept[:1] == "{" else kept), more


def cut(line: str) -> Tokens:
    text, more = masked(line)
    # Gaps and words by turns; past MAX_WORDS all is one gap, which is not looked at.
    parts = (_JSON_WORD if text[:1] == "{" else _WORD).split(text, MAX_WORDS)
    gaps, words = parts[::2], parts[1::2]
    if len(words) == MAX_WORDS and not gaps[-1].isspace() and gaps[-1]:
        more = True
        gaps[-1] = ""
    start, stop = _message(text, words)
    if more:
        if stop == len(words):
            stop += 1
        words.append(WILDCARD)
        gaps.append("")
    return Tokens(tuple(words), tuple(gaps), start, stop)


def joined(words: Sequence[str], gaps: Sequence[str]) -> str:
    """The opposite of `cut`: words and gaps as one text."""
    parts = [gaps[0]]
    for word, gap in zip(words, gaps[1:], strict=True):
        parts += (word, gap)
    return "".join(parts)


def _folded(text: str) -> str:
    """A JSON line with its lists and deep objects as `<JSON>`: their sizes and keys vary without end."""
    if "[" not in text and "{" not in text[1:]:
        return text
    parts: list[str] = []
    opened: list[bool] = []  # per open bracket: is it folded, or inside something that is
    for part in _JSON_PART.findall(text):
        inside = bool(opened) and opened[-1]
        if part in "{[":
            folds = inside or part == "[" or len(opened) >= MAX_DEPTH
            if folds and not inside:
                parts.append("<JSON>")
            opened.append(folds)
        elif part in "}]" and opened:
            opened.pop()
        if not inside and not (opened and opened[-1]) and not (part in "}]" and inside):
            parts.append(part)
    return "".join(parts)


def _message(text: str, words: Sequence[str]) -> tuple[int, int]:
    """Where the message begins and ends.

    At a member called msg, message...; else after a header that opens with a time, which ends with `sshd[4711]:` or
    `storage.BlockManager:`; else at the first word that is not a mere value.
    """
    if _SOME_MESSAGE.search(text):
        for keys in _MESSAGE:
            for at, word in enumerate(words[:MAX_HEADER]):
                if key := keys.match(word):
                    return at, _end(words, at, key.end())
    stamped = any("<TIME>" in word for word in words[:4])
    first = None
    for at, word in enumerate(words[:MAX_HEADER]):
        if not word[0].isalpha() and _ONLY_VALUES.match(word):
            continue
        first = at if first is None else first
        if not stamped:
            break
        if word[-1] == ":" and at + 1 < min(len(words), MAX_HEADER):
            return at + 1, len(words)
    return first or 0, len(words)


def _end(words: Sequence[str], at: int, key_end: int) -> int:
    """After the word that closes the quotes of the member that begins at `at`."""
    quotes = 0
    for stop in range(at, len(words)):
        value = words[stop][key_end if stop == at else 0 :]
        quotes += value.count('"') - value.count('\\"')
        if value and quotes % 2 == 0:
            return stop + 1
    return len(words)
