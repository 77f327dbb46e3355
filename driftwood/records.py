"""What flows: the columns of every batch, written once, and the small values that travel beside them.

    Records     lines as received, decoded and normalised        (a source's, or a push's)
    Events      records with template and line number             (what detectors see and the store keeps)
    DeadLetters what could not be decoded, with its bytes

All are Arrow tables, so that a stage touches columns and not lines; DuckDB reads them without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

import pyarrow as pa

TemplateId = NewType("TemplateId", int)

_NAME = pa.dictionary(pa.int32(), pa.string())

# `ts`, `observed_ts`: ns since the epoch, UTC.  `labels`: canonical JSON (`driftwood.labels.label_key`).
# `sm`: structured metadata.  `severity`: OpenTelemetry's number, 0 when unknown.  `service`: "" when unknown.
# (`topic`, `part`, `off`, `idx`) say where a record came from and are its identity: for Kafka `topic` is
# "name/UUID"; for files it names the file's incarnation and `off` is the byte at which the line starts; for what was
# pushed it is "push/UUID", made anew at each start, `off` numbers the pushes and `idx` the entries of one.
RECORDS = pa.schema(
    [
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("observed_ts", pa.int64(), nullable=False),
        pa.field("labels", _NAME, nullable=False),
        pa.field("line", pa.string(), nullable=False),
        pa.field("sm", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("severity", pa.uint8(), nullable=False),
        pa.field("service", _NAME, nullable=False),
        pa.field("topic", _NAME, nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("off", pa.int64(), nullable=False),
        pa.field("idx", pa.int32(), nullable=False),
    ]
)

# `line_id` is given by the writer, dense and in the order of arrival; evidence refers to it.
EVENTS = (
    RECORDS.append(pa.field("template_id", pa.int64(), nullable=False))
    .append(pa.field("template_version", pa.int32(), nullable=False))
    .append(pa.field("line_id", pa.int64(), nullable=False))
)

PUSHED = "push/"
"""How the topic of what was pushed begins."""

REFUSED = "store"
"""The stage of a dead letter whose `raw` is a line, not a message: `driftwood.refused`."""

_DEAD_LETTERS: list[pa.Field[Any]] = [
    pa.field("observed_ts", pa.int64(), nullable=False),
    pa.field("source", pa.string(), nullable=False),  # the name of the source
    pa.field("topic", pa.string(), nullable=False),
    pa.field("part", pa.int32(), nullable=False),
    pa.field("off", pa.int64(), nullable=False),
    pa.field("idx", pa.int32(), nullable=False),
    pa.field("stage", pa.string(), nullable=False),  # decode | parse | store
    pa.field("reason", pa.string(), nullable=False),  # one sentence for a person
    pa.field("raw", pa.binary(), nullable=False),
    pa.field("headers", pa.map_(pa.string(), pa.binary()), nullable=False),
    pa.field("key", pa.binary()),
    pa.field("record_ts", pa.int64()),  # the producer's or broker's time, ns
]
DEAD_LETTERS = pa.schema(_DEAD_LETTERS)

Records = NewType("Records", pa.Table)
Events = NewType("Events", pa.Table)
DeadLetters = NewType("DeadLetters", pa.Table)


def no_records() -> Records:
    return Records(RECORDS.empty_table())


def no_dead_letters() -> DeadLetters:
    return DeadLetters(DEAD_LETTERS.empty_table())


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll of a source gave: everything up to `checkpoint`, and nothing after it."""

    records: Records = field(default_factory=no_records)
    dead: DeadLetters = field(default_factory=no_dead_letters)
    checkpoint: Mapping[str, str] = field(default_factory=dict)
    """Where to go on after this batch: position by key (a partition, a file). Only the keys that moved."""


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template. `text` holds `<*>` (or a typed `<NUM>`, `<IP>`...) where lines differ."""

    id: TemplateId
    version: int
    text: str
    exact: bool = False
    """True when text and parameters give every line of this version back, byte for byte."""
    parents: tuple[TemplateId, ...] = ()
    """Templates that this one took over, and that are no more: lineage, old -> new."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """Why: one template's part in an anomaly."""

    template_id: TemplateId
    template: str
    seen: float
    expected: float
    weight: float
    """Share of the score, 0..1."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A verdict on one window of one source. `id` follows from what it judges, so a replay gives the same one."""

    id: str
    detector: str
    kind: str
    """Short machine-readable kind: new_template, rate_up, rate_down, error_burst ..."""
    source: str
    """Canonical labels without `level`."""
    service: str
    start: int
    end: int
    """The window [start, end), ns."""
    score: float
    """Comparable within a detector; larger is stranger."""
    p_value: float
    """Calibrated: how often a normal window of this source scores at least this high."""
    title: str
    """One sentence for a person at 3 a.m."""
    contributions: tuple[Contribution, ...] = ()
    line_ids: tuple[int, ...] = ()
    """Evidence, oldest first."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person says of an anomaly; the newest one decides its status."""

    anomaly_id: str
    verdict: str
    """real | noise | expected | open (takes an earlier verdict back)"""
    note: str = ""
    scope: str = ""
    """What it holds for, in the detectors' words."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one transaction makes durable, or nothing of it."""

    events: Events
    dead: DeadLetters
    checkpoints: Mapping[str, Mapping[str, str]]
    """By source name, then as in `Batch.checkpoint`."""
    templates: tuple[Template, ...] = ()
    """New versions only."""
    anomalies: tuple[Anomaly, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    state: Mapping[str, bytes] = field(default_factory=dict)
    """Snapshots that changed, by owner: "parser", "detection"."""
    replayed: tuple[int, ...] = ()
    """Ids of dead letters whose records are among `events`: marked as replayed."""
    next_line_id: int = 0
    """Line ids below this one were given, also where no row of `events` has them any more."""
