"""Sessions as a model of sequences reads them: each distinct one once, field by field, every value with its history.

The template's history is the templates before it in its session, and before those its beginning; one more value, the
end, follows the last event. Any other field is given the template of its event, then the field's own value before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.tokens import column, entity_names
from detectors.vectors import Ints, Keys, distinct, mixed, mixed_ids, sums
from detectors.witten_bell import NOTHING, History
from driftwood.protocols import LogBatch

BEGIN, END = NOTHING + 1, NOTHING + 2
"""Values that nothing in a log has."""
LEVELS = 3
"""Contexts of a field other than the template: none, its event's template, its own value before."""
_ENTITIES = 8
"""Kinds of entities that a batch may bring, the commonest."""


@dataclass(frozen=True)
class Said:
    """What one field says in the events that have it, by session."""

    values: Ints
    history: History
    row: Ints
    """Of `Reading.session`."""
    session: Ints


@dataclass(frozen=True)
class Reading:
    """A row for each event of each distinct session, and after each session's events one for its end."""

    session: Ints
    """(N,) ascending"""
    length: Ints
    """(D,) rows"""
    times: Ints
    """(D,) units that are alike"""
    kind: Ints
    """(U,) the distinct session of each unit"""
    fields: dict[str, Said]


def read(batch: LogBatch, fields: Sequence[str]) -> Reading:
    """`fields` are of `detectors.tokens.FIELDS`, the template first."""
    names = [name for name in fields if name != "entities"]
    if "entities" in fields:
        names += [f"entity {name}" for name in entity_names(batch, _ENTITIES)]
    columns = {name: column(batch, name) for name in names}
    found = distinct(_keys(batch, columns.values()))
    size = np.diff(batch.bounds)[found.first]
    session, place = _numbered(size)
    rows = batch.bounds[found.first][session] + place
    columns = {name: values[rows] for name, values in columns.items()}

    length = size + 1
    whole, position = _numbered(length)
    events = np.arange(len(rows)) + session
    template = np.full(len(whole), END)
    template[events] = columns["template"]
    said = {
        "template": Said(template, _templates(template, position), np.arange(len(whole)), whole)
    }
    for name in names[1:]:
        has = np.arange(len(rows))
        if name.startswith("entity "):
            has = np.flatnonzero(columns[name] > 0)
        values, owner = columns[name][has], session[has]
        history = _field(columns["template"][has], values, owner)
        said[name] = Said(values, history, events[has], owner)
    return Reading(whole, length, found.times.astype(np.int64), found.kind, said)


def _numbered(size: Ints) -> tuple[Ints, Ints]:
    """For rows in spans of these sizes: the span of each, and its place in it.

    >>> [a.tolist() for a in _numbered(np.array([2, 0, 1]))]
    [[0, 0, 2], [0, 1, 0]]
    """
    span = np.repeat(np.arange(len(size)), size)
    return span, np.arange(len(span)) - np.repeat(np.cumsum(size) - size, size)


def _keys(batch: LogBatch, columns: Iterable[Ints]) -> Keys:
    """(U,) equal where two units say the same in all columns."""
    _, place = _numbered(np.diff(batch.bounds))
    keys = place.astype(np.uint64)
    for values in columns:
        keys = mixed(keys ^ mixed_ids(values))
    return sums(keys, batch.bounds)


def _templates(values: Ints, position: Ints) -> History:
    def history(level: int, rows: Ints) -> Ints:
        before = values[np.maximum(rows - level, 0)]
        at = position[rows]
        return np.where(at >= level, before, np.where(at == level - 1, BEGIN, NOTHING))

    return history


def _field(template: Ints, values: Ints, session: Ints) -> History:
    first = np.diff(session, prepend=-1) != 0
    before = np.where(first, BEGIN, np.roll(values, 1))

    def history(level: int, rows: Ints) -> Ints:
        return (template if level == 1 else before)[rows]

    return history
