r"""The syntax tree that Go's regexp/syntax makes of an expression, as far as literals, `.*`, `.+` and alternatives go.

Loki looks at that tree to replace an expression by searches for its literals (see `text_match`), and what it then
matches depends on the tree's exact shape. Go merges neighbouring literals, factors common prefixes out of alternatives
(`foo|foobar` becomes `foo(?:|bar)`), and turns alternatives of one character into a class. What cannot be part of a
simplified expression (classes, anchors, single dots) is opaque here: one such node anywhere means that there is nothing
to simplify, so its kind does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from driftwood.logql.stages.folding import fold_orbit, has_cases, smallest_fold


class Op(Enum):
    EMPTY = auto()
    LITERAL = auto()
    ANY = auto()
    """`.` without the newline."""
    STAR = auto()
    PLUS = auto()
    QUEST = auto()
    REPEAT = auto()
    CONCAT = auto()
    ALTERNATE = auto()
    CAPTURE = auto()
    OPAQUE = auto()
    ONE_OF = auto()
    """A class of characters: opaque, but alternatives that stand beside it may be merged into it."""


@dataclass(slots=True)
class Node:
    op: Op
    text: str = ""
    """A literal's. With `fold` each character is the smallest of those that differ from it in case only."""
    fold: bool = False
    subs: list[Node] = field(default_factory=list)
    low: int = 0
    high: int = -1
    """How often a REPEAT repeats; -1: without a bound."""

    @property
    def is_one_character(self) -> bool:
        return self.op in (Op.ANY, Op.ONE_OF) or (self.op is Op.LITERAL and len(self.text) == 1)


