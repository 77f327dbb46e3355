"""One text to rows: a line as it is, or what lies in the envelope that it turns out to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ingest.clock import Clock
from ingest.columns import Rows
from ingest.envelopes import Entry, Envelopes, cri
from ingest.headers import Headers
from ingest.heads import Column, Heads, Read
from ingest.layouts import learn
from ingest.otlp import NotOtlp, from_json
from ingest.severity import UNKNOWN
from ingest.structured import parse_object
from ingest.timestamps import ISO

_ROUNDS: Final = 4
_SAMPLE: Final = 64
"""Lines that are learnt from at a time, in so many rounds for a column at most."""
_FEW: Final = 64
"""Shorter columns are read line by line, which is faster."""


class Texts:
    """Each method adds the records of message number `message` to `rows` and returns the name of its format.

    `before` decides the year or day of times that have none; `arrived` is the time of a record without any. Both ns.
    """

    def __init__(self, zone: str) -> None:
        """Raises ConfigError for an unknown time zone."""
        self._clock = Clock(zone)
        self._headers = Headers(self._clock)
        self._envelopes = Envelopes(self._clock, self._headers.keys)
        self._heads = Heads(self._clock)

    def known(self, column: pa.StringArray, before: tuple[int, int]) -> Read | None:
        """What can be said of most lines at once, as `read` (or `plain`, but always the same one) would say it.

        `before`: the least and the greatest of them all. None when the lines are too few.
        """
        n = len(column)
        if n < _FEW:
            return None
        self._heads.make_room()
        known = Column(column)
        read = Read(np.zeros(n, np.int64), np.zeros(n, np.uint8), np.full(n, -1, np.int32))
        unread = np.flatnonzero(known.first() != ord("{"))
        unread = self._heads.read(known, unread, before, read)
        for _ in range(_ROUNDS):
            sample = unread[:: max(1, len(unread) // _SAMPLE)].tolist()
            if not self._learn([str(column[row].as_py()) for row in sample], before[1]):
                break
            rest = self._heads.read(known, unread, before, read)
            few, unread = len(rest) > len(unread) // 2, rest
            if few:
                break
        return read

    def forms(self) -> tuple[list[str], list[str]]:
        """Form and service of each layout that the last `known` speaks of."""
        layouts = self._heads.layouts
        return [layout.form for layout in layouts], [layout.service for layout in layouts]

    def _learn(self, lines: Sequence[str], before: int) -> int:
        learnt = 0
        for line in lines:
            if line.find(" std", 19, 48) > 0 and cri(line):
                continue
            layout = learn(line, self._headers.read(line, before))
            if layout is not None:
                self._heads.add(line, layout)
                learnt += 1
        return learnt

    def read(self, rows: Rows, message: int, line: str, before: int, arrived: int) -> str:
        """Adds the records of one line, which may be an envelope, and returns its format."""
        if line[:1] == "{":
            obj = parse_object(line)
            if obj is not None:
                return self.of_object(rows, message, line, obj, before, arrived)
        elif line.find(" std", 19, 48) > 0 and (header := cri(line)):
            ts = self._clock.read(ISO, header.second, header.fraction, header.zone, before)
            sm = {"stream": header.stream, **({"logtag": "P"} if header.flag == "P" else {})}
            entry = Entry(line[header.body_at :], ts, UNKNOWN, "", sm)
            return self.of_entries(rows, message, "cri", [entry], before, arrived)
        return self.plain(rows, message, line, before, arrived)

    def plain(self, rows: Rows, message: int, line: str, before: int, arrived: int) -> str:
        name, ts, severity, service = self._headers.read(line, before)
        rows.add(line, arrived if ts is None else ts, severity, service, message)
        return name

    def of_object(
        self, rows: Rows, message: int, line: str, obj: dict[str, Any], before: int, arrived: int
    ) -> str:
        if "resourceLogs" in obj:
            try:
                if entries := from_json(obj):
                    return self.of_entries(rows, message, "otlp_json", entries, before, arrived)
            except NotOtlp:
                pass  # an object like any other
        if envelope := self._envelopes.open(obj, before):
            return self.of_entries(rows, message, envelope[0], [envelope[1]], before, arrived)
        ts, severity, service = self._headers.keys.read(obj, before)
        rows.add(line, arrived if ts is None else ts, severity, service, message)
        return "json"

    def of_entries(
        self,
        rows: Rows,
        message: int,
        name: str,
        entries: Sequence[Entry],
        before: int,
        arrived: int,
    ) -> str:
        """Adds what came in an envelope. Its body is asked for what it does not tell, and for a better time."""
        for idx, (line, ts, severity, service, sm, settled) in enumerate(entries):
            if not (settled and severity and service):
                _, own, level, program = self._headers.read(line, before if ts is None else ts)
                ts = ts if settled or own is None else own
                severity = severity or level
                service = service or program
            if sm:
                rows.sm[len(rows.line)] = sm
            rows.add(line, arrived if ts is None else ts, severity, service, message, idx)
        return name
