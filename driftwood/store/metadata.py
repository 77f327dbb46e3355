# ruff: noqa: S608  (what stands in the SQL is our own: columns, quoted paths)
"""The names that structured metadata has had so far: a query need not look into the maps of rows for any other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from driftwood.store.database import Cursor, Database
from driftwood.store.segments import union

MAX_NAMES = 10_000
"""Beyond that nobody keeps account: any name may be there."""


def names_in(events: pa.Table) -> set[str]:
    """The names in a batch of events."""
    chunks: list[Any] = events.column("sm").chunks
    keys = [chunk.keys for chunk in chunks if len(chunk.keys)]
    if not keys:
        return set()
    return {str(name) for name in pc.unique(pa.chunked_array(keys)).to_pylist()}


class MetadataNames:
    """Any thread may ask; `add` is for the writing thread, after the commit."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._complete = False

    @property
    def names(self) -> Collection[str] | None:
        """None: any."""
        if not self._complete or len(self._names) > MAX_NAMES:
            return None
        return self._names

    def new(self, names: Iterable[str]) -> list[str]:
        """Those that are not known yet and worth keeping."""
        if len(self._names) > MAX_NAMES:
            return []
        return sorted(set(names) - self._names)

    def add(self, names: Iterable[str]) -> None:
        self._names = self._names.union(names)

    def load(self, cursor: Cursor) -> None:
        found = cursor.execute("SELECT name FROM metadata_names").fetchall()
        self._names = {name for (name,) in found}
        done = cursor.execute("SELECT 1 FROM meta WHERE key = 'metadata_names'").fetchall()
        self._complete = bool(done)

    def learn(self, database: Database, cursor: Cursor) -> None:
        """Look at all rows, where an older version of Driftwood wrote them and kept no account."""
        if self._complete or database.read_only:
            return
        paths = cursor.execute("SELECT path FROM segments").fetchall()
        rows = union(database.folder, [path for (path,) in paths])
        with database.transaction(cursor):
            cursor.execute(
                "INSERT OR IGNORE INTO metadata_names "
                f"SELECT DISTINCT unnest(map_keys(sm)) AS name FROM ({rows}) LIMIT {MAX_NAMES + 1}"
            )
            cursor.execute("INSERT OR REPLACE INTO meta VALUES ('metadata_names', 'complete')")
        self.load(cursor)
