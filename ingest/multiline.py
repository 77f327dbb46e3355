"""Lines that belong together: stack traces and other continuations, joined to the record that they belong to.

A line goes on the record before it when it looks like a continuation (indented, `at ...`, `Caused by:`, `... 12 more`,
the name of an exception, a Python traceback down to its last line) and that record opens with a header. In a log
without headers nothing is joined: there, every line would be a continuation.

The kubelet's files (CRI) hold the lines of two streams, and cut long ones: parts flagged P are joined to the one
flagged F, and each stream is stitched by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.clock import Clock
from ingest.envelopes import cri
from ingest.headers import TEXT, Headers

MAX_LINES: Final = 1_000
MAX_CHARS: Final = 1_048_576
"""Of one record; what goes on after that becomes a record of its own."""
_MAX_INTERLEAVED: Final = 2_000
"""Lines of two streams whose records overlap without end; then all of them are given out as they are."""

# Besides indented lines: those that stand at the margin.
_CONTINUES: Final = re.compile(
    r"at \S+[(.]"
    r"|Caused by: |Suppressed: |\.\.\. [0-9]+ (?:more|common frames)"
    r"|Traceback \(most recent call last\):"
    r"|During handling of the above exception|The above exception was the direct cause"
    r"|(?:[A-Za-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Warning)\b(?::|$| )"
    r"|[A-Z][A-Za-z]*(?:Exception|Error)(?::|$)"
    r"|goroutine [0-9]+ \[|--- End of (?:inner exception )?stack trace",
)
_INDENTED_OR_CONTINUES: Final = re.compile(rf"\s|{_CONTINUES.pattern}")
_OPENS: Final = frozenset("0123456789[{<(")
"""A line that begins so goes on nothing: neither blank nor pattern above does."""
_TRACEBACK: Final = "Traceback (most recent call last):"


@dataclass(slots=True)
class _Open:
    """A record that the next line may belong to."""

    lines: list[str]
    off: int
    last_off: int
    """Where its last line starts."""
    chars: int
    headed: bool | None = None
    """Whether it opens with a header; None: nobody has asked yet."""
    traceback: bool = False
    """Within a Python traceback: the next line that is not indented is its last one."""
    partial: bool = False
    """CRI: the line itself goes on."""

    def goes_on_with(self, body: str) -> bool:
        if self.partial:
            return True
        if not body.strip():
            return len(self.lines) > 1  # an empty line begins no trace, but may stand within one
        if not (body[0].isspace() or self.traceback or _CONTINUES.match(body)):
            return False
        if self.headed is None:
            self.headed = _headed(self.lines[0])
        return self.headed and not _headed(body.lstrip())

    def has_room_for(self, body: str) -> bool:
        return len(self.lines) < MAX_LINES and self.chars + len(body) <= MAX_CHARS

    def join(self, body: str, off: int) -> None:
        self.last_off = off
        self.chars += len(body)
        if self.partial:
            self.lines[-1] += body
            return
        self.lines.append(body)
        if body and not body[0].isspace():
            self.traceback = body.startswith(_TRACEBACK)


class Stitcher:
    """One per file or stream of text. Cutting the lines into batches differently gives the same records."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        """By stream: "" for plain text, stdout and stderr for CRI."""
        self._waiting: list[tuple[int, str]] = []
        """Complete records that cannot leave yet, because one that is open starts within them or before."""
        self._reach = -1
        """Where the last line of those starts."""
        self._since_cut = 0
        """Lines since every complete record could leave."""
        self._texts: list[str] = []
        self._offs: list[int] = []
        """Those that can leave."""

    def feed(self, lines: Sequence[str], offs: Sequence[int]) -> tuple[list[str], list[int]]:
        """The records that are complete now, in the order of where they start; `offs` says where each line does.

        The last record is held back, because the next line may belong to it.
        """
        at = 0
        for unusual in [*_unusual(lines), len(lines)]:
            while at < unusual and self._any_line_may_go_on():
                self._add(lines[at], offs[at])
                at += 1
            if at < unusual:
                self._add_records(lines[at:unusual], offs[at:unusual])
            if unusual < len(lines):
                self._add(lines[unusual], offs[unusual])
            at = unusual + 1
        return self._take()

    def pending_since_off(self) -> int | None:
        """A checkpoint must not lie after it: each line from here on belongs to a record that has not been given out,
        and no line before it does. None: nothing is held back.
        """
        starts = [
            *(record.off for record in self._open.values()),
            *(off for off, _ in self._waiting),
        ]
        return min(starts, default=None)

    def flush(self) -> tuple[list[str], list[int]]:
        """What is held back, complete or not: after silence, or at the end."""
        self._finish_all()
        return self._take()

    def _any_line_may_go_on(self) -> bool:
        """Whether more than the line itself decides where it belongs: the kubelet's streams, or a traceback."""
        return any(stream or record.traceback for stream, record in self._open.items())

    def _add_records(self, lines: Sequence[str], offs: Sequence[int]) -> None:
        """Lines of plain text that each begin a record: the last one stays open."""
        self._finish_all()
        self._texts += lines[:-1]
        self._offs += offs[:-1]
        self._open[""] = _Open([lines[-1]], offs[-1], offs[-1], len(lines[-1]))

    def _add(self, line: str, off: int) -> None:
        stream, body, partial = "", line, False
        if line.find(" std", 19, 48) > 0 and (header := cri(line)):
            stream, body, partial = header.stream, line[header.body_at :], header.flag == "P"
        record = self._open.get(stream)
        goes_on = record is not None and record.goes_on_with(body)
        if record is not None and goes_on and record.has_room_for(body):
            if record.partial and not partial and len(record.lines) == 1:
                record.lines[0] = record.lines[0].replace(f" {stream} P", f" {stream} F", 1)
            record.join(body, off)
        else:
            if record is not None:
                self._finish(stream)
            # The rest of a record that grew too large is stitched too.
            record = self._open[stream] = _Open([line], off, off, len(line), goes_on or None)
        record.partial = partial
        self._cut()

    def _finish_all(self) -> None:
        for stream in list(self._open):
            self._finish(stream)
        self._cut()

    def _finish(self, stream: str) -> None:
        record = self._open.pop(stream)
        self._waiting.append((record.off, "\n".join(record.lines)))
        self._reach = max(self._reach, record.last_off)

    def _cut(self) -> None:
        """Lets complete records go, if no line of theirs lies behind the start of one that is open."""
        if all(record.off > self._reach for record in self._open.values()):
            self._since_cut = 0
            if self._waiting:
                for off, text in sorted(self._waiting):
                    self._offs.append(off)
                    self._texts.append(text)
                self._waiting.clear()
            return
        self._since_cut += 1
        if self._since_cut >= _MAX_INTERLEAVED:
            self._finish_all()

    def _take(self) -> tuple[list[str], list[int]]:
        texts, self._texts = self._texts, []
        offs, self._offs = self._offs, []
        return texts, offs


def _unusual(lines: Sequence[str]) -> list[int]:
    """Which lines may go on a record, or are the kubelet's: a few. Each of the others begins a record."""
    continues = _INDENTED_OR_CONTINUES.match
    return [
        n
        for n, line in enumerate(lines)
        if (line[:1] not in _OPENS and (not line or continues(line)))
        or line.find(" std", 19, 48) > 0
    ]


_HEADERS: Final = Headers(Clock())
"""Only asked whether there is a header, never when; what it remembers is harmless to share between threads."""


def _headed(line: str) -> bool:
    """Whether a record opens here. A JSON object is complete in itself: nothing is ever joined to it."""
    header = cri(line)
    found = _HEADERS.read(line[header.body_at :] if header else line, 0)
    return found != TEXT and found[0] != "json"
