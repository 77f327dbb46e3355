# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""What to select FROM: the hot rows, and those of the segments that can matter to a question.

A question is written with a *relation*, which is no SQL yet; a `Resolver` puts the files in its place as of the
snapshot that the question sees, so that rows which are sealed meanwhile are seen exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from driftwood.store.database import Cursor
from driftwood.store.schema import COLUMNS, PLACE
from driftwood.store.segments import REVISION, parquet
from driftwood.store.streams import Places

_FIRST, _LAST = -(2**63), 2**63 - 1
_ANY, _HAVING, _LACKING = "any", "having", "lacking"
_RELATION = re.compile(
    r"logs_between\((?P<start>-?\d+), (?P<end>-?\d+)"
    r"(?:, places \[(?P<places>[\d, -]*)\])?(?:, (?P<which>having|lacking) \[(?P<columns>[\w., ]+)\])?\)"
)


def relation(
    start: int | None,
    end: int | None,
    places: Sequence[Places] = (),
    columns: Sequence[str] = (),
    *,
    lacking: bool = False,
) -> str:
    """Rows with ts in [start, end], ns, and some beyond: of streams at `places` (none: of all), and some beyond.

    With `columns` those of the segments that have all of these beside the usual ones; or, if `lacking`, all other rows.
    """
    first = _FIRST if start is None else max(int(start), _FIRST)
    last = _LAST if end is None else min(int(end), _LAST)
    at = f", places [{', '.join(f'{a}-{b}' for a, b in places)}]" if places else ""
    which = f", {_LACKING if lacking else _HAVING} [{', '.join(columns)}]" if columns else ""
    return f"logs_between({first}, {last}{at}{which})"


class Registered(NamedTuple):
    """What has to be known of a segment to decide whether it is opened."""

    path: str
    min_ts: int
    max_ts: int
    columns: frozenset[str]


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

    def resolve(self, cursor: Cursor, sql: str) -> str:
        """`sql` with every `relation` spelt out as of the snapshot that `cursor` sees."""
        if "logs_between(" not in sql:
            return sql
        segments = self._segments(cursor)
        return _RELATION.sub(lambda found: f"({_rows(self._folder, segments, found)})", sql)

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


def _rows(folder: Path, segments: Sequence[Registered], found: re.Match[str]) -> str:
    places = [Places(*map(int, each.split("-"))) for each in _listed(found["places"])]
    columns = _listed(found["columns"])
    start, end = int(found["start"]), int(found["end"])
    there = [each for each in segments if each.max_ts >= start and each.min_ts <= end]
    if found["which"] == _HAVING:
        having = [each for each in there if each.columns.issuperset(columns)]
        selected = ", ".join([COLUMNS, *(f'"{name}"' for name in columns)])
        return " UNION ALL ".join(_sealed(folder, having, places, selected)) or _none(columns)
    if found["which"] == _LACKING:
        there = [each for each in there if not each.columns.issuperset(columns)]
    hot = f"SELECT {COLUMNS} FROM logs_hot"
    return " UNION ALL ".join([hot, *_sealed(folder, there, places, COLUMNS)])


def _listed(text: str | None) -> list[str]:
    return text.split(", ") if text else []


def _sealed(
    folder: Path, segments: Sequence[Registered], places: Sequence[Places], selected: str
) -> list[str]:
    """Segments whose streams have places are looked at there only."""
    placed = [each.path for each in segments if PLACE in each.columns and places]
    others = [each.path for each in segments if PLACE not in each.columns or not places]
    within = " OR ".join(f"{PLACE} BETWEEN {a} AND {b}" for a, b in places)
    parts = [f"SELECT {selected} FROM {parquet(folder, others)}"] if others else []
    if placed:
        parts.append(f"SELECT {selected} FROM {parquet(folder, placed)} WHERE {within}")
    return parts


def _none(columns: Sequence[str]) -> str:
    """No row, with these columns."""
    made = [f'NULL::{_type(name)} AS "{name}"' for name in columns]
    return f"SELECT {', '.join([COLUMNS, *made])} FROM logs_hot WHERE FALSE"


def _type(column: str) -> str:
    return "VARCHAR" if "." in column else "UTINYINT"
