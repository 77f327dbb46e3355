"""OTLP logs that were pushed, mapped as Loki maps them.

Some resource attributes name the stream (`INDEXED`); everything else that stands beside a body becomes structured
metadata: of the record first, then of the resource and of the scope. Names are written as labels are.

Kafka's OTLP (`ingest.otlp`) is another mapping: there the labels are Driftwood's own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from ingest.push import Sent
from ingest.push_labels import BadLabels, PushLabels, Stream
from ingest.push_metadata import Metadata
from ingest.push_text import DECODE_ERROR, clean
from ingest.push_values import flat, text_of
from ingest.severity import of_number, of_value

INDEXED: Final = frozenset(
    (
        "service.name",
        "service.namespace",
        "service.instance.id",
        "deployment.environment",
        "deployment.environment.name",
        "cloud.region",
        "cloud.availability_zone",
        "k8s.cluster.name",
        "k8s.namespace.name",
        "k8s.pod.name",
        "k8s.container.name",
        "container.name",
        "k8s.replicaset.name",
        "k8s.deployment.name",
        "k8s.statefulset.name",
        "k8s.daemonset.name",
        "k8s.cronjob.name",
        "k8s.job.name",
    )
)
UNKNOWN_SERVICE: Final = {"service_name": "unknown_service"}
_MAX_NS: Final = 2**63 - 1

Attributes = Iterable[tuple[str, Any]]
"""Values are what JSON has, and bytes."""


class LogRecord(NamedTuple):
    """One record as both encodings tell it; ids in hex, 0 and "" where nothing is said."""

    time: int
    observed: int
    severity_number: int
    severity_text: str
    body: Any
    attributes: Attributes
    dropped: int
    flags: int
    trace_id: str
    span_id: str
    event: str


class Scope(NamedTuple):
    attributes: Attributes
    name: str
    version: str
    dropped: int
    records: Iterable[LogRecord]


class Resource(NamedTuple):
    attributes: Attributes
    scopes: Iterable[Scope]


@dataclass(slots=True)
class _Columns:
    """Parallel lists, one element an entry."""

    ts: list[int] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    metadata: list[Mapping[str, str]] = field(default_factory=list)
    severity: list[int] = field(default_factory=list)


def sent(resources: Iterable[Resource], labels: PushLabels) -> Sent:
    """The entries of an export: one stream a resource."""
    now = time.time_ns()
    columns = _Columns()
    streams: list[Stream | str] = []
    sizes: list[int] = []
    for resource in resources:
        before = len(columns.ts)
        indexed: dict[str, str] = {}
        shared: dict[str, str] = {}
        for name, value in resource.attributes:
            (indexed if name in INDEXED else shared).update(flat(name, value))
        for scope in resource.scopes:
            common = {**shared, **_of_scope(scope)}
            for record in scope.records:
                _add(columns, record, common, now)
        sizes.append(len(columns.ts) - before)
        try:
            streams.append(labels.of_map(indexed or UNKNOWN_SERVICE))
        except BadLabels as error:
            streams.append(str(error))
    return Sent(
        streams,
        sizes,
        np.array(columns.ts, np.int64),
        pa.array(columns.line, pa.string()),
        Metadata.of(columns.metadata) if any(columns.metadata) else None,
        np.array(columns.severity, np.uint8),
    )


def _add(columns: _Columns, record: LogRecord, common: Mapping[str, str], now: int) -> None:
    pairs = dict(common)
    for name, value in record.attributes:
        pairs.update(flat(name, value))
    if record.time and record.observed:
        pairs["observed_timestamp"] = str(record.observed)
    number = of_number(record.severity_number)
    if record.severity_number:
        pairs["severity_number"] = str(record.severity_number)
    for name, value in (
        ("severity_text", record.severity_text),
        ("dropped_attributes_count", record.dropped),
        ("flags", record.flags),
        ("trace_id", record.trace_id),
        ("span_id", record.span_id),
        ("event_name", record.event),
    ):
        if value:
            pairs[name] = str(value)
    line, error = clean(text_of(record.body))
    if error:
        pairs[DECODE_ERROR] = error
    columns.ts.append(next((t for t in (record.time, record.observed) if 0 < t <= _MAX_NS), now))
    columns.line.append(line)
    columns.metadata.append(pairs)
    columns.severity.append(number or of_value(record.severity_text))


def _of_scope(scope: Scope) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for name, value in scope.attributes:
        pairs.update(flat(name, value))
    for name, value in (
        ("scope_name", scope.name),
        ("scope_version", scope.version),
        ("scope_dropped_attributes_count", scope.dropped),
    ):
        if value:
            pairs[name] = str(value)
    return pairs
