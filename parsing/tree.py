"""drain3's prefix tree, over words that are cut and masked already, with a state that can be written as JSON.

Only the tree and the choice of a cluster are drain3's. Its persistence, which decodes jsonpickle, is never called.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from operator import eq
from typing import Any

from drain3.drain import Drain as Drain3
from drain3.drain import LogCluster, Node

from parsing.rules import HIDDEN
from parsing.tokens import WILDCARD, Tokens, joined

# By mean grouping accuracy over Loghub-2k, one setting for all.
SIMILARITY = 0.7
MAX_CHILDREN = 100
# Levels: root, number of words, place of the message, its first word, clusters.
DEPTH = 5
SETTINGS = [DEPTH, SIMILARITY, MAX_CHILDREN]

# A place is written as one word without a digit, which drain3 would take for a variable.
_ZERO = 0x4E00
_OPENS = "=:([{\"',/@"
_CLOSES = ")]}\"',;:/@"


class Recent(OrderedDict[int, LogCluster]):
    """Clusters by drain3's number, the least recently matched first; `get` looks without touching one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self.left: list[int] = []
        """Numbers of the clusters that had to go; whoever reads them clears them."""

    def __getitem__(self, number: int) -> LogCluster:
        self.move_to_end(number)
        return super().__getitem__(number)

    def __setitem__(self, number: int, cluster: LogCluster) -> None:
        super().__setitem__(number, cluster)
        if len(self) > self._size:
            oldest = next(iter(self))
            del self[oldest]
            self.left.append(oldest)


class Tree(Drain3):  # type: ignore[misc]  # drain3 has no types
    """Clusters of at most `size` templates. Words come as `turned`: the message first, since the first words route."""

    def __init__(self, size: int) -> None:
        super().__init__(DEPTH, SIMILARITY, MAX_CHILDREN, profiler=None)
        self.id_to_cluster = Recent(size)
        self.root_node = Node()

    def add(self, tokens: Tokens) -> LogCluster:
        """The cluster that the line joins or opens."""
        cluster, _ = self.add_log_message(turned(tokens))
        return cluster

    def get_content_as_tokens(self, content: Sequence[str]) -> Sequence[str]:
        return content

    def fast_match(
        self,
        cluster_ids: Sequence[int],
        tokens: Sequence[str],
        sim_th: float,
        include_params: bool,
    ) -> LogCluster | None:
        """The most alike cluster of a leaf by its message, the more general one of two; headers do not count.

        drain3 opens a cluster for each line that is like none, and compares the next one with all of them. A full leaf
        opens no more: its lines join what they are most like, so that random words cost neither time nor templates.
        """
        message = slice(1, 1 + _place(tokens[0])[1])
        words = tokens[message]
        literal = words.count(WILDCARD)  # of the line itself: no sign of likeness
        found = ((number, self.id_to_cluster.get(number)) for number in cluster_ids)
        live = [cluster for _, cluster in found if cluster is not None]
        best, rank = None, (-1, -1)
        for cluster in live:
            template = cluster.log_template_tokens
            same = sum(map(eq, words, template[message]))
            if literal:
                same -= sum(a == b == WILDCARD for a, b in zip(words, template[1:], strict=False))
            if same >= rank[0] and (same, wild := template.count(WILDCARD)) > rank:
                best, rank = cluster, (same, wild)
        enough = 0.0 if len(live) >= MAX_CHILDREN else sim_th * len(words)
        return best if rank[0] >= enough else None

    def create_template(self, seq1: Sequence[str], seq2: Sequence[str]) -> list[str]:
        return [a if a == b else generalise(a, b) for a, b in zip(seq1, seq2, strict=True)]

    def save(self) -> dict[str, Any]:
        return {
            "settings": SETTINGS,
            "counter": self.clusters_counter,
            "clusters": [
                [number, cluster.size, cluster.log_template_tokens]
                for number, cluster in self.id_to_cluster.items()
            ],
            "root": _branch(self.root_node),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on exactly as the tree that was saved; a tree of other settings is built anew from its clusters."""
        self.clusters_counter = saved["counter"]
        same = saved["settings"] == SETTINGS
        for number, size, words in saved["clusters"]:
            cluster = LogCluster(words, number)
            cluster.size = size
            self.id_to_cluster[number] = cluster
            if not same:
                self.add_seq_to_prefix_tree(self.root_node, cluster)
        if same:
            self.root_node = _grown(saved["root"])


def turned(tokens: Tokens) -> tuple[str, ...]:
    """The place of the message, the message, what follows it, what stands before it."""
    words, _, start, stop = tokens
    place = chr(_ZERO + start) + chr(_ZERO + stop - start)
    if HIDDEN.search(
        "".join(words)
    ):  # lines with other protected tokens, or at other places, share no leaf
        protected = ((at, HIDDEN.findall(word)) for at, word in enumerate(words))
        place += "".join(chr(_ZERO + at) + "".join(found) for at, found in protected if found)
    return (place, *words[start:], *words[:start])


def text(turned_words: Sequence[str], gaps: Sequence[str]) -> str:
    """The template of a cluster, its words back in their order."""
    place, *words = turned_words
    at = len(words) - _place(place)[0]
    return joined((*words[at:], *words[:at]), gaps)


def _place(word: str) -> tuple[int, int]:
    """Start and length of the message."""
    return ord(word[0]) - _ZERO, ord(word[1]) - _ZERO


def generalise(a: str, b: str) -> str:
    """What two words have in common up to a delimiter, `<*>` for the rest. Covers all that either covers.

    >>> generalise('user="bob",', 'user="amy",'), generalise("bob", "bobby")
    ('user="<*>",', '<*>')
    """
    shorter = min(len(a), len(b))
    start = end = 0
    for at in range(shorter):
        if a[at] != b[at]:
            break
        if a[at] in _OPENS:
            start = at + 1
    for at in range(1, shorter - start + 1):
        if a[-at] != b[-at]:
            break
        if a[-at] in _CLOSES:
            end = at
    return a[:start] + WILDCARD + a[len(a) - end :]


def _branch(node: Node) -> list[Any]:
    """A node as JSON; the tree is no deeper than DEPTH."""
    return [{k: _branch(child) for k, child in node.key_to_child_node.items()}, node.cluster_ids]


def _grown(branch: list[Any]) -> Node:
    node = Node()
    children, node.cluster_ids = branch
    node.key_to_child_node = {key: _grown(child) for key, child in children.items()}
    return node
