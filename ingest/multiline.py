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
from heapq import heappop, heappush
from typing import Final

from ingest.clock import Clock
from ingest.envelopes import cri
from ingest.headers import TEXT, Headers

MAX_LINES: Final = 1_000
MAX_CHARS: Final = 1_048_576
"""Of one record; what goes on after that becomes a record of its own."""
_MAX_WAITING: Final = 1_000
"""Complete records that wait for an older one of the other stream."""

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
_TRACEBACK: Final = "Traceback (most recent call last):"


@dataclass(slots=True)
class _Open:
    """A record that the next line may belong to."""

    lines: list[str]
    off: int
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

    def join(self, body: str) -> None:
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
        """A heap of complete records that start after an open one: they leave in the order of their offsets."""
        self._ready: list[tuple[int, str]] = []

    def feed(self, lines: Sequence[str], offs: Sequence[int]) -> tuple[list[str], list[int]]:
        """The records that are complete now, in the order of where they start; `offs` says where each line does.

        The last record is held back, because the next line may belong to it.
        """
        for line, off in zip(lines, offs, strict=True):
            stream, body, partial = "", line, False
            if line.find(" std", 19, 48) > 0 and (header := cri(line)):
                stream, body, partial = header.stream, line[header.body_at :], header.flag == "P"
            record = self._open.get(stream)
            goes_on = record is not None and record.goes_on_with(body)
            if record is not None and goes_on and record.has_room_for(body):
                if record.partial and not partial and len(record.lines) == 1:
                    record.lines[0] = record.lines[0].replace(f" {stream} P", f" {stream} F", 1)
                record.join(body)
            else:
                if record is not None:
                    self._finish(stream)
                # The rest of a record that grew too large is stitched too.
                record = self._open[stream] = _Open([line], off, len(line), goes_on or None)
                if len(self._waiting) >= _MAX_WAITING:
                    self._finish(min(self._open, key=lambda s: self._open[s].off))
            record.partial = partial
        return self._take()

    def pending_since_off(self) -> int | None:
        """Where the oldest record that is held back starts: a checkpoint must not lie after it. None: nothing is."""
        return min((record.off for record in self._open.values()), default=None)

    def flush(self) -> tuple[list[str], list[int]]:
        """What is held back, complete or not: after silence, or at the end."""
        for stream in list(self._open):
            self._finish(stream)
        return self._take()

    def _finish(self, stream: str) -> None:
        record = self._open.pop(stream)
        heappush(self._waiting, (record.off, "\n".join(record.lines)))
        oldest = min((other.off for other in self._open.values()), default=None)
        while self._waiting and (oldest is None or self._waiting[0][0] < oldest):
            self._ready.append(heappop(self._waiting))

    def _take(self) -> tuple[list[str], list[int]]:
        ready, self._ready = self._ready, []
        return [line for _, line in ready], [off for off, _ in ready]


_HEADERS: Final = Headers(Clock())
"""Only asked whether there is a header, never when; what it remembers is harmless to share between threads."""


def _headed(line: str) -> bool:
    """Whether a record opens here. A JSON object is complete in itself: nothing is ever joined to it."""
    header = cri(line)
    found = _HEADERS.read(line[header.body_at :] if header else line, 0)
    return found != TEXT and found[0] != "json"
