"""Who may take part: the roles that sources, parsers, detectors and stores play. Nobody needs to inherit from these.

What every implementation of a role keeps is tested once for all of them, in `tests/contracts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.records import (
    Anomaly,
    Batch,
    Commit,
    Contribution,
    Events,
    Records,
    Template,
    TemplateId,
)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What the System page shows of a source."""

    kind: str
    state: str
    """starting | running | idle | waiting (the other side is away, retried) | done | failed"""
    detail: str = ""
    """A sentence: what it waits for, what it read last."""
    lag: int | None = None
    """Records (Kafka) or bytes (files) not yet read; None when it cannot be known."""
    lag_seconds: float | None = None
    positions: tuple[Mapping[str, str | int], ...] = ()
    """One row per partition or file, for the table."""


class Source(Protocol):
    """Lines in. Polled by one thread; `committed` and `status` may be called from another."""

    name: str

    def open(self, checkpoint: Mapping[str, str]) -> None:
        """Start after `checkpoint`, the merged checkpoints of all stored batches ({} on the first start).

        Raises ConfigError or SourceError for what no retry can mend; the other side being away is a status.
        """

    def poll(self, timeout: float) -> Batch | None:
        """The next batch, after at most about `timeout` seconds; an empty one if nothing came; None at the end."""

    def committed(self, checkpoint: Mapping[str, str]) -> None:
        """`checkpoint` is durable. Only serves tools that show lag: what counts is in the store."""

    def status(self) -> SourceStatus: ...

    def close(self) -> None:
        """Give everything back; called once, by the polling thread."""


class Parser(Protocol):
    """Lines to templates. The result depends on the sequence of lines only, never on how it was cut into batches."""

    def parse(self, lines: Sequence[str]) -> list[TemplateId]: ...

    def templates(self) -> dict[TemplateId, str]:
        """A text for every id that `parse` gave and that is remembered; of a template that was merged, its successor's.

        For comparing parsers: one may write `<*>` alone here. What gives lines back is `Template.text`, in `changes`.
        """

    def changes(self) -> tuple[Template, ...]:
        """New templates and new versions since the last call, oldest first."""

    def version(self, template: TemplateId) -> int:
        """The current version of a template, from 1 on."""

    def save(self) -> bytes:
        """The whole state; `load` of it goes on exactly where `save` was called. Never pickle."""

    def load(self, state: bytes) -> None: ...


class Assigner(Parser, Protocol):
    """What the pipeline asks: a parser that takes a whole column of lines (`parsing.shapes`)."""

    @property
    def revision(self) -> int:
        """Rises whenever `save` would give something new."""

    def assign(self, lines: pa.ChunkedArray[Any]) -> tuple[pa.Array[Any], pa.Array[Any]]:
        """Template ids (int64) and versions (int32), a row per line."""


class Detection(Protocol):
    """What the pipeline asks: windows, detectors, calibration and thresholds as one (`detectors.stage`)."""

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        """Take in the next rows; the anomalies of the windows that they close."""

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        """Close windows of live sources that have fallen silent, judged by the clock (ns)."""

    def finish(self) -> tuple[Anomaly, ...]:
        """What the windows still open say, when nothing more will come."""

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        """Take to heart what a person said of an anomaly; what undoes that, None when nothing is learnt from it.

        What is learnt belongs to this place among the rows: its snapshot must become durable with the verdict.
        """

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict on this anomaly would do, in a sentence. May be called from any thread."""

    def save(self) -> bytes: ...

    def load(self, state: bytes) -> tuple[int, int]:
        """Go on from a snapshot; gives (after_line_id, since_ts) for `Store.replay`."""

    def status(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each template occurs in each unit, by (unit, template); unit u is rows `bounds[u] : bounds[u + 1]`."""

    bounds: npt.NDArray[np.int64]
    """(U + 1,)"""
    template_id: npt.NDArray[np.int64]
    """(T,)"""
    count: npt.NDArray[np.int64]
    """(T,) lines"""
    errors: npt.NDArray[np.int64]
    """(T,) lines of severity 17 (error) or more"""


