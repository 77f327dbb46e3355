"""`| level="error" and (status >= 500 or duration > 1s)`: whether a line stays, by its labels.

The kind of comparison follows the literal. A text compares with what is there, absent being empty. A number, duration
or size needs the label: without it the line goes, also for `!=`; a value that is none notes an error, and the line
stays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

from driftwood.logql.ast import (
    And,
    BytesFilter,
    CompareOp,
    DurationFilter,
    IpFilter,
    LabelFilter,
    Matcher,
    MatchOp,
    NumberFilter,
    Or,
    StringFilter,
)
from driftwood.logql.gotext import parse_bytes, parse_duration, parse_float
from driftwood.logql.re2 import RegexError
from driftwood.logql.stages import ip, text_match
from driftwood.logql.stages.errors import FILTER_ERROR, StageError
from driftwood.logql.stages.labels import LabelSet
from driftwood.logql.stages.text_match import ANYTHING, Equals, Match

Check: TypeAlias = Callable[[LabelSet], bool]
"""Whether the line stays. It may note an error in the labels."""

_COMPARE: dict[CompareOp, Callable[[float, float], bool]] = {
    CompareOp.EQUAL: operator.eq,
    CompareOp.NOT_EQUAL: operator.ne,
    CompareOp.GREATER: operator.gt,
    CompareOp.GREATER_EQUAL: operator.ge,
    CompareOp.LESS: operator.lt,
    CompareOp.LESS_EQUAL: operator.le,
}
_NEGATIVE = (MatchOp.NOT_EQUAL, MatchOp.NOT_MATCHES)


def check_of(stage: LabelFilter) -> Check:
    """Says whether a line stays. Raises StageError for a wrong expression, and for wrong addresses that stand alone."""
    if isinstance(stage, IpFilter):
        return _ip(stage.name, ip.addresses(stage.pattern), stage.op)
    return _check(stage)


def never_drops(stage: LabelFilter) -> bool:
    """Such a filter is no stage at all, and needs no label."""
    return (
        isinstance(stage, StringFilter)
        and stage.matcher.op is MatchOp.MATCHES
        and match_of(stage.matcher) == ANYTHING
    )


def match_of(matcher: Matcher) -> Match:
    """What a matcher looks for, or what it refuses. Raises StageError."""
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        return Equals(matcher.value)
    try:
        return text_match.of_regex(matcher.value, whole=True)
    except RegexError as error:
        raise StageError(str(error)) from error


def _check(stage: LabelFilter) -> Check:
    match stage:
        case StringFilter():
            return _string(stage.matcher)
        case NumberFilter():
            return _compared(stage.name, stage.op, stage.value, parse_float)
        case DurationFilter():
            return _compared(stage.name, stage.op, stage.value, parse_duration)
        case BytesFilter():
            return _compared(stage.name, stage.op, stage.value, parse_bytes)
        case IpFilter():
            try:
                return _ip(stage.name, ip.addresses(stage.pattern), stage.op)
            except StageError:
                return _ip(stage.name, None, stage.op)
        case And():
            return _both(_check(stage.left), _check(stage.right))
        case Or():
            return _either(_check(stage.left), _check(stage.right))


def _string(matcher: Matcher) -> Check:
    name = matcher.name
    test = text_match.searcher(match_of(matcher))
    if matcher.op in _NEGATIVE:
        return lambda labels: not test(labels.text(name))
    return lambda labels: test(labels.text(name))


def _compared(name: str, op: CompareOp, value: float, parse: Callable[[str], float]) -> Check:
    compare = _COMPARE[op]

    def check(labels: LabelSet) -> bool:
        text = labels.get(name)
        if text is None:
            return False
        try:
            return compare(parse(text), value)
        except ValueError as error:
            if not labels.error:  # the first one says more
                labels.fail(FILTER_ERROR, str(error))
            return True

    return check


def _ip(name: str, addresses: ip.Addresses | None, op: MatchOp) -> Check:
    """An address that is none, within `and` or `or`, drops every line that has the label."""

    def check(labels: LabelSet) -> bool:
        if labels.error:
            return True
        text = labels.get(name)
        if text is None or addresses is None:
            return False
        return addresses.found_in(text) == (op is MatchOp.EQUAL)

    return check


def _both(left: Check, right: Check) -> Check:
    """The right side is always asked: it may note an error on a line that an `or` around keeps."""

    def check(labels: LabelSet) -> bool:
        kept = left(labels)
        return right(labels) and kept

    return check


def _either(left: Check, right: Check) -> Check:
    return lambda labels: left(labels) or right(labels)
