"""Rows to columns: the lists that a decoder fills, and the Arrow tables they become.

Labels, services and topics are dictionary-encoded: what a label set costs is paid once per batch, not once per line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.labels import label_key, level_of
from driftwood.records import DEAD_LETTERS, RECORDS, DeadLetters, Records
from ingest.redact import Redactor


@dataclass(frozen=True, slots=True)
class Origin:
    """What the records of one topic or file have in common."""

    topic: str
    labels: Mapping[str, str]
    service: str
    """Of lines that name none."""


class Streams(dict[tuple[int, str, int], int]):
    """(origin, recognised service, severity) -> row of `streams`; made when it is first asked for."""

    def __init__(self, origins: Sequence[Origin]) -> None:
        super().__init__()
        self._origins = origins
        self.keys_and_services: list[tuple[str, str]] = []
        """Of each stream: its canonical labels and its service."""
        self._codes: dict[str, int] = {}

    def __missing__(self, row: tuple[int, str, int]) -> int:
        at, service, severity = row
        origin = self._origins[at]
        labels = {
            "service_name": service or origin.service,
            **{name: writable(value) for name, value in origin.labels.items()},
        }
        if level := level_of(severity):
            labels["level"] = level
        key = label_key(labels)
        code = self._codes.setdefault(key, len(self._codes))
        if code == len(self.keys_and_services):
            self.keys_and_services.append((key, labels["service_name"]))
        self[row] = code
        return code


@dataclass(slots=True)
class Rows:
    """Records in the making: parallel lists, one element a record."""

    line: list[str] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    severity: list[int] = field(default_factory=list)
    service: list[str] = field(default_factory=list)
    message: list[int] = field(default_factory=list)
    """Position of the message or line that the record came in."""
    idx: list[int] = field(default_factory=list)
    sm: dict[int, dict[str, str]] = field(default_factory=dict)
    """By record, only where there is some."""

    def add(
        self, line: str, ts: int, severity: int, service: str, message: int, idx: int = 0
    ) -> None:
        self.line.append(line)
        self.ts.append(ts)
        self.severity.append(severity)
        self.service.append(service)
        self.message.append(message)
        self.idx.append(idx)

    def note(self, record: int, key: str, value: str) -> None:
        self.sm.setdefault(record, {})[key] = value

    def records(
        self,
        *,
        origins: Sequence[Origin],
        origin: npt.NDArray[np.int32],
        part: npt.NDArray[np.int32],
        off: npt.NDArray[np.int64],
        observed_ts: int,
        redactor: Redactor | None,
    ) -> Records:
        """The table. `origin` (a row of `origins`), `part` and `off` are told per message."""
        n = len(self.line)
        message = np.array(self.message, np.int64)
        at = origin[message]
        streams = Streams(origins)
        # A mapping with __missing__ is looked up in C: a Python frame only for a stream that is new.
        codes = [streams[row] for row in zip(at.tolist(), self.service, self.severity, strict=True)]
        lines = self._lines()
        if redactor:
            lines = redactor.array(lines)
        columns: list[Any] = [
            pa.array(self.ts, pa.int64()),
            pa.array(np.full(n, observed_ts, np.int64)),
            _encoded(codes, [key for key, _ in streams.keys_and_services]),
            lines,
            self._maps(n, redactor),
            pa.array(self.severity, pa.uint8()),
            _encoded(codes, [service for _, service in streams.keys_and_services]),
            _encoded(at, [each.topic for each in origins]),
            pa.array(part[message]),
            pa.array(off[message]),
            pa.array(self.idx, pa.int32()),
        ]
        return Records(pa.Table.from_arrays(columns, schema=RECORDS))

    def _lines(self) -> pa.StringArray:
        try:
            return pa.array(self.line, pa.string())
        except UnicodeEncodeError:  # half of a surrogate pair: text that no UTF-8 can hold
            for record, line in enumerate(self.line):
                self.line[record] = writable(line)
                if self.line[record] != line:
                    self.note(record, "decode_error", "text with half of a surrogate pair")
            return pa.array(self.line, pa.string())

    def _maps(self, n: int, redactor: Redactor | None) -> Any:
        """`n` maps, most of them empty: built from offsets, so that an empty one costs nothing."""
        sizes = np.zeros(n + 1, np.int32)
        keys: list[str] = []
        values: list[str] = []
        for record in sorted(self.sm):
            pairs = self.sm[record]
            sizes[record + 1] = len(pairs)
            keys.extend(pairs)
            values.extend(pairs.values())
        if redactor and values:
            values = redactor.values(keys, values)
        offsets: Any = pa.array(np.cumsum(sizes, dtype=np.int32))
        return pa.MapArray.from_arrays(
            offsets, pa.array(keys, pa.string()), pa.array(values, pa.string())
        )


def known_records(
    lines: pa.StringArray,
    ts: npt.NDArray[np.int64],
    severity: npt.NDArray[np.uint8],
    service: Sequence[str],
    message: npt.NDArray[np.int64],
    *,
    origins: Sequence[Origin],
    origin: npt.NDArray[np.int32],
    part: npt.NDArray[np.int32],
    off: npt.NDArray[np.int64],
    observed_ts: int,
    redactor: Redactor | None,
) -> Records:
    """As `Rows.records`, of columns; each line is a record without metadata. `service`: in any order, of the lines."""
    n = len(lines)
    at = origin[message]
    names = {name: number for number, name in enumerate(dict.fromkeys(service))}
    named = np.fromiter((names[name] for name in service), np.int64, n)
    distinct, codes = np.unique(
        (at * np.int64(len(names)) + named) * 256 + severity, return_inverse=True
    )
    streams, by_number = Streams(origins), list(names)
    rows = [
        streams[int(key >> 8) // len(names), by_number[int(key >> 8) % len(names)], int(key & 255)]
        for key in distinct.tolist()
    ]
    stream = np.array(rows, np.int32)[codes]
    empty: Any = pa.array(np.zeros(n + 1, np.int32))
    none = pa.array([], pa.string())
    columns: list[Any] = [
        pa.array(ts),
        pa.array(np.full(n, observed_ts, np.int64)),
        _encoded(stream, [key for key, _ in streams.keys_and_services]),
        redactor.array(lines) if redactor else lines,
        pa.MapArray.from_arrays(empty, none, none),
        pa.array(severity),
        _encoded(stream, [name for _, name in streams.keys_and_services]),
        _encoded(at, [each.topic for each in origins]),
        pa.array(part[message]),
        pa.array(off[message]),
        pa.array(np.zeros(n, np.int32)),
    ]
    return Records(pa.Table.from_arrays(columns, schema=RECORDS))


def in_order(
    first: Records,
    first_at: npt.NDArray[np.int64],
    second: Records,
    second_at: npt.NDArray[np.int64],
) -> Records:
    """The records of both, ordered by the message that each came in; no message is in both."""
    if not second.num_rows:
        return first
    if not first.num_rows:
        return second
    both = pa.concat_tables([first, second]).unify_dictionaries().combine_chunks()
    order = np.argsort(np.concatenate([first_at, second_at]), kind="stable")
    return Records(both.take(order))


def dead_letters(rows: Sequence[Mapping[str, Any]]) -> DeadLetters:
    return DeadLetters(pa.Table.from_pylist([dict(row) for row in rows], schema=DEAD_LETTERS))


def writable(text: str) -> str:
    """`text` as UTF-8 can hold it: what stands for bytes that were no text (surrogates) is escaped.

    >>> writable("caf\\udce9")
    'caf\\\\udce9'
    """
    return text.encode(errors="backslashreplace").decode()


def _encoded(codes: Any, names: list[str]) -> Any:
    """A dictionary array; a name may stand in it more than once."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))
