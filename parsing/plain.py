"""The benchmark's notation of a template: `<*>` alone, normalised as Loghub-2.0's ground truth was after annotation."""

from __future__ import annotations

import re

from parsing.masks import PLACEHOLDER
from parsing.tokens import WILDCARD

_SPLIT = re.compile(r"([\s,!;:=|\"'\[\](){}.\-+@#$%&])")
_SPACES = re.compile(r"\s+")
_MERGES = (
    "<*>.<*>", "<*><*>", "<*>:<*>", "<*>#<*>", "<*>/<*>", "<*>@<*>", '"<*>"', "'<*>'",
)  # fmt: skip


def plain(text: str) -> str:
    """Typed text in the benchmark's notation; a text in that notation comes back as it is.

    >>> plain("took <NUM> ms  at v<NUM>.<NUM> (<IP>:<NUM>)")
    'took <*> ms at <*> (<*>)'
    """
    text = _SPACES.sub(" ", PLACEHOLDER.sub(WILDCARD, text)).strip()
    while (again := _turn(text)) != text:
        text = again
    return text


def _turn(text: str) -> str:
    text = "".join(map(_piece, _SPLIT.split(text)))
    for merge in _MERGES:
        while merge in text:
            text = text.replace(merge, WILDCARD)
    return text.replace(" #<*># ", f" {WILDCARD} ")


def _piece(piece: str) -> str:
    if piece.isdecimal() or (WILDCARD in piece and "/" not in piece):
        return WILDCARD
    return piece
