"""One query under way: the store it asks, within a time, and a record of how it was answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from driftwood.logql.answer import Limits
from driftwood.logql.sql import Sql
from driftwood.store.read import Deadline, Readable


@dataclass(frozen=True, slots=True)
class QuerySettings:
    limits: Limits = field(default_factory=Limits)
    timeout_s: float = 30.0
    """For all statements of a query together."""


LINES = "logs_"
"""With this the names of relations begin that hold lines (`store.segments`)."""


class Statement(NamedTuple):
    sql: str
    parameters: tuple[object, ...]
    rows: int
    ms: float


@dataclass(slots=True)
class Asked:
    store: Readable
    settings: QuerySettings
    dry: bool = False
    """Lines are not looked at: a question about them has the answer that it has where there are none."""
    notes: list[str] = field(default_factory=list)
    """What was decided, in the order of deciding."""
    statements: list[Statement] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def query(self, statement: Sql) -> pa.Table:
        """Raises QueryTimeout when the time is over."""
        started = time.perf_counter()
        text = statement.sql
        if self.dry and LINES in text:
            text = f"SELECT * FROM ({text}) LIMIT 0"  # noqa: S608
        found = self.store.query(text, statement.parameters)
        ms = (time.perf_counter() - started) * 1e3
        self.statements.append(Statement(statement.sql, statement.parameters, found.num_rows, ms))
        return found


def asked(store: Readable, settings: QuerySettings, *, dry: bool = False) -> Asked:
    return Asked(Deadline(store, settings.timeout_s), settings, dry)
