"""Which files are there now, and which of them is being read as what: one look after the other."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.files_known import Incarnation, Known, version_of
from ingest.files_open import Plain, opened
from ingest.files_paths import Found, family, look
from ingest.files_tail import Tail
from ingest.files_text import HEAD_BYTES, binary, encoding

logger = logging.getLogger(__name__)

GONE_S: Final = 5.0
"""So long a file that left its path is watched, for its writer may not have noticed yet."""
GONE_FILES: Final = 256

_Ident = tuple[int, int]  # device, inode


class Watch:
    """All files that the globs match, and for a while those that they matched. Times are seconds on any clock."""

    def __init__(
        self, globs: Sequence[str], *, multiline: bool, max_line_bytes: int, patience_s: float
    ) -> None:
        """`patience_s`: so long a short file that equals another is taken for a copy that will replace it."""
        self.known = Known()
        self.families: dict[str, list[Tail]] = {}
        """What is read, by the log that it is a rotation of."""
        self.skipped: dict[str, tuple[object, str]] = {}
        """What is not read: the version of the file that was looked at, and why not."""
        self.found = Found()
        self._globs = globs
        self._multiline = multiline
        self._max_line_bytes = max_line_bytes
        self._tails: dict[_Ident, Tail] = {}
        self._gone: list[Tail] = []
        self._met: dict[tuple[str, int], float] = {}  # copies, and when they were seen first
        self._patience_s = patience_s

    def __iter__(self) -> Iterator[Tail]:
        yield from self._tails.values()
        yield from self._gone

    def look(self, at: float) -> None:
        """Find new files, and see what became of those that are read."""
        self.found = look(self._globs)
        self.skipped = {p: why for p, why in self.skipped.items() if p in self.found.files}
        self._met = {met: when for met, when in self._met.items() if met[0] in self.found.files}
        paths: dict[_Ident, list[str]] = defaultdict(list)
        for path, status in self.found.files.items():
            paths[status.st_dev, status.st_ino].append(path)
        for tail in [t for t in self._gone if t.ident in paths]:  # moved back
            self._gone.remove(tail)
            tail.gone, self._tails[tail.ident] = False, tail
        for ident, tail in list(self._tails.items()):
            names = paths.pop(ident, None)
            if names is None:
                self._left(tail, at)
            elif not self._seen(tail, tail.path if tail.path in names else names[0], at):
                paths[ident] = names
        self._watch_the_gone(at)
        inodes = {known.inode for known in self.known}
        # Files known by their inode first: a copy of one that is still there must not take its place.
        for names in sorted(
            paths.values(), key=lambda n: (self.found.files[n[0]].st_ino not in inodes, n)
        ):
            self._meet(names[0], self.found.files[names[0]], at)

    def drop(self, tail: Tail) -> None:
        """It is not read any more; what is known of it stays, should its content appear elsewhere."""
        known = tail.incarnation
        if tail.gone:
            self._gone.remove(tail)
        else:
            del self._tails[tail.ident]
        name = family(known.name)
        self.families[name].remove(tail)
        if not self.families[name]:
            del self.families[name]
        tail.close()
        known.path = None

    def skip(self, path: str, version: object, why: str) -> None:
        """Leave a file out, in this version of it."""
        if self.skipped.get(path, (None, ""))[1] != why:
            logger.warning("skipped file path=%s reason=%s", path, why)
        self.skipped[path] = (version, why)

    def _seen(self, tail: Tail, path: str, at: float) -> bool:
        """Take in what is new of a file; False when it is no longer the one that was read."""
        status = self.found.files[path]
        position, changed = tail.incarnation.position, tail.changed(status)
        try:
            if tail.packing is None:
                itself = not changed or (status.st_size >= position and tail.is_itself())
            else:
                itself = True
                if changed:  # more was packed: begin anew, and skip what was read
                    tail.close()
                    tail.ended = False
        except OSError:
            itself = False
        if not itself:
            self.drop(tail)
            return False
        if changed:
            tail.changed_at, tail.held = at, False
        tail.see(path, status)
        return True

    def _meet(self, path: str, status: os.stat_result, at: float) -> None:
        """A file that is not being read: whose content is it?"""
        version = version_of(status)
        if not status.st_size or self.skipped.get(path, (None, ""))[0] == version:
            return
        self.skipped.pop(path, None)
        try:
            content, packed = opened(path)
        except OSError as error:
            self.skip(path, version, f"cannot be opened: {error.strerror or error}")
            return
        try:
            head = content.read(0, HEAD_BYTES)
            if what := binary(head):
                self.skip(path, version, f"holds no text: {what}")
                return
            settled = at - self._met.setdefault((path, status.st_ino), at) >= self._patience_s
            known = self.known.recognise(path, status, head, content, packed, settled=settled)
        except OSError as error:
            self.skip(path, version, f"cannot be read: {error.strerror or error}")
            return
        finally:
            content.close()
        if known == "copy" or not head:
            return
        del self._met[path, status.st_ino]
        if known is None:
            known = Incarnation.new(path)
            known.begins(head)
            self.known.add(known)
        tail = Tail(
            known,
            path,
            status,
            encoding(head),
            packed,
            multiline=self._multiline,
            max_line_bytes=self._max_line_bytes,
        )
        tail.changed_at = at
        self._tails[status.st_dev, status.st_ino] = tail
        self.families.setdefault(family(known.name), []).append(tail)

    def _left(self, tail: Tail, at: float) -> None:
        """A file is at no path any more that is looked at: read on through what is open, or where it was moved."""
        if tail.opened is None and tail.packing is None and len(self._gone) < GONE_FILES:
            self._reopen(tail)
        if tail.opened is None or tail.packing is not None:
            self.drop(tail)
            return
        del self._tails[tail.ident]
        tail.gone, tail.changed_at, tail.incarnation.path = True, at, ""
        self._gone.append(tail)

    def _reopen(self, tail: Tail) -> None:
        try:
            for entry in os.scandir(os.path.dirname(tail.path)):
                if entry.inode() == tail.incarnation.inode:
                    tail.path = entry.path
                    tail.open()
                    return
        except OSError as error:
            logger.warning("lost file path=%s reason=%s", tail.path, error)

    def _watch_the_gone(self, at: float) -> None:
        for tail in list(self._gone):
            assert isinstance(tail.opened, Plain)
            status = tail.opened.status()
            if tail.changed(status):
                tail.changed_at, tail.held = at, False
                tail.see(tail.path, status)
            elif not tail.unread and at - tail.changed_at > GONE_S:
                self.drop(tail)
