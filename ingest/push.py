"""What agents push, as records: the same columns whatever the format, checked against the limits and completed.

    Loki's JSON      push_json       labels and entries, stream after stream
    Loki's protobuf  push_proto
    OTLP             push_otlp       resources, scopes and log records

An entry that breaks a limit is refused in Loki's words, and the others are taken. A body that cannot be read is refused
as a whole. Nothing is ever refused or changed for its age.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.config import Push
from driftwood.records import PUSHED, RECORDS, Records, no_records
from ingest.push_labels import PushLabels, Stream, text_of
from ingest.push_metadata import Metadata
from ingest.push_severity import Severities
from ingest.redact import Redactor

Int64s = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class BadPush(ValueError):
    """The body cannot be read as what it says it is; nothing of it was taken."""


class NoStreams(BadPush):
    """There is nothing in it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The entries of one body as columns, stream after stream; only their form is known to be right."""

    streams: Sequence[Stream | str]
    """A text instead of a stream says why its labels are refused."""
    sizes: Sequence[int]
    """Entries of each stream."""
    ts: Int64s
    line: pa.StringArray
    metadata: Metadata | None = None
    """None when no entry has any."""
    severity: npt.NDArray[np.uint8] | None = None
    """Where the format tells one; 0 where it does not."""


class Pushed(NamedTuple):
    """What became of a body."""

    records: Records
    refused: str
    """Why entries were left out, in Loki's words; "" when all were taken."""


class PushReader:
    """Makes records of what was sent; each body gets a number of its own. Any thread may call."""

    def __init__(
        self, limits: Push, redactor: Redactor | None, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._limits = limits
        self._redactor = redactor
        self._now = now
        self._severities = Severities()
        # A name for this life of the process: its numbers begin anew, and no identity ever comes twice.
        self._topic = PUSHED + uuid4().hex
        self._numbers = itertools.count()
        self.labels = PushLabels(limits)

    def records(self, sent: Sent) -> Pushed:
        n = len(sent.ts)
        if n == 0:
            return Pushed(no_records(), "")
        stream = np.repeat(np.arange(len(sent.streams), dtype=np.int32), sent.sizes)
        refused: Counter[str] = Counter()
        taken = self._taken(sent, stream, refused)
        table = self._table(sent, stream)
        if not taken.all():
            table = table.filter(pa.array(taken))
        return Pushed(Records(table), _grouped(refused))

    def _table(self, sent: Sent, stream: npt.NDArray[np.int32]) -> pa.Table:
        n = len(sent.ts)
        line, metadata = sent.line, sent.metadata
        streams = [s if isinstance(s, Stream) else Stream("{}", "", 0) for s in sent.streams]
        if self._redactor is not None:
            line = self._redactor.array(line)
            metadata = metadata and metadata.redacted(self._redactor)
        severity = np.array([s.severity for s in streams], np.uint8)[stream]
        if sent.severity is not None:
            severity = np.where(sent.severity > 0, sent.severity, severity)
        self._severities.complete(severity, metadata, line)
        columns: list[Any] = [
            pa.array(sent.ts),
            pa.array(np.full(n, self._now())),
            _named(stream, [s.key for s in streams]),
            line,
            metadata.maps() if metadata is not None else Metadata.none(n).maps(),
            pa.array(severity),
            _named(stream, [s.service for s in streams]),
            _named(np.zeros(n, np.int32), [self._topic]),
            pa.array(np.zeros(n, np.int32)),
            pa.array(np.full(n, next(self._numbers))),
            pa.array(np.arange(n, dtype=np.int32)),
        ]
        return pa.Table.from_arrays(columns, schema=RECORDS)

    def _taken(self, sent: Sent, stream: npt.NDArray[np.int32], refused: Counter[str]) -> Mask:
        """Which entries are within the limits; why the others are not goes to `refused`."""
        limits = self._limits
        named = np.array([isinstance(s, Stream) for s in sent.streams])
        taken: Mask = named[stream]
        refused.update(
            s
            for s, size in zip(sent.streams, sent.sizes, strict=True)
            if isinstance(s, str) and size
        )

        def refuse(entries: Mask, why: Callable[[str, int], str]) -> None:
            for row in np.flatnonzero(entries & taken).tolist():
                of = sent.streams[stream[row]]
                assert isinstance(of, Stream)
                refused[why(_text(of), row)] += 1
            taken[entries] = False

        lengths = pc.binary_length(sent.line).to_numpy()
        most = limits.max_line_bytes
        if lengths.max(initial=0) > most:
            refuse(
                lengths > most,
                lambda of, row: (
                    f"Max entry size '{most}' bytes exceeded for stream '{of}' "
                    f"while adding an entry with length '{lengths[row]}' bytes"
                ),
            )
        if sent.metadata is not None:
            sizes, counts = sent.metadata.bytes(), sent.metadata.counts()
            refuse(
                sizes > limits.max_metadata_bytes,
                lambda of, row: (
                    f"stream '{of}' has structured metadata too large: '{sizes[row]}' bytes, limit: "
                    f"'{limits.max_metadata_bytes}' bytes. Please see [push] max_metadata_bytes."
                ),
            )
            refuse(
                counts > limits.max_metadata,
                lambda of, row: (
                    f"stream '{of}' has too many structured metadata labels: '{counts[row]}', limit: "
                    f"'{limits.max_metadata}'. Please see [push] max_metadata."
                ),
            )
        return taken


def _text(stream: Stream) -> str:
    labels: dict[str, str] = orjson.loads(stream.key)
    return text_of(labels)


def _named(codes: npt.NDArray[np.int32], names: list[str]) -> Any:
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))


def _grouped(texts: Counter[str]) -> str:
    """
    >>> _grouped(Counter(["too long", "no labels", "too long"]))
    '2 errors like: too long; no labels'
    """
    return "; ".join(text if n == 1 else f"{n} errors like: {text}" for text, n in texts.items())
