"""Dead letters decoded once more, after a fix or with another encoding.

A letter comes back whole or stays dead: were a message that holds ten records replayed when only nine of them can be
read, the next replay would store the nine again. The records keep the identity (`topic`, `part`, `off`, `idx`) that
they would have had, so that what is already stored can be told and is never stored twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from driftwood.records import DeadLetters, Records, no_dead_letters, no_records
from ingest.decode import Decoder, Raw

Identity = tuple[str, int, int, int]
_Message = tuple[str, int, int]
_MESSAGE = ["topic", "part", "off"]


@dataclass(frozen=True, slots=True)
class Replayed:
    records: Records
    """What can be decoded now and was not stored before."""
    ids: tuple[int, ...]
    """The letters that are dead no longer, in the order given."""
    still_dead: DeadLetters
    """What the others say now: one row or more per letter, with today's reason."""


def replay(letters: pa.Table, decoder: Decoder, stored: Collection[Identity] = ()) -> Replayed:
    """Decode `letters` again: rows of the table `dead_letters`, the columns of DEAD_LETTERS and `id`.

    `stored`: identities that have a row already; their records are left out. A letter given twice is decoded once.
    """
    rows = letters.to_pylist()
    by_message: dict[_Message, list[int]] = {}
    raws: list[Raw] = []
    for row in rows:
        message = (row["topic"], row["part"], row["off"])
        if message not in by_message:
            raws.append(_raw(row))
        by_message.setdefault(message, []).append(row["id"])
    if not raws:
        return Replayed(no_records(), (), no_dead_letters())
    records, dead = decoder.messages(raws, {})
    unread = set(_messages(dead))
    revived = [i for message, ids in by_message.items() if message not in unread for i in ids]
    keep = pa.array(
        [
            (topic, part, off) not in unread and (topic, part, off, idx) not in stored
            for (topic, part, off), idx in zip(
                _messages(records), records.column("idx").to_pylist(), strict=True
            )
        ],
        pa.bool_(),
    )
    in_order = {letter: i for i, letter in enumerate(row["id"] for row in rows)}
    return Replayed(
        Records(records.filter(keep)), tuple(sorted(revived, key=in_order.__getitem__)), dead
    )


def _raw(row: dict[str, Any]) -> Raw:
    return Raw(
        row["raw"],
        row["topic"],
        row["part"],
        row["off"],
        list(dict(row["headers"] or ()).items()),
        row["key"],
        row["record_ts"],
    )


def _messages(table: pa.Table) -> list[_Message]:
    return [(row["topic"], row["part"], row["off"]) for row in table.select(_MESSAGE).to_pylist()]
