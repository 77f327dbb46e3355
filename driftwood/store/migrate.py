"""Brings a store to the newest version of its tables, one migration a transaction."""

from __future__ import annotations

import logging

from driftwood.errors import StoreTooNew
from driftwood.store.database import Cursor, Database
from driftwood.store.schema import MIGRATIONS

logger = logging.getLogger(__name__)


def migrate(database: Database, cursor: Cursor) -> None:
    """Run the migrations that are missing. Raises StoreTooNew for a store that a newer Driftwood wrote,
    StoreFull where there is no room for them.
    """
    version = _version(cursor)
    if version > len(MIGRATIONS):
        raise StoreTooNew(
            f"the store in {database.folder} has version {version}, this Driftwood knows {len(MIGRATIONS)}; "
            "a newer Driftwood wrote it: use that one"
        )
    if version < len(MIGRATIONS) and database.read_only:
        raise StoreTooNew(
            f"the store in {database.folder} has version {version} and needs {len(MIGRATIONS)}; "
            "start `driftwood serve` on it once, which brings it up to date"
        )
    if version < len(MIGRATIONS):
        database.room()
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        with database.transaction(cursor):
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", [str(number)])
        logger.info("migrated store path=%s version=%d", database.folder, number)


def _version(cursor: Cursor) -> int:
    tables = cursor.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'"
    ).fetchall()
    if not tables[0][0]:
        return 0
    found = cursor.execute("SELECT value FROM meta WHERE key = 'version'").fetchall()
    return int(found[0][0]) if found else 0
