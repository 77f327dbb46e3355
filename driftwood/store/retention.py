"""Forgets old lines, a whole segment at a time: by age, counted from arrival, and by the bytes that segments take.

Files are unlinked some time after the store has forgotten them, so that a query which began before can finish.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from driftwood.config import Store as Settings
from driftwood.store.database import Cursor, Database
from driftwood.store.segments import recount, register

logger = logging.getLogger(__name__)

AT_ONCE = 64
GRACE_NS = 120 * 10**9


class Retention:
    """For the writing thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._condemned: list[tuple[int, str]] = []

    def apply(self, now: int) -> int:
        """Forget what is due at `now`, at most `AT_ONCE` segments; how many there were."""
        settings = self._database.settings
        if not settings.retention_s and not settings.retention_bytes:
            return 0
        with self._database.cursor() as cursor:
            due = expired(cursor, settings, now)[:AT_ONCE]
            if due:
                folder = self._database.folder
                with self._database.transaction(cursor):
                    rows = register(cursor, folder, (), [path for path, _ in due])
                    recount(cursor, folder, {hour for _, hour in due})
                logger.info("retention dropped segments=%d rows=%d", len(due), rows)
        self.condemn([path for path, _ in due], now)
        return len(due)

    def condemn(self, paths: Iterable[str], now: int) -> None:
        """Unlink files that the store no longer knows, when no query can be reading them any more."""
        self._condemned += [(now, path) for path in paths]

    def unlink(self, now: int, grace_ns: int = GRACE_NS) -> None:
        """Unlink what was condemned at least `grace_ns` before `now`."""
        for since, path in list(self._condemned):
            if now - since >= grace_ns:
                (self._database.folder / path).unlink(missing_ok=True)
                self._condemned.remove((since, path))


def expired(cursor: Cursor, settings: Settings, now: int) -> list[tuple[str, int]]:
    """(path, hour) of the segments that are too old or too much, the ones that arrived first at the front."""
    segments = cursor.execute(
        "SELECT path, hour, max_observed_ts, file_bytes FROM segments ORDER BY max_observed_ts, min_ts, path"
    ).fetchall()
    excess = sum(size for *_, size in segments) - settings.retention_bytes
    found = []
    for path, hour, arrived, size in segments:
        old = settings.retention_s and arrived < now - int(settings.retention_s * 1e9)
        much = settings.retention_bytes and excess > 0
        if not old and not much:
            break
        found.append((path, hour))
        excess -= size
    return found
