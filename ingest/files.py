"""Files as a source: read to their end, or followed through rotation, compression, truncation and deletion.

A record is (topic, part 0, byte offset) with the topic of its file's incarnation, see `ingest.files_known`; the
checkpoint holds one position per incarnation. Nothing is held back in memory: what is not complete is read again.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from driftwood.config import Files, Ingest
from driftwood.errors import ConfigError, SourceError
from driftwood.protocols import SourceStatus
from driftwood.records import Batch, Records, no_records
from ingest.decode import Decoder
from ingest.files_tail import Piece, Replaced, Tail
from ingest.files_text import HEAD_BYTES
from ingest.files_watch import Watch
from ingest.redact import Redactor

SILENCE_S: Final = 1.0
"""A last line without newline, or a record that may go on, is given out after so long without a change."""
PATIENCE_S: Final = 10.0
"""So long a short file that equals another is taken for a copy that will replace it; longer than GONE_S."""
OPEN_FILES: Final = 256
STATUS_ROWS: Final = 200
STATUS_EVERY_S: Final = 0.5


class FilesSource:
    """Plays `Source`."""

    name = "files"

    def __init__(
        self,
        settings: Files,
        ingest: Ingest,
        redactor: Redactor | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds; what intervals and silence are measured on."""
        self._settings = settings
        self._ingest = ingest
        self._clock = clock
        self._decoder = Decoder(
            self.name, {"source": "file"}, timezone=ingest.timezone, redactor=redactor
        )
        self._watch = Watch(
            settings.paths,
            multiline=ingest.multiline,
            max_line_bytes=ingest.max_line_bytes,
            patience_s=PATIENCE_S if settings.follow else 0.0,
        )
        self._ready: deque[str] = deque()
        self._open: OrderedDict[Tail, None] = OrderedDict()
        self._moved: dict[str, str] = {}
        self._next_look = self._next_status = 0.0
        self._empty = 0
        self._status = SourceStatus("files", "starting")
        self._progress = (0, 0)

    def open(self, checkpoint: Mapping[str, str]) -> None:
        if not self._settings.paths:
            raise ConfigError("the files source has no paths; give it globs, as in '/var/log/**'")
        self._watch.known.restore(checkpoint)
        self._look()
        if not self._settings.follow and self._watch.found.unmatched:
            raise SourceError(
                f"no file matches {self._watch.found.unmatched[0]!r}; check the path, and quote globs so that the "
                "shell leaves them alone"
            )
        self._moved.update(dict.fromkeys(self._watch.known.forget(), ""))
        self._describe()

    def poll(self, timeout: float) -> Batch | None:
        until = self._clock() + timeout
        while True:
            batch = self._gather()
            if batch.records.num_rows or batch.checkpoint:
                self._describe(at_most_every=STATUS_EVERY_S)
                return batch
            self._describe()
            if not self._settings.follow and not self._ready:
                return None
            wait = min(self._next_look, until) - self._clock()
            if wait > 0:
                time.sleep(wait)
            if self._clock() >= until:
                return Batch()

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        pass

    def status(self) -> SourceStatus:
        return self._status

    def progress(self) -> tuple[int, int]:
        """Bytes read and bytes found, as they lie on the disk."""
        return self._progress

    def close(self) -> None:
        for tail in self._watch:
            tail.close()

    def _look(self) -> None:
        began = self._clock()
        self._watch.look(began)
        self._open = OrderedDict((t, None) for t in self._open if t.opened is not None)
        unread = (
            name for name, tails in self._watch.families.items() if any(t.unread for t in tails)
        )
        self._ready = deque(dict.fromkeys([*self._ready, *unread]))
        # Thousands of files take a while to look at: never more than a tenth of the time.
        took = self._clock() - began
        self._next_look = began + max(self._settings.interval_s, 10 * took)

    def _gather(self) -> Batch:
        """A block of each log that has something to read, in turns, until the batch is full."""
        if self._settings.follow and self._clock() >= self._next_look:
            self._look()
        tables: list[Records] = []
        rows, size = self._ingest.batch_rows, self._ingest.batch_bytes
        few = rows // 20  # no block for the last few rows
        while self._ready and rows > few and size > 0:
            name = self._ready.popleft()
            tail = self._oldest_unread(name)
            if tail is None:
                continue
            piece = self._read(tail, rows)
            if piece is not None:
                rows, size = rows - len(piece.texts), size - piece.size
                if piece.texts:
                    tables.append(self._records(tail, piece))
            if any(t.unread and not t.held for t in self._watch.families.get(name, ())):
                self._ready.append(name)
        moved, self._moved = self._moved, {}
        return Batch(_together(tables), checkpoint=moved)

    def _oldest_unread(self, log: str) -> Tail | None:
        """Rotations are read in the order in which they were written."""
        tails = self._watch.families.get(log, [])
        for tail in sorted(tails, key=lambda t: (t.mtime_ns, t.path)):
            if tail.unread:
                if not tail.held or self._is_final(tail):
                    return tail
                if self._clock() - tail.changed_at > 2 * self._settings.interval_s:
                    return None  # its end will be given out within a second: newer ones wait
        return None

    def _is_final(self, tail: Tail) -> bool:
        return not self._settings.follow or self._clock() - tail.changed_at >= SILENCE_S

    def _read(self, tail: Tail, rows: int) -> Piece | None:
        known, start, watch = tail.incarnation, tail.incarnation.position, self._watch
        try:
            self._keep_open(tail)
            piece = tail.read(rows, final=self._is_final(tail))
            if known.head_bytes < HEAD_BYTES and known.position > known.head_bytes:
                watch.known.begins(known, tail.open().read(0, HEAD_BYTES))
        except Replaced:
            watch.drop(tail)
            self._next_look = 0.0  # what is there now is met as something new
            return None
        except OSError as error:
            watch.drop(tail)
            watch.skip(tail.path, tail.version, f"cannot be read: {error.strerror or error}")
            return None
        if tail.opened is not None and tail.opened.trouble:
            watch.skip(tail.path, tail.version, f"{tail.opened.trouble}, at {known.position}")
        if known.position != start or tail.ended:
            self._moved[known.key] = known.saved()
        self._empty += piece.empty
        return piece

    def _keep_open(self, tail: Tail) -> None:
        """Those that were read last stay open, and not too many of them."""
        tail.open()
        self._open[tail] = None
        self._open.move_to_end(tail)
        if len(self._open) > OPEN_FILES:
            oldest = next(
                (t for t in self._open if not t.gone), tail
            )  # a gone one cannot be opened again
            del self._open[oldest]
            oldest.close()

    def _records(self, tail: Tail, piece: Piece) -> Records:
        known = tail.incarnation
        return self._decoder.lines(
            piece.texts,
            piece.offs,
            topic=known.key,
            part=0,
            labels={"filename": known.name},
            mtime_ns=tail.mtime_ns,
            errors=piece.errors or None,
        )

    def _describe(self, at_most_every: float = 0.0) -> None:
        now = self._clock()
        if now < self._next_status and at_most_every:
            return
        self._next_status = now + at_most_every
        tails = list(self._watch)
        lag = sum(tail.unread for tail in tails)
        total = sum(tail.size for tail in tails)
        self._progress = (total - lag, total)
        rows: list[dict[str, str | int]] = [
            {"file": t.path, "position": t.incarnation.position, "size": t.size, "lag": t.unread}
            for t in sorted(tails, key=lambda t: -t.unread)[:STATUS_ROWS]
        ]
        self._status = SourceStatus(
            "files", self._state(tails, lag), self._told(tails), lag, positions=tuple(rows)
        )

    def _state(self, tails: list[Tail], lag: int) -> str:
        if not self._settings.follow:
            return "running" if lag else "done"
        return "waiting" if not tails else "running" if lag else "idle"

    def _told(self, tails: list[Tail]) -> str:
        told = [f"{len(tails)} files"]
        trouble = {path: why for path, (_, why) in self._watch.skipped.items()}
        trouble |= self._watch.found.trouble
        if self._watch.found.unmatched:
            told.append(f"nothing matches {', '.join(self._watch.found.unmatched)} yet")
        if self._empty:
            told.append(f"{self._empty} empty lines left out")
        if trouble:
            first = ", ".join(f"{path} {why}" for path, why in list(trouble.items())[:5])
            told.append(f"{len(trouble)} left out: {first}")
        return "; ".join(told)


def _together(tables: list[Records]) -> Records:
    if len(tables) < 2:
        return tables[0] if tables else no_records()
    return Records(pa.concat_tables(tables).unify_dictionaries().combine_chunks())
