"""Rows to columns: the lists that a decoder fills, and the Arrow tables they become.

Labels, services and topics are dictionary-encoded: what a label set costs is paid once per batch, not once per line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from driftwood.labels import label_key, level_of
from driftwood.records import DEAD_LETTERS, RECORDS, DeadLetters, Records


class Streams(dict[tuple[str, str, int], int]):
    """(topic, service, severity) -> code of its label set in `keys`; a new one is made when it is first asked for."""

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """`labels`: topic -> what all its streams have in common."""
        super().__init__()
        self._labels = labels
        self.keys_: list[str] = []
        self._codes: dict[str, int] = {}

    def __missing__(self, row: tuple[str, str, int]) -> int:
        topic, service, severity = row
        labels = {"service_name": service, **self._labels[topic]}
        if level := level_of(severity):
            labels["level"] = level
        key = label_key(labels)
        code = self._codes.setdefault(key, len(self._codes))
        if code == len(self.keys_):
            self.keys_.append(key)
        self[row] = code
        return code


@dataclass(slots=True)
class Rows:
    """Records in the making: parallel lists, one element a record; `sm` only where there is some."""

    line: list[str] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    severity: list[int] = field(default_factory=list)
    service: list[str] = field(default_factory=list)
    topic: list[str] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    off: list[int] = field(default_factory=list)
    idx: list[int] = field(default_factory=list)
    sm: dict[int, Mapping[str, str]] = field(default_factory=dict)

    def records(self, lines: pa.StringArray, streams: Streams, observed_ts: int) -> Records:
        """The table; `lines` are the texts to store (`line` after redaction)."""
        n = len(self.line)
        # A row of a mapping with __missing__ is looked up in C: a Python frame only for a label set that is new.
        codes = [streams[row] for row in zip(self.topic, self.service, self.severity, strict=True)]
        columns = [
            pa.array(self.ts, pa.int64()),
            pa.array(np.full(n, observed_ts, np.int64)),
            pa.DictionaryArray.from_arrays(
                pa.array(codes, pa.int32()), pa.array(streams.keys_, pa.string())
            ),
            lines,
            maps(self.sm, n),
            pa.array(self.severity, pa.uint8()),
            encoded(self.service),
            encoded(self.topic),
            pa.array(self.part, pa.int32()),
            pa.array(self.off, pa.int64()),
            pa.array(self.idx, pa.int32()),
        ]
        return Records(pa.Table.from_arrays(columns, schema=RECORDS))


def encoded(names: Sequence[str]) -> pa.DictionaryArray:
    """`names` with each distinct one written once."""
    codes: dict[str, int] = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return pa.DictionaryArray.from_arrays(
        pa.array([codes[name] for name in names], pa.int32()), pa.array(list(codes), pa.string())
    )


def maps(rows: Mapping[int, Mapping[str, str]], n: int) -> pa.MapArray:
    """`n` maps, empty where `rows` has none; built from offsets, so that empty ones cost nothing."""
    sizes = np.zeros(n + 1, np.int32)
    keys: list[str] = []
    values: list[str] = []
    for row in sorted(rows):
        sizes[row + 1] = len(rows[row])
        keys.extend(rows[row].keys())
        values.extend(rows[row].values())
    return pa.MapArray.from_arrays(
        pa.array(np.cumsum(sizes, dtype=np.int32)),
        pa.array(keys, pa.string()),
        pa.array(values, pa.string()),
    )


def dead_letters(rows: Sequence[Mapping[str, object]]) -> DeadLetters:
    return DeadLetters(pa.Table.from_pylist(list(rows), schema=DEAD_LETTERS))
