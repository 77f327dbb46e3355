"""Drain (He et al., ICWS 2017) as drain3 implements it, with masked words, stable ids and a state of our own.

drain3 only keeps the tree and decides which cluster a line joins. Ids, versions, whitespace and what is saved are ours;
its persistence, which decodes jsonpickle, is never called.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard
from drain3.drain import Drain as Tree
from drain3.drain import LogCluster, Node

from driftwood.errors import StoreError
from driftwood.labels import stable_id
from driftwood.records import Template, TemplateId
from parsing.tokens import WILDCARD, cut, text

STATE = 1
# Chosen by mean grouping accuracy over Loghub-2k, one setting for all.
SIMILARITY = 0.7
MAX_CHILDREN = 100
# The word count, then the place where the message begins, then its first word.
DEPTH = 5
# Versions of templates that have left memory are remembered for this many times `max_templates`.
RETIRED = 10


@dataclass(slots=True)
class _Opened:
    """What drain3 does not know about a cluster."""

    id: TemplateId
    version: int
    text: str
    exact: bool
    gaps: tuple[str, ...]


class _Recent(OrderedDict[int, LogCluster]):
    """Clusters by drain3's number, the least recently matched first; `get` looks without touching one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.left: list[int] = []

    def __getitem__(self, number: int) -> LogCluster:
        self.move_to_end(number)
        return super().__getitem__(number)

    def __setitem__(self, number: int, cluster: LogCluster) -> None:
        super().__setitem__(number, cluster)
        if len(self) > self.size:
            oldest = next(iter(self))
            del self[oldest]
            self.left.append(oldest)


class _Words(Tree):  # type: ignore[misc]  # drain3 has no types
    """drain3 over words that are cut already: a letter that says how many words of header there are, the message, the
    header. The tree routes by the first two; only the message decides how alike two lines are.
    """

    def get_content_as_tokens(self, content: Sequence[str]) -> Sequence[str]:
        return content

    def get_seq_distance(
        self, seq1: Sequence[str], seq2: Sequence[str], include_params: bool
    ) -> tuple[float, int]:
        message = len(seq1) - (
            ord(seq1[0]) - ord("a")
        )  # what follows is the header, and does not count
        if message == 1:
            return 1.0, 0
        pairs = zip(seq1[1:message], seq2[1:message], strict=True)
        same = sum(a == b != WILDCARD for a, b in pairs)
        wild = seq1.count(WILDCARD)
        return (same + wild if include_params else same) / (message - 1), wild

    def create_template(self, seq1: Sequence[str], seq2: Sequence[str]) -> list[str]:
        return [a if a == b else generalise(a, b) for a, b in zip(seq1, seq2, strict=True)]


_OPENS = "=:([{\"',/@"
_CLOSES = ")]}\"',;:/@"


def generalise(a: str, b: str) -> str:
    """What two words have in common up to a delimiter, `<*>` for the rest. Covers all that either covers.

    >>> generalise('user="bob",', 'user="amy",'), generalise("bob", "bobby")
    ('user="<*>",', '<*>')
    """
    shorter = min(len(a), len(b))
    start = 0
    for at in range(shorter):
        if a[at] != b[at]:
            break
        if a[at] in _OPENS:
            start = at + 1
    end = 0
    for at in range(1, shorter - start + 1):
        if a[-at] != b[-at]:
            break
        if a[-at] in _CLOSES:
            end = at
    return a[:start] + WILDCARD + (a[-end:] if end else "")


