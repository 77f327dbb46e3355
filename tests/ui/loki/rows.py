"""Lines with any labels and metadata, made into commits: what Loki's clients push."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from driftwood.labels import label_key
from driftwood.records import EVENTS, Commit, Events, Template, no_dead_letters

SEVERITY = {"debug": 5, "info": 9, "notice": 10, "warn": 13, "error": 17}


@dataclass(frozen=True)
class Line:
    ts: int
    """ns"""
    line: str
    labels: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)
    template: int = 1


def commit(lines: Iterable[Line], first_id: int = 1, templates: Sequence[Template] = ()) -> Commit:
    """Line ids count from `first_id` in the order given."""
    rows = list(lines)
    names = pa.dictionary(pa.int32(), pa.string())
    count = len(rows)
    ids = pa.array(range(first_id, first_id + count), pa.int64())
    columns = {
        "ts": pa.array([r.ts for r in rows], pa.int64()),
        "observed_ts": pa.array([r.ts for r in rows], pa.int64()),
        "labels": pa.array([label_key(r.labels) for r in rows], pa.string()).cast(names),
        "line": pa.array([r.line for r in rows], pa.string()),
        "sm": pa.array([list(r.metadata.items()) for r in rows], EVENTS.field("sm").type),
        "severity": pa.array(
            [SEVERITY.get(r.labels.get("level", ""), 0) for r in rows], pa.uint8()
        ),
        "service": pa.array([r.labels.get("app", "") for r in rows], pa.string()).cast(names),
        "topic": pa.array(["push/1"] * count, pa.string()).cast(names),
        "part": pa.array([0] * count, pa.int32()),
        "off": ids,
        "idx": pa.array([0] * count, pa.int32()),
        "template_id": pa.array([r.template for r in rows], pa.int64()),
        "template_version": pa.array([1] * count, pa.int32()),
        "line_id": ids,
    }
    events = Events(pa.table([columns[name] for name in EVENTS.names], schema=EVENTS))
    return Commit(events, no_dead_letters(), {}, templates=tuple(templates))
