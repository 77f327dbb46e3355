"""Which lines of a segment cannot hold a text: for each chunk of rows, all grams of four bytes that its lines have.

A gram is hashed to one bit of a chunk's bitmap. A text of which one gram's bit is not set is in no line of the chunk;
if all are set, it may be. A chunk is some rows of the file next to each other, so mostly lines of one service.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.store.database import Cursor

GRAM = 4
"""Bytes. Three would not tell one hexadecimal number from another; five need several times as many bits."""
CHUNK = 4_096
"""Rows; half of a row group of the file, of which DuckDB then looks at one half."""
ROWS_AT_ONCE = 2 * CHUNK
MOST_BITS, LEAST_BITS = 16, 10
"""Of a chunk's bitmap, as powers of two."""
FULL = 0.4
"""A bitmap is not halved if a larger share of it would be set."""

_HEAD = struct.Struct("<HHI")
_MULTIPLIER = np.uint32(0x9E3779B1)
"""2**32 by the golden ratio: Knuth's multiplicative hashing, of which the upper bits count."""

Bits = npt.NDArray[np.uint8]
Hashes: TypeAlias = tuple[int, ...]
"""Of the grams that a line must all have, ascending."""
Needles: TypeAlias = tuple[tuple[Hashes, ...], ...]
"""For each of the tuples, a line must have all grams of one of its members."""


def hashes_of(texts: Sequence[str]) -> Hashes:
    """Of all grams in `texts`; none in texts that are too short."""
    found = [_hashed(text.encode()) for text in texts]
    return tuple(sorted({int(each) for part in found for hashed in part for each in hashed}))


def _hashed(text: Any) -> Iterator[npt.NDArray[np.uint32]]:
    """The hashes of all grams in a buffer of bytes."""
    size = memoryview(text).nbytes
    for offset in range(min(GRAM, size - GRAM + 1)):
        grams = np.frombuffer(text, np.dtype("<u4"), (size - offset) // GRAM, offset)
        yield (grams * _MULTIPLIER) >> np.uint32(32 - MOST_BITS)


def _bitmap(text: Any) -> npt.NDArray[np.bool_]:
    """Grams across the end of a line are taken along: that is never wrong, and lines lie next to each other."""
    found = np.zeros(1 << MOST_BITS, np.bool_)
    for hashed in _hashed(text):
        found[hashed] = True
    return found


class Grams:
    """Of the rows of one file, a row of bits for each chunk.

    >>> grams = Grams.of_chunks([pa.array(["GET /cart", "POST /cart"]), pa.array(["declined"])])
    >>> grams.rows((((hashes_of(["cart"])),),)), Grams.unpacked(grams.packed()).rows((((hashes_of(["clin"])),),))
    ([(0, 4095)], [(4096, 8191)])
    """

    def __init__(self, bits: int, chunk: int, rows: Bits) -> None:
        self._bits = bits
        self._chunk = chunk
        self._rows = rows

    @classmethod
    def of_chunks(cls, chunks: Iterable[pa.Array[Any]]) -> Grams:
        """From the lines of each chunk."""
        found: npt.NDArray[np.bool_] = np.array([_bitmap(_text(lines)) for lines in chunks])
        bits = MOST_BITS
        while bits > LEAST_BITS:
            halved = np.asarray(found.reshape(len(found), -1, 2).any(axis=2))
            if halved.mean(axis=1).max() > FULL:
                break
            found, bits = halved, bits - 1
        return cls(bits, CHUNK, np.packbits(found, axis=1, bitorder="little"))

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    def packed(self) -> bytes:
        head = _HEAD.pack(self._bits, self._chunk, len(self._rows))
        return head + zlib.compress(self._rows.tobytes(), 1)

    @classmethod
    def unpacked(cls, packed: bytes) -> Grams:
        bits, chunk, count = _HEAD.unpack_from(packed)
        rows = np.frombuffer(zlib.decompress(packed[_HEAD.size :]), np.uint8)
        return cls(bits, chunk, rows.reshape(count, -1))

    def rows(self, needles: Needles) -> list[tuple[int, int]] | None:
        """From the first to the last row that may have them, range by range; None: any row may."""
        held: npt.NDArray[np.bool_] = np.ones(len(self._rows), np.bool_)
        for alternatives in needles:
            each = [self._holds(hashes) for hashes in alternatives]
            held = np.asarray(held & np.asarray(each).any(axis=0))
        if held.all():
            return None
        edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False])).astype(np.int8)))
        return [(a * self._chunk, b * self._chunk - 1) for a, b in edges.reshape(-1, 2).tolist()]

    def _holds(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        at = np.array(hashes, np.int64) >> (MOST_BITS - self._bits)
        return np.asarray((self._rows[:, at >> 3] >> (at & 7) & 1).all(axis=1), np.bool_)


def grams_of(cursor: Cursor, file: str, rows: int) -> Grams:
    """Of the file that the SQL `file` reads with `file_row_number`."""
    return Grams.of_chunks(_chunks(cursor, file, rows))


def _chunks(cursor: Cursor, file: str, rows: int) -> Iterator[pa.Array[Any]]:
    for first in range(0, rows, ROWS_AT_ONCE):
        found = cursor.execute(
            f"SELECT line, file_row_number AS at FROM {file} "  # noqa: S608
            f"WHERE file_row_number BETWEEN {first} AND {first + ROWS_AT_ONCE - 1}"
        ).to_arrow_table()
        assert found is not None  # there is a result
        if not np.array_equal(found.column("at"), np.arange(first, first + found.num_rows)):
            found = found.sort_by("at")
        lines: Any = found.column("line").combine_chunks()
        for at in range(0, found.num_rows, CHUNK):
            yield lines.slice(at, CHUNK)


def _text(lines: pa.Array[Any]) -> Any:
    """The bytes of all lines, one behind the other."""
    _, offsets, text = lines.buffers()
    if text is None or offsets is None or not len(lines):
        return b""
    ends = np.frombuffer(memoryview(offsets), np.int32)[
        lines.offset : lines.offset + len(lines) + 1
    ]
    return memoryview(text)[int(ends[0]) : int(ends[-1])]
