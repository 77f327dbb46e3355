# ruff: noqa: S608  (what stands in the SQL are the names of our own columns)
"""Rows of benchmarks, from which the leaderboards are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from driftwood.store.read import Readable, Row, Writable, rows

COLUMNS = {
    **dict.fromkeys(("bench", "data", "protocol", "subject", "metric"), "VARCHAR"),
    **dict.fromkeys(("value", "low", "high"), "DOUBLE"),
    **dict.fromkeys(("n", "seeds"), "BIGINT"),
    **dict.fromkeys(("seconds", "peak_mb"), "DOUBLE"),
    **dict.fromkeys(("commit", "device", "at", "config", "data_sha", "note"), "VARCHAR"),
}
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)


def results(
    store: Readable, bench: str = "", data: str = "", protocol: str = "", limit: int = 10_000
) -> list[Row]:
    """The newest first; "" means any."""
    return list(
        rows(
            store,
            f"""SELECT {_NAMES} FROM results
                WHERE ? IN ('', bench) AND ? IN ('', data) AND ? IN ('', protocol)
                ORDER BY rowid DESC LIMIT {limit}""",
            [bench, data, protocol],
        )
    )


def boards(store: Readable) -> list[Row]:
    """Of what there are rows: benchmarks, data sets and protocols, with the number of rows and the newest time."""
    return list(
        rows(
            store,
            """SELECT bench, data, protocol, count(*) AS "rows", max("at") AS "at" FROM results
               GROUP BY ALL ORDER BY ALL""",
        )
    )


def add_results(store: Writable, added: Sequence[Mapping[str, object]]) -> None:
    """Keys are those of COLUMNS, missing ones are NULL. Runs on the writer's thread."""
    shape = orjson.dumps([COLUMNS]).decode()
    store.execute(
        f"""INSERT INTO results ({_NAMES})
            SELECT {_NAMES} FROM (SELECT unnest(from_json(?, '{shape}'), recursive := true))""",
        [orjson.dumps(list(added)).decode()],
    )
