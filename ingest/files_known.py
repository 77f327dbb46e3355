"""Which content is which: a file that was renamed, compressed or copied away is still the one that was read before.

An *incarnation* is the life of one content, from its first byte until it is gone, under whatever names. It is known
again by its inode, or by its first bytes and by the bytes that stand before the position that was read: contents that
merely begin alike (a banner, a CSV header) differ there.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Literal

import orjson

from ingest.files_open import Opened, opened
from ingest.files_paths import family
from ingest.files_text import HEAD_BYTES

TAIL_BYTES: Final = 1024
"""So many bytes before the position prove that a file is the one that was read."""
COMPARED_BYTES: Final = 1 << 16
FORGET_S: Final = 30 * 86_400
FORGET_ABOVE: Final = 10_000

Copy = Literal["copy"]


def digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


@dataclass(slots=True, eq=False)
class Incarnation:
    key: str
    """Its topic: the name it was first seen with / a number of its own."""
    name: str
    """The path it was first seen at: the label `filename`, whatever it is called later."""
    device: int = 0
    inode: int = 0
    position: int = 0
    """Everything before this byte (unpacked) was read."""
    head_bytes: int = 0
    head: str = ""
    """Digest of the first `head_bytes`."""
    tail_bytes: int = 0
    tail: str = ""
    """Digest of the `tail_bytes` before `position`."""
    packed: str = ""
    """Size and time of the compressed file that was read to its end."""
    seen: int = 0
    """When it was last read, seconds since the epoch."""
    path: str | None = None
    """Where it is now; "" when it left but is still open; None when it is gone."""
    marks: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=16))
    """The last positions with their `tail_bytes` and `tail`. Not saved, nor is `path`."""

    @classmethod
    def new(cls, path: str) -> Incarnation:
        return cls(f"{os.path.basename(path)}/{uuid.uuid4().hex[:16]}", path)

    def saved(self) -> str:
        self.seen = int(time.time())
        return orjson.dumps({name: getattr(self, name) for name in _SAVED}).decode()

    @classmethod
    def restored(cls, key: str, saved: str) -> Incarnation:
        return cls(key, **orjson.loads(saved))

    def begins(self, head: bytes) -> None:
        """Its first bytes, at most HEAD_BYTES of them."""
        self.head_bytes, self.head = len(head), digest(head)

    def was_read_to(self, position: int, tail: bytes) -> None:
        """`tail`: the last TAIL_BYTES before `position`."""
        self.position, self.tail_bytes, self.tail = position, len(tail), digest(tail)
        self.marks.append((position, len(tail), self.tail))

    def goes_on_in(self, content: Opened) -> bool:
        """Is everything that was read still there, as far as its first and last bytes tell?"""
        if digest(content.read(0, self.head_bytes)) != self.head:
            return False
        return _stands(content, self.position, self.tail_bytes, self.tail)

    def went_beyond(self, content: Opened, size: int) -> bool:
        """Was all of `content` read already, and more? The copy of a log that its writer went on to write."""
        marks = [mark for mark in self.marks if mark[0] <= size]
        return bool(marks) and _stands(content, *marks[-1])


_SAVED: Final = (
    "name", "device", "inode", "position", "head_bytes", "head", "tail_bytes", "tail", "packed", "seen",
)  # fmt: skip


@dataclass(slots=True)
class Known:
    """All incarnations: those being read, and for some weeks those that are gone."""

    _all: dict[str, Incarnation] = field(default_factory=dict)
    _by_head: defaultdict[int, defaultdict[str, dict[str, Incarnation]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    """By how many first bytes are known of them, then by their digest."""

    def __iter__(self) -> Iterator[Incarnation]:
        return iter(self._all.values())

    def restore(self, checkpoint: Mapping[str, str]) -> None:
        for key, saved in checkpoint.items():
            if saved:  # "" is a forgotten one
                self.add(Incarnation.restored(key, saved))

    def add(self, incarnation: Incarnation) -> None:
        self._all[incarnation.key] = incarnation
        self._by_head[incarnation.head_bytes][incarnation.head][incarnation.key] = incarnation

    def begins(self, incarnation: Incarnation, head: bytes) -> None:
        self._drop_head(incarnation)
        incarnation.begins(head)
        self.add(incarnation)

    def forget(self) -> list[str]:
        """Let go of those that are long gone, or too many; the keys of these."""
        gone = sorted((i for i in self if i.path is None), key=lambda i: i.seen, reverse=True)
        oldest = time.time() - FORGET_S
        left = [i for n, i in enumerate(gone) if n >= FORGET_ABOVE or i.seen < oldest]
        for incarnation in left:
            self._drop_head(incarnation)
            del self._all[incarnation.key]
        return [incarnation.key for incarnation in left]

    def recognise(
        self,
        path: str,
        status: os.stat_result,
        head: bytes,
        content: Opened,
        packed: str | None,
        *,
        settled: bool,
    ) -> Incarnation | Copy | None:
        """Whose content the file at `path` holds.

        "copy": that of one which is still read under another name, or of which more was read than the copy holds; it
        may take over when the other is gone. None: it was never seen. `settled`: a file that is there for long, and
        too short to be told from others, is nobody's copy.
        """
        log = family(path)
        for known in self._alike(head, status.st_ino):
            same_file = known.inode == status.st_ino and (
                known.device == status.st_dev or known.name == path
            )
            rotation = path != log and family(known.name) == log
            size = None if packed else status.st_size
            if known.path is not None:
                certain = len(head) == HEAD_BYTES or not settled
                if rotation and certain and _is_copy(content, size, known.path):
                    return "copy"
            elif same_file and known.packed == packed_as(status):
                return known
            elif same_file or rotation or known.head_bytes == HEAD_BYTES:
                if known.goes_on_in(content):
                    return known
                if rotation and size is not None and known.went_beyond(content, size):
                    return "copy"
        return None

    def _alike(self, head: bytes, inode: int) -> Iterable[Incarnation]:
        """Those that begin as `head` does, likeliest first."""
        alike: list[Incarnation] = []
        for length, heads in self._by_head.items():
            if length <= len(head):
                alike += heads.get(digest(head[:length]), {}).values()
        return sorted(alike, key=lambda i: (i.inode != inode, -i.head_bytes, -i.position))

    def _drop_head(self, incarnation: Incarnation) -> None:
        heads = self._by_head[incarnation.head_bytes]
        heads[incarnation.head].pop(incarnation.key, None)
        if not heads[incarnation.head]:
            del heads[incarnation.head]


def _stands(content: Opened, position: int, length: int, tail: str) -> bool:
    before = content.read(position - length, length)
    return len(before) == length and (not before or digest(before) == tail)


def _is_copy(content: Opened, size: int | None, original: str) -> bool:
    """Does `content` (of `size`, None when that is not known) begin the file at `original`, or equal it?"""
    try:
        other, _ = opened(original)
    except OSError:
        return True  # it left, and is read to its end through what is open: wait until that is done
    try:
        start, length = (
            (0, COMPARED_BYTES) if size is None else (max(0, size - TAIL_BYTES), TAIL_BYTES)
        )
        compared = content.read(start, length)
        return bool(compared) and other.read(start, len(compared)) == compared
    finally:
        other.close()


def version_of(status: os.stat_result) -> tuple[int, int, int]:
    """Inode, size and time of change: what differs when the content does, as far as can be seen from outside."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def packed_as(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"
