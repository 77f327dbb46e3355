# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""What to select FROM: the hot rows, and those of the segments that can matter to a question.

A question is written with a *relation*, which is no SQL yet; a `Resolver` puts the files in its place as of the
snapshot that the question sees, so that rows which are sealed meanwhile are seen exactly once.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from driftwood.store.database import Cursor
from driftwood.store.grams import Grams, Hashes, Needles
from driftwood.store.schema import COLUMNS, PLACE
from driftwood.store.segments import REVISION, numbered, parquet
from driftwood.store.streams import Places

_FIRST, _LAST = -(2**63), 2**63 - 1
MOST_GRAMS_BYTES = 64 * 2**20
"""In memory: the bitmaps of some thirty million lines."""
GRAMS_AT_ONCE = 64
"""Segments."""
MOST_RANGES = 64
"""Of the rows of one segment."""
_ANY, _HAVING, _LACKING = "any", "having", "lacking"
_RELATION = re.compile(
    r"logs_between\((?P<start>-?\d+), (?P<end>-?\d+)"
    r"(?:, places \[(?P<places>[\d, -]*)\])?(?:, (?P<which>having|lacking) \[(?P<columns>[\w., ]+)\])?"
    r"(?:, grams \[(?P<grams>[\d |;]+)\])?\)"
)


def relation(
    start: int | None,
    end: int | None,
    places: Sequence[Places] = (),
    columns: Sequence[str] = (),
    *,
    lacking: bool = False,
    needles: Needles = (),
) -> str:
    """Rows with ts in [start, end], ns, and some beyond: of streams at `places` (none: of all), and some beyond.

    With `columns` those of the segments that have all of these beside the usual ones; or, if `lacking`, all other rows.
    With `needles` rows whose lines may have these, and some others.
    """
    first = _FIRST if start is None else max(int(start), _FIRST)
    last = _LAST if end is None else min(int(end), _LAST)
    at = f", places [{', '.join(f'{a}-{b}' for a, b in places)}]" if places else ""
    which = f", {_LACKING if lacking else _HAVING} [{', '.join(columns)}]" if columns else ""
    grams = f", grams [{';'.join(map(_spelt, needles))}]" if needles else ""
    return f"logs_between({first}, {last}{at}{which}{grams})"


def _spelt(alternatives: Sequence[Hashes]) -> str:
    return "|".join(" ".join(map(str, hashes)) for hashes in alternatives)


def _read(grams: str | None) -> Needles:
    """What `_spelt` spelt."""
    return tuple(
        tuple(tuple(map(int, hashes.split())) for hashes in alternatives.split("|"))
        for alternatives in (grams.split(";") if grams else ())
    )


class Registered(NamedTuple):
    """What has to be known of a segment to decide whether it is opened."""

    path: str
    min_ts: int
    max_ts: int
    columns: frozenset[str]


class Rows(NamedTuple):
    """What is looked at of a segment."""

    of: Registered
    ranges: tuple[tuple[int, int], ...] = ()
    """From the first to the last row, in the order of the file; (): all."""


class Unsealed(NamedTuple):
    """Roughly, what lies in the table of hot rows alone: which is quick to ask."""

    rows: int
    """Hot rows, those included that are older."""
    after: int | None
    """No segment has a later ts, ns; None: there is no segment."""


