"""Small values as rows of their tables: streams, templates, anomalies, positions."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from driftwood.labels import source_key
from driftwood.records import Anomaly, Commit, DeadLetters, Events, Feedback, Template

T = TypeVar("T")

_LABELS = pa.map_(pa.string(), pa.string())


def _columns(**types: pa.DataType) -> pa.Schema:
    return pa.schema(types)


_CONTRIBUTION = pa.struct(
    list(
        _columns(
            template_id=pa.int64(),
            template=pa.string(),
            seen=pa.float64(),
            expected=pa.float64(),
            weight=pa.float64(),
        )
    )
)
_FEEDBACK = _columns(
    anomaly_id=pa.string(),
    verdict=pa.string(),
    note=pa.string(),
    scope=pa.string(),
    created=pa.int64(),
)
_TEMPLATES = _columns(
    id=pa.int64(),
    version=pa.int32(),
    text=pa.string(),
    exact=pa.bool_(),
    parents=pa.list_(pa.int64()),
    created=pa.int64(),
)
_ANOMALIES = _columns(
    id=pa.string(),
    detector=pa.string(),
    kind=pa.string(),
    source=pa.string(),
    service=pa.string(),
    start_ts=pa.int64(),
    end_ts=pa.int64(),
    score=pa.float64(),
    p_value=pa.float64(),
    title=pa.string(),
    contributions=pa.list_(_CONTRIBUTION),
    line_ids=pa.list_(pa.int64()),
    created=pa.int64(),
)


def stream_rows(new: Mapping[int, str], sids: npt.NDArray[np.int64], events: pa.Table) -> pa.Table:
    """Rows of `streams`; a stream's service is that of its first line."""
    distinct, first = np.unique(sids, return_index=True)
    at = dict(zip(distinct.tolist(), first.tolist(), strict=True))
    services = events.column("service").take(pa.array([at[sid] for sid in new])).to_pylist()
    now = time.time_ns()
    return pa.table(
        {
            "sid": pa.array(list(new), pa.int64()),
            "labels": pa.array([list(orjson.loads(key).items()) for key in new.values()], _LABELS),
            "key": pa.array(list(new.values()), pa.string()),
            "source": pa.array([source_key(key) for key in new.values()], pa.string()),
            "service": pa.array(services, pa.string()),
            "created": pa.array([now] * len(new), pa.int64()),
        }
    )


def template_rows(templates: tuple[Template, ...], now: int) -> pa.Table:
    rows = {(t.id, t.version): t for t in templates}.values()
    return pa.Table.from_pylist(
        [
            {
                "id": t.id,
                "version": t.version,
                "text": t.text,
                "exact": t.exact,
                "parents": list(t.parents),
                "created": now,
            }
            for t in rows
        ],
        schema=_TEMPLATES,
    )


def feedback_rows(said: tuple[Feedback, ...], now: int) -> pa.Table:
    rows = [{**dataclasses.asdict(each), "created": now} for each in said]
    return pa.Table.from_pylist(rows, schema=_FEEDBACK)


def anomaly_rows(anomalies: tuple[Anomaly, ...], now: int) -> pa.Table:
    rows = {a.id: a for a in reversed(anomalies)}.values()
    return pa.Table.from_pylist(
        [
            {
                "id": a.id,
                "detector": a.detector,
                "kind": a.kind,
                "source": a.source,
                "service": a.service,
                "start_ts": a.start,
                "end_ts": a.end,
                "score": a.score,
                "p_value": a.p_value,
                "title": a.title,
                "contributions": [
                    {
                        "template_id": c.template_id,
                        "template": c.template,
                        "seen": c.seen,
                        "expected": c.expected,
                        "weight": c.weight,
                    }
                    for c in a.contributions
                ],
                "line_ids": list(a.line_ids),
                "created": now,
            }
            for a in rows
        ],
        schema=_ANOMALIES,
    )


def position_rows(checkpoints: Mapping[str, Mapping[str, str]]) -> pa.Table:
    moved = [
        (source, key, position)
        for source, positions in checkpoints.items()
        for key, position in positions.items()
    ]
    sources, keys, positions = zip(*moved, strict=True) if moved else ((), (), ())
    return pa.table(
        {
            "source": pa.array(sources, pa.string()),
            "key": pa.array(keys, pa.string()),
            "position": pa.array(positions, pa.string()),
        }
    )


def with_distinct_keys(commit: Commit) -> Commit:
    """`commit` without maps that hold a key twice, as headers of Kafka may and maps of DuckDB may not."""
    return dataclasses.replace(
        commit,
        events=Events(_distinct(commit.events, "sm")),
        dead=DeadLetters(_distinct(commit.dead, "headers")),
    )


def _distinct(table: pa.Table, column: str) -> pa.Table:
    at = table.schema.get_field_index(column)
    maps = [numbered(pairs) for pairs in table.column(at).to_pylist()]
    field = table.schema.field(at)
    return table.set_column(at, field, pa.array(maps, field.type))


def numbered(pairs: Iterable[tuple[str, T]] | None) -> list[tuple[str, T]]:
    """Pairs with a key each: what comes again is numbered.

    >>> numbered([("trace", 1), ("trace", 2), ("span", 3), ("trace", 4)])
    [('trace', 1), ('trace#2', 2), ('span', 3), ('trace#3', 4)]
    """
    found: dict[str, T] = {}
    for key, value in pairs or ():
        name, n = key, 1
        while name in found:
            n += 1
            name = f"{key}#{n}"
        found[name] = value
    return list(found.items())
