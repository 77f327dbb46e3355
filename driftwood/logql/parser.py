"""Tokens to a query, by recursive descent; operators by their precedence. Refuses what Loki refuses, in its words.

From low to high: `or`, then `and unless`, comparisons, `+ -`, `* / %`, and `^`, which alone groups to the right. A sign
belongs to its number, so that `-2^2` is 4. Operations on numbers alone are worked out at once.
"""

from __future__ import annotations

from typing import cast

from driftwood.logql import check, gotext, lexer
from driftwood.logql.ast import (
    BinaryOp,
    BinaryOperation,
    Cardinality,
    Expr,
    Grouping,
    LabelReplace,
    Literal,
    LogQuery,
    LogRange,
    Matching,
    Metric,
    RangeAggregation,
    RangeOp,
    Unwrap,
    VectorAggregation,
    VectorLiteral,
    VectorOp,
)
from driftwood.logql.check import Flaw
from driftwood.logql.cursor import Cursor
from driftwood.logql.lexer import DURATION, END, IDENTIFIER, NUMBER, RANGE, STRING
from driftwood.logql.reference.binary import fold
from driftwood.logql.stage_parser import StageParser

_PRECEDENCE = {
    op: level
    for level, ops in enumerate(
        (
            (BinaryOp.OR,),
            (BinaryOp.AND, BinaryOp.UNLESS),
            (
                *(BinaryOp.EQUAL, BinaryOp.NOT_EQUAL, BinaryOp.GREATER, BinaryOp.GREATER_EQUAL),
                *(BinaryOp.LESS, BinaryOp.LESS_EQUAL),
            ),
            (BinaryOp.ADD, BinaryOp.SUB),
            (BinaryOp.MUL, BinaryOp.DIV, BinaryOp.MOD),
            (BinaryOp.POW,),
        )
    )
    for op in ops
}
_BINARY = {op.value: op for op in BinaryOp}
_RANGE_OPS = {lexer.FUNCTIONS[op.value]: op for op in RangeOp}
_VECTOR_OPS = {lexer.FUNCTIONS[op.value]: op for op in VectorOp}
_CARDINALITY = {"group_left": Cardinality.MANY_TO_ONE, "group_right": Cardinality.ONE_TO_MANY}


def parse(text: str, *, any_stream: bool = False) -> Expr:
    """The query that `text` means. Raises QueryError, and nothing else, for any other text.

    `any_stream`: a query for lines may select every stream, as `{}` does, which Loki refuses.

    >>> str(parse('sum by(app)(rate({env = "prod"}|="error"[5m]))>1'))
    '(sum by (app)(rate({env="prod"} |= "error"[5m])) > 1)'
    """
    return _Parser(text).query(any_stream)


