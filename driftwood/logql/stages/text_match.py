"""What a regular expression of a filter looks for, as Loki simplifies it; and how a text is then searched.

Loki replaces an expression by searches for its literals where it can, and some of what it replaces means something else
than the expression. Queries must give what they give there, so these are part of the language:

- `foo|` and `foo|.*` look for foo, although both match everything: in alternatives, what always holds is left out.
- On labels, which are matched whole, `foo.*`, `.*foo` and alternatives with a common start (`foo|foobar`) match
  anywhere. Only a sole literal or alternatives without a common start stay whole.
- `.+` means not empty and `.*` anything, also across lines.
- `(?i)` compares lower-case characters one by one: a final sigma of the text is found by no spelling of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from driftwood.logql import re2
from driftwood.logql.stages import regex_tree
from driftwood.logql.stages.folding import any_case, lower
from driftwood.logql.stages.regex_tree import Node, Op


@dataclass(frozen=True, slots=True)
class Anything:
    """Always holds."""


@dataclass(frozen=True, slots=True)
class NotEmpty:
    pass


@dataclass(frozen=True, slots=True)
class Contains:
    text: str
    fold: bool = False
    """In any case; `text` is in lower case then."""


@dataclass(frozen=True, slots=True)
class Equals:
    text: str
    fold: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    left: Match
    right: Match


@dataclass(frozen=True, slots=True)
class Search:
    """A regular expression, of the whole text or anywhere in it."""

    pattern: str
    whole: bool = False


Match: TypeAlias = Anything | NotEmpty | Contains | Equals | AnyOf | Search
Test: TypeAlias = Callable[[str], bool]

ANYTHING = Anything()


def contains(text: str, fold: bool = False) -> Match:
    return Contains(_lowered(text) if fold else text, fold) if text else ANYTHING


def either(left: Match | None, right: Match) -> Match:
    """`left or right`, in which Loki leaves out what always holds."""
    if left is None or left == ANYTHING:
        return right
    return left if right == ANYTHING else AnyOf(left, right)


@lru_cache(maxsize=2_048)
def of_regex(pattern: str, whole: bool) -> Match:
    """What `pattern` looks for in a line or, with `whole`, in a label. Raises RegexError."""
    re2.compile(pattern)
    try:
        found = _of_tree(regex_tree.parse(pattern), whole)
    except RecursionError:  # no one nests literals this deep by hand
        found = None
    return Search(pattern, whole) if found is None else found


def _of_tree(node: Node, whole: bool) -> Match | None:
    """None: it cannot be simplified."""
    match node.op:
        case Op.ALTERNATE:
            return _of_alternatives([_uncaptured(sub) for sub in node.subs], whole)
        case Op.CONCAT:
            return _of_sequence(node, "")
        case Op.CAPTURE:
            return _of_tree(node.subs[0], whole)
        case Op.LITERAL:
            if whole:
                return Equals(_lowered(node.text) if node.fold else node.text, node.fold)
            return contains(node.text, node.fold)
        case Op.STAR if node.subs[0].op is Op.ANY:
            return ANYTHING
        case Op.PLUS if node.subs[0].op is Op.ANY:
            return NotEmpty()
        case Op.EMPTY:
            return ANYTHING
        case _:
            return None


def _of_alternatives(branches: list[Node], whole: bool) -> Match | None:
    found: Match | None = None
    for branch in branches:
        each = _of_tree(branch, whole)
        if each is None:
            return None
        found = either(found, each) if found is not None else each
    return found


def _of_sequence(node: Node, literal: str) -> Match | None:
    """One literal among `.*`, or one followed by alternatives, each of which then begins with it."""
    parts = [part for sub in node.subs if (part := _uncaptured(sub)).op is not Op.EMPTY]
    if len(parts) > 3:
        return None
    found: Match | None = None
    literals, fold = 0, False
    has_literal = bool(literal)
    for part in parts:
        if part.op is Op.LITERAL:
            if literals:
                return None
            literals, has_literal = 1, True
            literal, fold = literal + part.text, part.fold
        elif part.op is Op.ALTERNATE and has_literal:
            found = _of_continuations(part, literal, found, fold)
            if found is None:
                return None
        elif not (part.op is Op.STAR and part.subs[0].op is Op.ANY):
            return None
    if found is not None:
        return found
    return contains(literal, fold) if has_literal else None


def _of_continuations(node: Node, literal: str, found: Match | None, fold: bool) -> Match | None:
    for branch in node.subs:
        if branch.fold and not fold:
            return None
        if branch.op is Op.EMPTY or (branch.op is Op.STAR and branch.subs[0].op is Op.ANY):
            each: Match | None = contains(literal, fold)
        elif branch.op is Op.LITERAL:
            each = contains(literal + branch.text, fold)
        elif branch.op is Op.CONCAT:
            each = _of_sequence(branch, literal)
        else:
            each = None
        if each is None:
            return None
        found = either(found, each)
    return found


def _uncaptured(node: Node) -> Node:
    return node.subs[0] if node.op is Op.CAPTURE else node


def _lowered(text: str) -> str:
    return "".join(map(lower, text))


def _alternatives(match: Match) -> list[Match]:
    """From left to right. There may be thousands, as from a dashboard's variable, so this is a loop."""
    found: list[Match] = []
    waiting = [match]
    while waiting:
        next_one = waiting.pop()
        if isinstance(next_one, AnyOf):
            waiting += (next_one.right, next_one.left)
        else:
            found.append(next_one)
    return found


def searcher(match: Match) -> Test:
    """The function that says whether a text matches."""
    match match:
        case Anything():
            return lambda _text: True
        case NotEmpty():
            return bool
        case Contains(text, fold=False):
            return lambda searched: text in searched
        case Contains(text):
            search = re.compile(any_case(text)).search
            return lambda searched: search(searched) is not None
        case Equals(text, fold=False):
            return lambda compared: compared == text
        case Equals(text):
            return _equals_any_case(text)
        case AnyOf():
            tests = [searcher(alternative) for alternative in _alternatives(match)]
            return lambda searched: any(test(searched) for test in tests)
        case Search(pattern, whole):
            # not fullmatch: it is Go's ^(?:...)$ that an expression with (?m) or (?s) sees
            return re2.compile(f"^(?:{pattern})$" if whole else pattern).matches


def _equals_any_case(text: str) -> Test:
    """Equal in the number of bytes, too."""
    search = re.compile(any_case(text)).search
    size = len(text.encode("utf-8", "surrogateescape"))

    def equals(compared: str) -> bool:
        return (
            len(compared.encode("utf-8", "surrogateescape")) == size
            and search(compared) is not None
        )

    return equals
