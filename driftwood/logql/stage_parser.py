"""Tokens to the parts of a log query: the selector, and the stages behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from driftwood.errors import QueryError
from driftwood.logql import check, gotext, lexer
from driftwood.logql.ast import (
    And,
    Assignment,
    BytesFilter,
    CompareOp,
    Conversion,
    Decolorize,
    DropLabels,
    DurationFilter,
    Extraction,
    FilterOp,
    IpFilter,
    JsonParser,
    KeepLabels,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LogfmtParser,
    Matcher,
    MatchOp,
    NumberFilter,
    Operand,
    Or,
    PatternParser,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    Unwrap,
)
from driftwood.logql.cursor import Cursor
from driftwood.logql.lexer import BYTES, DURATION, FLAG, IDENTIFIER, NUMBER, STRING, Token

_CONVERSIONS = {lexer.FUNCTIONS[c.value]: c for c in Conversion if c is not Conversion.NONE}
_LINE_OPS = frozenset(op.value for op in FilterOp)
_MATCH_OPS = frozenset(op.value for op in MatchOp)
_COMPARE_OPS = {op.value: op for op in CompareOp} | {"=": CompareOp.EQUAL}


class StageParser:
    """Reads from `cursor`, which is left at the first token that belongs to no stage."""

    def __init__(self, cursor: Cursor) -> None:
        self._at = cursor
        self._depth = 0

    @contextmanager
    def _deeper(self, token: Token, levels: int = 1) -> Iterator[None]:
        """What begins with `token` stands inside something else. Raises QueryError where nobody could follow.

        The canonical form has a parenthesis for each operator, so there are twice as many levels as a tree may have.
        """
        self._depth += levels
        if self._depth > 2 * check.DEEPEST:
            raise check.too_deep(self._at.text, token.at)
        yield
        self._depth -= levels

    def selector(self) -> tuple[Matcher, ...]:
        self._at.expect("{")
        if self._at.takes("}"):
            return ()
        matchers = [self._matcher(IDENTIFIER, "}")]
        while not self._at.takes("}"):
            if not self._at.takes(","):
                raise self._at.unexpected("}", ",")
            matchers.append(self._matcher(IDENTIFIER))
        return tuple(matchers)

    def _matcher(self, *expected: str) -> Matcher:
        name = self._at.takes(IDENTIFIER)
        if name is None:
            raise self._at.unexpected(*expected, hint='a label name is needed, as in app="api"')
        op = self._at.expect("=", "=~", "!~", "!=")
        return self._matched(name, op)

    def _matched(self, name: Token, op: Token) -> Matcher:
        value = self._at.expect(STRING)
        matcher = Matcher(name.text, MatchOp(op.kind), str(value.value), name.at)
        check.matcher(matcher, self._at.text, value.at)
        return matcher

    # -- stages

    def stages(self, unwrap: bool = False) -> tuple[tuple[Stage, ...], Unwrap | None]:
        """As many as there are; with `unwrap` one may stand at the end."""
        found: list[Stage] = []
        while True:
            token = self._at.peek()
            if token.kind in _LINE_OPS:
                found += self._line_filter()
            elif token.kind != "|":
                return tuple(found), None
            else:
                self._at.take()
                if unwrap and self._at.peek().kind == "unwrap":
                    return tuple(found), self.unwrap(token.at)
                found.append(self._stage(token.at))

    def unwrap(self, at: int) -> Unwrap:
        """From the keyword on; the pipe before it, at `at`, has been read."""
        self._at.expect("unwrap")
        target = self._at.expect(IDENTIFIER, *_CONVERSIONS)
        conversion, label = Conversion.NONE, target.text
        if target.kind in _CONVERSIONS:
            conversion = _CONVERSIONS[target.kind]
            self._at.expect("(")
            label = self._at.expect(IDENTIFIER).text
            self._at.expect(")")
        filters: list[LabelFilter] = []
        while self._at.takes("|"):
            filters.append(self._label_filter())
        return Unwrap(label, conversion, tuple(filters), at)

    def _stage(self, at: int) -> Stage:
        token = self._at.peek()
        if token.kind in (IDENTIFIER, "("):
            return self._label_filter()
        if token.kind not in _STAGES:
            raise self._at.unexpected(
                hint="after | comes a parser (json, logfmt, regexp, pattern, unpack), a label filter, "
                "line_format, label_format, decolorize, drop or keep"
            )
        self._at.take()
        return _STAGES[token.kind](self, at)

    def _line_filter(self) -> list[LineFilter]:
        """`!= "a" or "b"` are two filters, as Loki prints it."""
        token = self._at.take()
        op = FilterOp(token.kind)
        operands = [self._operand()]
        while self._at.takes("or"):
            operands.append(self._operand())
        if op in (FilterOp.CONTAINS, FilterOp.MATCHES, FilterOp.PATTERN):
            return [LineFilter(op, tuple(operands), token.at)]
        return [LineFilter(op, (operand,), token.at) for operand in operands]

    def _operand(self) -> Operand:
        token = self._at.expect(STRING, "ip")
        if token.kind == STRING:
            return Operand(str(token.value), at=token.at)
        return Operand(self._called_with_string(), ip=True, at=token.at)

    def _called_with_string(self) -> str:
        self._at.expect("(")
        value = self._at.expect(STRING)
        self._at.expect(")")
        return str(value.value)

    def _json(self, at: int) -> Stage:
        return JsonParser(self._extractions(), at)

    def _logfmt(self, at: int) -> Stage:
        flags = set()
        while flag := self._at.takes(FLAG):
            flags.add(flag.text)
        strict, keep_empty = "--strict" in flags, "--keep-empty" in flags
        return LogfmtParser(strict, keep_empty, self._extractions(), at)

    def _extractions(self) -> tuple[Extraction, ...]:
        if self._at.peek().kind != IDENTIFIER:
            return ()
        found = [self._extraction()]
        while self._at.takes(","):
            found.append(self._extraction())
        return tuple(found)

    def _extraction(self) -> Extraction:
        name = self._at.expect(IDENTIFIER)
        if self._at.takes("="):
            return Extraction(name.text, str(self._at.expect(STRING).value), name.at)
        return Extraction(name.text, name.text, name.at)

    def _regexp(self, at: int) -> Stage:
        pattern = self._at.expect(STRING)
        stage = RegexpParser(str(pattern.value), at)
        check.parser_stage(stage, self._at.text, pattern.at)
        return stage

    def _pattern(self, at: int) -> Stage:
        pattern = self._at.expect(STRING)
        stage = PatternParser(str(pattern.value), at)
        check.parser_stage(stage, self._at.text, pattern.at)
        return stage

    def _unpack(self, at: int) -> Stage:
        return Unpack(at)

    def _decolorize(self, at: int) -> Stage:
        return Decolorize(at)

    def _line_format(self, at: int) -> Stage:
        return LineFormat(str(self._at.expect(STRING).value), at)

    def _label_format(self, at: int) -> Stage:
        found = [self._assignment()]
        while self._at.takes(","):
            found.append(self._assignment())
        return LabelFormat(tuple(found), at)

    def _assignment(self) -> Assignment:
        name = self._at.expect(IDENTIFIER)
        self._at.expect("=")
        value = self._at.expect(IDENTIFIER, STRING)
        rename = value.kind == IDENTIFIER
        return Assignment(name.text, value.text if rename else str(value.value), rename, name.at)

    def _drop(self, at: int) -> Stage:
        return DropLabels(self._labels_or_matchers(), at)

    def _keep(self, at: int) -> Stage:
        return KeepLabels(self._labels_or_matchers(), at)

    def _labels_or_matchers(self) -> tuple[str | Matcher, ...]:
        found = [self._label_or_matcher()]
        while self._at.takes(","):
            found.append(self._label_or_matcher())
        return tuple(found)

    def _label_or_matcher(self) -> str | Matcher:
        name = self._at.expect(IDENTIFIER)
        op = self._at.takes(*_MATCH_OPS)
        return name.text if op is None else self._matched(name, op)

    # -- label filters

    def _label_filter(self) -> LabelFilter:
        """`and` binds before `or`; a comma or nothing at all is an `and` that takes all to its right."""
        waiting: list[_Waiting] = []
        while True:
            operand = self._filter_operand()
            follows = self._at.peek().kind
            while waiting and _ends(waiting[-1].joint, follows):
                operand = waiting.pop().joined(operand)
            if follows not in _JOINTS:
                while waiting:
                    operand = waiting.pop().joined(operand)
                return operand
            waiting.append(_Waiting(operand, follows))
            if follows in _WRITTEN_JOINTS:
                self._at.take()

    def _filter_operand(self) -> LabelFilter:
        opening = self._at.takes("(")
        if opening is None:
            return self._comparison()
        with self._deeper(opening):
            inside = self._label_filter()
        if not self._at.takes(")"):
            raise self._at.unexpected(hint="a parenthesis is not closed")
        return inside

    def _comparison(self) -> LabelFilter:
        name = self._at.takes(IDENTIFIER)
        if name is None:
            raise self._at.unexpected(IDENTIFIER, "(", hint="a label filter, as in status >= 500")
        op = self._at.peek()
        if op.kind in ("=~", "!~"):
            return StringFilter(self._matched(name, self._at.take()), name.at)
        if op.kind not in _COMPARE_OPS:
            raise self._at.unexpected(
                hint=f"after the label {name.text} comes one of = != =~ !~ == > >= < <="
            )
        self._at.take()
        if op.kind in ("=", "!="):
            if self._at.peek().kind == STRING:
                return StringFilter(self._matched(name, op), name.at)
            if self._at.takes("ip"):
                pattern = self._called_with_string()
                return IpFilter(name.text, MatchOp(op.kind), pattern, name.at)
        return self._measured(name, _COMPARE_OPS[op.kind])

    def _measured(self, name: Token, op: CompareOp) -> LabelFilter:
        value = self._at.peek()
        if value.kind == DURATION:
            self._at.take()
            assert isinstance(value.value, int)
            return DurationFilter(name.text, op, value.value, name.at)
        if value.kind == BYTES:
            self._at.take()
            assert isinstance(value.value, int)
            return BytesFilter(name.text, op, value.value, name.at)
        if value.kind not in (NUMBER, "+", "-"):
            raise self._at.unexpected(
                hint=f"{name.text} can be compared with a number, a duration (5m) or a size (5KiB)"
                + ("" if value.kind != STRING else "; text goes with = != =~ !~")
            )
        sign = self._at.takes("+", "-")
        number = self._at.expect(NUMBER)
        try:
            size = gotext.parse_float(number.text)
        except ValueError as error:
            message = f"parse error : unable to parse literal as a float: {error}"
            raise QueryError(message, self._at.text, number.at) from error
        return NumberFilter(name.text, op, -size if sign and sign.kind == "-" else size, name.at)


_WRITTEN_JOINTS = frozenset(("and", "or", ","))
_JOINTS = _WRITTEN_JOINTS | {IDENTIFIER, "("}
"""What may follow a label filter and continue it. A name or a parenthesis is the next filter, joined by nothing."""


class _Waiting(NamedTuple):
    """A filter whose right-hand side is still being read."""

    left: LabelFilter
    joint: str

    def joined(self, right: LabelFilter) -> LabelFilter:
        make = Or if self.joint == "or" else And
        return make(self.left, right, self.left.at)


def _ends(joint: str, follows: str) -> bool:
    """Whether what stands right of `joint` ends before `follows`."""
    if joint == "and":
        return follows in ("and", "or")
    return joint == "or" and follows == "or"


_STAGES = {
    "json": StageParser._json,
    "logfmt": StageParser._logfmt,
    "regexp": StageParser._regexp,
    "pattern": StageParser._pattern,
    "unpack": StageParser._unpack,
    "decolorize": StageParser._decolorize,
    "line_format": StageParser._line_format,
    "label_format": StageParser._label_format,
    "drop": StageParser._drop,
    "keep": StageParser._keep,
}
