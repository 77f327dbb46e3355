# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Dead letters: what could not be decoded, with its bytes, its reason and where it came from."""

from __future__ import annotations

from driftwood.store.read import Readable, Row, Span, rows

PREVIEW = 2_000
"""Bytes of a dead letter that a list shows."""

_FACTS = """id, observed_ts, source, topic, part, off, idx, stage, reason, headers, replayed_at,
            octet_length(raw) AS raw_bytes"""


def dead_letters(
    store: Readable, span: Span | None = None, source: str = "", limit: int = 100
) -> tuple[list[Row], int]:
    """The newest first, with at most PREVIEW bytes in `raw`; and how many there are.

    `span` is of their arrival, None for all; `source` "" means any.
    """
    arrived = (
        "TRUE" if span is None else f"observed_ts >= {span.start} AND observed_ts < {span.end}"
    )
    found = rows(
        store,
        f"""SELECT {_FACTS}, raw[1:{PREVIEW}] AS raw, count(*) OVER () AS total FROM dead_letters
            WHERE {arrived} AND ? IN ('', source) ORDER BY id DESC LIMIT {limit}""",
        [source],
    )
    return list(found), found[0]["total"] if found else 0


def dead_letter(store: Readable, dead_letter_id: int) -> Row | None:
    """One with all of its bytes."""
    found = rows(store, f"SELECT {_FACTS}, raw FROM dead_letters WHERE id = ?", [dead_letter_id])
    return found[0] if found else None
