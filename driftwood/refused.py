"""Rows that the store refuses for what is in them: found by halving, buried among the dead letters of their commit.

Decoders keep such rows from coming; this is for the one that they let through, which would hold up all that follow.
Line numbers stay as they were given, as anomalies of the same commit refer to them: a buried row leaves a gap.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from driftwood.records import DEAD_LETTERS, EVENTS, PUSHED, REFUSED, Commit, DeadLetters, Events

Refuses: TypeAlias = Callable[[Events], str | None]
"""Why the store does not take these rows; None when it does. Changes nothing in the store."""

_RAW_MAP = pa.map_(pa.binary(), pa.binary())


def without_refused(commit: Commit, refuses: Refuses) -> Commit | None:
    """`commit` with the rows that are refused as dead letters; None when no single row is to blame.

    Raises what `refuses` raises when the store is in trouble of another kind.
    """
    if refuses(_plain()) is not None:
        return None  # a store that takes nothing at all would have everything buried
    found = dict(_refused(commit.events, 0, refuses))
    if not found:
        return None
    keep = np.ones(commit.events.num_rows, np.bool_)
    keep[list(found)] = False
    letters = [_letter(commit, row, reason) for row, reason in found.items()]
    dead = pa.Table.from_pylist(letters, schema=DEAD_LETTERS)
    return dataclasses.replace(
        commit,
        events=Events(commit.events.filter(pa.array(keep))),
        dead=DeadLetters(pa.concat_tables([commit.dead, dead])),
        next_line_id=int(commit.events.column("line_id").to_numpy().max()) + 1,
    )


def _refused(events: Events, first: int, refuses: Refuses) -> Iterator[tuple[int, str]]:
    """(row, reason) of each row that is refused when it comes alone."""
    reason = refuses(events) if events.num_rows else None
    if reason is None:
        return
    if events.num_rows == 1:
        yield first, reason
        return
    half = events.num_rows // 2
    yield from _refused(Events(events.slice(0, half)), first, refuses)
    yield from _refused(Events(events.slice(half)), first + half, refuses)


def _letter(commit: Commit, row: int, reason: str) -> dict[str, object]:
    event = commit.events.slice(row, 1)
    topic = _text(event, "topic")
    sources = list(commit.checkpoints)
    source = sources[0] if len(sources) == 1 and not topic.startswith(PUSHED) else topic
    raw: Any = event.column("sm").cast(_RAW_MAP)
    pairs = [[_escaped(name), _escaped(value)] for name, value in raw.to_pylist()[0] or ()]
    return {
        "observed_ts": _value(event, "observed_ts"),
        "source": source,
        "topic": topic,
        "part": _value(event, "part"),
        "off": _value(event, "off"),
        "idx": _value(event, "idx"),
        "stage": REFUSED,
        "reason": reason,
        "raw": event.column("line").cast(pa.binary()).to_pylist()[0],
        "headers": [
            ("labels", _text(event, "labels").encode()),
            ("metadata", json.dumps(pairs).encode()),
        ],
        "key": None,
        "record_ts": _value(event, "ts"),
    }


def _value(event: pa.Table, column: str) -> Any:
    return event.column(column).to_pylist()[0]


def _text(event: pa.Table, column: str) -> str:
    """A text that may be what is wrong with the row."""
    return _escaped(event.column(column).cast(pa.string()).cast(pa.binary()).to_pylist()[0])


def _escaped(text: bytes | None) -> str:
    return "" if text is None else text.decode(errors="backslashreplace")


def _plain() -> Events:
    """A row that nothing is wrong with."""
    row = {field.name: "" if _is_text(field.type) else 0 for field in EVENTS}
    return Events(pa.Table.from_pylist([row | {"labels": "{}", "sm": []}], schema=EVENTS))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_dictionary(kind)
