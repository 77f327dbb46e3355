"""The DuckDB database of one data folder: who owns it, what it may touch, and a cursor for whoever asks.

DuckDB locks out every other process while one writes, so a folder has one owner; `driftwood.lock` names it.
SQL may touch nothing outside the folder: no other file, no extension, no network, and no setting can change that.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from driftwood.config import Store as Settings
from driftwood.errors import (
    QueryError,
    QueryTimeout,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreRefused,
)
from driftwood.store.lock import Lock, in_use
from driftwood.store.watchdog import WATCHDOG

logger = logging.getLogger(__name__)

# Its advice costs more than it saves for answers of some rows, see `Database.query`.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)

Cursor = duckdb.DuckDBPyConnection

FILE = "driftwood.duckdb"
SEGMENTS = "segments"
REOPEN_WAIT_S = 10.0
SPARE_BYTES = 16 * 1024 * 1024

_REFUSALS = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotSupportedError,
)
"""What DuckDB says of values; all else (disk, memory, locks, faults of its own) is not for the rows to answer for."""


class Database:
    """One connection and its cursors. DuckDB gives up on a database after some failures; `heal` opens it anew."""

    def __init__(self, folder: Path, settings: Settings, *, read_only: bool, memory: bool) -> None:
        self.folder = folder
        self.settings = settings
        self.read_only = read_only
        self.memory = memory
        self._lock = Lock(folder, shared=read_only)
        self._turn = threading.Condition()
        self._cursors: dict[Cursor, int] = {}  # with the thread that each was made on
        self._closed = False
        try:
            self._root: Cursor | None = self._connect()
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def on_disk(
        cls, folder: Path, settings: Settings, *, read_only: bool, create: bool
    ) -> Database:
        """Raises StoreLocked when another process has it, StoreError when it cannot be opened."""
        if not create and not (folder / FILE).is_file():
            raise StoreError(f"there is no store in {folder}; give --data a folder that has one")
        try:
            (folder / SEGMENTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot create the data folder {folder}: {error.strerror}") from error
        return cls(folder.resolve(), settings, read_only=read_only, memory=False)

    @classmethod
    def in_memory(cls, settings: Settings) -> Database:
        """Tables in memory, segments in a temporary folder that goes away with the object."""
        folder = Path(tempfile.mkdtemp(prefix="driftwood-")).resolve()
        (folder / SEGMENTS).mkdir()
        made = cls(folder, settings, read_only=False, memory=True)
        weakref.finalize(made, shutil.rmtree, str(folder), ignore_errors=True)
        return made

    # -- cursors

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """A cursor for one thread and one piece of work; many may be open at once."""
        with self._turn:
            if self._closed:
                raise StoreError(f"the store in {self.folder} is closed")
            if self._root is None:  # it could not be opened again after a failure
                self._root = self._connect()
            cursor = self._root.cursor()
            self._cursors[cursor] = threading.get_ident()
        try:
            yield cursor
        finally:
            with self._turn:
                self._cursors.pop(cursor, None)
                cursor.close()
                self._turn.notify_all()

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """A cursor that sees one state of the store, whatever is committed meanwhile, and cannot write."""
        with self.cursor() as cursor:
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
            except duckdb.Error as error:
                raise self.explained(error) from error
            try:
                yield cursor
            finally:
                quietly(cursor.rollback)

    @contextmanager
    def transaction(self, cursor: Cursor) -> Iterator[None]:
        """All that happens inside becomes durable together, or nothing of it.

        Raises StoreFull when the disk is full, StoreError for what else DuckDB reports.
        """
        try:
            cursor.execute("BEGIN TRANSACTION")
            yield
            cursor.execute("COMMIT")
        except BaseException as error:
            quietly(cursor.rollback)
            if isinstance(error, duckdb.Error):
                raise self.explained(error) from error
            raise

    def explained(self, error: Exception) -> StoreError:
        """The same failure as one of ours."""
        text = str(error)
        if "No space left" in text or "Disk quota exceeded" in text:
            return StoreFull(f"the disk of {self.folder} is full; free some space on it")
        if isinstance(error, _REFUSALS):
            return StoreRefused(f"the store refused the rows: {text}")
        return StoreError(f"the store in {self.folder} failed: {text}")

    def room(self) -> None:
        """Raises StoreFull while less than `min_free_bytes` is free on the disk."""
        if self.memory:
            return
        free = shutil.disk_usage(self.folder).free
        if free < self.settings.min_free_bytes:
            raise StoreFull(
                f"only {free >> 20} MiB are free on the disk of {self.folder}, and store.min_free_bytes keeps "
                f"{self.settings.min_free_bytes >> 20} MiB free; free some space, or set store.retention_bytes"
            )

    def checkpoint(self, wal_bytes: int = 0) -> None:
        """Move what the write-ahead log holds into the file, when the log is longer than `wal_bytes` and there is room.

        Freed rows give their space back to the file here. Other cursors may read meanwhile.
        """
        log = self.folder / f"{FILE}.wal"
        size = log.stat().st_size if log.is_file() else 0
        if size <= wal_bytes or shutil.disk_usage(self.folder).free < 2 * size + SPARE_BYTES:
            return  # a checkpoint that runs out of room costs the connection
        try:
            with self.cursor() as cursor:
                cursor.execute("CHECKPOINT")
        except duckdb.TransactionException as error:
            logger.debug("checkpoint put off: %s", error)
        except duckdb.Error as error:
            self.heal()
            raise self.explained(error) from error

    # -- opening and closing

    def _connect(self) -> Cursor:
        config: dict[str, object] = {
            "memory_limit": self.settings.memory_limit,
            "threads": self.settings.threads,
            "temp_directory": str(self.folder / "tmp"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            # A checkpoint inside a commit would cost it half a second, and a full disk would cost the database:
            # `maintain` makes them between commits, when there is room.
            "checkpoint_threshold": "1TB",
        }
        path = ":memory:" if self.memory else str(self.folder / FILE)
        try:
            root = duckdb.connect(path, read_only=self.read_only, config=config)  # type: ignore[arg-type]
        except duckdb.Error as error:
            if "Conflicting lock" in str(error):
                holder = re.search(r"PID (\d+)", str(error))
                raise StoreLocked(in_use(self.folder, holder[1] if holder else "?")) from error
            raise self.explained(error) from error
        locked = root.execute("SELECT current_setting('lock_configuration')").fetchall()[0][0]
        if locked:  # this process has it open already, to read
            return root
        root.execute(f"SET allowed_directories = [{quoted(str(self.folder))}]")
        root.execute("SET enable_external_access = false")
        root.execute("SET GLOBAL parquet_metadata_cache = true")  # segments never change
        root.execute("SET lock_configuration = true")
        return root

    def heal(self) -> None:
        """Open the database again if DuckDB has given it up; queries that are under way are cancelled."""
        try:
            with self.cursor() as cursor:
                cursor.execute("SELECT 1").fetchall()
        except duckdb.FatalException:
            with self._turn:
                self._disconnect()
                self._root = self._connect()
            logger.warning("opened the database again after a failure path=%s", self.folder)

    def close(self) -> None:
        """Cancel what runs, then close."""
        with self._turn:
            self._closed = True
            self._disconnect()
        self._lock.release()

    def interrupt(self, thread: int | None = None) -> None:
        """Cancel whatever runs on any cursor, or on those of one thread."""
        with self._turn:
            for cursor, owner in self._cursors.items():
                if thread in (None, owner):
                    quietly(cursor.interrupt)

    def _disconnect(self) -> None:
        for cursor in self._cursors:
            quietly(cursor.interrupt)
        self._turn.wait_for(lambda: not self._cursors, timeout=REOPEN_WAIT_S)
        if self._root is not None:
            quietly(self._root.close)
            self._root = None

    # -- asking

    def query(
        self,
        cursor: Cursor,
        sql: str,
        parameters: Sequence[object] = (),
        timeout: float | None = None,
    ) -> pa.Table:
        """Run one statement that reads, to its end. Raises QueryError when it is wrong or too slow."""
        try:
            statements = cursor.extract_statements(sql)
            kinds = [statement.type.name for statement in statements]
            if kinds not in (["SELECT"], ["EXPLAIN"]):
                raise QueryError("one SELECT is needed: a query cannot change the store", sql)
            with WATCHDOG.watching(cursor.interrupt, timeout) as expired:
                try:
                    # Not `cursor.sql`: it plans everything twice.
                    answer = cursor.execute(statements[0], list(parameters)).to_arrow_table()
                    assert answer is not None  # there is a result
                    return answer
                except duckdb.InterruptException as error:
                    why = f"after {timeout:g} s" if expired() else "as nobody waits for it any more"
                    advice = "take a shorter time range or a narrower filter"
                    raise QueryTimeout(f"the query was cancelled {why}; {advice}") from error
        except duckdb.OutOfMemoryException as error:
            raise QueryError(
                f"the query needs more memory than store.memory_limit ({self.settings.memory_limit}) gives: ask for "
                "fewer lines, take a shorter time range or a narrower filter, or raise the limit"
            ) from error
        except duckdb.FatalException as error:
            raise self.explained(error) from error
        except duckdb.IOException as error:
            advice = "`driftwood store verify` tells which segment is damaged"
            raise StoreError(f"the store cannot be read: {error}; {advice}") from error
        except duckdb.Error as error:
            raise QueryError(f"the query cannot run: {error}") from error


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quietly(step: Callable[[], object]) -> None:
    """Tidy up after a failure that is already being reported: a database that has failed fails here once more."""
    try:
        step()
    except duckdb.Error as error:
        logger.debug("while tidying up: %s", error)
