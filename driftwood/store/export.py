# ruff: noqa: S608  (what stands in the SQL is our own: columns, integers, quoted paths)
"""Lines out of the store, as a file for other tools. Streamed, so that a store may be larger than the memory.

SQL may not touch a file outside the data folder (`database`), so batches come out as Arrow and are written here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from driftwood.errors import StoreError
from driftwood.store.database import Cursor, Database
from driftwood.store.relation import Resolver, relation
from driftwood.store.schema import LOGS

BATCH_ROWS = 20_000

Write = Callable[[pa.RecordBatch], None]


class Span(NamedTuple):
    """[start, end) in ns; None is no bound."""

    start: int | None
    end: int | None


def export(cursor: Cursor, database: Database, destination: Path, span: Span, form: str) -> int:
    """Write the lines of `span`, ordered by time, with all their columns; the number of lines."""
    if form not in WRITERS:
        raise StoreError(f"cannot write {form!r}: the formats are {', '.join(WRITERS)}")
    reader = _rows(cursor, database, span)
    rows = 0
    try:
        with WRITERS[form](destination, reader.schema) as write:
            for batch in reader:
                write(batch)
                rows += batch.num_rows
    except FileExistsError as error:
        raise StoreError(f"{destination} exists; choose another file or remove it") from error
    except OSError as error:
        destination.unlink(missing_ok=True)
        raise StoreError(f"cannot write {destination}: {error.strerror or error}") from error
    except duckdb.Error as error:
        destination.unlink(missing_ok=True)
        raise database.explained(error) from error
    return rows


def _rows(cursor: Cursor, database: Database, span: Span) -> pa.RecordBatchReader:
    columns = ", ".join("streams.labels" if name == "sid" else f"l.{name}" for name in LOGS)
    within = " AND ".join(
        f"l.ts {sign} {bound}"
        for sign, bound in ((">=", span.start), ("<", span.end))
        if bound is not None
    )
    sql = f"""SELECT {columns} FROM {relation(*span)} AS l JOIN streams USING (sid)
        WHERE {within or "true"} ORDER BY l.ts, l.line_id"""
    reader: pa.RecordBatchReader = cursor.sql(
        Resolver(database.folder).resolve(cursor, sql)
    ).to_arrow_reader(BATCH_ROWS)
    return reader


@contextmanager
def _parquet(destination: Path, schema: pa.Schema) -> Iterator[Write]:
    with (
        destination.open("xb") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        yield writer.write_batch


@contextmanager
def _ndjson(destination: Path, schema: pa.Schema) -> Iterator[Write]:
    with destination.open("xb") as file:

        def write(batch: pa.RecordBatch) -> None:
            file.writelines(
                orjson.dumps(_with_maps(row), option=orjson.OPT_APPEND_NEWLINE)
                for row in batch.to_pylist()
            )

        yield write


@contextmanager
def _csv(destination: Path, schema: pa.Schema) -> Iterator[Write]:
    with destination.open("x", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(schema.names)

        def write(batch: pa.RecordBatch) -> None:
            for row in batch.to_pylist():
                table.writerow(
                    orjson.dumps(value).decode() if isinstance(value, dict) else value
                    for value in _with_maps(row).values()
                )

        yield write


def _with_maps(row: dict[str, Any]) -> dict[str, Any]:
    """Arrow gives a map as a list of pairs; in JSON it is an object."""
    return {key: dict(value) if isinstance(value, list) else value for key, value in row.items()}


WRITERS = {"parquet": _parquet, "ndjson": _ndjson, "csv": _csv}
