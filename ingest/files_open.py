"""Bytes of a file by position: plain files at any position, compressed ones forward only.

Positions in a compressed file count the unpacked bytes.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from io import BufferedIOBase
from typing import BinaryIO, Final, Protocol, cast

import zstandard

PACKINGS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_CHUNK: Final = 1 << 18


class Opened(Protocol):
    trouble: str
    """Why no more can be read although the file goes on; "" while all is well."""

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position` on; fewer only at the end of what there is now."""

    def raw_position(self) -> int | None:
        """Bytes of the file itself that were consumed; None where `position` tells it."""

    def close(self) -> None: ...


class Plain:
    trouble = ""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def status(self) -> os.stat_result:
        return os.fstat(self._file)

    def read(self, position: int, size: int) -> bytes:
        return os.pread(self._file, size, position)

    def raw_position(self) -> int | None:
        return None

    def close(self) -> None:
        os.close(self._file)


class Packed:
    """A compressed file. Going back further than the last read begins anew at its start."""

    def __init__(self, path: str, packing: str) -> None:
        self.trouble = ""
        self._path = path
        self._packing = packing
        self._begin()

    def _begin(self) -> None:
        self._raw = open(self._path, "rb")  # noqa: SIM115  closed by `close`
        self._stream = _unpacked(self._raw, self._packing)
        self._buffer = b""
        self._base = 0

    def read(self, position: int, size: int) -> bytes:
        if position < self._base:
            self.close()
            self._begin()
        while (end := self._base + len(self._buffer)) < position + size:
            chunk = self._next()
            if not chunk:
                break
            if end < position:  # skipped, not kept
                self._base, self._buffer = end, chunk
            else:
                self._buffer += chunk
        passed = min(position - self._base, len(self._buffer))
        self._base, self._buffer = self._base + passed, self._buffer[passed:]
        return self._buffer[:size] if self._base == position else b""

    def _next(self) -> bytes:
        if self.trouble:
            return b""
        try:
            return self._stream.read1(_CHUNK)  # `read` would lose what lies before damage
        except EOFError:
            self.trouble = f"{self._packing} data ends early"
            return b""
        except (OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, ValueError) as error:
            self.trouble = f"{self._packing} data is damaged ({error}), the rest is left out"
            return b""

    def raw_position(self) -> int | None:
        return self._raw.tell()

    def close(self) -> None:
        self._stream.close()
        self._raw.close()


def opened(path: str) -> tuple[Plain | Packed, str | None]:
    """The file and how it is compressed: what its first bytes say, whatever it is called. Raises OSError."""
    plain = Plain(path)
    try:
        head = plain.read(0, 6)
    except OSError:
        plain.close()
        raise
    packing = next((name for magic, name in PACKINGS.items() if head.startswith(magic)), None)
    if packing is None:
        return plain, None
    plain.close()
    return Packed(path, packing), packing


def _unpacked(raw: BinaryIO, packing: str) -> BufferedIOBase:
    # Each of these reads bounded pieces, whatever the ratio, and goes on through concatenated members.
    if packing == "zstd":
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return cast(BufferedIOBase, reader)
    if packing == "gzip":
        return cast(BufferedIOBase, gzip.open(raw))
    return cast(BufferedIOBase, bz2.open(raw) if packing == "bz2" else lzma.open(raw))
