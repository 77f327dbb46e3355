# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""What to select FROM: the hot rows, and those of the segments that can matter to a question.

A question is written with a *relation*, which is no SQL yet; `resolve` puts the files in its place as of the snapshot
that the question sees, so that rows which are sealed meanwhile are seen exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from driftwood.store.database import Cursor
from driftwood.store.schema import COLUMNS, PLACE
from driftwood.store.segments import parquet
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


def resolve(cursor: Cursor, folder: Path, sql: str) -> str:
    """`sql` with every `relation` spelt out as of the snapshot that `cursor` sees."""
    return _RELATION.sub(lambda found: f"({_rows(cursor, folder, found)})", sql)


def _rows(cursor: Cursor, folder: Path, found: re.Match[str]) -> str:
    places = [Places(*map(int, each.split("-"))) for each in _listed(found["places"])]
    columns = _listed(found["columns"])
    segments = cursor.execute(
        "SELECT path, columns FROM segments WHERE max_ts >= ? AND min_ts <= ? ORDER BY min_ts, path",
        [int(found["start"]), int(found["end"])],
    ).fetchall()
    there = [(path, set(extra or ())) for path, extra in segments if (folder / path).is_file()]
    if found["which"] == _HAVING:
        having = [(path, extra) for path, extra in there if extra.issuperset(columns)]
        selected = ", ".join([COLUMNS, *(f'"{name}"' for name in columns)])
        return " UNION ALL ".join(_sealed(folder, having, places, selected)) or _none(columns)
    if found["which"] == _LACKING:
        there = [(path, extra) for path, extra in there if not extra.issuperset(columns)]
    hot = f"SELECT {COLUMNS} FROM logs_hot"
    return " UNION ALL ".join([hot, *_sealed(folder, there, places, COLUMNS)])


def _listed(text: str | None) -> list[str]:
    return text.split(", ") if text else []


def _sealed(
    folder: Path, segments: Sequence[tuple[str, set[str]]], places: Sequence[Places], selected: str
) -> list[str]:
    """Segments whose streams have places are looked at there only."""
    placed = [path for path, extra in segments if PLACE in extra and places]
    others = [path for path, extra in segments if PLACE not in extra or not places]
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
