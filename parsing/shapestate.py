"""What a shape cache remembers, and its form on disk: arrays of fixed width, as it is written in many transactions."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import orjson

from driftwood.errors import StoreError
from driftwood.records import Template, TemplateId

_MAGIC = b"DWSHAPE\x02"  # the last byte is the version
_LENGTHS = struct.Struct("<11Q")
_DIGEST = 8
_Slot = TypeVar("_Slot")


@dataclass(slots=True)
class State:
    """A *slot* is the place of a template in `ids` and `versions`."""

    fine: dict[bytes, int] = field(default_factory=dict)
    """Digest of a fine shape -> slot."""
    coarse: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Digest of a coarse shape -> slot, and how many of its fine shapes are in `fine`."""
    classes: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Digest of a class of lines -> slot, and how many of them had this outcome: see `parsing.freewords`."""
    constants: set[str] = field(default_factory=set)
    """Words of templates."""
    ids: list[TemplateId] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    changes: list[Template] = field(default_factory=list)
    """Not yet asked for."""

    def __len__(self) -> int:
        return len(self.fine) + len(self.coarse) + len(self.classes)


def pack(state: State, parser: bytes) -> bytes:
    changes = [[t.id, t.version, t.text, t.exact, t.parents] for t in state.changes]
    parts = (
        parser,
        orjson.dumps(changes),
        np.array(state.ids, np.int64).tobytes(),
        np.array(state.versions, np.int32).tobytes(),
        b"".join(state.fine),
        np.fromiter(state.fine.values(), np.uint32, len(state.fine)).tobytes(),
        *_pairs(state.coarse),
        *_pairs(state.classes),
        "\n".join(sorted(state.constants)).encode(),
    )
    return b"".join((_MAGIC, _LENGTHS.pack(*map(len, parts)), *parts))


def unpack(packed: bytes) -> tuple[State, bytes]:
    """The state and the parser's own. Raises StoreError when they are damaged or of another version."""
    try:
        return _unpacked(packed)
    except (ValueError, TypeError, LookupError, struct.error) as error:
        raise StoreError(
            f"the saved state of the shape cache cannot be read ({error}); restore the store from a backup, or "
            "start with a new data folder and ingest again"
        ) from error


def _pairs(by_digest: dict[bytes, tuple[int, int]]) -> tuple[bytes, bytes]:
    return b"".join(by_digest), np.array(list(by_digest.values()), np.uint32).tobytes()


def _by_digest(digests: bytes, slots: list[_Slot]) -> dict[bytes, _Slot]:
    if len(digests) != _DIGEST * len(slots):
        raise ValueError("its arrays do not fit each other")
    starts = range(0, len(digests), _DIGEST)
    return {digests[at : at + _DIGEST]: slot for at, slot in zip(starts, slots, strict=True)}


def _rows(counted: bytes) -> list[list[int]]:
    rows: list[list[int]] = np.frombuffer(counted, np.uint32).reshape(-1, 2).tolist()
    return rows


def _unpacked(packed: bytes) -> tuple[State, bytes]:
    if not packed.startswith(_MAGIC):
        raise ValueError("it does not begin as this version's does")
    lengths = _LENGTHS.unpack_from(packed, len(_MAGIC))
    at = len(_MAGIC) + _LENGTHS.size
    if at + sum(lengths) != len(packed):
        raise ValueError(f"it has {len(packed)} bytes and should have {at + sum(lengths)}")
    parts = []
    for length in lengths:
        parts.append(packed[at : at + length])
        at += length
    parser, changes, ids, versions, fine, fine_slots, *pairs, constants = parts
    coarse, classes = (
        _by_digest(digests, [(slot, count) for slot, count in _rows(counted)])
        for digests, counted in (pairs[:2], pairs[2:])
    )
    state = State(
        fine=_by_digest(fine, np.frombuffer(fine_slots, np.uint32).tolist()),
        coarse=coarse,
        classes=classes,
        constants=set(constants.decode().splitlines()),
        ids=[TemplateId(i) for i in np.frombuffer(ids, np.int64).tolist()],
        versions=np.frombuffer(versions, np.int32).tolist(),
        changes=[
            Template(TemplateId(t), version, text, exact, tuple(parents))
            for t, version, text, exact, parents in orjson.loads(changes)
        ],
    )
    counted = (*coarse.values(), *classes.values())
    used = max((*state.fine.values(), *(slot for slot, _ in counted)), default=-1)
    if used >= len(state.ids) or len(state.ids) != len(state.versions):
        raise ValueError("a shape belongs to a template that is not there")
    return state, parser