_TOKEN = re.compile(
    r"""
    \\Q(?P<quoted>.*?)(?:\\E|$)
    | \\(?P<octal>0[0-7]{0,2}|[1-7][0-7]{1,2}) | \\x(?P<hex>[0-9A-Fa-f]{2}) | \\x\{(?P<code>[0-9A-Fa-f]+)\}
    | \\[pP](?:\{[^}]*\}|.) | \\(?P<escaped>.)
    | (?P<class>\[\^?\]?(?:\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\.|\[:\^?\w+:\]|[^\]\\])*\])
    | (?P<flags>\(\?[imsU-]*[:)]) | (?P<open>\((?:\?P?<\w+>)?)
    | (?P<repeat>[*+?]\??|\{(?P<low>\d+)(?P<comma>,(?P<high>\d*))?\}\??)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ONE_OR_PAIR = re.compile(r"\[(\\?.)(\\?.)?\]", re.DOTALL)


def parse(pattern: str) -> Node:
    """The simplified tree of `pattern`, which RE2 has accepted."""
    return _simplified(_Parser(pattern).alternatives())


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._tokens = list(_TOKEN.finditer(pattern))
        self._at = 0
        self._fold = False
        self._dot_is_all = False

    def alternatives(self) -> Node:
        """Up to a closing parenthesis or the end. Flags that are set inside end with it."""
        flags = self._fold, self._dot_is_all
        branches = [self._branch()]
        while self._take("|"):
            branches = _merged(branches, self._branch())
        self._take(")")
        self._fold, self._dot_is_all = flags
        return branches[0] if len(branches) == 1 else _alternate(branches)

    def _take(self, char: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at]["other"] == char:
            self._at += 1
            return True
        return False

    def _branch(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token["other"] in ("|", ")"):
                break
            self._at += 1
            if token["repeat"]:
                parts[-1] = _repeated(parts[-1], token)
            else:
                parts.extend(self._part(token))
        return _concat(parts)

    def _part(self, token: re.Match[str]) -> list[Node]:
        kind = token.lastgroup
        if kind == "flags":
            return self._flags(token["flags"])
        if kind == "open":
            return [Node(Op.CAPTURE, subs=[self.alternatives()])]
        if kind == "class":
            return [self._class(token["class"])]
        if kind == "quoted":
            return [self._literal(char) for char in token["quoted"]]
        if kind in ("octal", "hex", "code"):
            return [self._literal(chr(int(token[kind], 8 if kind == "octal" else 16)))]
        if kind == "escaped":
            return [self._escaped(token["escaped"])]
        if kind == "other":
            return [self._other(token["other"])]
        return [Node(Op.ONE_OF)]  # \pL

    def _flags(self, text: str) -> list[Node]:
        """(?i) holds from here on, (?i:...) inside."""
        before = self._fold, self._dot_is_all
        on, _, off = text[2:-1].partition("-")
        self._fold = ("i" in on or self._fold) and "i" not in off
        self._dot_is_all = ("s" in on or self._dot_is_all) and "s" not in off
        if text[-1] == ")":
            return []
        inside = self.alternatives()
        self._fold, self._dot_is_all = before
        return [inside]

    def _literal(self, char: str) -> Node:
        if self._fold and has_cases(char):
            return Node(Op.LITERAL, smallest_fold(char), fold=True)
        return Node(Op.LITERAL, char)

    def _escaped(self, char: str) -> Node:
        if char in _CONTROL:
            return self._literal(_CONTROL[char])
        if char.isalnum():
            return Node(Op.ONE_OF if char in "dDsSwW" else Op.OPAQUE)
        return self._literal(char)

    def _other(self, char: str) -> Node:
        if char == ".":
            return Node(Op.ONE_OF if self._dot_is_all else Op.ANY)
        return Node(Op.OPAQUE) if char in "^$" else self._literal(char)

    def _class(self, text: str) -> Node:
        """[x] is the literal x, [xX] one in any case where x has just these two; all other classes are classes."""
        found = _ONE_OR_PAIR.fullmatch(text)
        if found is None or found[1] == "^":
            return Node(Op.ONE_OF)
        chars = {_CONTROL.get(part[1:], part[-1:]) for part in found.groups() if part}
        if any(
            len(part) == 2 and part[1].isalnum() and part[1] not in _CONTROL
            for part in found.groups()
            if part
        ):
            return Node(Op.ONE_OF)
        if self._fold:
            chars = {each for char in chars for each in fold_orbit(char)}
        if len(chars) == 1:
            return Node(Op.LITERAL, chars.pop())
        first = min(chars)
        if len(chars) == 2 and set(fold_orbit(first)) == chars:
            return Node(Op.LITERAL, first, fold=True)
        return Node(Op.ONE_OF)


def _repeated(part: Node, token: re.Match[str]) -> Node:
    sign = token["repeat"][0]
    if sign == "{":
        low = int(token["low"])
        high = int(token["high"] or -1) if token["comma"] else low
        return Node(Op.REPEAT, subs=[part], low=low, high=high)
    op = {"*": Op.STAR, "+": Op.PLUS, "?": Op.QUEST}[sign]
    if part.op is op:
        return part
    if part.op in (Op.STAR, Op.PLUS, Op.QUEST):
        return Node(Op.STAR, subs=part.subs)
    return Node(op, subs=[part])


def _merged(branches: list[Node], branch: Node) -> list[Node]:
    """a|b is [ab]."""
    last = branches[-1]
    if not (last.is_one_character and branch.is_one_character):
        return [*branches, branch]
    return [*branches[:-1], last if last == branch else Node(Op.ONE_OF)]


def _concat(parts: list[Node]) -> Node:
    merged: list[Node] = []
    for part in parts:
        last = merged[-1] if merged else None
        if last and last.op is part.op is Op.LITERAL and last.fold == part.fold:
            merged[-1] = Node(Op.LITERAL, last.text + part.text, last.fold)
        else:
            merged.append(part)
    return _collapsed(Op.CONCAT, merged) if merged else Node(Op.EMPTY)


def _collapsed(op: Op, subs: list[Node]) -> Node:
    if len(subs) == 1:
        return subs[0]
    flat = [each for sub in subs for each in (sub.subs if sub.op is op else [sub])]
    return Node(op, subs=flat)


def _alternate(branches: list[Node]) -> Node:
    if len(branches) == 1:
        return branches[0]
    factored = _factored(_collapsed(Op.ALTERNATE, branches).subs)
    return factored[0] if len(factored) == 1 else Node(Op.ALTERNATE, subs=factored)


def _factored(branches: list[Node]) -> list[Node]:
    """Branches with a common literal prefix become prefix(?:rest|rest); then runs of characters or of nothing merge."""
    groups: list[tuple[str, bool, list[Node]]] = []
    for branch in branches:
        head = _head(branch)
        text, fold = (head.text, head.fold) if head else ("", False)
        if groups:
            shared, shared_fold, members = groups[-1]
            common = _common_prefix(shared, text) if fold == shared_fold else ""
            if common:
                groups[-1] = (common, shared_fold, [*members, branch])
                continue
        groups.append((text, fold, [branch]))
    out: list[Node] = []
    for prefix, fold, members in groups:
        if len(members) == 1:
            node = members[0]
        else:
            rests = [_without_head(member, len(prefix)) for member in members]
            node = Node(Op.CONCAT, subs=[Node(Op.LITERAL, prefix, fold), _alternate(rests)])
        last = out[-1] if out else None
        if last and last.op is node.op is Op.EMPTY:
            continue
        if last and last.is_one_character and node.is_one_character:
            out[-1] = Node(Op.ONE_OF)
            continue
        out.append(node)
    return out


def _head(branch: Node) -> Node | None:
    first = branch.subs[0] if branch.op is Op.CONCAT else branch
    return first if first.op is Op.LITERAL else None


def _common_prefix(left: str, right: str) -> str:
    length = 0
    while length < min(len(left), len(right)) and left[length] == right[length]:
        length += 1
    return left[:length]


def _without_head(branch: Node, length: int) -> Node:
    head = branch.subs[0] if branch.op is Op.CONCAT else branch
    rest = head.text[length:]
    shorter = Node(Op.LITERAL, rest, head.fold) if rest else Node(Op.EMPTY, fold=head.fold)
    if branch.op is not Op.CONCAT:
        return shorter
    if rest:
        return Node(Op.CONCAT, subs=[shorter, *branch.subs[1:]])
    return branch.subs[1] if len(branch.subs) == 2 else Node(Op.CONCAT, subs=branch.subs[1:])


def _simplified(node: Node) -> Node:
    """Without counted repetitions: Go's Simplify."""
    subs = [_simplified(sub) for sub in node.subs]
    match node.op:
        case Op.STAR | Op.PLUS | Op.QUEST:
            return _starred(node.op, subs[0])
        case Op.REPEAT:
            return _unrolled(node, subs[0])
        case Op.CAPTURE | Op.CONCAT | Op.ALTERNATE:
            return Node(node.op, subs=subs)
        case _:
            return node


def _starred(op: Op, sub: Node) -> Node:
    return sub if sub.op in (Op.EMPTY, op) else Node(op, subs=[sub])


def _unrolled(node: Node, sub: Node) -> Node:
    if node.high == 0:
        return Node(Op.EMPTY)
    if node.high == -1:
        if node.low <= 1:
            return _starred(Op.PLUS if node.low else Op.STAR, sub)
        return Node(Op.CONCAT, subs=[*[sub] * (node.low - 1), _starred(Op.PLUS, sub)])
    if node.low == node.high == 1:
        return sub
    optional = [_starred(Op.QUEST, sub)] if node.high > node.low else []
    if not node.low:
        return optional[0] if node.high == 1 else Node(Op.QUEST, subs=[sub])
    return Node(Op.CONCAT, subs=[*[sub] * node.low, *optional])
