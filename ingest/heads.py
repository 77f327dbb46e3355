"""Headers of a whole column of lines: a start that is known is looked up, and only its digits are read.

What `Headers.read` says of each line, for most lines in a few passes of NumPy over the column's bytes. A row that no
layout fits, or whose time is none, is told as unread: `Headers` reads it, and the next lines like it are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.clock import SECOND, Clock
from ingest.layouts import MAX_REACH, Layout, Place

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_END: Final = 0xFF
"""Stands behind a line; no UTF-8 holds it."""
_BLUR: Final = np.arange(256, dtype=np.uint8)
_BLUR[ord("0") : ord("9") + 1] = ord("0")
_STEP: Final = 16
"""Starts are compared in lengths of so many bytes."""
_WEIGHTS: Final = np.random.default_rng(1).integers(1, 2**63, 64, np.uint64) * 2 + 1
_MAX_LAYOUTS: Final = 16_384
_ACCESS_BYTES: Final = 8_000
"""An access log's request must end within these; longer ones are read one by one."""
_NOT_A_TIME: Final = -(2**63)
_QUOTE, _ESCAPE, _BLANK = ord('"'), ord("\\"), ord(" ")


@dataclass(slots=True)
class Read:
    """What is known of each line."""

    ts: npt.NDArray[np.int64]
    severity: npt.NDArray[np.uint8]
    layout: npt.NDArray[np.int32]
    """Row of `Heads.layouts`, -1: unread."""


class Column:
    """The bytes of an Arrow column of text."""

    def __init__(self, lines: pa.StringArray) -> None:
        _, offsets, content = lines.buffers()
        n = len(lines)
        at = np.zeros(1, np.int32)
        if offsets is not None and n:
            at = np.frombuffer(memoryview(offsets), np.int32)[lines.offset : lines.offset + n + 1]
        self.start, self.end = at[:-1].astype(np.int64), at[1:].astype(np.int64)
        held = np.empty(0, np.uint8)
        if content is not None:
            held = np.frombuffer(memoryview(content), np.uint8)
        base = int(at[0])
        self._content = np.concatenate(
            [held[base : int(at[-1])], np.full(MAX_REACH, _END, np.uint8)]
        )
        self.start -= base
        self.end -= base

    def __len__(self) -> int:
        return len(self.start)

    def first(self) -> Bytes:
        """Of each line its first byte."""
        return np.where(self.end > self.start, self._content[self.start], np.uint8(_END))

    def heads(self, rows: Rows, width: int) -> Bytes:
        """(len(rows), width): the first bytes of each line, `_END` behind it."""
        every = np.lib.stride_tricks.sliding_window_view(self._content, width)
        found = every[self.start[rows]]
        length = self.end[rows] - self.start[rows]
        short = np.flatnonzero(length < width)
        if len(short):
            found[short] = np.where(
                np.arange(width) < length[short, None], found[short], np.uint8(_END)
            )
        return np.asarray(found)

    def at(self, positions: Rows) -> Bytes:
        return self._content[positions]

    def where(self, byte: int) -> Rows:
        return np.flatnonzero(self._content == byte)


