"""Drain (He et al., ICWS 2017) in drain3's implementation, with stable ids, versions and a state of our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drain3.drain import LogCluster

from driftwood.errors import StoreError
from driftwood.labels import stable_id
from driftwood.records import Template, TemplateId
from parsing.saved import packed, restored
from parsing.tokens import Tokens, cut, joined
from parsing.tree import Tree, text

STATE = 1
"""The version of what `save` writes."""
# Versions of templates that have left memory are remembered for this many times `max_templates`, so that an id which
# comes back goes on with the next version.
REMEMBERED = 10


@dataclass(slots=True)
class _Opened:
    """What drain3 does not know about a cluster."""

    id: TemplateId
    version: int
    words: tuple[str, ...]
    """As in the tree."""
    text: str
    exact: bool
    """All lines so far had the same gaps; words are covered by the text anyway."""
    gaps: tuple[str, ...]


class Drain:
    """Plays `Parser`. The least recently parsed templates leave when there are more than `max_templates`."""

    def __init__(self, max_templates: int = 20_000) -> None:
        self._max_templates = max_templates
        self._reset()

    def _reset(self) -> None:
        self._tree = Tree(self._max_templates)
        self._opened: dict[int, _Opened] = {}
        self._numbers: dict[TemplateId, int] = {}
        self._retired: dict[TemplateId, int] = {}
        self._changes: list[Template] = []

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        return [self._parse(line) for line in lines]

    def templates(self) -> dict[TemplateId, str]:
        return {opened.id: opened.text for opened in list(self._opened.values())}

    def changes(self) -> tuple[Template, ...]:
        changes, self._changes = tuple(self._changes), []
        return changes

    def version(self, template: TemplateId) -> int:
        """The current version; of a template that left memory, its last one. Raises KeyError for an unknown id."""
        number = self._numbers.get(template)
        return self._retired[template] if number is None else self._opened[number].version

    def _parse(self, line: str) -> TemplateId:
        tokens = cut(line)
        cluster = self._tree.add(tokens)
        opened = self._opened.get(cluster.cluster_id)
        if opened is None:
            return self._open(cluster, tokens)
        exact = opened.exact and tokens.gaps == opened.gaps
        if cluster.log_template_tokens != opened.words or exact != opened.exact:
            opened.version += 1
            opened.words = cluster.log_template_tokens
            opened.text = text(opened.words, opened.gaps)
            opened.exact = exact
            self._changed(opened)
        return opened.id

    def _open(self, cluster: LogCluster, tokens: Tokens) -> TemplateId:
        shape = joined(tokens.words, tokens.gaps)
        salt = b""
        while (template := TemplateId(stable_id(shape.encode() + salt))) in self._numbers:
            salt += b"\0"  # its first holder lives, but is too general by now for the line that opened it
        version = self._retired.pop(template, 0) + 1
        words = cluster.log_template_tokens
        opened = _Opened(template, version, words, shape, True, tokens.gaps)
        self._opened[cluster.cluster_id] = opened
        self._numbers[template] = cluster.cluster_id
        self._changed(opened)
        self._retire()
        return template

    def _retire(self) -> None:
        left = self._tree.id_to_cluster.left
        while left:
            opened = self._opened.pop(left.pop())
            del self._numbers[opened.id]
            self._retired[opened.id] = opened.version
            if len(self._retired) > REMEMBERED * self._max_templates:
                del self._retired[next(iter(self._retired))]

    def _changed(self, opened: _Opened) -> None:
        self._changes.append(Template(opened.id, opened.version, opened.text, opened.exact))

    def save(self) -> bytes:
        """JSON, zstd. Changes that nobody asked for yet are part of it, so call `changes` first."""
        state = {
            "tree": self._tree.save(),
            "opened": [
                [number, o.id, o.version, o.exact, o.gaps] for number, o in self._opened.items()
            ],
            "retired": list(self._retired.items()),
            "changes": [[t.id, t.version, t.text, t.exact] for t in self._changes],
        }
        return packed(STATE, state)

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version; the parser is then as new."""
        self._reset()
        try:
            restored(state, "drain3", STATE, self._restore)
        except StoreError:
            self._reset()
            raise

    def _restore(self, saved: dict[str, Any]) -> None:
        self._tree.load(saved["tree"])
        clusters = self._tree.id_to_cluster
        self._retired = {TemplateId(template): version for template, version in saved["retired"]}
        for number, template, version, exact, gaps in saved["opened"]:
            opened = _Opened(TemplateId(template), version, (), "", exact, tuple(gaps))
            self._opened[number] = opened
            self._numbers[opened.id] = number
            if cluster := clusters.get(number):
                opened.words = cluster.log_template_tokens
                opened.text = text(opened.words, opened.gaps)
        self._retire()  # where fewer are kept than before
        self._changes = [Template(TemplateId(t), *rest) for t, *rest in saved["changes"]]
