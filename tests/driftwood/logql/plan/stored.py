"""Lines in a real store, for the engine that asks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from driftwood.config import Store as Settings
from driftwood.labels import label_key
from driftwood.logql import parse
from driftwood.logql.answer import Answer, Limits, Question
from driftwood.logql.plan.engine import QuerySettings, answer
from driftwood.records import EVENTS, Commit, Events, no_dead_letters
from driftwood.store.store import DuckStore
from parsing import PARSERS
from parsing.shapes import ShapeCache
from tests.driftwood.logql.conformance import Dataset

Kept = Literal["hot", "sealed", "both"]
"""Where the lines are: in the table of hot rows, in segments, or half and half."""


class StoredEngine:
    """Plays `conformance.Engine`."""

    def __init__(self, dataset: Dataset, kept: Kept = "both") -> None:
        self.store = stored(dataset, kept)

    def answer(self, query: str, question: Question, limits: Limits) -> Answer:
        return answer(self.store, parse(query), question, QuerySettings(limits))


def stored(dataset: Dataset, kept: Kept = "both") -> DuckStore:
    """A store in memory. As in Loki, an equal line of a stream comes once."""
    store = DuckStore.in_memory(Settings(min_free_bytes=0))
    parser = ShapeCache(PARSERS.make("drain3"))
    rows = _rows(dataset)
    half = len(rows) // 2 if kept == "both" else len(rows) if kept == "sealed" else 0
    for part, first in ((rows[:half], 0), (rows[half:], half)):
        if part:
            store.write(_commit(part, first, parser))
        if first == 0 and half:
            store.compact()
    return store


_Row = tuple[str, int, str, tuple[tuple[str, str], ...]]


def _rows(dataset: Dataset) -> list[_Row]:
    """(labels, ts, line, metadata)"""
    rows: dict[_Row, None] = {}
    for stream in dataset:
        key = label_key({name: value for name, value in stream.labels.items() if value})
        for ts, line, metadata in stream.lines:
            rows.setdefault((key, ts, line, tuple(sorted(metadata.items()))))
    return list(rows)


def _commit(rows: Sequence[_Row], first: int, parser: ShapeCache) -> Commit:
    n = len(rows)
    keys, times, lines, metadata = zip(*rows, strict=True)
    ids, versions = parser.assign(pa.array(lines, pa.string()))
    names = {field.name: field.type for field in EVENTS}
    columns = {
        "ts": pa.array(times, pa.int64()),
        "observed_ts": pa.array(times, pa.int64()),
        "labels": pa.array(keys, pa.string()).dictionary_encode(),
        "line": pa.array(lines, pa.string()),
        "sm": pa.array([list(pairs) for pairs in metadata], names["sm"]),
        "severity": pa.array([0] * n, pa.uint8()),
        "service": pa.array([""] * n, pa.string()).dictionary_encode(),
        "topic": pa.array(["test"] * n, pa.string()).dictionary_encode(),
        "part": pa.array([0] * n, pa.int32()),
        "off": pa.array(np.arange(first, first + n), pa.int64()),
        "idx": pa.array([0] * n, pa.int32()),
        "template_id": ids,
        "template_version": versions,
        "line_id": pa.array(np.arange(first, first + n), pa.int64()),
    }
    events = Events(pa.table([columns[name] for name in EVENTS.names], schema=EVENTS))
    return Commit(events, no_dead_letters(), {}, templates=parser.changes())
