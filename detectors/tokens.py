"""What sequence models read of an event: one integer for each of its fields, from a vocabulary learnt in training.

The fields are its template, severity, service, the time since the event before it, and for each kind of entity (an
address, a user) *which one* of its session it is: the first address that the session shows is 0, the next 1. So a
model sees that a session switches between entities, and never learns who they are (the idea of the audit-log models,
arXiv 2311.06401; its time bins compare a logarithm with edges that are none, ours are powers of two of a millisecond).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.protocols import LogBatch

Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]

FIELDS = ("template", "severity", "service", "gap", "entities")
"""`entities` stands for a field `entity NAME` for each of the names in `LogBatch.fields`."""
UNKNOWN, END = 0, 1
"""The first two tokens of each field's block: a value that training did not have; what lies around a session."""
_SPECIAL = 2
_ENTITY = "entity "
_GAPS = 34
"""None (first of its session), under 1 ms, then one for each doubling up to 2^31 ms (25 days) and over."""
_ORDINALS = 16
"""None, then the first to the 14th entity, and all later ones."""


class EventTokenizer:
    """`fit(batch)` on training units, then `tokens(batch)`: (N, F) int32, a row per event and a column per `names`.

    Each field has a block of the vocabulary to itself, so its softmax is the slice `block(field)` of the logits: first
    its `UNKNOWN`, then its `END` (a row of which, `end`, is the context before a session and the answer after it),
    then its values. All blocks together are `size` tokens.
    """

    def __init__(self, fields: Sequence[str] = FIELDS, max_entities: int = 4) -> None:
        """`max_entities`: kinds of entities followed, the commonest in training."""
        self._fields = tuple(fields)
        self._max_entities = max_entities
        self.names: tuple[str, ...] = ()
        """(F,) fields as they were found in training."""
        self._values: list[Ints] = []

    def fit(self, batch: LogBatch) -> None:
        entities = entity_names(batch, self._max_entities) if "entities" in self._fields else []
        plain = [field for field in self._fields if field != "entities"]
        self.names = (*plain, *(_ENTITY + name for name in entities))
        # Gaps and ordinals have all their values, seen or not: they are few and ordered, an unseen one is no unknown.
        self._values = [
            np.arange(_GAPS)
            if name == "gap"
            else np.arange(_ORDINALS)
            if name.startswith(_ENTITY)
            else np.unique(column(batch, name))
            for name in self.names
        ]

    @property
    def sizes(self) -> tuple[int, ...]:
        """(F,) tokens of each field's block."""
        return tuple(_SPECIAL + len(values) for values in self._values)

    @property
    def offsets(self) -> Tokens:
        """(F,) where each field's block begins: its `UNKNOWN`."""
        return np.cumsum([0, *self.sizes], dtype=np.int32)[:-1]

    @property
    def size(self) -> int:
        return sum(self.sizes)

    @property
    def end(self) -> Tokens:
        """(F,) the row that stands before and after each session."""
        return self.offsets + np.int32(END)

    def block(self, field: int) -> slice:
        first = int(self.offsets[field])
        return slice(first, first + self.sizes[field])

    def tokens(self, batch: LogBatch) -> Tokens:
        out = np.empty((len(batch.ts), len(self.names)), np.int32)
        for field, (name, values) in enumerate(zip(self.names, self._values, strict=True)):
            said = column(batch, name)
            at = np.minimum(np.searchsorted(values, said), max(len(values) - 1, 0))
            known = values[at] == said if len(values) else np.zeros(len(said), np.bool_)
            out[:, field] = self.offsets[field] + np.where(known, at + _SPECIAL, UNKNOWN)
        return out

    def value(self, field: int, token: int) -> int | None:
        """What `column` gave for a token (a template id, a gap's bin); None for unknown and end."""
        at = token - int(self.offsets[field]) - _SPECIAL
        return int(self._values[field][at]) if at >= 0 else None

    def save(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """For `detectors.snapshot.pack`, beside what its owner keeps."""
        arrays = {f"tokens {name}": v for name, v in zip(self.names, self._values, strict=True)}
        return {"tokens": list(self.names)}, arrays

    def load(self, header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.names = tuple(header["tokens"])
        self._values = [arrays[f"tokens {name}"] for name in self.names]


def entity_names(batch: LogBatch, most: int) -> list[str]:
    """The commonest names in the fields of `batch`, in the order of the alphabet."""
    if batch.fields is None or not len(batch.fields.name):
        return []
    which, names = _codes(batch.fields.name)
    count = np.bincount(which).tolist()
    common = sorted(range(len(names)), key=lambda i: (-count[i], names[i]))
    return sorted(names[i] for i in common[:most])


def column(batch: LogBatch, name: str) -> Ints:
    """(N,) a field of each event as an integer that means the same in any batch."""
    if name == "template":
        return batch.template_id
    if name == "severity":
        return batch.severity.astype(np.int64)
    if name == "service":
        return _services(batch)
    if name == "gap":
        return gaps(batch)
    return ordinals(batch, name.removeprefix(_ENTITY))


def gaps(batch: LogBatch) -> Ints:
    """(N,) 0 for the first of a unit, 1 for under a millisecond since the one before, k + 1 for under 2^k of them."""
    since = np.diff(batch.ts, prepend=0) // 1_000_000
    _, exponent = np.frexp(np.maximum(since, 0).astype(np.float64))
    bins: Ints = np.minimum(exponent.astype(np.int64) + 1, _GAPS - 1)
    bins[batch.bounds[:-1][np.diff(batch.bounds) > 0]] = 0
    return bins


def ordinals(batch: LogBatch, name: str) -> Ints:
    """(N,) 0 for events without the entity, else 1 + its place among the unit's, by first appearance, clipped.

    Of an event with several values the one that appeared last counts: what is new shows.
    """
    out = np.zeros(len(batch.ts), np.int64)
    if batch.fields is None:
        return out
    rows = np.flatnonzero(batch.fields.name == name)
    if not len(rows):
        return out
    event = batch.fields.event[rows]
    which, values = _codes(batch.fields.value[rows])
    unit = batch.unit[event].astype(np.int64)
    pair = unit * len(values) + which
    _, first, back = np.unique(pair, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    # `first` ascends with the unit, so a pair's place in its unit is its place in all less that of the unit's first.
    begin = np.full(len(batch), len(first), np.int64)
    np.minimum.at(begin, unit[first], place)
    np.maximum.at(out, event, np.minimum((place - begin[unit[first]])[back] + 1, _ORDINALS - 1))
    return out


def _services(batch: LogBatch) -> Ints:
    """A hash, so that no table of names has to be kept."""
    which, names = _codes(batch.service)
    hashed = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    numbers = np.array([int.from_bytes(h, "little", signed=True) for h in hashed], np.int64)
    column: Ints = numbers[which][batch.unit]
    return column


def _codes(texts: npt.NDArray[np.object_]) -> tuple[Ints, list[str]]:
    """Which of the distinct texts each is, and those texts."""
    coded = pa.array(texts.tolist(), pa.string()).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), [str(t) for t in coded.dictionary.to_pylist()]
