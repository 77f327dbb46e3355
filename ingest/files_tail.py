"""Reading one file from where it was left to its end, record by record."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from ingest.files_known import TAIL_BYTES, Incarnation, packed_as, version_of
from ingest.files_open import Opened, Packed, Plain
from ingest.files_text import Encoding, split, whole_characters, whole_lines
from ingest.multiline import Stitcher

BLOCK: Final = 1 << 20
MIN_BLOCK: Final = 1 << 16


class Replaced(Exception):
    """The file holds other content than what was read of it: it was truncated, or is another one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of one file, in order."""

    texts: list[str]
    offs: list[int]
    errors: dict[int, str]
    """By row."""
    size: int
    """In bytes."""
    empty: int


class Tail:
    """One incarnation and the file that it is read from now."""

    def __init__(
        self,
        incarnation: Incarnation,
        path: str,
        status: os.stat_result,
        form: Encoding,
        packing: str | None,
        *,
        multiline: bool,
        max_line_bytes: int,
    ) -> None:
        self.incarnation = incarnation
        self.packing = packing
        self.gone = False
        """No longer at any path that is looked at; read to its end through what is open."""
        self.held = False
        """The end of it was read, but waits to be completed."""
        self.ended = False
        """Compressed, and read to its end."""
        self.changed_at = 0.0
        """When it was last seen to change, on the source's clock."""
        self._form = form
        self._multiline = multiline
        self._max_bytes = max_line_bytes
        self._before: bytes | None = None
        self._record_bytes = 128.0
        self.opened: Opened | None = None
        self.see(path, status)
        self.ended = packing is not None and incarnation.packed == packed_as(status)

    @property
    def ident(self) -> tuple[int, int]:
        """Device and inode."""
        return self.incarnation.device, self.incarnation.inode

    @property
    def unread(self) -> int:
        """Bytes; for a compressed file those of the file itself."""
        if self.packing is None:
            return max(0, self.size - self.incarnation.position)
        raw = self.opened.raw_position() if self.opened else None
        return 0 if self.ended else max(1, self.size - (raw or 0))

    def see(self, path: str, status: os.stat_result) -> None:
        self.path, self.size, self.mtime_ns = path, status.st_size, status.st_mtime_ns
        known = self.incarnation
        known.path = "" if self.gone else path
        known.device, known.inode = status.st_dev, status.st_ino
        self.version = version_of(status)
        self._packed_as = packed_as(status)

    def changed(self, status: os.stat_result) -> bool:
        return version_of(status) != self.version

    def open(self) -> Opened:
        """Raises OSError."""
        if self.opened is None:
            self.opened = Packed(self.path, self.packing) if self.packing else Plain(self.path)
        return self.opened

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()
            self.opened = None

    def is_itself(self) -> bool:
        """Does what was read of it still stand before the position? Raises OSError."""
        was_open = self.opened is not None
        try:
            return self.incarnation.goes_on_in(self.open())
        finally:
            if not was_open:
                self.close()

    def read(self, max_rows: int, *, final: bool) -> Piece:
        """The next records, `max_rows` at most; `final`: the last one too, complete or not.

        Moves the position behind them. Raises Replaced, having read nothing, and OSError.
        """
        content, start = self.open(), self.incarnation.position
        before = self._bytes_before(content, start)
        # About as much as is asked for: what is cut off is split again.
        size = min(
            BLOCK, self._max_bytes, max(MIN_BLOCK, int(1.05 * max_rows * self._record_bytes))
        )
        while True:
            raw = content.read(start - len(before), len(before) + size)
            if raw[: len(before)] != before:
                raise Replaced
            body = raw[len(before) :]
            at_end, largest = len(body) < size, size >= self._max_bytes
            whole = body if at_end and final else whole_lines(body, self._form)
            if not whole and largest and not at_end:
                whole = whole_characters(body, self._form)
            lines = split(whole, start, self._form)
            texts, offs, end = lines.texts, lines.offs, start + len(whole)
            if self._multiline:
                stitcher = Stitcher()
                texts, offs = stitcher.feed(lines.texts, lines.offs)
                pending = stitcher.pending_since_off()
                if pending is not None:
                    if (at_end and final) or (largest and not at_end and not texts):
                        more_texts, more_offs = stitcher.flush()
                        texts, offs = [*texts, *more_texts], [*offs, *more_offs]
                    else:
                        end = pending
            if end > start or at_end or largest:
                break
            size = min(2 * size, self._max_bytes)
        if len(texts) > max_rows:
            end, at_end = offs[max_rows], False
            texts, offs = texts[:max_rows], offs[:max_rows]
        self.held = at_end and end < start + len(body)
        self.ended = at_end and not self.held and self.packing is not None
        if self.ended:
            self.incarnation.packed = self._packed_as
        if at_end and self.packing is None:
            self.size = start + len(body)
        if texts:
            self._record_bytes = (end - start) / len(texts)
        stop = len(before) + end - start
        self._before = raw[max(0, stop - TAIL_BYTES) : stop]
        self.incarnation.was_read_to(end, self._before)
        errors = {bisect_right(offs, off) - 1: e for off, e in lines.errors.items() if off < end}
        return Piece(texts, offs, errors, end - start, lines.empty)

    def _bytes_before(self, content: Opened, start: int) -> bytes:
        if self._before is None:
            if not self.incarnation.goes_on_in(content):
                raise Replaced
            length = self.incarnation.tail_bytes
            self._before = content.read(start - length, length)
        return self._before
