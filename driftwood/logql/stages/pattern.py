"""`| pattern "<ip> - <_>"`, which captures parts of a line, and `|> "<_> error <_>"`, which only asks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.labels import LabelSet

UNNAMED = "_"
_CAPTURE = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")


@dataclass(frozen=True, slots=True)
class Capture:
    name: str


Part = str | Capture


def parse(text: str) -> tuple[Part, ...]:
    """Literals and captures. What only looks like a capture, such as `<a b>` or `<1>`, is literal."""
    pieces = _CAPTURE.split(text)
    parts: list[Part] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            parts.append(Capture(piece))
        elif piece:
            parts.append(piece)
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class LinePattern:
    parts: tuple[Part, ...]

    def matches(self, line: str) -> bool:
        """Each literal is looked for behind the one before, without ever going back.

        The first one may begin anywhere, and at least one character must lie before each other. A pattern that ends
        with a literal ends the line, one that ends with `<_>` leaves something over.
        """
        parts = self.parts
        if not line or not parts:
            return not line and not parts
        at = 0
        for place, part in enumerate(parts):
            if isinstance(part, Capture):
                continue
            found = line.find(part, at)
            if found < 0 or (place and found == at):
                return False
            at = found + len(part)
        return isinstance(parts[-1], Capture) == (at != len(line))


def line_pattern(text: str) -> LinePattern:
    """Raises StageError where captures touch or have a name."""
    parts = parse(text)
    _refuse_neighbours(parts)
    for part in parts:
        if isinstance(part, Capture) and part.name != UNNAMED:
            raise StageError(f"named captures are not allowed: found '<{part.name}>'")
    return LinePattern(parts)


class PatternStage:
    """The stage `| pattern`: sets its named captures as far as the line goes along."""

    __slots__ = ("_pairs", "_start")

    def __init__(self, text: str) -> None:
        """Raises StageError in the words that stand behind `invalid pattern parser: `."""
        parts = parse(text)
        if not parts:
            raise StageError(
                "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL"
            )
        names = [part.name for part in parts if isinstance(part, Capture)]
        named = [name for name in names if name != UNNAMED]
        if not named:
            raise StageError("at least one capture is required")
        _refuse_neighbours(parts)
        for place, name in enumerate(named):
            if name in named[:place]:
                raise StageError(f"duplicate capture name ({name}): invalid expression")
        self._start = parts[0] if isinstance(parts[0], str) else ""
        rest = parts[1:] if self._start else parts
        ends = [part for part in rest if isinstance(part, str)]
        ends += [""] * (len(names) - len(ends))
        self._pairs = tuple(zip(names, ends, strict=True))
        """Each capture with the literal that ends it, empty for the last one without."""

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if not line or labels.complete or not line.startswith(self._start):
            return line
        at = len(self._start)
        for name, end in self._pairs:
            found = line.find(end, at) if end else -1
            if name != UNNAMED:
                name = labels.free_name(name)
                if labels.wants(name):
                    labels.set(name, line[at:] if found < 0 else line[at:found])
            if found < 0:
                return line
            at = found + len(end)
        return line


def _refuse_neighbours(parts: tuple[Part, ...]) -> None:
    for left, right in pairwise(parts):
        if isinstance(left, Capture) and isinstance(right, Capture):
            raise StageError(
                f"found consecutive capture '<{left.name}><{right.name}>': invalid expression"
            )
