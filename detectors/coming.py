"""Rows on their way into sessions, and a table of what is known by name: sources, and keys of open sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.units import Ints, Rows

Texts: TypeAlias = (
    "npt.NDArray[np.object_] | pa.Array[Any] | pa.ChunkedArray[Any] | Sequence[str | None]"
)

_FEW = 64


class Table:
    """Names with integers about each: a name has a place, a column of `columns`, that is used again once it is gone."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.places: dict[Any, int] = {}
        self.at: list[Any] = [None] * _FEW
        """By place."""
        self.columns = np.zeros((len(names), _FEW), np.int64)
        self._free = list(range(_FEW))

    def place(self, name: Any) -> int:
        """The place of `name`, which is made if need be, all 0."""
        place = self.places.get(name)
        if place is None:
            if not self._free:
                size = len(self.at)
                self._free = list(range(size, 2 * size))
                self.at += [None] * size
                self.columns = np.concatenate([self.columns, np.zeros_like(self.columns)], axis=1)
            place = self.places[name] = self._free.pop()
            self.at[place] = name
        return place

    def drop(self, places: Ints) -> None:
        for place in places.tolist():
            del self.places[self.at[place]]
            self.at[place] = None
        self.columns[:, places] = 0
        self._free += places.tolist()


@dataclass(frozen=True, slots=True)
class Coming:
    """Rows on their way in; `source` and `session` are rows of the lists beside them, a session may be -1: none."""

    rows: Rows
    seen: Ints
    sources: list[str]
    source: Ints
    sessions: list[str]
    session: Ints

    def at(self, rows: slice | npt.NDArray[np.bool_]) -> Coming:
        return Coming(
            self.rows.at(rows),
            self.seen[rows],
            self.sources,
            self.source[rows],
            self.sessions,
            self.session[rows],
        )

    def keys(self, rows: npt.NDArray[np.intp]) -> tuple[list[tuple[int, int]], Ints, Ints]:
        """The distinct (source, session) of these rows, where each comes first, and the key of each row."""
        many = max(len(self.sessions), 1)
        codes = self.source[rows] * many + self.session[rows]
        distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        return [divmod(code, many) for code in distinct.tolist()], first, inverse


def encoded(texts: Texts) -> tuple[list[str], Ints]:
    """The distinct texts and the place of each row's among them, -1 for None."""
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = pa.array(texts, pa.string())
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.unify_dictionaries().combine_chunks()
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.chunk(0) if texts.num_chunks else pa.array([], pa.string())
    if not isinstance(texts, pa.DictionaryArray):
        texts = texts.dictionary_encode()
    codes = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return [str(text) for text in texts.dictionary.to_pylist()], np.asarray(codes, np.int64)
