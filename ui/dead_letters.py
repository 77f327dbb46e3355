"""`driftwood dlq replay`: dead letters decoded again, with today's settings, and stored when they can be read now.

Runs on the writing thread. The records and the marks on their letters are one transaction, so a letter comes back once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from driftwood.records import REFUSED
from ingest.decode import Decoder
from ingest.redact import Redactor
from ingest.replay import Identity
from ingest.replay import replay as decode_again
from ui.parts import Parts
from ui.shapes import Replayed

AT_ONCE = 1_000


def replay(parts: Parts, ids: Sequence[int] | None) -> Replayed:
    """The letters with these ids, or all; those that came back before are passed over."""
    outcome: Replayed = {"replayed": 0, "still_dead": _refused(parts, ids)}
    sources = parts.store.query("SELECT DISTINCT source FROM dead_letters").column("source")
    for source in map(str, sources.to_pylist()):
        decoder = Decoder(
            source,
            {"source": source},
            encoding=parts.config.kafka.encoding,
            timezone=parts.config.ingest.timezone,
            redactor=Redactor(parts.config.redaction),
        )
        for letters in _letters(parts, source, ids):
            offs = letters.column("off").to_numpy().tolist()
            again = decode_again(letters, decoder, _stored(parts, offs))
            if again.ids:
                parts.pipeline.write_events(again.records, again.ids)
            outcome["replayed"] += len(again.ids)
            outcome["still_dead"] += letters.num_rows - len(again.ids)
    return outcome


def _letters(parts: Parts, source: str, ids: Sequence[int] | None) -> Iterator[pa.Table]:
    """Those that did not come back yet, in the order of their ids, `AT_ONCE` at a time."""
    narrowed, extra = _narrowed(ids)
    last = -1
    while True:
        letters = parts.store.query(
            f"""SELECT * FROM dead_letters WHERE replayed_at IS NULL AND source = ? AND id > ?
            AND stage <> '{REFUSED}'{narrowed} ORDER BY id LIMIT {AT_ONCE}""",  # noqa: S608  constants
            [source, last, *extra],
        )
        if letters.num_rows == 0:
            return
        last = int(letters.column("id").to_numpy()[-1])
        yield letters


def _narrowed(ids: Sequence[int] | None) -> tuple[str, list[list[int]]]:
    return ("", []) if ids is None else (" AND id IN (SELECT unnest(?))", [list(ids)])


def _refused(parts: Parts, ids: Sequence[int] | None) -> int:
    """How many are lines that the store refused: decoded already, and one of several of their message maybe."""
    narrowed, extra = _narrowed(ids)
    found = parts.store.query(
        f"SELECT count(*) FROM dead_letters WHERE stage = '{REFUSED}'{narrowed}",  # noqa: S608
        extra,
    )
    return int(found.column(0).to_numpy()[0])


def _stored(parts: Parts, offs: list[int]) -> set[Identity]:
    """Identities of stored rows that lie at these offsets of any topic."""
    rows = parts.store.query(
        "SELECT DISTINCT topic, part, off, idx FROM logs WHERE off IN (SELECT unnest(?))", [offs]
    )
    return {(row["topic"], row["part"], row["off"], row["idx"]) for row in rows.to_pylist()}
