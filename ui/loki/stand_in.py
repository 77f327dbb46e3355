# ruff: noqa: S608  (what stands in the SQL are our own integers)
"""The reference engine over the store, until the planner is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from driftwood.logql.answer import Answer, Labels, Limits, Question
from driftwood.logql.ast import Expr, Matcher
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import StoredEntry
from driftwood.store.read import Readable, rows
from driftwood.store.read_selection import one_of


@dataclass(frozen=True, slots=True)
class _Lines:
    store: Readable

    def select(
        self, matchers: Sequence[Matcher], start: int, end: int
    ) -> Iterator[tuple[Labels, list[StoredEntry]]]:
        streams = self.store.streams.matching(matchers)
        found = rows(
            self.store,
            f"SELECT ts, sid, line, sm, line_id FROM {self.store.relation(start, end)} "
            f"WHERE ts >= {start} AND ts < {end} AND {one_of('sid', list(streams))}",
        )
        entries: dict[int, list[StoredEntry]] = {}
        for row in found:
            entry = StoredEntry(row["ts"], row["line"], dict(row["sm"] or ()), row["line_id"])
            entries.setdefault(row["sid"], []).append(entry)
        for sid, lines in entries.items():
            yield streams[sid], lines


def answer(store: Readable, expr: Expr, question: Question, limits: Limits) -> Answer:
    return evaluate(expr, _Lines(store), question, limits)