Labels = npt.NDArray[np.int8]
"""(U,) what people said of each unit: 1 anomalous, 0 normal, -1 nothing."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What events say besides their template (an address, a user, a parameter): a row per event and field, by event."""

    event: npt.NDArray[np.int64]
    """(M,) row of the event in its `LogBatch`, ascending"""
    name: npt.NDArray[np.object_]
    """(M,) as in `ip`"""
    value: npt.NDArray[np.object_]
    """(M,) as in `10.0.0.1`"""

    def at(self, events: npt.NDArray[np.int64]) -> Fields:
        """Of the events in these rows, which are numbered anew in this order."""
        first = np.searchsorted(self.event, events)
        rows, size = _spans(first, np.searchsorted(self.event, events, "right"))
        return Fields(np.repeat(np.arange(len(events)), size), self.name[rows], self.value[rows])


def _spans(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All rows of the spans [first, last) one after another, and the size of each.

    >>> _spans(np.array([4, 0]), np.array([6, 1]))[0].tolist()
    [4, 5, 0]
    """
    size = last - first
    before = np.concatenate(([0], np.cumsum(size)[:-1])) if len(size) else size
    return np.repeat(first - before, size) + np.arange(int(size.sum())), size


@dataclass(frozen=True)
class LogBatch:
    """Windows to be judged, column by column: `units` are the windows, `events` what lies in them.

    A *unit* is one window or one session of one source. `events` are ordered by (unit, ts, line_id); `unit` is a row
    number of `units`. A unit may hold no event at all: silence is judged too.
    """

    source: npt.NDArray[np.object_]
    """(U,) canonical labels without `level`."""
    service: npt.NDArray[np.object_]
    """(U,)"""
    start: npt.NDArray[np.int64]
    """(U,) ns"""
    end: npt.NDArray[np.int64]
    """(U,) ns"""
    unit: npt.NDArray[np.int32]
    """(N,) row of the unit, ascending"""
    ts: npt.NDArray[np.int64]
    """(N,) ns"""
    template_id: npt.NDArray[np.int64]
    """(N,)"""
    severity: npt.NDArray[np.uint8]
    """(N,)"""
    line_id: npt.NDArray[np.int64]
    """(N,)"""
    fields: Fields | None = None
    """Of events, where somebody took them out of the lines."""

    def __len__(self) -> int:
        return len(self.start)

    @cached_property
    def bounds(self) -> npt.NDArray[np.int64]:
        """(U + 1,): the events of unit u are rows `bounds[u] : bounds[u + 1]`."""
        return np.searchsorted(self.unit, np.arange(len(self) + 1)).astype(np.int64)

    def at(self, units: npt.NDArray[np.int64]) -> LogBatch:
        """The batch of these units, in this order; `units` are rows, as `np.flatnonzero` gives them."""
        rows, size = _spans(self.bounds[units], self.bounds[units + 1])
        return LogBatch(
            source=self.source[units],
            service=self.service[units],
            start=self.start[units],
            end=self.end[units],
            unit=np.repeat(np.arange(len(units), dtype=np.int32), size),
            ts=self.ts[rows],
            template_id=self.template_id[rows],
            severity=self.severity[rows],
            line_id=self.line_id[rows],
            fields=None if self.fields is None else self.fields.at(rows),
        )

    def normal(self, labels: Labels | None) -> LogBatch:
        """Without the units that are known to be anomalous."""
        return self if labels is None else self.at(np.flatnonzero(labels != 1))

    @cached_property
    def tally(self) -> Tally:
        """Counted once, whichever detectors ask."""
        order = np.lexsort((self.template_id, self.unit))
        unit, template = self.unit[order], self.template_id[order]
        head = np.ones(len(unit), np.bool_)
        head[1:] = (unit[1:] != unit[:-1]) | (template[1:] != template[:-1])
        heads = np.flatnonzero(head)
        failed = np.concatenate(([0], np.cumsum(self.severity[order] >= 17)))
        ends = np.append(heads[1:], len(unit))
        bounds = np.searchsorted(unit[heads], np.arange(len(self) + 1))
        return Tally(bounds, template[heads], ends - heads, failed[ends] - failed[heads])


@dataclass(frozen=True)
class Scores:
    """One row per *finding*; a unit may have none or many (a rate detector has one per template that moved)."""

    unit: npt.NDArray[np.int32]
    """(F,)"""
    score: npt.NDArray[np.float64]
    """(F,) larger is stranger"""
    p_value: npt.NDArray[np.float64]
    """(F,) under the detector's own model; NaN when it has none (the calibrator then ranks the score)"""
    kind: npt.NDArray[np.object_]
    """(F,) see `Anomaly.kind`"""
    subject: npt.NDArray[np.int64]
    """(F,) template id that the finding is about, 0 when it is about the whole unit"""

    def of_units(self, units: int) -> npt.NDArray[np.float64]:
        """(U,) the largest score of each unit, 0 where nothing was found."""
        largest = np.full(units, -np.inf)
        np.maximum.at(largest, self.unit, self.score)
        return np.where(np.isneginf(largest), 0.0, largest)


@dataclass(frozen=True, slots=True)
class Explanation:
    title: str
    contributions: tuple[Contribution, ...] = ()
    line_ids: tuple[int, ...] = field(default=())


class Detector(Protocol):
    """Windows or sessions to scores.

    `score` is a pure function of (state, unit): what else is in the batch and in which order never matters.
    """

    name: str
    early: frozenset[str]
    """Kinds whose findings only grow stronger while a window fills, so that an open window may be judged for them."""
    level: Literal["window", "session"]
    """What a unit is to it: the next minute of a source whose past it follows, or one of many alike."""
    needs: frozenset[str]
    """What it cannot do without: of `labels` and `fields`."""
    incremental: bool
    """True when fit(a) then partial_fit(b) equals fit(a + b), where a lies before b; else `partial_fit` trains on."""

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        """Forget everything and learn from `batch`, in the order of its units' start.

        Without `labels` all of it is taken for normal. Raises DetectorError when `needs` are not met.
        """

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Learn from `batch` too."""

    def score(self, batch: LogBatch) -> Scores:
        """At least one finding for each unit that is stranger than 0; a unit without one counts as 0."""

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        """Words and evidence for one row of `scores`; `texts` gives template texts by id."""

    def save(self) -> bytes:
        """The whole state, under 50 MB; never pickle."""

    def load(self, state: bytes) -> None: ...


class Store(Protocol):
    """Where it lands, and how one asks. One thread writes; any thread may read."""

    def write(self, commit: Commit) -> None:
        """All of `commit` in one transaction.

        Raises StoreFull when there is no room, StoreRefused when something in the rows cannot be stored, having changed
        nothing.
        """

    def refuses(self, events: Events) -> str | None:
        """Why these rows cannot be stored, for a reason that lies in them; None when they can. Stores nothing.

        Raises as `write` when the trouble is of another kind.
        """

    def fresh(self, records: Records) -> npt.NDArray[np.bool_]:
        """Of pushed rows, which are new: False where a stored one, or an earlier one of `records`, has the same stream,
        time, line and metadata.

        Raises StoreError when the store cannot be read.
        """

    def next_line_id(self) -> int:
        """The line id that follows the last stored one."""

    def checkpoint(self, source: str) -> dict[str, str]: ...

    def state(self, owner: str) -> bytes | None: ...

    def replay(self, after_line_id: int, since_ts: int) -> Iterator[Events]:
        """Stored events with line_id > `after_line_id` or ts >= `since_ts`, in the order of line_id."""

    def maintain(self, now: int) -> None:
        """Seal, retire, checkpoint: called between commits by the writing thread, `now` in ns."""

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        """Run one read-only statement on a cursor of its own. Raises QueryError when it takes too long."""


class LanguageModel(Protocol):
    """Text in, text out, with no tools. Every implementation has an offline default."""

    name: str

    def complete(self, prompt: str, *, max_tokens: int = 512, stop: Sequence[str] = ()) -> str: ...