class _Parser(StageParser):
    def __init__(self, text: str) -> None:
        super().__init__(Cursor(text))
        self._flaws: list[tuple[int, int, Flaw]] = []
        """With where the flawed part starts, and how many were known: from the outside in, and from left to right."""
        self._flawed_literals: set[int] = set()

    def query(self, any_stream: bool) -> Expr:
        expr = self._expr()
        if self._at.peek().kind != END:
            raise self._at.unexpected()
        if isinstance(expr, LogQuery) and not any_stream:
            self._flaw(expr.at, check.selector(expr))
        if self._flaws:
            _, _, first = min(self._flaws)
            raise check.refusal(first.message, self._at.text, first.at, first.hint)
        if check.depth(expr) > check.DEEPEST:
            raise check.too_deep(self._at.text, 0)
        check.stages(expr, self._at.text)
        return expr

    def _flaw(self, start: int, flaw: Flaw | None) -> None:
        if flaw is not None:
            self._flaws.append((start, -len(self._flaws), flaw))

    # -- operators

    def _expr(self, at_least: int = 0) -> Expr:
        left = self._primary()
        while True:
            op = _BINARY.get(self._at.peek().kind)
            if op is None or _PRECEDENCE[op] < at_least:
                return left
            sign = self._at.take()
            return_bool = self._at.takes("bool") is not None
            matching = self._matching(op)
            with self._deeper(sign):
                right = self._expr(_PRECEDENCE[op] + (op is not BinaryOp.POW))
            left = self._binary(op, left, right, matching, return_bool)

    def _binary(
        self, op: BinaryOp, left: Expr, right: Expr, matching: Matching | None, return_bool: bool
    ) -> Metric:
        whole = BinaryOperation(
            op, cast(Metric, left), cast(Metric, right), matching, return_bool, left.at
        )
        if flaw := check.operands(op, left, right):
            self._flaw(left.at, flaw)
            return whole
        literals = [side for side in (left, right) if isinstance(side, Literal)]
        if any(literal.at in self._flawed_literals for literal in literals):
            return whole
        if op in check.SETS and literals:
            leg = "left" if literals[0] is left else "right"
            flaw = check.literal_in_set(op, leg, literals[0].value, literals[0].at)
            self._flaw(left.at, flaw)
            return whole
        if isinstance(left, Literal) and isinstance(right, Literal):
            return Literal(fold(op, left.value, right.value), left.at)
        return whole

    def _matching(self, op: BinaryOp) -> Matching | None:
        kind = self._at.takes("on", "ignoring")
        if kind is None:
            return None
        labels = self._labels()
        side = self._at.takes("group_left", "group_right")
        if side is None:
            if kind.kind == "ignoring" and not labels:
                return None
            many = Cardinality.MANY_TO_MANY if op in check.SETS else Cardinality.ONE_TO_ONE
            return Matching(labels, kind.kind == "on", many)
        include = self._labels() if self._at.peek().kind == "(" else ()
        return Matching(labels, kind.kind == "on", _CARDINALITY[side.kind], include)

    def _labels(self) -> tuple[str, ...]:
        """`(a, b)`, perhaps empty."""
        self._at.expect("(")
        if self._at.takes(")"):
            return ()
        labels = [self._at.takes(IDENTIFIER)]
        if labels[0] is None:
            raise self._at.unexpected(IDENTIFIER, ")")
        while not self._at.takes(")"):
            if not self._at.takes(","):
                raise self._at.unexpected(",", ")")
            labels.append(self._at.expect(IDENTIFIER))
        return tuple(label.text for label in labels if label)

    def _grouping(self) -> Grouping | None:
        kind = self._at.takes("by", "without")
        return Grouping(self._labels(), kind.kind == "without") if kind else None

    # -- operands

    def _primary(self) -> Expr:
        token = self._at.peek()
        if token.kind == "{":
            return self._log_query()
        if token.kind in (NUMBER, "+", "-"):
            return self._literal()
        if token.kind in _RANGE_OPS:
            return self._range_aggregation(_RANGE_OPS[token.kind])
        if token.kind in _VECTOR_OPS:
            return self._vector_aggregation(_VECTOR_OPS[token.kind])
        if token.kind == "VECTOR":
            return self._vector_literal()
        if token.kind == "label_replace":
            return self._label_replace()
        if token.kind == "(":
            with self._deeper(self._at.take()):
                inside = self._expr()
            if not self._at.takes(")"):
                raise self._at.unexpected(hint="a parenthesis is not closed")
            return inside
        raise self._at.unexpected(
            hint='here comes a selector, as in {app="api"}, a function over it, or a number'
        )

    def _log_query(self) -> LogQuery:
        at = self._at.peek().at
        matchers = self.selector()
        stages, _ = self.stages()
        return LogQuery(matchers, stages, at)

    def _metric(self) -> Metric:
        """An operand of a function, up to what follows it."""
        expr = self._expr()
        if isinstance(expr, LogQuery):
            raise self._at.unexpected(
                hint="this takes a metric, as in rate({...}[5m]), not a log query"
            )
        return expr

    def _literal(self) -> Literal:
        at = self._at.peek().at
        sign = self._at.takes("+", "-")
        number = self._at.expect(NUMBER)
        try:
            value = gotext.parse_float(number.text)
        except ValueError as error:
            flaw = Flaw(f"unable to parse literal as a float: {error}", number.at)
            self._flaw(at, flaw)
            self._flawed_literals.add(at)
            value = 0.0
        return Literal(-value if sign and sign.kind == "-" else value, at)

    def _vector_literal(self) -> VectorLiteral:
        at = self._at.take().at
        self._at.expect("(")
        number = self._at.expect(NUMBER)
        self._at.expect(")")
        try:
            return VectorLiteral(gotext.parse_float(number.text), at)
        except ValueError as error:
            flaw = Flaw(f"unable to parse vectorExpr as a float: {error}", number.at)
            self._flaw(at, flaw)
            return VectorLiteral(0.0, at)

    def _label_replace(self) -> LabelReplace:
        opening = self._at.take()
        self._at.expect("(")
        with self._deeper(opening, levels=2):
            operand = self._metric()
        if not self._at.takes(","):
            raise self._at.unexpected(hint="label_replace(v, to, replacement, from, expression)")
        texts = [str(self._at.expect(STRING).value)]
        while len(texts) < 3:
            self._at.expect(",")
            texts.append(str(self._at.expect(STRING).value))
        self._at.expect(",")
        pattern = self._at.expect(STRING)
        self._at.expect(")")
        self._flaw(opening.at, check.label_replace(str(pattern.value), pattern.at))
        destination, replacement, source = texts
        return LabelReplace(
            operand, destination, replacement, source, str(pattern.value), opening.at
        )

    def _vector_aggregation(self, op: VectorOp) -> VectorAggregation:
        opening = self._at.take()
        if self._at.peek().kind not in ("(", "by", "without"):
            raise self._at.unexpected("(", "by", "without")
        before = self._grouping()
        self._at.expect("(")
        with self._deeper(opening, levels=2):
            parameter, operand = self._parameter_and_metric()
        if not self._at.takes(")"):
            raise self._at.unexpected(hint="a parenthesis is not closed")
        grouping = before or self._grouping()
        self._flaw(opening.at, check.vector_aggregation(op, grouping, parameter, opening.at))
        k = check.whole_number(parameter) if parameter else None
        if grouping == Grouping():
            grouping = None  # the same: one series without labels
        return VectorAggregation(op, operand, k, grouping, opening.at)

    def _parameter_and_metric(self) -> tuple[str | None, Metric]:
        parameter = self._at.takes_before(NUMBER, ",")
        return (parameter.text if parameter else None), self._metric()

    # -- ranges

    def _range_aggregation(self, op: RangeOp) -> RangeAggregation:
        opening = self._at.take()
        self._at.expect("(")
        parameter = self._at.takes(NUMBER)
        if parameter:
            self._at.expect(",")
            over = self._log_range("{", "(")
        else:
            over = self._log_range(NUMBER, "{", "(")
        self._at.expect(")")
        grouping = self._grouping()
        written = parameter.text if parameter else None
        flaw = check.range_aggregation(op, over, grouping, written, opening.at)
        self._flaw(opening.at, flaw)
        value = gotext.parse_float(written) if written and flaw is None else None
        return RangeAggregation(op, over, value, grouping, opening.at)

    def _log_range(self, *expected: str) -> LogRange:
        """A selector with stages, `unwrap`, a range and an offset; the range may stand behind each of them."""
        opening = self._at.peek()
        if opening.kind == "(":
            return self._log_range_in_parentheses()
        if opening.kind != "{":
            raise self._at.unexpected(
                *expected, hint='a range needs lines, as in rate({app="api"}[5m])'
            )
        query, unwrap = self._unranged()
        return self._ranged(query, unwrap)

    def _log_range_in_parentheses(self) -> LogRange:
        with self._deeper(self._at.take()):
            if self._at.peek().kind != "{":
                found = self._log_range("{", "(")
            else:
                query, unwrap = self._unranged()
                if self._at.takes(")"):
                    return self._range_after_parentheses(query, unwrap)
                found = self._ranged(query, unwrap, closing=True)
        self._at.expect(")")
        return found

    def _unranged(self) -> tuple[LogQuery, Unwrap | None]:
        at = self._at.peek().at
        matchers = self.selector()
        stages, unwrap = self.stages(unwrap=True)
        return LogQuery(matchers, stages, at), unwrap

    def _ranged(self, query: LogQuery, unwrap: Unwrap | None, closing: bool = False) -> LogRange:
        """From the range on; stages may follow it if none stand before it."""
        size = self._at.takes(RANGE)
        if size is None:
            hint = "a range is missing, as in [5m]"
            if unwrap is None:
                raise self._at.unexpected(hint=hint)
            raise self._at.unexpected(RANGE, *([")"] if closing else []), "|", hint=hint)
        offset = self._offset()
        if not query.stages and unwrap is None:
            stages, unwrap = self.stages(unwrap=True)
            query = LogQuery(query.matchers, stages, query.at)
        return LogRange(query, _ns(size), offset, unwrap, query.at)

    def _range_after_parentheses(self, query: LogQuery, unwrap: Unwrap | None) -> LogRange:
        size = self._at.expect(RANGE)
        offset = self._offset()
        bare = not query.stages and unwrap is None
        if bare and (pipe := self._at.takes("|")):
            unwrap = self.unwrap(pipe.at)
        return LogRange(query, _ns(size), offset, unwrap, query.at)

    def _offset(self) -> int:
        return _ns(self._at.expect(DURATION)) if self._at.takes("offset") else 0


def _ns(token: lexer.Token) -> int:
    assert isinstance(token.value, int)
    return token.value
