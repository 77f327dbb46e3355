"""Where the level stands in a header."""

from __future__ import annotations

import re
from typing import Final

from ingest.severity import HEADER_WORDS, LETTERS, UNKNOWN, WORDS

_LEVEL: Final = re.compile(r"([\[(<]?)([A-Za-z]{3,13})(?: ?([\])>:])|(?=[\s|]))")
# The usual place, straight behind the time: `INFO `, ` - INFO -`, `[INFO]`, `| INFO |`.
_USUAL: Final = re.compile(r"\s*+(?:[-:|]\s*+)?\[?([A-Z][A-Za-z]{2,12}+)\]?:?(?=[\s|])")
_LEVEL_TOKEN: Final = re.compile(r"[^\s|]+")
_LEVEL_TOKENS: Final = 6
_LEVEL_HEAD: Final = 160
_AROUND_LEVEL: Final = "[](){}<>,:-|\"'"


def level_after(line: str, start: int) -> int:
    """The severity of the first level word among the first words from `start` on, where a header would have it.

    A level in capitals counts by itself, one in lower case only in brackets or before a colon; two plain words in lower
    case open the message, and a level after them is none.
    """
    usual = _USUAL.match(line, start, start + _LEVEL_HEAD)
    if usual and (number := HEADER_WORDS.get(usual[1])):
        return number
    head = line[start : start + _LEVEL_HEAD]
    if "|" in head:
        head = head.replace("|", " ")
    prose = 0
    for n, token in enumerate(head.split(None, _LEVEL_TOKENS)[:_LEVEL_TOKENS]):
        word = token.strip(_AROUND_LEVEL)
        if number := HEADER_WORDS.get(word):
            return number
        if len(word) == 1 and n == 0 and word in LETTERS and token == word:
            return LETTERS[word]
        if token != word:
            # [error], warn:, [core:error], production.ERROR:
            if number := WORDS.get(word.rpartition(":")[2]) or HEADER_WORDS.get(
                word.rpartition(".")[2]
            ):
                return number
        elif token.isalpha():
            if token.islower():
                prose += 1
                if prose == 2:
                    return UNKNOWN
        elif "=" in token:
            key, _, value = token.partition("=")
            if key in {"level", "lvl", "severity"}:
                return WORDS.get(value.strip('"'), UNKNOWN)
    return UNKNOWN


def level_reach(line: str, start: int) -> int:
    """How far at most `level_after` looks: whatever stands there or later in a line changes nothing."""
    found, prose = level_after(line, start), 0
    limit = start + _LEVEL_HEAD
    for n, token in enumerate(_LEVEL_TOKEN.finditer(line, start, limit)):
        end = token.end() + 1
        if end > limit:
            return end
        # One word says nothing yet: the usual place is behind a dash.
        if n == _LEVEL_TOKENS - 1 or (n and found and level_after(line[:end], start) == found):
            return end
        prose += token[0].isalpha() and token[0].islower()
        if prose == 2 and not found:
            return end
    return min(len(line), limit) + 1


def level_word(line: str, start: int) -> tuple[int, int]:
    """The severity of the level word that stands at `start`, and where it ends; 0 if there is none."""
    m = _LEVEL.match(line, start)
    if m is None:
        return UNKNOWN, start
    bracket, word, close = m.groups()
    if close and (close == ":" or bracket):
        return WORDS.get(word, UNKNOWN), m.end()
    return (HEADER_WORDS.get(word, UNKNOWN) if word.isupper() and not bracket else UNKNOWN), m.end()


def level_at(line: str, start: int) -> int:
    return level_word(line, start)[0]
