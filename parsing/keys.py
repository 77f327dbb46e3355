"""A cheap key of each line: lines of one key surely have one fine shape, so that is made once a key, not once a line.

All lines of a batch are one array of bytes, and its digits, letters... are masks with a bit a byte, 64 to a word: what
a run of digits touches spreads through the run with the carry of one addition. Of a run of digits that nothing is glued
to, one mark stays; of others, where the fine shape may depend on their length, as many zeros as they had digits; short
ones after a letter (`ipv4`) stay as they are.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bits = npt.NDArray[np.uint64]

# Bytes that UTF-8 never holds.
_END = 0xFF
_RUN = 0xFE
_PAIR = 0xFD
"""A run of two digits beside a colon: two hex digits may be a part of a MAC address, one or three not."""

_DIGIT, _LETTER, _COLON, _DASH, _X, _STOP = 1, 2, 4, 8, 16, 32


def _classes() -> bytes:
    classes = bytearray(256)
    for byte in b"0123456789":
        classes[byte] = _DIGIT
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_":
        classes[byte] = _LETTER
    for byte in b"xX":
        classes[byte] |= _X
    classes[ord(":")], classes[ord("-")], classes[_END] = _COLON, _DASH, _STOP
    return bytes(classes)


_CLASSES = _classes()
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def keys(lines: pa.StringArray) -> pa.BinaryArray:
    """The key of each line, none of which is null; a pure function of the line.

    >>> [key[:-1] for key in keys(pa.array(["took 12 ms", "took 7 ms", "ipv4"])).to_pylist()]
    [b'took \\xfe ms', b'took \\xfe ms', b'ipv4']
    """
    count = len(lines)
    if count == 0:
        return pa.array([], pa.binary())
    text = _joined(lines)
    out = text.copy()
    classes = np.frombuffer(text.tobytes().translate(_CLASSES), np.uint8)
    zeros, leave, pairs, runs = _found(classes)
    out[zeros] = ord("0")
    out[runs] = _RUN
    out[pairs] = _PAIR
    out = out[~leave]
    offsets = np.empty(count + 1, np.int32)
    offsets[0] = 0
    offsets[1:] = np.flatnonzero(out == _END) + 1
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(out.tobytes())]
    key: Any = pa.Array.from_buffers(pa.binary(), count, buffers)
    return cast("pa.BinaryArray", key)


def _joined(lines: pa.StringArray) -> npt.NDArray[np.uint8]:
    """All bytes of the lines, _END after each."""
    buffers: list[Any] = lines.buffers()
    _, offsets_buffer, text_buffer = buffers
    offsets = np.frombuffer(offsets_buffer, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    size = int(offsets[-1] - offsets[0])
    ends = offsets[1:] - offsets[0] + np.arange(len(lines), dtype=np.int64)
    joined = np.empty(size + len(lines), np.uint8)
    is_text = np.ones(len(joined), np.bool_)
    is_text[ends] = False
    if size:
        joined[is_text] = np.frombuffer(text_buffer, np.uint8)[offsets[0] : offsets[-1]]
    joined[ends] = _END
    return joined


def _found(classes: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.bool_], ...]:
    """Bytes that become zeros, that go, that stand for a pair of digits, that stand for a run."""
    digit, letter, colon, dash, x = (
        _bits(classes & np.uint8(each)) for each in (_DIGIT, _LETTER, _COLON, _DASH, _X)
    )
    start, end = digit & ~_up(digit), digit & ~_down(digit)
    free = _spread(digit, start & ~_up(letter))
    second, third = _down(digit), _down(_down(digit))
    long = _spread(digit, start & second & third & _down(third))
    hexadecimal = _spread_down(digit, end & _down(x))
    alone = free & ~_spread(digit, start & _up(dash))
    alone &= ~_spread_down(digit, end & _down(letter | dash))
    zeros = ((free & ~hexadecimal) | long) & ~alone
    leave = alone & ~start
    pair = start & second & ~third
    at_colon = pair & (_up(colon) | _down(_down(colon)))
    runs = alone & start
    found: tuple[Any, ...] = (zeros, leave, runs & at_colon, runs)
    return tuple(_bools(each, len(classes)) for each in found)


def _bits(flags: npt.NDArray[np.uint8]) -> Bits:
    packed = np.packbits(flags, bitorder="little")
    words = np.zeros(len(packed) // 8 + 1, np.uint64)
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _bools(bits: Bits, count: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(bits.view(np.uint8), count=count, bitorder="little").view(np.bool_)


def _up(bits: Bits) -> Bits:
    """Each bit moved to the byte behind."""
    moved = bits << np.uint64(1)
    moved[1:] |= bits[:-1] >> np.uint64(63)
    return moved


def _down(bits: Bits) -> Bits:
    """Each bit moved to the byte before."""
    moved = bits >> np.uint64(1)
    moved[:-1] |= bits[1:] << np.uint64(63)
    return moved


def _spread(runs: Bits, starts: Bits) -> Bits:
    """Those of the runs of ones whose first bit is in `starts`: adding it carries through the whole run."""
    total = runs + starts
    carry = total < runs
    while carry[:-1].any():
        more = np.zeros_like(total)
        more[1:] = carry[:-1]
        total += more
        carry = (total == 0) & (more == 1)
    spread: Bits = runs & ~total
    return spread


def _spread_down(runs: Bits, ends: Bits) -> Bits:
    """Those of the runs of ones whose last bit is in `ends`."""
    return _mirrored(_spread(_mirrored(runs), _mirrored(ends)))


def _mirrored(bits: Bits) -> Bits:
    return np.frombuffer(bits.tobytes()[::-1].translate(_MIRRORED), np.uint64)
