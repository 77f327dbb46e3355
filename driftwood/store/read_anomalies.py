# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Anomalies, and what people said about them: the newest feedback decides an anomaly's status."""

from __future__ import annotations

from typing import Literal, get_args

from driftwood.store.read import Readable, Row, Span, rows

Verdict = Literal["real", "noise", "expected", "open"]
Status = Literal["open", "real", "noise", "expected", "all"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_JUDGED = """
    (SELECT a.*, coalesce(f.verdict, 'open') AS status, coalesce(f.note, '') AS note
     FROM anomalies AS a LEFT JOIN (
         SELECT anomaly_id, arg_max(verdict, (created, rowid)) AS verdict,
                arg_max(note, (created, rowid)) AS note
         FROM feedback GROUP BY anomaly_id) AS f ON f.anomaly_id = a.id)"""


def anomalies(
    store: Readable,
    span: Span | None = None,
    *,
    service: str = "",
    detector: str = "",
    status: Status = "all",
    limit: int = 100,
) -> tuple[list[Row], int]:
    """Those whose window overlaps `span`, the newest first, and how many there are.

    Columns as in the table `anomalies`, and `status`, `note`.
    """
    wanted: list[tuple[str, object]] = []
    if span is not None:
        wanted += [("end_ts > ?", span.start), ("start_ts < ?", span.end)]
    if service:
        wanted.append(("service = ?", service))
    if detector:
        wanted.append(("detector = ?", detector))
    if status != "all":
        wanted.append(("status = ?", status))
    where = " AND ".join(["TRUE", *(sql for sql, _ in wanted)])
    found = rows(
        store,
        f"""SELECT *, count(*) OVER () AS total FROM {_JUDGED} WHERE {where}
            ORDER BY start_ts DESC, score DESC, id LIMIT {limit}""",
        [value for _, value in wanted],
    )
    total = found[0]["total"] if found else 0
    return list(found), total


def anomaly(store: Readable, anomaly_id: str) -> Row | None:
    found = rows(store, f"SELECT * FROM {_JUDGED} WHERE id = ?", [anomaly_id])
    return found[0] if found else None


def feedback(store: Readable, anomaly_id: str) -> list[Row]:
    """(verdict, note, scope, created), the newest first."""
    return list(
        rows(
            store,
            """SELECT verdict, note, scope, created FROM feedback WHERE anomaly_id = ?
               ORDER BY created DESC, rowid DESC LIMIT 100""",
            [anomaly_id],
        )
    )


def judged(store: Readable, span: Span) -> list[Row]:
    """(id, source, service, start_ts, end_ts, status) of those whose window overlaps `span`, in the order of time."""
    sql = f"""SELECT id, source, service, start_ts, end_ts, status FROM {_JUDGED}
        WHERE end_ts > ? AND start_ts < ? ORDER BY start_ts, id"""
    return list(rows(store, sql, [span.start, span.end]))