class Drain:
    """Plays `Parser`. The least recently parsed templates leave when there are more than `max_templates`."""

    def __init__(self, max_templates: int = 20_000) -> None:
        self._max_templates = max_templates
        self._reset()

    def _reset(self) -> None:
        self._tree = _Words(DEPTH, SIMILARITY, MAX_CHILDREN, profiler=None)
        self._clusters = _Recent(self._max_templates)
        self._tree.id_to_cluster = self._clusters
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
        """The current version; of a template that left memory, the last one. Raises KeyError for an unknown id."""
        number = self._numbers.get(template)
        return self._retired[template] if number is None else self._opened[number].version

    def _parse(self, line: str) -> TemplateId:
        words, gaps, first = cut(line)
        # The message goes first, since the tree routes by the first words.
        turned = (chr(ord("a") + first), *words[first:], *words[:first])
        cluster, _ = self._tree.add_log_message(turned)
        number: int = cluster.cluster_id
        opened = self._opened.get(number)
        if opened is None:
            return self._open(number, text(words, gaps), gaps)
        now = self._text(cluster, opened.gaps)
        exact = opened.exact and gaps == opened.gaps
        if now != opened.text or exact != opened.exact:
            opened.version += 1
            opened.text = now
            opened.exact = exact
            self._changed(opened)
        return opened.id

    @staticmethod
    def _text(cluster: LogCluster, gaps: tuple[str, ...]) -> str:
        marker, *turned = cluster.log_template_tokens
        at = len(turned) - (ord(marker) - ord("a"))
        return text((*turned[at:], *turned[:at]), gaps)

    def _open(self, number: int, shape: str, gaps: tuple[str, ...]) -> TemplateId:
        salt = b""
        while (template := TemplateId(stable_id(shape.encode() + salt))) in self._numbers:
            salt += b"\0"  # taken: its first template has since become too general for the line that opened it
        opened = _Opened(template, self._retired.pop(template, 0) + 1, shape, True, gaps)
        self._opened[number] = opened
        self._numbers[template] = number
        self._changed(opened)
        while self._clusters.left:
            self._retire(self._clusters.left.pop())
        return template

    def _retire(self, number: int) -> None:
        opened = self._opened.pop(number)
        del self._numbers[opened.id]
        self._retired[opened.id] = opened.version
        if len(self._retired) > RETIRED * self._max_templates:
            del self._retired[next(iter(self._retired))]

    def _changed(self, opened: _Opened) -> None:
        self._changes.append(Template(opened.id, opened.version, opened.text, opened.exact))

    def save(self) -> bytes:
        """JSON, zstd. Includes changes that were not asked for yet, so call `changes` first."""
        clusters = [
            [number, cluster.size, cluster.log_template_tokens, o.id, o.version, o.exact, o.gaps]
            for number, cluster in self._clusters.items()
            for o in [self._opened[number]]
        ]
        state = {
            "state": STATE,
            "settings": [DEPTH, SIMILARITY, MAX_CHILDREN],
            "counter": self._tree.clusters_counter,
            "clusters": clusters,
            "tree": _branch(self._tree.root_node),
            "retired": list(self._retired.items()),
            "changes": [[t.id, t.version, t.text, t.exact] for t in self._changes],
        }
        return zstandard.ZstdCompressor(level=1).compress(orjson.dumps(state))

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version; the parser is then as new."""
        self._reset()
        try:
            saved = orjson.loads(zstandard.ZstdDecompressor().decompress(state))
            if saved["state"] != STATE:
                raise ValueError(f"it has version {saved['state']!r}, this program reads {STATE}")
            self._restore(saved)
        except (zstandard.ZstdError, ValueError, TypeError, LookupError, AttributeError) as error:
            self._reset()
            raise StoreError(
                f"the saved state of the parser drain3 cannot be read ({error}); restore the store from a "
                "backup, or start with a new data folder and ingest again"
            ) from error

    def _restore(self, saved: dict[str, Any]) -> None:
        self._tree.clusters_counter = saved["counter"]
        same = saved["settings"] == [DEPTH, SIMILARITY, MAX_CHILDREN]
        for number, size, words, template, version, exact, gaps in saved["clusters"]:
            cluster = LogCluster(words, number)
            cluster.size = size
            OrderedDict.__setitem__(self._clusters, number, cluster)
            opened = _Opened(TemplateId(template), version, "", exact, tuple(gaps))
            opened.text = self._text(cluster, opened.gaps)
            self._opened[number] = opened
            self._numbers[opened.id] = number
            if not same:
                self._tree.add_seq_to_prefix_tree(self._tree.root_node, cluster)
        if same:
            self._tree.root_node = _grown(saved["tree"])
        self._retired = {TemplateId(template): version for template, version in saved["retired"]}
        self._changes = [Template(TemplateId(t), *rest) for t, *rest in saved["changes"]]


def _branch(node: Node) -> list[Any]:
    """A node as JSON; the tree is as deep as DEPTH, so recursion is bounded."""
    return [{k: _branch(child) for k, child in node.key_to_child_node.items()}, node.cluster_ids]


def _grown(branch: list[Any]) -> Node:
    node = Node()
    children, node.cluster_ids = branch
    node.key_to_child_node = {key: _grown(child) for key, child in children.items()}
    return node
