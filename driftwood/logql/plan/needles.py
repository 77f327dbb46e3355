"""Texts that a line must have to pass the line filters: whole chunks of a segment that lack one are not read.

What a regular expression cannot do without is read off its tree: `(GET|POST) /api/.*` needs " /api/", and one of GET
and POST.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from driftwood.logql.ast import FilterOp, LineFilter
from driftwood.logql.plan.texts import is_text, line_match
from driftwood.logql.stages import regex_tree
from driftwood.logql.stages.pattern import Capture, line_pattern
from driftwood.logql.stages.regex_tree import Node, Op
from driftwood.logql.stages.text_match import ANYTHING, AnyOf, Contains, Equals, Match, Search
from driftwood.store.grams import Needles, hashes_of

Texts: TypeAlias = tuple[str, ...]
"""A line must have all of these."""
OneOf: TypeAlias = tuple[Texts, ...]

_SEARCHES = (FilterOp.CONTAINS, FilterOp.MATCHES)
MOST_ALTERNATIVES = 64


def needles_of(stages: Sequence[LineFilter]) -> Needles:
    """What a line needs to pass all `stages`."""
    found = []
    for one_of in dict.fromkeys(each for stage in stages for each in _of_stage(stage)):
        hashes = tuple(hashes_of(texts) for texts in one_of)
        if all(hashes) and len(hashes) <= MOST_ALTERNATIVES:
            found.append(hashes)
    return tuple(found)


def _of_stage(stage: LineFilter) -> Iterator[OneOf]:
    if any(operand.ip for operand in stage.operands):
        return
    if stage.op is FilterOp.PATTERN:
        parts = [line_pattern(operand.text).parts for operand in stage.operands]
        yield tuple(tuple(p for p in each if not isinstance(p, Capture)) for each in parts)
    elif stage.op in _SEARCHES:
        matches = [line_match(stage.op, operand.text) for operand in stage.operands]
        yield from _alternatives([list(_of_match(m)) for m in matches if m != ANYTHING])


def _of_match(match: Match) -> Iterator[OneOf]:
    match match:
        case Contains(text, fold=False) | Equals(text, fold=False) if is_text(text):
            yield ((text,),)
        case AnyOf(left, right):
            yield from _alternatives([list(_of_match(left)), list(_of_match(right))])
        case Search(pattern) if is_text(pattern):
            try:
                yield from _of_tree(regex_tree.parse(pattern))
            except RecursionError:
                return


def _of_tree(node: Node) -> Iterator[OneOf]:
    match node.op:
        case Op.LITERAL if not node.fold and is_text(node.text):
            yield ((node.text,),)
        case Op.CONCAT | Op.CAPTURE | Op.PLUS:
            for sub in node.subs:
                yield from _of_tree(sub)
        case Op.ALTERNATE:
            yield from _alternatives([list(_of_tree(sub)) for sub in node.subs])


def _alternatives(each: Sequence[list[OneOf]]) -> Iterator[OneOf]:
    """What one of several needs, given what each of them does."""
    if len(each) == 1:
        yield from each[0]
    elif each:
        yield tuple(tuple(t for one in needs if len(one) == 1 for t in one[0]) for needs in each)
