"""`|= != |~ !~ |> !>`: whether a line stays, by its text alone."""

from __future__ import annotations

from driftwood.logql.ast import FilterOp, LineFilter, Operand
from driftwood.logql.re2 import RegexError
from driftwood.logql.stages import ip, text_match
from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.pattern import line_pattern
from driftwood.logql.stages.text_match import ANYTHING, Match, Test

_NEGATIVE = {
    FilterOp.NOT_CONTAINS: FilterOp.CONTAINS,
    FilterOp.NOT_MATCHES: FilterOp.MATCHES,
    FilterOp.NOT_PATTERN: FilterOp.PATTERN,
}


def line_test(stage: LineFilter) -> Test:
    """Says whether a line stays. Raises StageError."""
    op = _NEGATIVE.get(stage.op, stage.op)
    if stage.op in _NEGATIVE:
        tests = [_test(op, operand) for operand in stage.operands]
        return _negated(tests)
    if op is FilterOp.PATTERN or any(operand.ip for operand in stage.operands):
        return _any(
            [_test(op, operand) for operand in stage.operands if not _is_anything(op, operand)]
        )
    match: Match | None = None
    for operand in stage.operands:
        match = text_match.either(match, _match(op, operand.text))
    assert match is not None
    return text_match.searcher(match)


def never_drops(stage: LineFilter) -> bool:
    """Such a filter is no stage at all."""
    return stage.op not in _NEGATIVE and all(
        _is_anything(stage.op, operand) for operand in stage.operands
    )


def _is_anything(op: FilterOp, operand: Operand) -> bool:
    return not operand.ip and op is not FilterOp.PATTERN and _match(op, operand.text) == ANYTHING


def _match(op: FilterOp, text: str) -> Match:
    """What a text or a regular expression looks for."""
    if op is FilterOp.CONTAINS:
        return text_match.contains(text)
    try:
        return text_match.of_regex(text, whole=False)
    except RegexError as error:
        raise StageError(str(error)) from error


def _test(op: FilterOp, operand: Operand) -> Test:
    if operand.ip:
        if op is not FilterOp.CONTAINS:
            raise StageError("ip: invalid operation")
        return ip.addresses(operand.text).found_in
    if op is FilterOp.PATTERN:
        return line_pattern(operand.text).matches
    return text_match.searcher(_match(op, operand.text))


def _any(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda line: any(test(line) for test in tests)


def _negated(tests: list[Test]) -> Test:
    if len(tests) == 1:
        only = tests[0]
        return lambda line: not only(line)
    return lambda line: not any(test(line) for test in tests)
