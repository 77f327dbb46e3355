"""A small shop's log that tests ask questions about: rows said in a few words, made into commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from driftwood.labels import label_key
from driftwood.logql import parse
from driftwood.logql.ast import LogQuery
from driftwood.records import (
    DEAD_LETTERS,
    EVENTS,
    Anomaly,
    Commit,
    DeadLetters,
    Events,
    Template,
    no_dead_letters,
)

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOON = 1_715_688_000 * SECOND
"""2024-05-14T12:00:00Z"""

SEVERITY = {"": 0, "debug": 5, "info": 9, "warn": 13, "error": 17}


@dataclass(frozen=True)
class Row:
    """One line; `ts` in ns. Its stream is {app, level, **labels}."""

    ts: int
    line: str
    app: str = "api"
    level: str = "info"
    template: int = 1
    version: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    arrived: int | None = None
    """ns; at `ts` when None"""


def commit(
    rows: Iterable[Row] = (),
    first_id: int = 1,
    *,
    templates: Sequence[Template] = (),
    anomalies: Sequence[Anomaly] = (),
    dead: DeadLetters | None = None,
) -> Commit:
    """Line ids and offsets count from `first_id` in the order given."""
    return Commit(
        events(list(rows), first_id),
        dead if dead is not None else no_dead_letters(),
        {},
        templates=tuple(templates),
        anomalies=tuple(anomalies),
    )


def events(rows: Sequence[Row], first_id: int = 1) -> Events:
    names = pa.dictionary(pa.int32(), pa.string())
    keys = [
        label_key({"app": r.app, **({"level": r.level} if r.level else {}), **r.labels})
        for r in rows
    ]
    columns = {
        "ts": pa.array([r.ts for r in rows], pa.int64()),
        "observed_ts": pa.array(
            [r.ts if r.arrived is None else r.arrived for r in rows], pa.int64()
        ),
        "labels": pa.array(keys, pa.string()).cast(names),
        "line": pa.array([r.line for r in rows], pa.string()),
        "sm": pa.array([list(r.metadata.items()) for r in rows], EVENTS.field("sm").type),
        "severity": pa.array([SEVERITY[r.level] for r in rows], pa.uint8()),
        "service": pa.array([r.app for r in rows], pa.string()).cast(names),
        "topic": pa.array(["orders/uuid"] * len(rows), pa.string()).cast(names),
        "part": pa.array([0] * len(rows), pa.int32()),
        "off": pa.array(range(first_id, first_id + len(rows)), pa.int64()),
        "idx": pa.array([0] * len(rows), pa.int32()),
        "template_id": pa.array([r.template for r in rows], pa.int64()),
        "template_version": pa.array([r.version for r in rows], pa.int32()),
        "line_id": pa.array(range(first_id, first_id + len(rows)), pa.int64()),
    }
    return Events(pa.table([columns[name] for name in EVENTS.names], schema=EVENTS))


def dead_letter(raw: bytes, ts: int = NOON, source: str = "kafka") -> DeadLetters:
    return DeadLetters(
        pa.Table.from_pylist(
            [
                {
                    "observed_ts": ts,
                    "source": source,
                    "topic": "orders/uuid",
                    "part": 2,
                    "off": 188_231,
                    "idx": 0,
                    "stage": "decode",
                    "reason": "not valid OTLP",
                    "raw": raw,
                    "headers": [("content-type", b"application/x-protobuf"), ("bin", b"\xff")],
                    "key": None,
                    "record_ts": ts,
                }
            ],
            schema=DEAD_LETTERS,
        )
    )


def log_query(text: str) -> LogQuery:
    """What selects lines; `{}` selects all."""
    query = parse(text, any_stream=True)
    assert isinstance(query, LogQuery)
    return query
