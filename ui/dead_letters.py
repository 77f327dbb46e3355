"""`driftwood dlq replay`: dead letters decoded again, with today's settings, and stored when they can be read now.

Runs on the writing thread. The records and the marks on their letters are one transaction, so a letter comes back once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.decode import Decoder
from ingest.redact import Redactor
from ingest.replay import Identity
from ingest.replay import replay as decode_again
from ui.parts import Parts
from ui.shapes import Replayed

AT_ONCE = 1_000


def replay(parts: Parts, ids: Sequence[int] | None) -> Replayed:
    """The letters with these ids, or all; those that came back before are passed over."""
    config, replayed, still_dead, last = parts.config, 0, 0, -1
    chosen = "" if ids is None else " AND list_contains(?, id)"
    extra = [] if ids is None else [list(ids)]
    while True:
        letters = parts.store.query(
            f"""SELECT * FROM dead_letters WHERE replayed_at IS NULL AND id > ?{chosen}
            ORDER BY id LIMIT {AT_ONCE}""",  # noqa: S608  both are constants
            [last, *extra],
        )
        if letters.num_rows == 0:
            return {"replayed": replayed, "still_dead": still_dead}
        last = int(letters.column("id").to_numpy()[-1])
        source = str(letters.column("source")[0].as_py())
        decoder = Decoder(
            source,
            {"source": source},
            encoding=config.kafka.encoding,
            timezone=config.ingest.timezone,
            redactor=Redactor(config.redaction),
        )
        again = decode_again(
            letters, decoder, _stored(parts, letters.column("off").to_numpy().tolist())
        )
        if again.ids:
            parts.pipeline.write_events(again.records, again.ids)
        replayed += len(again.ids)
        still_dead += letters.num_rows - len(again.ids)


def _stored(parts: Parts, offs: list[int]) -> set[Identity]:
    """Identities of stored rows that lie at these offsets of any topic."""
    rows = parts.store.query(
        "SELECT DISTINCT topic, part, off, idx FROM logs WHERE list_contains(?, off)", [offs]
    )
    return {(row["topic"], row["part"], row["off"], row["idx"]) for row in rows.to_pylist()}
