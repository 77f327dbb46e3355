"""Driftwood's own template miner: no labels, no settings per system, one line at a time.

`parsing.lattice` decides which shapes of lines are one template; here they get their ids, texts, versions and lineage.
Templates only ever generalise, so history has merges and never splits, and the templates follow from the set of lines
whatever their order (while nothing has to leave memory).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from driftwood.errors import StoreError
from driftwood.labels import stable_id
from driftwood.records import Template, TemplateId
from parsing.lattice import Lattice, Shape
from parsing.pieces import ANY, compared, pieces, shaped
from parsing.plain import plain
from parsing.saved import packed, restored
from parsing.tokens import WILDCARD, joined, masked

STATE = 1
"""The version of what `save` writes."""
# Ids whose template was merged away or has left memory are remembered for this many times `max_templates`.
REMEMBERED = 10
# A template of so many shapes no longer remembers new ones that it covers.
ESTABLISHED = 64


@dataclass(slots=True)
class _Opened:
    id: TemplateId
    version: int
    words: list[str]
    shape: Shape
    gaps: tuple[str, ...]
    exact: bool
    numbers: list[int] = field(default_factory=list)
    """Its shapes in the lattice."""

    @property
    def text(self) -> str:
        return joined(self.words, self.gaps)


class Driftwood:
    """Plays `Parser`. The least recently parsed templates leave when there are more than `max_templates`."""

    def __init__(self, max_templates: int = 20_000) -> None:
        self._max_templates = max_templates
        self._reset()

    def _reset(self) -> None:
        self._lattice = Lattice()
        self._opened: OrderedDict[int, _Opened] = OrderedDict()  # by root, least recent first
        self._established: dict[str, list[int]] = {}
        self._roots: dict[TemplateId, int] = {}
        self._retired: dict[TemplateId, tuple[int, TemplateId | None, str]] = {}
        self._changes: list[Template] = []
        self._known: dict[str, int] = {}

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        return [self._parse(line) for line in lines]

    def templates(self) -> dict[TemplateId, str]:
        """In the benchmark's notation; an id that was merged away has the text of its successor."""
        texts = {opened.id: plain(opened.text) for opened in list(self._opened.values())}
        for template in list(self._retired):
            texts[template] = self._last_text(template)
        return texts

    def _last_text(self, template: TemplateId) -> str:
        while (root := self._roots.get(template)) is None:
            _, successor, text = self._retired[template]
            if successor not in self._roots and successor not in self._retired:
                return text
            assert successor is not None
            template = successor
        return plain(self._opened[root].text)

    def changes(self) -> tuple[Template, ...]:
        changes, self._changes = tuple(self._changes), []
        return changes

    def version(self, template: TemplateId) -> int:
        """The current version; of a template that is no more, its last one. Raises KeyError for an unknown id."""
        root = self._roots.get(template)
        return self._retired[template][0] if root is None else self._opened[root].version

    def _parse(self, line: str) -> TemplateId:
        text, more = masked(line)
        number = self._known.get(text) if not more else None
        root = self._learn(text, more) if number is None else self._lattice.root(number)
        self._opened.move_to_end(root)
        template = self._opened[root].id
        self._retire()
        return template

    def _learn(self, text: str, more: bool) -> int:
        """The root of a text that was not seen before, or not lately."""
        words, gaps = pieces(text)
        if more:
            words, gaps = (*words, WILDCARD), (*gaps, "")
        shape = shaped(words, gaps)
        number = self._lattice.numbers.get(shape)
        if number is None:
            root = self._covering(shape)
            if root is not None:
                self._widen(root, words, shape, gaps)
                return root
            number, united = self._lattice.add(shape)
            self._merge(united)
        root = self._lattice.root(number)
        if root in self._opened:
            self._widen(root, words, shape, gaps)
        else:
            self._open(root, words, shape, gaps)
        if not more:
            if len(self._known) >= 4 * self._max_templates:
                self._known.clear()
            self._known[text] = number
        return root

    def _covering(self, shape: Shape) -> int | None:
        """The template of many shapes that covers this one, so that it need not be remembered."""
        for root in self._established.get(shape[0], ()):
            if all(a in (ANY, b) for a, b in zip(self._opened[root].shape, shape, strict=True)):
                return root
        return None

    def _open(self, root: int, words: tuple[str, ...], shape: Shape, gaps: tuple[str, ...]) -> None:
        content, salt = joined(words, gaps).encode(), b""
        while (template := TemplateId(stable_id(content + salt))) in self._roots:
            salt += b"\0"
        version = self._retired.pop(template, (0, None, ""))[0] + 1
        opened = _Opened(template, version, list(words), shape, gaps, True, [root])
        self._opened[root] = opened
        self._roots[template] = root
        self._changed(opened)

    def _widen(self, root: int, words: Sequence[str], shape: Shape, gaps: tuple[str, ...]) -> None:
        """Make the template cover a line, or another template."""
        opened = self._opened[root]
        if self._covers(opened, words, shape, gaps, exact=True):
            opened.version += 1
            self._changed(opened)

    def _covers(
        self,
        opened: _Opened,
        words: Sequence[str],
        shape: Shape,
        gaps: tuple[str, ...],
        exact: bool,
    ) -> bool:
        """See to it that the template covers `words`; whether that changed it."""
        exact = opened.exact and exact and gaps == opened.gaps
        wider = [a if a == b else _common(a, b) for a, b in zip(opened.words, words, strict=True)]
        if wider == opened.words and exact == opened.exact:
            return False
        opened.words, opened.exact = wider, exact
        opened.shape = shaped(wider, opened.gaps)
        return True

    def _merge(self, united: list[tuple[int, int]]) -> None:
        """Follow the lattice: the older template goes on, the other becomes its parent."""
        parents: dict[int, list[TemplateId]] = {}
        for root, gone in united:
            opened, other = self._opened[root], self._opened.pop(gone, None)
            if (
                other is None
            ):  # a shape without a template: a wider one, or the one that is being added
                opened.numbers.append(gone)
            else:
                opened.numbers += other.numbers
                self._covers(opened, other.words, other.shape, other.gaps, other.exact)
                parents.setdefault(root, []).extend((*parents.pop(gone, ()), other.id))
                self._forget(gone, other, opened.id)
            if len(opened.numbers) >= ESTABLISHED:
                roots = self._established.setdefault(opened.shape[0], [])
                if root not in roots:
                    roots.append(root)
        for root, ids in parents.items():
            self._opened[root].version += 1
            self._changed(self._opened[root], tuple(ids))

    def _retire(self) -> None:
        while len(self._opened) > self._max_templates:
            root, opened = self._opened.popitem(last=False)
            self._lattice.remove(opened.numbers)
            self._forget(root, opened, None)
            self._known.clear()

    def _forget(self, root: int, opened: _Opened, successor: TemplateId | None) -> None:
        del self._roots[opened.id]
        self._retired[opened.id] = (opened.version, successor, plain(opened.text))
        roots = self._established.get(opened.shape[0], [])
        if root in roots:
            roots.remove(root)
        if len(self._retired) > REMEMBERED * self._max_templates:
            del self._retired[next(iter(self._retired))]

    def _changed(self, opened: _Opened, parents: tuple[TemplateId, ...] = ()) -> None:
        self._changes.append(
            Template(opened.id, opened.version, opened.text, opened.exact, parents)
        )

    def save(self) -> bytes:
        """JSON, zstd. Changes that nobody asked for yet are part of it, so call `changes` first."""
        state = {
            "lattice": self._lattice.save(),
            "opened": [
                [root, o.id, o.version, o.words, o.gaps, o.exact, o.numbers]
                for root, o in self._opened.items()
            ],
            "established": list(self._established.items()),
            "retired": [[template, *rest] for template, rest in self._retired.items()],
            "changes": [[t.id, t.version, t.text, t.exact, t.parents] for t in self._changes],
        }
        return packed(STATE, state)

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version; the parser is then as new."""
        self._reset()
        try:
            restored(state, "driftwood", STATE, self._restore)
        except StoreError:
            self._reset()
            raise

    def _restore(self, saved: dict[str, Any]) -> None:
        self._lattice.load(saved["lattice"])
        for root, template, version, words, gaps, exact, numbers in saved["opened"]:
            shape = shaped(words, tuple(gaps))
            opened = _Opened(
                TemplateId(template), version, words, shape, tuple(gaps), exact, numbers
            )
            self._opened[root] = opened
            self._roots[opened.id] = root
        self._established = dict(saved["established"])
        self._retired = {TemplateId(t): (v, s, text) for t, v, s, text in saved["retired"]}
        self._changes = [
            Template(TemplateId(t), version, text, exact, tuple(parents))
            for t, version, text, exact, parents in saved["changes"]
        ]
        self._retire()  # where fewer are kept than before


def _common(a: str, b: str) -> str:
    """What covers two words: without the kinds of their values where only those differ, else a variable.

    >>> _common("node-<NUM>", "node-<HEX>"), _common("bob", "amy")
    ('node-<*>', '<*>')
    """
    general = compared(a)
    return general if general == compared(b) and general != ANY else WILDCARD
