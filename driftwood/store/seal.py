# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Moves hours that are over from the hot table into segments, while lines keep coming in.

A thread writes the files from a snapshot, bounded by the last line id at its start: that takes seconds. Then the
writing thread registers them and drops the hot rows in one short transaction. A crash between the two leaves files that
no store knows, and all rows where they were.

**When an hour is over.** The watermark - the newest plausible event time seen, see `write.AHEAD_NS` - has passed its
end by `seal_after_s`, and it has not grown for some seconds: an import of old logs passes through hours that were over
long ago and should not be cut into a file per commit. Also, whatever the watermark says: when it holds `seal_rows`, and
when it has not grown for an hour (nothing follows an import's last one, and no watermark passes a clock of 2049).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import duckdb

from driftwood.errors import StoreError
from driftwood.store.database import Database
from driftwood.store.schema import COLUMNS, HOUR, LAST_HOUR, end_of
from driftwood.store.segments import (
    Segment,
    merge_counts,
    parquet,
    register,
    write_segment,
)
from driftwood.store.write import Writer

logger = logging.getLogger(__name__)

QUIET_NS = 5 * 10**9
STALE_NS = HOUR
HOURS_AT_ONCE = 64
RETRY_NS = 60 * 10**9


@dataclass(slots=True)
class _Job:
    """What the thread was asked for, and what came of it."""

    hours: list[int]
    last: int
    """Rows up to this line id are sealed."""
    now: int
    merging: Collection[int]
    made: list[Segment] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    failure: Exception | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class Sealer:
    """`start` and `finish` are for the writing thread."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._full = database.settings.seal_rows
        self._seal_after = int(database.settings.seal_after_s * 1e9)
        self._job: _Job | None = None
        self._thread: threading.Thread | None = None
        self._not_before = -(2**63)

    def due(self, now: int) -> list[int]:
        """Hours whose rows should be sealed, oldest first; as many as one job takes."""
        if self.busy or now < self._not_before:
            return []
        quiet = min(self._seal_after, QUIET_NS)
        writer = self._writer
        return self._portion(
            hour
            for hour, hot in writer.hot.items()
            if hot.rows >= self._full
            or (hour + self._seal_after <= writer.watermark and now - hot.touched >= quiet)
            or now - hot.touched >= STALE_NS
        )

    def hot(self) -> list[int]:
        """Hours with hot rows, oldest first; as many as one job takes."""
        return self._portion(self._writer.hot)

    def scattered(self, tried: Collection[int]) -> tuple[list[int], set[int]]:
        """Hours with hot rows or with several segments, as many as one job takes, and which of them to merge into one.

        Without those that were `tried`. An hour with more than `seal_rows` rows keeps its segments: they are large.
        """
        with self._database.cursor() as cursor:
            sealed = {
                hour: (segments, rows)
                for hour, segments, rows in cursor.execute(
                    "SELECT hour, count(*), sum(row_count)::BIGINT FROM segments GROUP BY hour"
                ).fetchall()
            }
        merging = {
            hour
            for hour, (segments, rows) in sealed.items()
            if (segments > 1 or hour in self._writer.hot) and rows + self._hot(hour) <= self._full
        }
        return self._portion({*self._writer.hot, *merging}.difference(tried)), merging

    def _portion(self, hours: Iterable[int]) -> list[int]:
        chosen: list[int] = []
        rows = 0
        for hour in sorted(hours)[:HOURS_AT_ONCE]:
            rows += self._hot(hour)
            if chosen and rows > self._full:
                break
            chosen.append(hour)
        return chosen

    def _hot(self, hour: int) -> int:
        return self._writer.hot[hour].rows if hour in self._writer.hot else 0

    @property
    def busy(self) -> bool:
        return self._thread is not None

    def start(self, hours: Sequence[int], now: int, merging: Collection[int] = ()) -> None:
        """Begin to seal `hours`; the segments that those in `merging` have already become one with the new rows."""
        if not hours or self.busy:
            return
        self._job = _Job(list(hours), self._writer.next_line_id - 1, now, merging)
        self._thread = threading.Thread(target=self._write, args=(self._job,), name="seal")
        self._thread.start()

    def finish(self, *, wait: bool = False) -> list[str] | None:
        """Register what the thread has written; the paths of segments that were replaced. None when it is not done.

        Raises StoreError when that fails; the rows are still where they were, and the hours are tried again later.
        """
        thread, job = self._thread, self._job
        if thread is None or job is None or (thread.is_alive() and not wait):
            return None
        thread.join()
        self._thread = self._job = None
        try:
            if job.failure is not None:
                raise self._database.explained(job.failure) from job.failure
            self._register(job)
        except StoreError:
            self._not_before = job.now + RETRY_NS
            self._database.heal()
            self._discard(job)
            raise
        return job.replaced

    def stop(self) -> None:
        """Cancel the thread and forget what it wrote."""
        thread, job = self._thread, self._job
        if thread is None or job is None:
            return
        job.cancelled.set()
        while thread.is_alive():
            self._database.interrupt()
            thread.join(timeout=0.1)
        self._thread = self._job = None
        self._discard(job)

    # -- the thread

    def _write(self, job: _Job) -> None:
        try:
            for hour in job.hours:
                if hour in job.merging and self._merge(job, hour):
                    continue
                with self._database.snapshot() as cursor:
                    first, last = cursor.execute(
                        f"SELECT min(line_id), max(line_id) FROM logs_hot WHERE {hot_rows([hour], job.last)}"
                    ).fetchall()[0]
                if first is not None:
                    self._write_hot(job, hour, first, last)
        except (duckdb.Error, OSError, StoreError) as error:
            job.failure = error

    def _write_hot(self, job: _Job, hour: int, first: int, last: int) -> None:
        """Hot rows of `hour` with ids from `first` to `last`: one segment, or several where long lines fill the memory.

        Nothing changes these rows while the job runs, so that each attempt may have a snapshot of its own.
        """
        if job.cancelled.is_set():
            return
        rows = (
            f"SELECT {COLUMNS} FROM logs_hot WHERE {hot_rows([hour], last)} AND line_id >= {first}"
        )
        try:
            job.made += self._written(job, hour, rows)
        except duckdb.OutOfMemoryException:
            if first == last:
                raise
            middle = (first + last) // 2
            self._write_hot(job, hour, first, middle)
            self._write_hot(job, hour, middle + 1, last)

    def _merge(self, job: _Job, hour: int) -> bool:
        """One segment of all that `hour` has, hot or sealed; False when that takes more memory than there is."""
        folder = self._database.folder
        with self._database.cursor() as cursor:
            found = cursor.execute("SELECT path FROM segments WHERE hour = ?", [hour]).fetchall()
        paths = [path for (path,) in found]
        rows = f"""SELECT {COLUMNS} FROM logs_hot WHERE {hot_rows([hour], job.last)}
            UNION ALL SELECT {COLUMNS} FROM {parquet(folder, paths)}"""
        try:
            job.made += self._written(job, hour, rows)
        except duckdb.OutOfMemoryException:
            return False
        job.replaced += paths
        return True

    def _written(self, job: _Job, hour: int, rows: str) -> list[Segment]:
        """With columns for labels, or where that fails without: a query finds them in the lines all the same."""
        folder, streams = self._database.folder, self._writer.streams
        try:
            with self._database.snapshot() as cursor:
                return write_segment(cursor, folder, hour, rows, streams, job.now)
        except duckdb.Error as error:
            if job.cancelled.is_set():
                raise
            logger.warning("a segment is written without labels hour=%d: %s", hour, error)
        with self._database.snapshot() as cursor:
            return write_segment(cursor, folder, hour, rows, streams, job.now, extract=False)

    # -- the writing thread

    def _register(self, job: _Job) -> None:
        database = self._database
        condition = hot_rows(job.hours, job.last)
        with database.cursor() as cursor, database.transaction(cursor):
            hot = cursor.execute(
                f"SELECT {end_of(HOUR)}, count(*) FROM logs_hot WHERE {condition} GROUP BY 1"
            ).fetchall()
            sealed = sum(s.row_count for s in job.made) - register(
                cursor, database.folder, job.made, job.replaced
            )
            if sealed != sum(rows for _, rows in hot):
                raise StoreError(
                    f"the segments hold {sealed} rows and not the {sum(rows for _, rows in hot)} that are hot; "
                    "they are dropped and written again"
                )
            cursor.execute(f"DELETE FROM logs_hot WHERE {condition}").fetchall()
            merge_counts(cursor, job.hours)
        for hour, rows in hot:
            self._writer.hot[hour].rows -= rows
            if not self._writer.hot[hour].rows:
                del self._writer.hot[hour]
        size = sum(segment.file_bytes for segment in job.made)
        logger.info("sealed segments=%d rows=%d bytes=%d", len(job.made), sealed, size)

    def _discard(self, job: _Job) -> None:
        """Back to what the store knows: remove the files that it does not, and count the hot rows again."""
        folder = self._database.folder
        with self._database.cursor() as cursor:
            known = {path for (path,) in cursor.execute("SELECT path FROM segments").fetchall()}
            self._writer.load(cursor)
        for segment in job.made:
            if segment.path not in known:
                (folder / segment.path).unlink(missing_ok=True)


def hot_rows(hours: Sequence[int], last: int) -> str:
    """The condition for hot rows of `hours` with a line id up to `last`; the bounds of ts let row groups be skipped."""
    first, newest = min(hours) - HOUR, max(hours)
    bounds = [f"ts > {first}"] if first >= -(2**63) else []
    if newest < LAST_HOUR:
        bounds.append(f"ts <= {newest}")
    wanted = ", ".join(map(str, hours))
    return " AND ".join([*bounds, f"{end_of(HOUR)} IN ({wanted})", f"line_id <= {last}"])
