"""`| logfmt user, code="status"`: labels from given keys of the line."""

from __future__ import annotations

import re

from driftwood.logql.ast import Extraction
from driftwood.logql.stages.errors import LOGFMT_ERROR, StageError
from driftwood.logql.stages.hints import SUFFIX
from driftwood.logql.stages.json_text import spaced
from driftwood.logql.stages.labels import LabelSet, sanitized
from driftwood.logql.stages.logfmt import LogfmtError, pairs

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRING = re.compile(r'"([^"\]\0]*)["\]\0]?')


class LogfmtExpressionsStage:
    """Sets every one of its labels, to nothing where the line has none; the last of several values stays.

    A key that is named like one of the labels gives its value to that label, too. Where the stream has the label's
    name, the first value stays. All labels are extracted, whichever are needed: Loki (issue 11334) loses some.
    """

    __slots__ = ("_names", "_sources", "_strict")

    def __init__(self, extractions: tuple[Extraction, ...], strict: bool) -> None:
        """Raises StageError."""
        sources: dict[str, str] = {}
        for extraction in extractions:
            key = parse_key(extraction.path)
            if key is not None:
                sources.setdefault(key, extraction.name)
        self._sources = sources
        self._names = frozenset(extraction.name for extraction in extractions)
        self._strict = strict

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if labels.complete:
            return line
        for name in self._names:
            if name not in labels.base and name not in labels.metadata:
                labels.set(name, "")
        for pair in pairs(line):
            if not isinstance(pair, LogfmtError):
                self._take(*pair, labels)
            elif self._strict:
                labels.fail_parsing(LOGFMT_ERROR, str(pair))
                break
        return line

    def _take(self, key: str, value: str, labels: LabelSet) -> None:
        source = sanitized(key)
        name = self._sources.get(source, source)
        if name not in self._names:
            return
        if name in labels.base or name in labels.metadata:
            name += SUFFIX
            if labels.was_extracted(name):
                return
        labels.set(name, value if spaced(value) == value else "")


def parse_key(text: str) -> str | None:
    """The key that an expression names; None: it names several, which no line has. Raises StageError."""
    at = 0
    found: list[str] = []
    while True:
        while text[at : at + 1] in (" ", "\t", "\n"):
            at += 1
        char = text[at : at + 1]
        if char in ("", "\0"):
            if not found:
                raise _error(text, "syntax error: unexpected $end, expecting STRING or KEY")
            return found[0] if len(found) == 1 else None
        if key := _KEY.match(text, at):
            if found:
                raise _error(text, "syntax error: unexpected KEY")
            found.append(key[0])
            at = key.end()
        elif string := _STRING.match(text, at):
            found.append(string[1])
            at = string.end()
        elif found:
            raise _error(text, f"unexpected char {char}")
        else:
            raise _error(text, "syntax error: unexpected $end, expecting STRING or KEY")


def _error(text: str, words: str) -> StageError:
    return StageError(f"cannot parse expression [{text}]: {words}")