class Heads:
    """The layouts of one source. Thread-confined, as its clock is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.layouts: list[Layout] = []
        self._forget()

    def _forget(self) -> None:
        self.layouts.clear()
        self._known: dict[int, dict[int, int]] = {}
        """By width: hash of a blurred start -> row of `layouts`."""
        self._starts = np.zeros((64, MAX_REACH), np.uint8)
        """Those starts themselves."""
        self._place = np.zeros(64, np.int32)
        self._severity = np.zeros(64, np.uint8)
        self._places: dict[Place, int] = {}

    def make_room(self) -> None:
        """Call it between two columns: rows of `layouts` are good until then."""
        if len(self.layouts) >= _MAX_LAYOUTS:
            self._forget()

    def add(self, line: str, layout: Layout) -> None:
        width = -(-layout.reach // _STEP) * _STEP
        head = np.full(width, _END, np.uint8)
        written = np.frombuffer(line[:width].encode()[:width], np.uint8)
        head[: len(written)] = written
        blurred = _BLUR[head]
        known = self._known.setdefault(width, {})
        row = len(self.layouts)
        if known.setdefault(int(_hash(blurred[None, :])[0]), row) != row:
            return  # another line of the same round taught it
        if row == len(self._place):
            self._starts = np.concatenate([self._starts, np.zeros_like(self._starts)])
            self._place = np.concatenate([self._place, np.zeros_like(self._place)])
            self._severity = np.concatenate([self._severity, np.zeros_like(self._severity)])
        self._starts[row, :width] = blurred
        self._place[row] = self._places.setdefault(layout.place, len(self._places))
        self._severity[row] = layout.severity
        self.layouts.append(layout)

    def read(self, column: Column, rows: Rows, before: tuple[int, int], into: Read) -> Rows:
        """Reads `rows` of `column`, as far as their starts are known; the rows that are left."""
        left: list[Rows] = []
        for width in sorted(self._known):
            if not len(rows):
                break
            head = column.heads(rows, width)
            layout = self._lookup(_BLUR[head], width)
            fits = layout >= 0
            into.layout[rows[fits]] = layout[fits]
            failed = self._apply(column, rows[fits], head[fits], layout[fits], before, into)
            left.append(failed)
            rows = rows[~fits]
        rest = np.concatenate([*left, rows])
        into.layout[rest] = -1
        return np.sort(rest)

    def _lookup(self, blurred: Bytes, width: int) -> npt.NDArray[np.int32]:
        known = self._known[width]
        distinct, inverse = np.unique(_hash(blurred), return_inverse=True)
        found = np.fromiter((known.get(h, -1) for h in distinct.tolist()), np.int32, len(distinct))[
            inverse
        ]
        # Equal hashes may be an accident, or an attack.
        fits = np.flatnonzero(found >= 0)
        same = (
            blurred[fits].view(np.uint64) == self._starts[found[fits], :width].view(np.uint64)
        ).all(axis=1)
        found[fits[~same]] = -1
        return found

    def _apply(
        self,
        column: Column,
        rows: Rows,
        head: Bytes,
        layout: npt.NDArray[np.int32],
        before: tuple[int, int],
        into: Read,
    ) -> Rows:
        """Times and levels of rows whose layout is known; the rows of which it does not hold."""
        into.severity[rows] = self._severity[layout]
        places = self._place[layout]
        failed = []
        all_places = list(self._places)
        for number in np.flatnonzero(np.bincount(places)).tolist() if len(places) else ():
            at = np.flatnonzero(places == number)
            place = all_places[number]
            ts, good = self._times(head[at], place, before)
            if place.quote:
                severity, closed = _statuses(column, rows[at], place.quote)
                into.severity[rows[at]] = severity
                good &= closed
            into.ts[rows[at]] = ts
            failed.append(rows[at[~good]])
        return np.concatenate(failed) if failed else rows[:0]

    def _times(
        self, head: Bytes, place: Place, before: tuple[int, int]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        stamp, second, zone = place.stamp, place.second, place.zone
        minute = slice(second.start, second.end - 2 * stamp.seconds_last)
        key = np.concatenate([head[:, minute], head[:, slice(*zone)]], axis=1)
        key = np.pad(key, ((0, 0), (0, -key.shape[1] % 8)))
        _, first, inverse = np.unique(_hash(key), return_index=True, return_inverse=True)
        good = (key == key[first][inverse]).all(axis=1)
        meant = []
        for row in first.tolist():
            start = head[row].tobytes()
            text = start[slice(*second)].decode("ascii")
            ns = self._clock.minute(stamp, text, start[slice(*zone)].decode("ascii"), before)
            meant.append(_NOT_A_TIME if ns is None else ns)
        ts = np.array(meant, np.int64)[inverse]
        good &= ts != _NOT_A_TIME
        if stamp.seconds_last:
            seconds = _number(head, second.end - 2, second.end)
            good &= seconds <= 60
            ts = ts + seconds * SECOND
        if len(place.fraction):
            unit = 1_000_000 if stamp.millis else 10 ** (9 - len(place.fraction))
            ts = ts + _number(head, *place.fraction) * unit
        return ts, good


def _hash(blurred: Bytes) -> Words:
    words = np.ascontiguousarray(blurred).view(np.uint64)
    mixed = np.zeros(len(words), np.uint64)
    for word, weight in zip(words.T, _WEIGHTS, strict=False):
        mixed = (mixed ^ word) * weight
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _number(head: Bytes, start: int, end: int) -> npt.NDArray[np.int64]:
    value = np.zeros(len(head), np.int64)
    for at in range(start, end):
        value = value * 10 + (head[:, at] - np.uint8(ord("0")))
    return value


def _statuses(
    column: Column, rows: Rows, quote: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The severity of an access log's status, and whether its request, opened at `quote`, is closed simply."""
    start, end = column.start[rows] + quote, column.end[rows]
    quotes, escapes = column.where(_QUOTE), column.where(_ESCAPE)
    after = np.searchsorted(quotes, start, "right")
    close = np.append(quotes, 0)[after]
    closed = (after < len(quotes)) & (close < end) & (close - start < _ACCESS_BYTES)
    if len(escapes):
        closed &= np.searchsorted(escapes, start) == np.searchsorted(escapes, close)
    close = np.where(closed, close, start)
    tail = np.stack([column.at(np.minimum(close + n, end)) for n in range(1, 6)], axis=1)
    inside = close[:, None] + np.arange(1, 6) < end[:, None]
    tail = np.where(inside, tail, np.uint8(_END))
    digits = (tail[:, 1:4] >= ord("0")) & (tail[:, 1:4] <= ord("9"))
    hundreds = tail[:, 1]
    status = (
        (tail[:, 0] == _BLANK)
        & digits.all(axis=1)
        & (hundreds >= ord("1"))
        & (hundreds <= ord("5"))
    )
    status &= (tail[:, 4] == _BLANK) | (tail[:, 4] == _END)
    closed &= tail[:, 4] != ord("\n")  # a record of several lines: `$` may hold here
    levels = np.where(hundreds == ord("5"), 17, np.where(hundreds == ord("4"), 13, 9))
    return np.where(status, levels, 0).astype(np.uint8), closed