class Resolver:
    """Knows the segments of the last snapshots that it was asked about, as they rarely change. For any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[str | None, Sequence[Registered]] = (None, ())
        self._grams: OrderedDict[str, Grams | None] = OrderedDict()
        self._lock = Lock()

    def resolve(self, cursor: Cursor, sql: str) -> str:
        """`sql` with every `relation` spelt out as of the snapshot that `cursor` sees."""
        if "logs_between(" not in sql:
            return sql
        segments = self._segments(cursor)
        return _RELATION.sub(lambda found: f"({self._rows(cursor, segments, found)})", sql)

    @property
    def newest(self) -> int | None:
        """The latest ts in a segment, as far as is known."""
        return max((each.max_ts for each in self._known[1]), default=None)

    def lacks(self, start: int, end: int, columns: Collection[str]) -> bool:
        """Whether a segment with ts in [start, end] lacks one of `columns`, as far as is known."""
        return any(
            each.max_ts >= start and each.min_ts <= end and not each.columns.issuperset(columns)
            for each in self._known[1]
        )

    def _rows(self, cursor: Cursor, segments: Sequence[Registered], found: re.Match[str]) -> str:
        start, end = int(found["start"]), int(found["end"])
        there = [each for each in segments if each.max_ts >= start and each.min_ts <= end]
        needles = _read(found["grams"])
        if not needles:
            return _rows(self._folder, [Rows(each) for each in there], found)
        grams = self._grams_of(cursor, [each.path for each in there])
        kept = []
        for each in there:
            known = grams.get(each.path)
            ranges = None if known is None else known.rows(needles)
            if ranges is None or len(ranges) > MOST_RANGES:
                kept.append(Rows(each))
            elif ranges:
                kept.append(Rows(each, tuple(ranges)))
        return _rows(self._folder, kept, found)

    def _grams_of(self, cursor: Cursor, paths: Sequence[str]) -> dict[str, Grams | None]:
        """Of the segments for which they are known; from the memory, where there is room for them."""
        with self._lock:
            found = {path: self._grams[path] for path in paths if path in self._grams}
            for path in found:
                self._grams.move_to_end(path)
        missing = [path for path in paths if path not in found]
        held = sum(grams.nbytes for grams in found.values() if grams is not None)
        for at in range(0, len(missing), GRAMS_AT_ONCE):
            rows = cursor.execute(
                "SELECT path, grams FROM segments WHERE path IN (SELECT unnest(?))",
                [missing[at : at + GRAMS_AT_ONCE]],
            ).fetchall()
            for path, packed in rows:
                grams = found[path] = None if packed is None else Grams.unpacked(packed)
                held += 0 if grams is None else grams.nbytes
            if held > MOST_GRAMS_BYTES:
                break  # the others are searched as a whole
        with self._lock:
            self._grams.update(found)
            held = sum(grams.nbytes for grams in self._grams.values() if grams is not None)
            while held > MOST_GRAMS_BYTES:
                grams = self._grams.popitem(last=False)[1]
                held -= 0 if grams is None else grams.nbytes
        return found

    def _segments(self, cursor: Cursor) -> Sequence[Registered]:
        found = cursor.execute(f"SELECT value FROM meta WHERE key = '{REVISION}'").fetchall()
        revision = found[0][0] if found else ""
        known, segments = self._known
        if known != revision:
            rows = cursor.execute(
                "SELECT path, min_ts, max_ts, columns FROM segments ORDER BY min_ts, path"
            ).fetchall()
            segments = [
                Registered(path, first, last, frozenset(columns or ()))
                for path, first, last, columns in rows
                if (self._folder / path).is_file()
            ]
            self._known = revision, segments
        return segments


def _rows(folder: Path, there: Sequence[Rows], found: re.Match[str]) -> str:
    places = [Places(*map(int, each.split("-"))) for each in _listed(found["places"])]
    columns = _listed(found["columns"])
    if found["which"] == _HAVING:
        having = [each for each in there if each.of.columns.issuperset(columns)]
        selected = ", ".join([COLUMNS, *(f'"{name}"' for name in columns)])
        return " UNION ALL ".join(_sealed(folder, having, places, selected)) or _none(columns)
    if found["which"] == _LACKING:
        there = [each for each in there if not each.of.columns.issuperset(columns)]
    hot = f"SELECT {COLUMNS} FROM logs_hot"
    return " UNION ALL ".join([hot, *_sealed(folder, there, places, COLUMNS)])


def _listed(text: str | None) -> list[str]:
    return text.split(", ") if text else []


def _sealed(
    folder: Path, segments: Sequence[Rows], places: Sequence[Places], selected: str
) -> list[str]:
    """Segments whose streams have places are looked at there only."""
    alike: dict[tuple[bool, tuple[tuple[int, int], ...]], list[str]] = {}
    for each in segments:
        placed = bool(places) and PLACE in each.of.columns
        alike.setdefault((placed, each.ranges), []).append(each.of.path)
    parts = []
    for (placed, ranges), paths in alike.items():
        conditions = []
        if ranges:
            conditions.append(_within("file_row_number", ranges))
        if placed:
            conditions.append(_within(PLACE, places))
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        files = numbered(folder, paths) if ranges else parquet(folder, paths)
        parts.append(f"SELECT {selected} FROM {files}{where}")
    return parts


def _within(name: str, ranges: Sequence[tuple[int, int]]) -> str:
    return f"({' OR '.join(f'{name} BETWEEN {a} AND {b}' for a, b in ranges)})"


def _none(columns: Sequence[str]) -> str:
    """No row, with these columns."""
    made = [f'NULL::{_type(name)} AS "{name}"' for name in columns]
    return f"SELECT {', '.join([COLUMNS, *made])} FROM logs_hot WHERE FALSE"


def _type(column: str) -> str:
    return "VARCHAR" if "." in column else "UTINYINT"
