"""Which session a line belongs to, by what stands in it, in its labels or in its structured metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from detectors.units import dictionary
from driftwood.config import StreamRule
from driftwood.errors import ConfigError
from driftwood.labels import label_key
from driftwood.records import Events

_GROUP = "session"

Ids: TypeAlias = "pa.Array[Any]"
"""Text per row; null: the line belongs to no session."""


def ids_by(rule: StreamRule) -> Callable[[Events], Ids]:
    """How the ids of lines are found. Raises ConfigError."""
    if rule.session and rule.session_key:
        raise ConfigError(
            f"[[detection.streams]] {rule.match}: session and session_key both say what a session is; leave one out"
        )
    if rule.session:
        return _by_expression(rule)
    if rule.session_key:
        return lambda events: _by_key(events, rule.session_key)
    return lambda events: pa.array([""] * events.num_rows, pa.string())


def _by_expression(rule: StreamRule) -> Callable[[Events], Ids]:
    named = f"(?P<{_GROUP}>" in rule.session
    pattern = rule.session if named else f"(?P<{_GROUP}>{rule.session})"

    def ids(lines: Any) -> Ids:
        found: Ids = pc.struct_field(_whole(pc.extract_regex(lines, pattern=pattern)), _GROUP)
        return found

    try:
        ids(pa.array([""]))
    except pa.ArrowInvalid as error:
        raise ConfigError(
            f"[[detection.streams]] {rule.match} session: {rule.session!r} cannot be used ({error}); "
            f"groups need names, and the one that is the id is (?P<{_GROUP}>...)"
        ) from error
    return lambda events: ids(events.column("line"))


def _by_key(events: Events, key: str) -> Ids:
    """A label where the stream has it, else structured metadata."""
    labels = dictionary(events, "labels")
    values = [orjson.loads(str(text)).get(key) for text in labels.dictionary.to_pylist()]
    of_labels = pa.array(values, pa.string()).take(labels.indices)
    if of_labels.null_count == 0:
        return of_labels
    of_metadata = _whole(pc.map_lookup(events.column("sm"), query_key=key, occurrence="first"))
    return pc.coalesce(of_labels, of_metadata)


def models_of(events: Events, per: Sequence[str]) -> tuple[list[str], pa.Array[Any]]:
    """The models' names in the batch, and which of them each row belongs to: one for each value of the labels `per`."""
    labels = dictionary(events, "labels")
    names: dict[str, int] = {}
    codes = []
    for text in labels.dictionary.to_pylist():
        of_stream = orjson.loads(str(text)) if per else {}
        name = label_key({label: of_stream[label] for label in per if label in of_stream})
        codes.append(names.setdefault(name, len(names)))
    return list(names), pa.array(codes, pa.int32()).take(labels.indices)


def _whole(column: Any) -> Any:
    """One array of a column in chunks."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    whole = column.combine_chunks()
    return whole if not isinstance(whole, pa.ChunkedArray) else pa.array([], column.type)
