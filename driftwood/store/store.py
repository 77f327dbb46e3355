# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""The DuckDB store: one thread writes, any thread reads.

    data/driftwood.duckdb    tables (`store.schema`); the newest rows are in `logs_hot`
    data/segments/*.parquet  sealed hours (`store.segments`)
    data/driftwood.lock      who owns the folder

A commit is one transaction, durable when `write` returns. What a crash leaves behind is tidied up by the next `open`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.config import Store as Settings
from driftwood.errors import StoreError, StoreFull
from driftwood.records import EVENTS, Commit, Events, Records
from driftwood.store.database import Cursor, Database
from driftwood.store.export import Span, export
from driftwood.store.grams import Needles
from driftwood.store.info import info
from driftwood.store.migrate import migrate
from driftwood.store.relation import Resolver, Unsealed, relation
from driftwood.store.retention import Retention
from driftwood.store.schema import COLUMNS
from driftwood.store.seal import Sealer
from driftwood.store.seen import Seen
from driftwood.store.segments import make_view, tidy, union
from driftwood.store.streams import Places, Streams
from driftwood.store.verify import misplaced, problems
from driftwood.store.write import Writer, long_bytes

logger = logging.getLogger(__name__)

REPLAY_ROWS = 20_000
REPLAY_SORTED = 100_000
"""Line ids whose rows are sorted at once."""
WAL_BYTES = 32 * 1024 * 1024
"""How long the write-ahead log may get: a checkpoint takes time in proportion, and so does opening after a crash."""

LONG_BYTES = 64 * 1024 * 1024
"""Long lines that may be hot together. A checkpoint holds those of some thousand neighbouring rows in memory at once,
and one that finds too little of it costs the database."""


class DuckStore:
    """Plays `driftwood.protocols.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writing = threading.RLock()
        with database.cursor() as cursor:
            migrate(database, cursor)
            if not database.read_only:
                tidy(cursor, database.folder)
                self._refresh_view(cursor)
            self._writer = Writer(database, cursor)
            self._learn_metadata(cursor)
            for problem in misplaced(cursor, "logs_hot"):
                logger.error("%s", problem)
        self._sealer = Sealer(database, self._writer)
        self._retention = Retention(database)
        self._resolver = Resolver(database.folder)
        self._seen = Seen(database)

    def _learn_metadata(self, cursor: Cursor) -> None:
        try:
            self._writer.metadata.learn(self._database, cursor)
        except (
            StoreError
        ) as error:  # a full disk, a damaged segment: queries look at every row's metadata then
            logger.warning("names of metadata are not known: %s", error)

    def _refresh_view(self, cursor: Cursor) -> None:
        """Leave out of the view what `tidy` found damaged; on a full disk it stays as it was, and the store opens."""
        try:
            with self._database.transaction(cursor):
                make_view(cursor, self._database.folder)
        except StoreFull as error:
            logger.warning("%s", error)

    @classmethod
    def open(
        cls,
        data: Path,
        settings: Settings | None = None,
        *,
        read_only: bool = False,
        create: bool = True,
    ) -> DuckStore:
        """The store in the folder `data`; made if there is none, unless `read_only` or not to `create`.

        Raises StoreLocked when another process has it (two may read when none writes), StoreTooNew when a newer
        Driftwood wrote it, StoreError when the folder cannot be used.
        """
        database = Database.on_disk(
            data, settings or Settings(), read_only=read_only, create=create and not read_only
        )
        return cls._made(database)

    @classmethod
    def in_memory(cls, settings: Settings | None = None) -> DuckStore:
        """A store that leaves nothing behind."""
        return cls._made(Database.in_memory(settings or Settings()))

    @classmethod
    def _made(cls, database: Database) -> DuckStore:
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self._database.folder

    def close(self) -> None:
        """Cancel queries, write a checkpoint where there is room, give the folder back. A second call does nothing."""
        with self._writing:
            self._sealer.stop()
            self._retention.unlink(time.time_ns(), grace_ns=0)
            self._database.close()

    # -- writing

    def write(self, commit: Commit) -> None:
        """All of `commit` in one transaction. Raises StoreFull when there is no room, having changed nothing."""
        with self._writing:
            if self._writer.long_bytes + long_bytes(commit.events) > LONG_BYTES:
                self._seal_hot()
            self._writer.write(commit)
            self._seen.add(commit.events)

    def refuses(self, events: Events) -> str | None:
        """Why these rows cannot be stored, for a reason that lies in them; None when they can. Stores nothing."""
        with self._writing:
            return self._writer.refuses(events)

    def fresh(self, records: Records) -> npt.NDArray[np.bool_]:
        """Which of these pushed rows are stored for the first time: `store.seen`. Only on the writing thread."""
        with self._writing:
            return self._seen.fresh(records)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement that changes rows (feedback, results), as a transaction of its own.

        Raises StoreFull when there is no room, having changed nothing.
        """
        self._database.room()
        with (
            self._writing,
            self._database.cursor() as cursor,
            self._database.transaction(cursor),
        ):
            cursor.execute(sql, list(parameters))

    def next_line_id(self) -> int:
        """The line id that follows the last stored one; never one that was given before."""
        return self._writer.next_line_id

    def maintain(self, now: int) -> None:
        """Seal, retire, checkpoint: called between commits by the writing thread, `now` in ns.

        Returns soon: files are written by a thread of their own and registered by a later call. Raises StoreError when
        something fails; all rows stay where they were, and it is tried again.
        """
        with self._writing:
            self._database.heal()
            replaced = self._sealer.finish()
            self._retention.condemn(replaced or (), now)
            self._sealer.start(self._sealer.due(now), now)
            self._retention.apply(now)
            self._retention.unlink(now)
            self._database.checkpoint(0 if replaced is not None else WAL_BYTES)

    def _seal_hot(self) -> None:
        """Make room in the memory for more long lines: all that is hot becomes segments now. Raises as `write`."""
        now = time.time_ns()
        self._retention.condemn(self._sealer.finish(wait=True) or (), now)
        while hours := self._sealer.hot():
            self._sealer.start(hours, now)
            self._retention.condemn(self._sealer.finish(wait=True) or (), now)
        self._database.checkpoint()

    @property
    def sealing(self) -> bool:
        """A segment is being written; a later `maintain` registers it."""
        return self._sealer.busy

    def compact(self) -> None:
        """Seal everything, and make one segment of those of an hour. Commits wait meanwhile."""
        with self._writing:
            now = time.time_ns()
            self._retention.condemn(self._sealer.finish(wait=True) or (), now)
            tried: set[int] = set()
            while True:
                hours, merging = self._sealer.scattered(tried)
                if not hours:
                    return
                self._sealer.start(hours, now, merging)
                self._retention.condemn(self._sealer.finish(wait=True) or (), now)
                self._database.checkpoint()
                tried.update(hours)

    def export(
        self,
        destination: Path,
        start: int | None = None,
        end: int | None = None,
        format: str = "parquet",  # noqa: A002  (what the user calls it)
    ) -> int:
        """Write the lines with `start` <= ts < `end` (ns), with all their columns, to a new file; how many there were.

        Raises StoreError for an unknown format or a file that exists or cannot be written.
        """
        with self._database.snapshot() as cursor:
            return export(cursor, self._database, destination, Span(start, end), format)

    def verify(self) -> list[str]:
        """Check that every segment is there and whole and that all counts agree; sentences, none when all is fine."""
        with self._database.snapshot() as cursor:
            return problems(cursor, self._database.folder)

    def info(self) -> dict[str, Any]:
        """Rows, sizes in bytes, oldest and newest event time in ns (None when there is none)."""
        with self._database.snapshot() as cursor:
            return info(cursor, self._database)

    # -- reading

    def checkpoint(self, source: str) -> dict[str, str]:
        """Position by key, as the source's last commits left it."""
        with self._database.cursor() as cursor:
            return dict(
                cursor.execute(
                    "SELECT key, position FROM checkpoints WHERE source = ?", [source]
                ).fetchall()
            )

    def state(self, owner: str) -> bytes | None:
        """The last snapshot that `owner` had stored."""
        with self._database.cursor() as cursor:
            found = cursor.execute("SELECT snapshot FROM state WHERE owner = ?", [owner]).fetchall()
        return found[0][0] if found else None

    @property
    def streams(self) -> Streams:
        """Every label set that a committed line has."""
        return self._writer.streams

    @property
    def unsealed(self) -> Unsealed:
        """A hint: it may be a little out of date."""
        rows = sum(hour.rows for hour in list(self._writer.hot.values()))
        return Unsealed(rows, self._resolver.newest)

    def lacks(self, start: int, end: int, columns: Collection[str]) -> bool:
        """Whether some segment with ts in [start, end] lacks one of these columns. A hint, as `unsealed` is."""
        return self._resolver.lacks(start, end, columns)

    @property
    def metadata_names(self) -> Collection[str] | None:
        """Every name that structured metadata has had; None: any."""
        return self._writer.metadata.names

    def relation(
        self,
        start: int | None = None,
        end: int | None = None,
        places: Sequence[Places] = (),
        columns: Sequence[str] = (),
        *,
        lacking: bool = False,
        needles: Needles = (),
    ) -> str:
        """What to select FROM, instead of `logs`, when only ts in [start, end] (ns) matters: opens no other segment.

        The rows are a superset: the query still has to compare ts itself. For `query` only, which resolves it in the
        snapshot that the query sees (`store.relation`, also for what the others mean).
        """
        return relation(start, end, places, columns, lacking=lacking, needles=needles)

    def query(
        self, sql: str, parameters: Sequence[object] = (), timeout: float | None = None
    ) -> pa.Table:
        """Run one SELECT on a cursor of its own; all of the result at once.

        Raises QueryError when it is wrong, changes something, or takes longer than `timeout` seconds, StoreError when
        the store cannot be read.
        """
        with self._database.snapshot() as cursor:
            sql = self._resolver.resolve(cursor, sql)
            return self._database.query(cursor, sql, parameters, timeout)

    def cancel(self, thread: int) -> None:
        """Interrupt what this thread asks at the moment; its `query` raises QueryTimeout."""
        self._database.interrupt(thread)

    def history(self, start: int, end: int, *, lines: bool = True) -> Iterator[Events]:
        """Stored events with `start` <= ts < `end`, in the order of line_id; not `lines`: without text and metadata.

        Each part is read in a snapshot of its own, so that a reader who takes hours holds nothing up; what retention
        drops meanwhile is missing.
        """
        within = f"ts >= {start:d} AND ts < {end:d}"
        columns = COLUMNS if lines else _BARE
        with self._database.snapshot() as cursor:
            rows = self._rows_within(cursor, start, end, 0, 2**63 - 1)
            first, last = cursor.execute(
                f"SELECT min(line_id), max(line_id) FROM {rows} WHERE {within}"
            ).fetchall()[0]
        for low in range(first, last + 1, REPLAY_SORTED) if first is not None else ():
            high = low + REPLAY_SORTED - 1
            with self._database.snapshot() as cursor:
                try:
                    part = cursor.sql(
                        f"""SELECT {columns} FROM {self._rows_within(cursor, start, end, low, high)}
                        WHERE line_id BETWEEN {low} AND {high} AND {within} ORDER BY line_id"""
                    ).to_arrow_table()
                    keys = dict(cursor.execute("SELECT sid, key FROM streams").fetchall())
                except duckdb.Error as error:
                    raise self._database.explained(error) from error
            for at in range(0, part.num_rows, REPLAY_ROWS):
                yield _events(part.slice(at, REPLAY_ROWS), keys)

    def _rows_within(self, cursor: Cursor, start: int, end: int, low: int, high: int) -> str:
        """What to select FROM for rows with these times (`end` not included) and these line ids."""
        paths = cursor.execute(
            """SELECT path FROM segments WHERE max_ts >= ? AND min_ts < ? AND max_line_id >= ? AND min_line_id <= ?
            ORDER BY min_line_id""",
            [start, end, low, high],
        ).fetchall()
        return f"({union(self._database.folder, [path for (path,) in paths])})"

    def replay(self, after_line_id: int, since_ts: int) -> Iterator[Events]:
        """Stored events with line_id > `after_line_id` or ts >= `since_ts`, in the order of line_id.

        They are sorted a part of the line ids at a time: ten seconds of a busy stream are more than the memory holds.
        """
        wanted = f"(line_id > {after_line_id:d} OR ts >= {since_ts:d})"
        with self._database.snapshot() as cursor:
            segments = cursor.execute(
                "SELECT path, min_line_id, max_line_id FROM segments WHERE max_line_id > ? OR max_ts >= ? ORDER BY 2",
                [after_line_id, since_ts],
            ).fetchall()
            keys = dict(cursor.execute("SELECT sid, key FROM streams").fetchall())

            def rows(first: int, last: int) -> str:
                paths = [path for path, low, high in segments if low <= last and high >= first]
                return f"({union(self._database.folder, paths)})"

            try:
                first, last = cursor.execute(
                    f"SELECT min(line_id), max(line_id) FROM {rows(0, 2**63 - 1)} WHERE {wanted}"
                ).fetchall()[0]
                for start in range(first, last + 1, REPLAY_SORTED) if first is not None else ():
                    end = start + REPLAY_SORTED - 1
                    part = cursor.sql(
                        f"""SELECT {COLUMNS} FROM {rows(start, end)}
                        WHERE line_id BETWEEN {start} AND {end} AND {wanted} ORDER BY line_id"""
                    ).to_arrow_table()
                    for at in range(0, part.num_rows, REPLAY_ROWS):
                        yield _events(part.slice(at, REPLAY_ROWS), keys)
            except duckdb.Error as error:
                raise self._database.explained(error) from error


_BARE = """ts, observed_ts, sid, '' AS line, MAP([]::VARCHAR[], []::VARCHAR[]) AS sm, severity, service,
    template_id, template_version, line_id, '' AS topic, 0 AS part, 0 AS off, 0 AS idx"""
"""As COLUMNS, of a row without its line."""


def _events(rows: pa.Table, streams: Mapping[int, str]) -> Events:
    """Rows of `logs` as a batch of events: labels, service and topic once per distinct value."""
    sids, codes = np.unique(rows.column("sid").to_numpy(), return_inverse=True)
    keys = pa.array([streams[sid] for sid in sids.tolist()], pa.string())
    labels = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), keys)
    columns = []
    for field in EVENTS:
        if field.name == "labels":
            columns.append(pa.chunked_array([labels]))
        elif pa.types.is_dictionary(field.type):
            columns.append(rows.column(field.name).dictionary_encode())
        else:
            columns.append(rows.column(field.name).cast(field.type))
    return Events(pa.table(columns, schema=EVENTS))
