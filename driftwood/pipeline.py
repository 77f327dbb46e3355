"""One record's way: poll -> parse -> score -> store -> tell the source, and the promise that a crash keeps.

**The promise.** Rows, templates, parser state, anomalies and the positions of the sources become durable in one
transaction, and a source resumes behind the last one. A kill at any instant therefore loses nothing and doubles
nothing. Detection is saved less often: on start it takes in again the rows stored since its snapshot, and as its
verdicts depend on the rows and their order alone, it comes to the same ones (an anomaly that is already stored stays).

**When something fails.** A full disk: the prepared commit is kept and tried again, sources wait, a banner says so. No
other commit may overtake it: parser and detection know its rows already, so nothing that they say is true before
that. A line that breaks the parser is stored without a template. A failing detector costs verdicts, never lines. A row
that the store refuses for what is in it becomes a dead letter of the same transaction (`driftwood.refused`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.config import Config
from driftwood.errors import Stopping, StoreFull, StoreRefused
from driftwood.intake import NOT_STORED, Intake, Reader, Waiting, statuses
from driftwood.meters import Latency, Throughput
from driftwood.protocols import Assigner, Detection, Source, Store
from driftwood.records import (
    EVENTS,
    RECORDS,
    Anomaly,
    Batch,
    Commit,
    Events,
    Feedback,
    Records,
    no_dead_letters,
)
from driftwood.refused import without_refused

logger = logging.getLogger(__name__)
T = TypeVar("T")
Column: TypeAlias = "pa.ChunkedArray[Any]"

LINGER_S = 0.05
MAINTAIN_S = 1.0
DETECTION_SNAPSHOT_S = 10.0
FULL_RETRY_S = 1.0


class Pipeline:
    """Runs on one thread (`run`); every other method may be called from any thread unless it says otherwise."""

    def __init__(
        self,
        store: Store,
        parser: Assigner,
        detection: Detection | None,
        sources: Sequence[Source],
        config: Config,
        *,
        keep_alive: bool = True,
    ) -> None:
        """`keep_alive`: go on when all sources have ended, as a server does."""
        self._store = store
        self._parser = parser
        self._detection = detection
        self._commit_rows = config.store.commit_rows
        self._intake = Intake(config.ingest.queue_rows)
        self._readers = [Reader(source, self._intake) for source in sources]
        self._stopping = threading.Event()
        self._keep_alive = keep_alive
        self._next_line_id = 0
        self._saved_revision = -1
        self._retrying = self._abandoned = False
        self._snapshot_due = 0.0
        self._maintain_due = 0.0
        self.banner: str | None = None
        self.throughput = Throughput()
        self.commits = Latency()
        self.counts = {"lines": 0, "dead_letters": 0, "anomalies": 0, "faults": 0, "repeated": 0}

    # -- starting and stopping

    def recover(self) -> None:
        """Take up where the store left off, and open the sources.

        Raises ConfigError or SourceError for what no retry mends, Stopping after `stop`.
        """
        pa.array(
            [""]
        )  # pyarrow's first conversion imports pandas: a second that no first row should wait
        self._next_line_id = self._store.next_line_id()
        state = self._store.state("parser")
        if state is not None:
            self._parser.load(state)
        self._parser.changes()  # what was loaded is stored already
        self._saved_revision = self._parser.revision
        if self._detection is not None:
            self._recover_detection(self._detection)
        for reader in self._readers:
            reader.source.open(self._store.checkpoint(reader.source.name))

    def _recover_detection(self, detection: Detection) -> None:
        state = self._store.state("detection")
        after, since = detection.load(state) if state is not None else (-1, 0)
        found: list[Anomaly] = []
        for events in self._store.replay(after, since):
            if self._stopping.is_set():
                raise Stopping("stopped while detection took in what is stored")
            found += detection.observe(events)
        if found:
            self._write(self._commit(anomalies=tuple(found)))

    def run(self) -> None:
        """Work until `stop`, or until every source has ended and all is stored."""
        for reader in self._readers:
            reader.start()
        try:
            while not self._stopping.is_set():
                finished = all(reader.done.is_set() for reader in self._readers)
                taken = self._intake.take(self._commit_rows, timeout=0.2, linger=LINGER_S)
                self._intake.run_tasks()
                self.turn(taken)
                self._idle(time.monotonic())
                if finished and not taken and not self._keep_alive:
                    self._tell(lambda detection: detection.finish())
                    break
            self._save_detection()
        except Stopping as stopping:  # the disk was full to the end
            logger.warning("%s; the next start reads on from what is stored", stopping)
        finally:
            self._close()

    def stop(self) -> None:
        """Ask `run` to return after the turn that it is in."""
        self._stopping.set()

    def push(self, records: Records, timeout: float) -> Future[None] | None:
        """Queue lines that somebody waits for: the future is done when they are durable. Whoever gives up cancels it.

        None when there was no room in the queue for `timeout` seconds. Raises Stopping when nothing is taken any more.
        """
        stored: Future[None] = Future()
        if self._intake.put(Waiting(None, Batch(records), stored), timeout):
            return stored
        if self._intake.closed:
            raise Stopping(NOT_STORED)
        return None

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Run `task` on the writing thread, between two transactions."""
        return self._intake.submit(task)

    def _close(self) -> None:
        self._stopping.set()
        for reader in self._readers:
            reader.stop()
        self._intake.close()
        for reader in self._readers:
            if reader.is_alive():
                reader.join(timeout=10.0)

    def _save_detection(self) -> None:
        """Spare the next start the replay."""
        if self._detection is not None:
            self._write(self._commit(state={"detection": self._detection.save()}))

    # -- one turn

    def turn(self, taken: Sequence[Waiting]) -> int:
        """Parse, score and store what was taken, in one transaction; the number of lines. Writing thread only."""
        # From here on a push cannot be called back: it learns whether it was stored.
        taken = [w for w in taken if w.stored is None or w.stored.set_running_or_notify_cancel()]
        if not taken:
            return 0
        try:
            lines = self._store_all(taken)
        except BaseException as error:
            for waiting in taken:
                if waiting.stored is not None:
                    waiting.stored.set_exception(error)
            raise
        for waiting in taken:
            if waiting.stored is not None:
                waiting.stored.set_result(None)
        return lines

    def _store_all(self, taken: Sequence[Waiting]) -> int:
        dead = pa.concat_tables([waiting.batch.dead for waiting in taken])
        checkpoints: dict[str, dict[str, str]] = {}
        sources: dict[str, Source] = {}
        for source, batch in ((w.source, w.batch) for w in taken):
            if source is not None:
                sources[source.name] = source
                checkpoints.setdefault(source.name, {}).update(batch.checkpoint)
        events = self.events(self._new(taken))
        if events.num_rows or dead.num_rows or checkpoints:
            anomalies = self._observe(events)
            self._write(
                self._commit(events=events, dead=dead, checkpoints=checkpoints, anomalies=anomalies)
            )
        for name, source in sources.items():
            source.committed(checkpoints[name])
        return events.num_rows

    def _new(self, taken: Sequence[Waiting]) -> Records:
        """The records of `taken`, without those pushed ones that are stored already.

        Agents send again what they got no answer for.
        """
        pushed = [w.batch.records for w in taken if w.source is None]
        if pushed:
            records = Records(pa.concat_tables(pushed))
            fresh = self._insist(lambda: self._store.fresh(records), records.num_rows)
            repeated = records.num_rows - int(np.count_nonzero(fresh))
            if repeated:
                self.counts["repeated"] += repeated
                records = Records(records.filter(pa.array(fresh)))
            pushed = [records]
        read = [w.batch.records for w in taken if w.source is not None]
        return Records(pa.concat_tables([*read, *pushed]))

    def events(self, records: Records) -> Events:
        """`records` with template, version and line number. Writing thread only: it advances the parser."""
        n = records.num_rows
        ids, versions = self._assign(records.column("line"))
        first = self._next_line_id
        self._next_line_id += n
        table = records.select(RECORDS.names)
        table = table.append_column(EVENTS.field("template_id"), ids)
        table = table.append_column(EVENTS.field("template_version"), versions)
        line_ids = pa.array(np.arange(first, first + n, dtype=np.int64))
        return Events(table.append_column(EVENTS.field("line_id"), line_ids))

    def write_events(self, records: Records, replayed: tuple[int, ...] = ()) -> int:
        """Parse and store records that come from no source (replayed dead letters). Writing thread only.

        Raises StoreFull while another commit waits for room, Stopping when the program ends before these are stored.
        """
        if self._retrying:
            raise StoreFull(self.banner)
        events = self.events(records)
        self._write(self._commit(events=events, anomalies=self._observe(events), replayed=replayed))
        return events.num_rows

    def judge(self, said: Feedback) -> None:
        """Store what a person says of an anomaly, with what detection learns from it. Writing thread only.

        Raises StoreFull when there is no room; then nothing is learnt either.
        """
        if self._retrying:
            raise StoreFull(self.banner)
        detection = self._detection
        undo = detection.acknowledge(said.anomaly_id, said.verdict) if detection else None
        # Nothing of the parser's: should this fail, the next commit still has it to say.
        state = {"detection": detection.save()} if detection and undo else {}
        no_events = Events(EVENTS.empty_table())
        try:
            self._store.write(
                Commit(no_events, no_dead_letters(), {}, feedback=(said,), state=state)
            )
        except BaseException:
            if undo is not None:
                undo()
            raise

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict on this anomaly would teach, in a sentence; {} when nothing."""
        return self._detection.effects(anomaly_id) if self._detection is not None else {}

    def _assign(self, lines: Column) -> tuple[Column, Column]:
        """Template ids and versions; a line that breaks the parser gets template 0 and is counted."""
        if len(lines) == 0:
            return pa.chunked_array([], pa.int64()), pa.chunked_array([], pa.int32())
        try:
            ids, versions = self._parser.assign(lines)
            return pa.chunked_array([ids]), pa.chunked_array([versions])
        except Exception:
            if len(lines) == 1:
                self.counts["faults"] += 1
                size = pc.binary_length(lines)[0].as_py()  # its text may be no UTF-8
                logger.exception("parser failed on a line bytes=%d", size)
                return (
                    pa.chunked_array([pa.array([0], pa.int64())]),
                    pa.chunked_array([pa.array([0], pa.int32())]),
                )
        half = len(lines) // 2
        parts = [self._assign(lines.slice(0, half)), self._assign(lines.slice(half))]
        return (
            pa.chunked_array([c for ids, _ in parts for c in ids.chunks], pa.int64()),
            pa.chunked_array([c for _, versions in parts for c in versions.chunks], pa.int32()),
        )

    def _observe(self, events: Events) -> tuple[Anomaly, ...]:
        if self._detection is None or events.num_rows == 0:
            return ()
        try:
            return self._detection.observe(events)
        except Exception:  # lines matter more than verdicts
            self.counts["faults"] += 1
            logger.exception("detection failed rows=%d", events.num_rows)
            return ()

    def _commit(self, **parts: Any) -> Commit:
        """A commit of `parts`, with what the parser has to say since the last one."""
        state: dict[str, bytes] = dict(parts.pop("state", {}))
        templates = self._parser.changes()  # first: a saved state holds what was not given out yet
        revision = self._parser.revision
        if revision != self._saved_revision:
            state["parser"] = self._parser.save()
            self._saved_revision = revision
        now = time.monotonic()
        if self._detection is not None and "events" in parts and now >= self._snapshot_due:
            state["detection"] = self._detection.save()
            self._snapshot_due = now + DETECTION_SNAPSHOT_S
        parts.setdefault("events", Events(EVENTS.empty_table()))
        parts.setdefault("dead", no_dead_letters())
        parts.setdefault("checkpoints", {})
        return Commit(templates=templates, state=state, **parts)

    def _write(self, commit: Commit) -> None:
        """Store `commit`, however long the disk is full. Raises Stopping when the program stops before that.

        Then no later commit is stored either.
        """
        started = 0.0

        def write() -> None:
            nonlocal commit, started
            started = time.monotonic()
            try:
                self._store.write(commit)
            except StoreRefused as error:
                accepted = without_refused(commit, self._refuses)
                if accepted is None:
                    raise
                buried = commit.events.num_rows - accepted.events.num_rows
                logger.error(
                    "rows refused by the store are dead letters rows=%d: %s", buried, error
                )
                commit = accepted
                self._store.write(commit)

        self._insist(write, commit.events.num_rows)
        self._stored(commit, time.monotonic() - started)

    def _refuses(self, events: Events) -> str | None:
        if self._stopping.is_set():
            raise Stopping("stopped while rows that the store refuses were looked for")
        return self._store.refuses(events)

    def _insist(self, ask: Callable[[], T], rows: int) -> T:
        """What the store answers to `ask`, about `rows` lines, however often that takes. Raises as `_write`."""
        while not self._abandoned:
            try:
                answer = ask()
            except StoreFull as error:
                self.banner = f"Ingestion is paused, nothing is lost: {error}"
                logger.error("store full, ingestion paused: %s", error)
            except Stopping:
                self._abandoned = True
                break
            except Exception as error:  # keep the lines, keep trying: a lost batch would be a hole
                self.counts["faults"] += 1
                self.banner = f"Ingestion is paused, nothing is lost: the store failed: {error}"
                logger.exception("store failed, trying again rows=%d", rows)
            else:
                if self.banner is not None:
                    self.banner = None
                    logger.info("store has room again, ingestion goes on")
                return answer
            self._abandoned = self._stopping.wait(FULL_RETRY_S)
            if not self._abandoned:
                self._retrying = True
                self._intake.run_tasks()
                self._retrying = False
                self._maintain()  # retention may make the room
        raise Stopping("stopped while the store took no lines")

    def _stored(self, commit: Commit, seconds: float) -> None:
        rows, dead = commit.events.num_rows, commit.dead.num_rows
        self.throughput.add(rows)
        self.commits.add(seconds)
        self.counts["lines"] += rows
        self.counts["dead_letters"] += dead
        self.counts["anomalies"] += len(commit.anomalies)
        logger.debug("stored rows=%d dead=%d ms=%.1f", rows, dead, seconds * 1e3)

    def _idle(self, now: float) -> None:
        """What is due between two turns: silent sources are judged, segments sealed and retired."""
        if now < self._maintain_due:
            return
        self._maintain_due = now + MAINTAIN_S
        if self._heard_out():
            self._tell(lambda detection: detection.advance(time.time_ns()))
        self._maintain()

    def _heard_out(self) -> bool:
        """Whether silence means something: nothing is queued, and no source's other side is away."""
        states = (reader.status().state for reader in self._readers)
        return self._intake.rows == 0 and not {"starting", "waiting", "failed"} & set(states)

    def _tell(self, ask: Callable[[Detection], tuple[Anomaly, ...]]) -> None:
        """Store what detection says without new lines."""
        if self._detection is None:
            return
        try:
            found = ask(self._detection)
        except Exception:  # lines matter more than verdicts
            self.counts["faults"] += 1
            logger.exception("detection failed without new lines")
            return
        if found:
            self._write(self._commit(anomalies=found))

    def _maintain(self) -> None:
        try:
            self._store.maintain(time.time_ns())
        except Exception:  # a segment that cannot be sealed now is sealed later
            self.counts["faults"] += 1
            logger.exception("maintenance of the store failed")

    # -- what others see

    def stats(self) -> dict[str, Any]:
        """The pipeline's part of `/api/v1/stats`."""
        return {
            "banner": self.banner,
            "lines_stored": self.counts["lines"],
            "lines_repeated": self.counts["repeated"],
            "dead_stored": self.counts["dead_letters"],
            "anomalies_found": self.counts["anomalies"],
            "lines_per_s": round(self.throughput.rate(), 1),
            "queue": {
                "rows": self._intake.rows,
                "capacity": self._intake.capacity,
                "paused": self._intake.full or self.banner is not None,
            },
            "commit_ms": self.commits.quantiles(),
            "commits": self.commits.histogram(),
            "sources": statuses(self._readers),
            "detectors": self._detection.status() if self._detection is not None else [],
        }
