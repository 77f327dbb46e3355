"""The demo as a source: some hours of history at once, then the shop live, with incidents and their truth."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from driftwood.config import Demo, Ingest
from driftwood.protocols import SourceStatus
from driftwood.records import Batch, Records
from ingest.decode import Decoder
from ingest.demo_incidents import SECOND, Incident, schedule
from ingest.demo_messages import SERVICES
from ingest.demo_shop import MINUTE, Line, generate
from ingest.demo_truth import FILE_NAME, TruthFile
from ingest.redact import Redactor

TICK_S: Final = 0.5
"""Live lines are given out in steps of this length, so that not every single line becomes a transaction."""
_MS: Final = 1_000_000
_FOR_EVER: Final = 2**62


class DemoSource:
    """Plays `Source`. A run is named "demo/SEED-START" (START: ms since the epoch, where its live lines began).

    A run goes on after a restart where it was: each line is a function of seed, rate and the run's start. A pause
    longer than the history is not made up for; the shop was closed.
    """

    name = "demo"

    def __init__(
        self,
        settings: Demo,
        ingest: Ingest,
        redactor: Redactor | None = None,
        *,
        data: Path,
        now: Callable[[], int] = time.time_ns,
        live_until: int | None = None,
    ) -> None:
        """`data`: the folder of the truth file. `live_until` (ns): give all lines up to there at once, then end."""
        self._settings = settings
        self._batch_rows = ingest.batch_rows
        self._folder = data
        self._now = now
        self._until = live_until
        self._decoder = Decoder(self.name, {"source": "demo"}, redactor=redactor, now=now)
        self._status = SourceStatus("demo", "starting")

    def open(self, checkpoint: Mapping[str, str]) -> None:
        prefix = f"demo/{self._settings.seed}-"
        runs = {
            int(run.removeprefix(prefix)): int(off)
            for run, off in checkpoint.items()
            if run.startswith(prefix)
        }
        now_ms = self._now() // _MS
        start_ms = max(runs, default=now_ms)
        self._run = f"{prefix}{start_ms}"
        self._start = start_ms * _MS
        self._off = runs.get(start_ms, -1)
        history_begin = now_ms * _MS - int(self._settings.history_h * 3600) * SECOND
        self._minute = max(self._off >> 20, history_begin // MINUTE)
        begin = self._minute * MINUTE
        self._made: list[Line] = []
        self._minutes = generate(
            self._settings.seed, begin, _FOR_EVER, self._incidents(begin), self._settings.rate
        )
        self._truth = TruthFile(self._folder)
        self._untold = self._incidents(begin)
        self._next = next(self._untold)

    def poll(self, timeout: float) -> Batch | None:
        lines = self._due()
        if not lines and self._until is None:
            time.sleep(min(timeout, TICK_S))
            lines = self._due()
        if not lines:
            self._status = self._describe(self._now())
            return None if self._until is not None else Batch()
        newest = lines[-1]
        self._write_truth(newest.ts)
        self._made = self._made[len(lines) :]
        self._off = newest.off
        self._status = self._describe(newest.ts)
        return Batch(self._records(lines), checkpoint={self._run: str(newest.off)})

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        pass

    def status(self) -> SourceStatus:
        return self._status

    def close(self) -> None:
        pass

    def _incidents(self, after: int) -> Iterator[Incident]:
        """Those that are not over at `after`."""
        settings = self._settings
        for incident in schedule(settings.seed, self._start, settings.first_incident_s):
            if incident.end > after:
                yield incident

    def _due(self) -> list[Line]:
        """The next lines whose time has come, one batch at most; they stay in `_made`."""
        due = self._now() if self._until is None else self._until
        while len(self._made) < self._batch_rows and self._minute * MINUTE <= due:
            self._made += [line for line in next(self._minutes) if line.off > self._off]
            self._minute += 1
        count = bisect_right(self._made, due, key=lambda line: line.ts)
        return self._made[: min(count, self._batch_rows)]

    def _write_truth(self, until: int) -> None:
        begun = []
        while self._next.start <= until:
            begun.append(self._next)
            self._next = next(self._untold)
        self._truth.add(begun)

    def _records(self, lines: list[Line]) -> Records:
        """Each service is a topic of its own (a decoder learns formats by topic); the order stays that of `lines`."""
        tables, offs = [], []
        for service in SERVICES:
            mine = [line for line in lines if line.service == service]
            if mine:
                offs += [line.off for line in mine]
                tables.append(
                    self._decoder.lines(
                        [line.text for line in mine],
                        [line.off for line in mine],
                        topic=f"{self._run}/{service}",
                        part=0,
                        labels={"service_name": service},
                        mtime_ns=lines[-1].ts,
                    )
                )
        together = pa.concat_tables(tables).unify_dictionaries()
        return Records(together.take(np.argsort(np.array(offs, np.int64))))

    def _describe(self, at: int) -> SourceStatus:
        position: dict[str, str | int] = {"run": self._run, "position": self._off}
        behind = max(0, (self._now() if self._until is None else self._until) - at) / SECOND
        if behind > 60:
            told = f"history: {behind / 3600:.1f} h to go"
        else:
            told = f"live; the truth is in {self._folder / FILE_NAME}"
        return SourceStatus("demo", "running", told, lag_seconds=behind, positions=(position,))
