"""The cache of line shapes before any parser: each distinct shape is parsed once, and not each line.

A line has a key, made for all lines of a batch together (`parsing.keys`), and lines of one key have one fine shape.
That is made for keys that are not known, in one pass of RE2 over their first lines: what is surely a value (a number, a
UUID, a word of hex...) collapses. Lines of a fine shape that is not known are masked one by one, which is the coarse
shape (`parsing.masks`); only a line of a new coarse shape goes to the parser. A coarse shape with many fine ones (a
random path in each line, say) has no more of them remembered, so that they do not push out the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.protocols import Parser
from driftwood.records import Template, TemplateId
from parsing.freewords import MAX_CONSTANTS, SETTLED, blanked, constants
from parsing.keys import keys
from parsing.params import matches
from parsing.rules import Rules, shown
from parsing.shapestate import State, pack, unpack
from parsing.tokens import MAX_CHARS, head, masked

_H = "[0-9A-Fa-f]"
_W = "[A-Za-z0-9_-]"
# Kinds of `parsing.masks` that RE2 can tell without look-arounds. `\b` and `\d` are ASCII in RE2.
COLLAPSES = "|".join(
    (
        # ID: 128 random bits in base64 (22 characters) with a digit after any number of letters. A class name may pass
        # for one here, not in the masks: its lines are then masked one by one.
        rf"\b(?:{'|'.join(f'[A-Za-z]{{{i}}}[0-9]{_W}{{{21 - i}}}' for i in range(22))})\b",
        rf"\b{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}\b",  # UUID
        rf"\b{_H}{{2}}(?::{_H}{{2}}){{5}}\b",  # MAC
        rf"\b0[xX]{_H}+\b",
        rf"\b(?:[0-9]+[A-Fa-f]|[A-Fa-f]+[0-9]){_H}{{4,}}\b",
        r"\b[A-Za-z]+[0-9]+[A-Za-z]+[0-9][A-Za-z0-9]*\b",  # ID
        r"\b[0-9]+",
        r"[0-9]{4,}",
    )
)
# What collapsed becomes this: four digits never remain of a line, so it cannot be mistaken for text of the line.
MARK = "0000"
# Of several lines the first that holds a letter, the break after it, and more.
_FIRST_OF_SEVERAL = r"(?s)\A([^A-Za-z]*[A-Za-z][^\n]*\n).+\z"
# Fine shapes that are remembered of one coarse shape.
MAX_FINE = 64
# Lines that are looked at together: what is made of them on the way fits into a cache of the processor.
BLOCK = 16_384

Slots = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int64]
Versions = npt.NDArray[np.int32]


class ShapeCache:
    """Plays `Parser` in front of any parser.

    When `max_shapes` are known, all are forgotten and what still comes is parsed once more: so the state follows from
    the sequence of lines alone, and the parser is told from time to time which templates are in use.
    """

    def __init__(self, parser: Parser, max_shapes: int = 200_000) -> None:
        self._parser = parser
        self._max_shapes = max_shapes
        self._state = State()
        self._slots: dict[TemplateId, int] = {}
        self._rules = Rules()
        self._fine_of: dict[
            bytes, bytes
        ] = {}  # key -> digest of its fine shape; not part of the state
        self.revision = 0
        """Rises whenever `save` has something new to say."""

    def use(self, rules: Rules) -> None:
        """Follow these rules from the next line on. Known shapes are forgotten where they may be parsed otherwise."""
        if rules.revision != self._rules.revision:
            self._forget()
        self._rules = rules

    def _forget(self) -> None:
        """All shapes, that is; the parser keeps its templates."""
        known = constants(self._parser.templates().values())
        self._state = State(changes=self._state.changes, constants=known)
        self._slots = {}
        self.revision += 1

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        ids, _ = self.assign(_column(lines))
        return [TemplateId(i) for i in ids.to_numpy().tolist()]

    def assign(
        self, lines: pa.StringArray | pa.ChunkedArray[Any]
    ) -> tuple[pa.Int64Array, pa.Int32Array]:
        """The template of each line, and its version at the time when the line came: what the line matches.

        The version that a line brings about is its own; lines before it in the batch keep the older one.
        """
        chunks: list[Any] = lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]
        blocks = (chunk.slice(at, BLOCK) for chunk in chunks for at in range(0, len(chunk), BLOCK))
        parts = [part for block in blocks for part in self._assigned(block)]
        ids = np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in parts)])
        versions = np.concatenate([np.empty(0, np.int32), *(versions for _, versions in parts)])
        return pa.array(ids, pa.int64()), pa.array(versions, pa.int32())

    def _assigned(self, lines: pa.StringArray) -> list[tuple[Ids, Versions]]:
        lines = self._rules.prepared(lines)
        heads = _heads(lines) if lines.null_count or _some_long(lines) else lines
        shape, texts, fine = self._fine_shapes(heads)
        parts = []
        at = 0
        while at < len(shape):
            end, ids, versions = self._until_full(lines, shape, texts, fine, at)
            parts.append((ids, versions))
            at = end
        return parts

    def _fine_shapes(
        self, heads: pa.StringArray
    ) -> tuple[npt.NDArray[np.int32], list[str | None], list[bytes]]:
        """The fine shape of each row, as a place in the texts and digests that follow; no text where none is needed."""
        encoded = keys(heads).dictionary_encode()
        of_row = encoded.indices.to_numpy()
        distinct = [key or b"" for key in encoded.dictionary.to_pylist()]
        known = [self._fine_of.get(key) for key in distinct]
        learn = [i for i, fine in enumerate(known) if fine is None or fine not in self._state.fine]
        first = _first_rows(of_row, len(distinct))[np.array(learn, np.int64)]
        learnt = _collapsed(heads.take(pa.array(first, pa.int64()))).to_pylist()
        text_of = dict(zip(learn, learnt, strict=True))
        places: dict[bytes, int] = {}
        texts: list[str | None] = []
        place_of = np.empty(len(distinct), np.int32)
        if len(self._fine_of) + len(learn) > self._max_shapes:
            self._fine_of = {}
        for i, fine in enumerate(known):
            text = text_of.get(i)
            if text is not None:
                fine = self._fine_of[distinct[i]] = _digest(text)
            assert fine is not None
            place = place_of[i] = places.setdefault(fine, len(places))
            if place == len(texts):
                texts.append(text)
        return place_of[of_row], texts, list(places)

    def _until_full(
        self,
        lines: pa.StringArray,
        shape: npt.NDArray[np.int32],
        texts: list[str | None],
        keys: list[bytes],
        at: int,
    ) -> tuple[int, Ids, Versions]:
        """Rows from `at` up to the one that fills the cache: the end, their ids, their versions."""
        state = self._state
        rows = shape[at:]
        end = len(rows)
        slots = np.fromiter((state.fine.get(key, -1) for key in keys), np.int64, len(keys))
        before = np.array(state.versions, np.int32)
        turns: list[tuple[int, int, int]] = []
        first = _first_rows(rows, len(keys))
        for row in np.sort(first[(slots < 0) & (first < end)]).tolist():
            key = rows[row]
            line = lines[at + row : at + row + 1]
            text = texts[key] or str(shapes(line)[0])
            slots[key] = self._learn(line, text, keys[key], row, turns)
            if len(state) >= self._max_shapes:
                end = row + 1
                break
        of = slots[rows[:end]]
        ids = np.array(state.ids, np.int64)[of]
        versions = _at_their_time(before, turns, of, len(state.ids))
        if len(state) >= self._max_shapes:
            self._forget()
        return at + end, ids, versions

    def _learn(
        self,
        line: pa.StringArray,
        text: str,
        key: bytes,
        row: int,
        turns: list[tuple[int, int, int]],
    ) -> int:
        """The slot of the template of a line whose fine shape is not known; `turns` gets new versions."""
        state = self._state
        blank = blanked(text, state.constants)
        of_class = _digest(blank) if blank else b""
        slot, agreed = state.classes.get(of_class, (-1, 0))
        if agreed >= SETTLED:
            return slot
        first = str(line[0].as_py() or "")
        mask, more = masked(first)
        whole = mask + "<*>" if more else mask
        coarse_key = _digest(whole)
        known = state.coarse.get(coarse_key)
        before = len(turns)
        if known is None:
            parsed, fine = self._parsed(first, row, turns), 0
        else:
            parsed, fine = known
        # Lines of this fine shape differ only where it collapsed: if it fits the mask, so do they all.
        remember = fine < MAX_FINE and matches(text, whole)
        if remember:
            state.fine[key] = parsed
        if remember or known is None:
            state.coarse[coarse_key] = (parsed, fine + remember)
            self.revision += 1
        if blank and known is None:
            agreed = agreed + 1 if parsed == slot and remember and len(turns) == before else 0
            state.classes[of_class] = (parsed, agreed)
        return parsed

    def _parsed(self, line: str, row: int, turns: list[tuple[int, int, int]]) -> int:
        state = self._state
        template = self._parser.parse([line])[0]
        news = self._parser.changes()
        state.changes += news
        self._note(news)
        slot = self._slots.get(template)
        if slot is None:
            slot = self._slots[template] = len(state.ids)
            state.ids.append(template)
            state.versions.append(self._parser.version(template))
            turns.append((slot, row, state.versions[slot]))
        for new in news:
            changed = self._slots.get(new.id)
            if changed is not None and new.version != state.versions[changed]:
                state.versions[changed] = new.version
                turns.append((changed, row, new.version))
        return slot

    def _note(self, news: Sequence[Template]) -> None:
        """What new templates mean for free words and for classes."""
        state = self._state
        if len(state.constants) <= MAX_CONSTANTS:
            state.constants |= constants(new.text for new in news)
        gone = {self._slots.get(parent, -1) for new in news for parent in new.parents} - {-1}
        if gone:  # lines of theirs now belong to the template that they became
            state.classes = {k: each for k, each in state.classes.items() if each[0] not in gone}

    def templates(self) -> dict[TemplateId, str]:
        return {template: shown(text) for template, text in self._parser.templates().items()}

    def changes(self) -> tuple[Template, ...]:
        changes, self._state.changes = self._state.changes, []
        return tuple(replace(change, text=shown(change.text)) for change in changes)

    def version(self, template: TemplateId) -> int:
        return self._parser.version(template)

    def save(self) -> bytes:
        """With the parser's own state. Changes that nobody asked for yet are part of it, so call `changes` first."""
        return pack(self._state, self._parser.save())

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version."""
        self._state, parser = unpack(state)
        self._slots = {template: slot for slot, template in enumerate(self._state.ids)}
        self._parser.load(parser)
        self.revision += 1


def shapes(lines: pa.StringArray) -> pa.StringArray:
    """The fine shape of each line; a pure function of the line.

    >>> shapes(pa.array(["took 12 ms", "took 7 ms"])).to_pylist()
    ['took 0000 ms', 'took 0000 ms']
    """
    return _collapsed(_heads(lines) if lines.null_count or _some_long(lines) else lines)


def _collapsed(heads: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(heads, COLLAPSES, MARK)


def _column(lines: Sequence[str]) -> pa.StringArray:
    try:
        return pa.array(lines, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair
        return pa.array([line.encode("utf-8", "replace").decode() for line in lines], pa.string())


def _some_long(lines: pa.StringArray) -> bool:
    longest = pc.max(pc.binary_length(lines)).as_py() or 0
    return longest > MAX_CHARS or bool(pc.any(pc.match_substring(lines, "\n")).as_py())


def _heads(lines: pa.StringArray) -> pa.StringArray:
    """The part of each line that is looked at, see `tokens.head`; a line break at the end where there is more."""
    texts: Any = lines.fill_null("")
    lengths: Any = pc.utf8_length(texts)
    long = pc.greater(lengths, pa.scalar(MAX_CHARS))
    heads = [head(line) for line in texts.filter(long).to_pylist()]
    first: Any = pc.replace_substring_regex(texts, _FIRST_OF_SEVERAL, r"\1")
    if not heads:
        return cast("pa.StringArray", first)
    cut = pa.array([kept + "\n" if more else kept for kept, more in heads], pa.string())
    return cast("pa.StringArray", pc.replace_with_mask(first, long, cut))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def _first_rows(rows: npt.NDArray[np.int32], shapes_: int) -> npt.NDArray[np.int64]:
    """The first row of each shape, len(rows) where it has none."""
    first = np.full(shapes_, len(rows), np.int64)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
    return first


def _at_their_time(
    before: Versions, turns: list[tuple[int, int, int]], of: Slots, slots: int
) -> Versions:
    """The version that the template of each row had when the row came.

    `before` by slot, at the first row; `turns` holds (slot, row, new version); `of` is each row's slot.
    """
    known = np.zeros(slots, np.int32)
    known[: len(before)] = before
    versions = known[of]
    if turns:
        slot, row, version = np.array(turns, np.int64).T
        width = len(of) + 1
        at = slot * width + row
        order = np.argsort(at, kind="stable")
        last = np.searchsorted(at[order], of * width + np.arange(len(of)), "right") - 1
        turn = order[np.maximum(last, 0)]
        turned = (last >= 0) & (slot[turn] == of)
        versions[turned] = version[turn[turned]]
    return versions
