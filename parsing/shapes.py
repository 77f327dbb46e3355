"""The cache of line shapes: each distinct shape of a line goes to the parser once, and not each line.

A shape is a pure function of the line: what is certainly a value (a number, a UUID, a word of hex...) collapses to one
character, in one pass of RE2 over the whole Arrow column. What collapses is always a variable of the template
(`parsing.masks` masks at least that), so lines of one shape belong to one template, and match it alike.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.errors import StoreError
from driftwood.protocols import Parser
from driftwood.records import Template, TemplateId
from parsing.tokens import MAX_CHARS, head

_H = "[0-9A-Fa-f]"
COLLAPSES = (
    rf"\b(?:{_H}{{1,12}}(?:-|::?)){{3,7}}{_H}{{1,12}}\b"
    rf"|\b0[xX]{_H}+\b"
    rf"|\b(?:[0-9]+[A-Fa-f]|[A-Fa-f]+[0-9]){_H}{{4,}}\b"
    r"|\b[A-Za-z]+[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*\b"
    r"|\b[0-9]+|[0-9]{4,}"
)
_MAGIC = b"DWSH\x01"
_LENGTHS = struct.Struct("<6Q")


class ShapeCache:
    """Plays `Parser` in front of any parser.

    When `max_shapes` are known all are forgotten, and what still comes is parsed once more. So the state depends on the
    sequence of lines alone, and the parser is told from time to time which templates are still in use.
    """

    def __init__(self, parser: Parser, max_shapes: int = 200_000) -> None:
        self._parser = parser
        self._max_shapes = max_shapes
        self._forget()
        self._changes: list[Template] = []
        self.revision = 0
        """Rises whenever `save` would give something new."""

    def _forget(self) -> None:
        self._slot_of: dict[bytes, int] = {}
        """Digest of a shape -> slot of its template."""
        self._ids: list[TemplateId] = []
        self._versions: list[int] = []
        self._slots: dict[TemplateId, int] = {}

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        clean = [line.encode("utf-8", "replace") for line in lines]
        ids, _ = self.assign(pa.array(clean, pa.binary()).cast(pa.string()))
        return [TemplateId(i) for i in ids.to_pylist()]

    def assign(self, lines: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
        """Template ids (int64) and versions (int32), row by row: the version in force when the line came."""
        chunks = lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]
        parts = [part for chunk in chunks if len(chunk) for part in self._rows(chunk)]
        if not parts:
            return pa.array([], pa.int64()), pa.array([], pa.int32())
        return (
            pa.array(np.concatenate([ids for ids, _ in parts])),
            pa.array(np.concatenate([versions for _, versions in parts])),
        )

    def _rows(self, lines: pa.Array) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
        encoded = shapes(lines).dictionary_encode()
        shape = encoded.indices.to_numpy()
        keys = [_digest(key) for key in encoded.dictionary.cast(pa.binary()).to_pylist()]
        parts = []
        at = 0
        while at < len(shape):
            end, ids, versions = self._until_full(lines, shape, keys, at)
            parts.append((ids, versions))
            at = end
        return parts

    def _until_full(
        self, lines: pa.Array, shape: npt.NDArray[np.int32], keys: list[bytes], at: int
    ) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Rows from `at` on, up to the one that fills the cache: its end, their ids, their versions."""
        rows = shape[at:]
        slots = np.fromiter((self._slot_of.get(key, -1) for key in keys), np.int64, len(keys))
        end = len(rows)
        before = np.array(self._versions, np.int32)
        changed: list[tuple[int, int, int]] = []  # slot, row, version
        unseen = _first_rows(rows, len(keys))
        for row in np.sort(unseen[(slots < 0) & (unseen < end)]):
            key = rows[row]
            slots[key] = self._learn(lines[at + int(row)].as_py(), keys[key], int(row), changed)
            if len(self._slot_of) >= self._max_shapes:
                end = int(row) + 1
                break
        of = slots[rows[:end]]
        ids = np.array(self._ids, np.int64)[of]
        known = np.zeros(len(self._ids), np.int32)
        known[: len(before)] = before
        versions = known[of]
        if changed:
            _apply(changed, of, versions)
        if len(self._slot_of) >= self._max_shapes:
            self._forget()
        return at + end, ids, versions

    def _learn(self, line: str, key: bytes, row: int, changed: list[tuple[int, int, int]]) -> int:
        """The slot of a line of a new shape; `changed` gets the versions that it brought about."""
        template = self._parser.parse([line])[0]
        self.revision += 1
        slot = self._slots.get(template)
        news = self._parser.changes()
        self._changes += news
        if slot is None:
            slot = self._slots[template] = len(self._ids)
            self._ids.append(template)
            self._versions.append(self._parser.version(template))
            changed.append((slot, row, self._versions[slot]))
        for new in news:
            other = self._slots.get(new.id)
            if other is not None and new.version != self._versions[other]:
                self._versions[other] = new.version
                changed.append((other, row, new.version))
        self._slot_of[key] = slot
        return slot

    def templates(self) -> dict[TemplateId, str]:
        return self._parser.templates()

    def changes(self) -> tuple[Template, ...]:
        changes, self._changes = tuple(self._changes), []
        return changes

    def version(self, template: TemplateId) -> int:
        return self._parser.version(template)

    def save(self) -> bytes:
        """A header, the parser's own state, then arrays: digests of shapes, their slots, the slots' ids and versions.

        Includes changes that were not asked for yet, so call `changes` first.
        """
        inner = self._parser.save()
        pending = orjson.dumps(
            [[t.id, t.version, t.text, t.exact, t.parents] for t in self._changes]
        )
        arrays = (
            b"".join(self._slot_of),
            np.fromiter(self._slot_of.values(), np.uint32, len(self._slot_of)).tobytes(),
            np.array(self._ids, np.int64).tobytes(),
            np.array(self._versions, np.int32).tobytes(),
        )
        parts = (inner, pending, *arrays)
        return _MAGIC + _LENGTHS.pack(*map(len, parts)) + b"".join(parts)

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version; nothing is known then."""
        self._forget()
        self._changes = []
        self.revision += 1
        try:
            if not state.startswith(_MAGIC):
                raise ValueError("it does not begin as one of this version does")
            lengths = _LENGTHS.unpack_from(state, len(_MAGIC))
            at = len(_MAGIC) + _LENGTHS.size
            if at + sum(lengths) != len(state):
                raise ValueError("its length is wrong")
            parts = []
            for length in lengths:
                parts.append(state[at : at + length])
                at += length
            inner, pending, digests, slots, ids, versions = parts
            known = [TemplateId(i) for i in np.frombuffer(ids, np.int64).tolist()]
            of = np.frombuffer(slots, np.uint32).tolist()
            at_version = np.frombuffer(versions, np.int32).tolist()
            if len(digests) != 8 * len(of) or len(known) != len(at_version):
                raise ValueError("its arrays do not fit each other")
            if of and max(of) >= len(known):
                raise ValueError("a shape has no template")
            news = [Template(TemplateId(t[0]), *t[1:4], tuple(t[4])) for t in orjson.loads(pending)]
        except (ValueError, TypeError, LookupError, struct.error) as error:
            raise StoreError(
                f"the saved state of the shape cache cannot be read ({error}); restore the store from a backup, "
                "or start with a new data folder and ingest again"
            ) from error
        self._parser.load(inner)
        self._slot_of = {digests[8 * i : 8 * i + 8]: slot for i, slot in enumerate(of)}
        self._ids, self._versions = known, at_version
        self._slots = {template: slot for slot, template in enumerate(known)}
        self._changes = news


def shapes(lines: pa.Array) -> pa.Array:
    """The shape of each line; a pure function of the line.

    >>> shapes(pa.array(["took 12 ms", "took 7 ms"])).to_pylist()
    ['took 0 ms', 'took 0 ms']
    """
    if pa.types.is_dictionary(lines.type):
        lines = lines.dictionary_decode()
    longest = pc.max(pc.binary_length(lines)).as_py() or 0
    if longest > MAX_CHARS or pc.any(pc.match_substring(lines, "\n")).as_py():
        lines = _heads(lines)
    return pc.replace_substring_regex(lines, COLLAPSES, "0")


def _heads(lines: pa.Array) -> pa.Array:
    long = pc.or_(pc.greater(pc.binary_length(lines), MAX_CHARS), pc.match_substring(lines, "\n"))
    heads = []
    for line in lines.filter(long).to_pylist():
        kept, more = head(line)
        heads.append(kept + "\n" if more else kept)
    return pc.replace_with_mask(lines, long, pa.array(heads, lines.type))


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=8).digest()


def _first_rows(rows: npt.NDArray[np.int32], shapes_: int) -> npt.NDArray[np.int64]:
    """The first row of each shape, len(rows) where it has none."""
    first = np.full(shapes_, len(rows), np.int64)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
    return first


def _apply(
    changed: list[tuple[int, int, int]],
    slots: npt.NDArray[np.int64],
    versions: npt.NDArray[np.int32],
) -> None:
    """Give each row the newest version that its template had by then; `changed` holds (slot, row, version)."""
    events = np.array(changed, np.int64)
    width = len(slots) + 1
    at = events[:, 0] * width + events[:, 1]
    order = np.argsort(at, kind="stable")
    at = at[order]
    wanted = slots * width + np.arange(len(slots))
    hit = np.searchsorted(at, wanted, "right") - 1
    found = (hit >= 0) & (events[order[hit], 0] == slots)
    versions[found] = events[order[hit[found]], 2]
