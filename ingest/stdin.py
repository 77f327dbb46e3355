"""Standard input as a source: read until its end. There is no going back in it, so each run is a topic of its own."""

from __future__ import annotations

import os
import select
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

import numpy as np

from driftwood.config import Ingest
from driftwood.protocols import SourceStatus
from driftwood.records import Batch
from ingest.decode import Decoder
from ingest.files_text import HEAD_BYTES, Encoding, Lines, encoding, split, whole_characters
from ingest.multiline import Stitcher
from ingest.redact import Redactor

SILENCE_S: Final = 1.0
"""A last line without newline, or a record that may go on, is given out after so long without more."""
BLOCK: Final = 1 << 20


class StdinSource:
    """Plays `Source`. A record's offset is the byte of this run at which it starts."""

    name = "stdin"

    def __init__(
        self,
        ingest: Ingest,
        redactor: Redactor | None = None,
        *,
        stream: BinaryIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stream`: what to read instead, with a file descriptor (a pipe, a file)."""
        self._ingest = ingest
        self._clock = clock
        self._stream = sys.stdin.buffer if stream is None else stream
        self._topic = f"stdin/{uuid.uuid4().hex}"
        self._decoder = Decoder(
            self.name, {"source": "stdin"}, timezone=ingest.timezone, redactor=redactor
        )
        self._stitcher = Stitcher() if ingest.multiline else None
        self._form: Encoding | None = None
        self._buffer = b""
        self._position = 0
        self._heard = clock()
        self._ended = False
        self._lines = 0

    def open(self, checkpoint: Mapping[str, str]) -> None:
        self._file = self._stream.fileno()

    def poll(self, timeout: float) -> Batch | None:
        self._fill(timeout)
        quiet = self._ended or self._clock() - self._heard >= SILENCE_S
        lines = self._take(everything=quiet)
        texts, offs = lines.texts, lines.offs
        if self._stitcher is not None:
            texts, offs = self._stitcher.feed(texts, offs)
            if quiet and not self._buffer:
                more_texts, more_offs = self._stitcher.flush()
                texts, offs = [*texts, *more_texts], [*offs, *more_offs]
        if not texts:
            return None if self._ended and not self._buffer else Batch()
        self._lines += len(texts)
        bad = [off for off in lines.errors if off >= offs[0]]
        rows = np.searchsorted(offs, bad, side="right") - 1
        return Batch(
            self._decoder.lines(
                texts,
                offs,
                topic=self._topic,
                part=0,
                labels={},
                errors={int(r): lines.errors[off] for r, off in zip(rows, bad, strict=True)},
            )
        )

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        pass

    def status(self) -> SourceStatus:
        state = "done" if self._ended and not self._buffer else "running"
        return SourceStatus("stdin", state, f"{self._lines} records, {self._position} bytes")

    def close(self) -> None:
        self._buffer = b""

    def _fill(self, timeout: float) -> None:
        """Read what is there, waiting up to `timeout` for the first of it."""
        longest = self._ingest.max_line_bytes  # a buffer of this length holds no longer line
        most = min(BLOCK, longest) if b"\n" in self._buffer else longest
        while not self._ended and len(self._buffer) < most:
            readable, _, _ = select.select([self._file], [], [], timeout)
            if not readable:
                return
            chunk = os.read(self._file, min(BLOCK, most - len(self._buffer)))
            self._ended = not chunk
            self._buffer += chunk
            self._heard, timeout = self._clock(), 0.0
            if b"\n" in chunk and len(self._buffer) >= BLOCK:
                return

    def _take(self, *, everything: bool) -> Lines:
        """The next lines of the buffer, one batch at most; `everything`: also a last one without newline."""
        if self._form is None:
            if len(self._buffer) < HEAD_BYTES and not everything:
                return Lines([], [], {})
            self._form = encoding(self._buffer[:HEAD_BYTES])
        end = self._end_of_batch(self._form, everything)
        taken, self._buffer = self._buffer[:end], self._buffer[end:]
        lines = split(taken, self._position, self._form) if taken else Lines([], [], {})
        self._position += end
        return lines

    def _end_of_batch(self, form: Encoding, everything: bool) -> int:
        units = np.frombuffer(self._buffer, form.unit, count=len(self._buffer) // form.width)
        ends = (np.flatnonzero(units == ord("\n")) + 1) * form.width
        if len(ends) > self._ingest.batch_rows:
            return int(ends[self._ingest.batch_rows - 1])
        if everything:
            return len(self._buffer)
        if not len(ends) and len(self._buffer) >= self._ingest.max_line_bytes:
            return len(whole_characters(self._buffer[: self._ingest.max_line_bytes], form))
        return int(ends[-1]) if len(ends) else 0
