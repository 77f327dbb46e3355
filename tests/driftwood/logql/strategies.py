"""Random queries that are valid, every construct of the language among them: `Queries().expressions()`.

They parse, and their canonical form parses back to the same tree. What Loki's canonical form loses is left out: sizes
that it rounds, `0B` (the prefix of a binary number), -0, NaN and infinities, and names with letters beyond ASCII.

A differential test gives its own `Words`, those of the lines that it asks about, so that queries find something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ParamSpec, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from driftwood.logql import gotext
from driftwood.logql.ast import (
    And,
    Assignment,
    BinaryOp,
    BinaryOperation,
    BytesFilter,
    Cardinality,
    CompareOp,
    Conversion,
    Decolorize,
    DropLabels,
    DurationFilter,
    Expr,
    Extraction,
    FilterOp,
    Grouping,
    IpFilter,
    JsonParser,
    KeepLabels,
    LabelFilter,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    Literal,
    LogfmtParser,
    LogQuery,
    LogRange,
    Matcher,
    Matching,
    MatchOp,
    Metric,
    NumberFilter,
    Operand,
    Or,
    PatternParser,
    RangeAggregation,
    RangeOp,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    Unwrap,
    VectorAggregation,
    VectorLiteral,
    VectorOp,
)
from driftwood.logql.check import SETS, TAKES_K
from driftwood.logql.lexer import FUNCTIONS, KEYWORDS

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

_FUNCTION_NAMES = sorted(set(FUNCTIONS) - KEYWORDS)
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True).filter(
        lambda name: name.lower() not in KEYWORDS
    ),
    st.sampled_from(["app", "level", "status", "duration", "__error__", *_FUNCTION_NAMES]),
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["error", "a b", '"', "\\", "`", "\n", "\x00", "GET /", "é😀", "|=", "<_>"]),
)
_PIECES = st.sampled_from(
    ["a", "error", ".", ".*", ".+", "\\d+", "[a-z]", "(x|y)", "(?i)", "^", "$", "\\.", "z?", "`"]
)
REGEXES = st.one_of(
    st.lists(_PIECES, max_size=4).map("".join),
    st.sampled_from(["foo|bar", "foo|foobar", ".*foo.*", "(?i)foo", "", "5..", "(?s).*"]),
)


@dataclass(frozen=True)
class Words:
    """What queries are made of."""

    names: SearchStrategy[str] = NAMES
    """Of labels."""
    values: SearchStrategy[str] = TEXTS
    """Of labels."""
    texts: SearchStrategy[str] = TEXTS
    """Looked for in lines."""
    regexes: SearchStrategy[str] = REGEXES
    numbers: SearchStrategy[float] = field(
        default_factory=lambda: st.one_of(
            st.integers(-1_000, 1_000).map(float),
            st.floats(allow_nan=False, allow_infinity=False),
        ).filter(lambda x: not _negative_zero(x))
    )
    """That labels are compared with."""
    nanoseconds: SearchStrategy[int] = field(
        default_factory=lambda: st.one_of(
            st.sampled_from([0, 1, 1_500, 250 * MILLISECOND, SECOND, 90 * SECOND]),
            st.integers(-(2**62), 2**62),
        )
    )
    """That labels are compared with."""
    ranges: SearchStrategy[int] = field(
        default_factory=lambda: st.one_of(
            st.sampled_from([SECOND, 60 * SECOND, 5_400 * SECOND, 7 * 86_400 * SECOND]),
            st.integers(0, 10**10).map(lambda ms: ms * MILLISECOND),
        )
    )
    offsets: SearchStrategy[int] = field(
        default_factory=lambda: st.one_of(st.just(0), st.integers(-(10**15), 10**15))
    )
    selectors: SearchStrategy[tuple[Matcher, ...]] | None = None
    """Instead of random ones, which would select nothing."""


def _negative_zero(value: float) -> bool:
    return value == 0 and str(value).startswith("-")


def _sizes() -> SearchStrategy[int]:
    """Bytes that their canonical form, of two digits or three, gives back."""
    numbers = st.one_of(
        st.integers(1, 999).map(str), st.integers(10, 99).map(lambda n: f"{n / 10}")
    )
    units = st.sampled_from(["B", "kB", "MB", "GB", "TB"])  # a P would be an exponent
    sizes = st.builds(lambda number, unit: gotext.parse_bytes(number + unit), numbers, units)
    return sizes.filter(lambda size: gotext.parse_bytes(gotext.format_bytes(size)) == size)


SIZES = _sizes()
ADDRESSES = st.sampled_from(
    ["10.0.0.1", "192.168.0.0/16", "10.0.0.1-10.0.0.9", "::1", "2001:db8::/32", "fe80::1-fe80::9"]
)
LINE_PATTERNS = st.lists(st.sampled_from(["GET ", "error", " = ", "/"]), max_size=3).map("<_>".join)
TEMPLATES = st.lists(
    st.sampled_from(
        [
            *(
                "text ",
                "{{.app}}",
                "{{ .level | ToUpper }}",
                "{{ __line__ }}",
                '{{ printf "%s" .x }}',
            ),
            *("{{ if .app }}yes{{ else }}no{{ end }}", '{{ default "-" .x }}', "{{ add 1 2 }}"),
        ]
    ),
    max_size=3,
).map("".join)


T = TypeVar("T")
P = ParamSpec("P")


def _brief(make: Callable[P, SearchStrategy[T]]) -> Callable[P, SearchStrategy[T]]:
    """The strategy under a short name: hypothesis prints what it draws from, and that is long here."""

    def brief(*args: P.args, **kwargs: P.kwargs) -> SearchStrategy[T]:
        strategy = make(*args, **kwargs)

        @st.composite
        def drawn(draw: st.DrawFn) -> T:
            return draw(strategy)

        return drawn()

    return brief


class Queries:
    """Strategies for every part of a query, out of the same words."""

    def __init__(self, words: Words | None = None) -> None:
        self.words = words or Words()

    # -- selectors

    @_brief
    def matchers(self) -> SearchStrategy[Matcher]:
        w = self.words
        return st.one_of(
            st.builds(
                Matcher, w.names, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), w.values
            ),
            st.builds(
                Matcher, w.names, st.sampled_from([MatchOp.MATCHES, MatchOp.NOT_MATCHES]), w.regexes
            ),
        )

    def selectors(self) -> SearchStrategy[tuple[Matcher, ...]]:
        if self.words.selectors is not None:
            return self.words.selectors
        certain = st.builds(
            Matcher, self.words.names, st.just(MatchOp.EQUAL), self.words.values.filter(bool)
        )
        return st.builds(
            lambda one, others, place: (*others[:place], one, *others[place:]),
            certain,
            st.lists(self.matchers(), max_size=2),
            st.integers(0, 2),
        )

    # -- stages

    @_brief
    def line_filters(self) -> SearchStrategy[LineFilter]:
        w = self.words
        text = w.texts.map(Operand)
        regex = w.regexes.map(Operand)
        pattern = LINE_PATTERNS.map(Operand)
        ip = ADDRESSES.map(lambda address: Operand(address, ip=True))
        return st.one_of(
            _line_filter(FilterOp.CONTAINS, st.one_of(text, text, ip), most=3),
            _line_filter(FilterOp.NOT_CONTAINS, st.one_of(text, text, ip)),
            _line_filter(FilterOp.MATCHES, regex, most=3),
            _line_filter(FilterOp.NOT_MATCHES, regex),
            _line_filter(FilterOp.PATTERN, pattern, most=2),
            _line_filter(FilterOp.NOT_PATTERN, pattern),
        )

    @_brief
    def parsers(self) -> SearchStrategy[Stage]:
        names = self.words.names
        paths = st.sampled_from(["a", "a.b", "a[0]", '["k e y"]', 'a["b"].c[1]', "level"])
        keys = st.sampled_from(["app", "level", "x_1", "msg"])
        json = st.lists(st.builds(Extraction, names, paths), max_size=3).map(tuple)
        logfmt = st.lists(st.builds(Extraction, names, keys), max_size=3).map(tuple)
        return st.one_of(
            st.builds(JsonParser, json),
            st.builds(LogfmtParser, st.booleans(), st.booleans(), logfmt),
            st.builds(RegexpParser, _capturing(names, "(?P<{}>\\w+)", " .*?")),
            st.builds(PatternParser, _capturing(names, "<{}>", " - ")),
            st.just(Unpack()),
        )

    @_brief
    def formats(self) -> SearchStrategy[Stage]:
        names = self.words.names.filter(lambda name: not name.startswith("__error"))
        templates = st.builds(Assignment, names, TEMPLATES, st.just(False))
        renames = st.builds(Assignment, names, names, st.just(True))
        return st.one_of(
            TEMPLATES.map(LineFormat),
            st.lists(
                st.one_of(templates, renames), min_size=1, max_size=3, unique_by=lambda a: a.name
            ).map(lambda found: LabelFormat(tuple(found))),
            st.just(Decolorize()),
        )

    @_brief
    def droppers(self) -> SearchStrategy[Stage]:
        labels = st.lists(st.one_of(self.words.names, self.matchers()), min_size=1, max_size=3).map(
            tuple
        )
        return st.one_of(labels.map(DropLabels), labels.map(KeepLabels))

    @_brief
    def label_filters(self) -> SearchStrategy[LabelFilter]:
        w = self.words
        compared = st.sampled_from(CompareOp)
        plain: SearchStrategy[LabelFilter] = st.one_of(
            st.builds(StringFilter, self.matchers()),
            st.builds(NumberFilter, w.names, compared, w.numbers),
            st.builds(DurationFilter, w.names, compared, w.nanoseconds),
            st.builds(BytesFilter, w.names, compared, SIZES),
            st.builds(
                IpFilter, w.names, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), ADDRESSES
            ),
        )
        return st.recursive(
            plain, lambda f: st.one_of(st.builds(And, f, f), st.builds(Or, f, f)), max_leaves=4
        )

    @_brief
    def stages(self) -> SearchStrategy[tuple[Stage, ...]]:
        stage = st.one_of(
            self.line_filters(),
            self.parsers(),
            self.label_filters(),
            self.formats(),
            self.droppers(),
        )
        return st.lists(stage, max_size=4).map(tuple).filter(_stay_apart)

    @_brief
    def log_queries(self) -> SearchStrategy[LogQuery]:
        return st.builds(LogQuery, self.selectors(), self.stages())

    # -- metrics

    @_brief
    def unwraps(self) -> SearchStrategy[Unwrap]:
        filters = st.lists(self.label_filters(), max_size=2).map(tuple)
        return st.builds(Unwrap, self.words.names, st.sampled_from(Conversion), filters)

    def groupings(self, least: int = 0) -> SearchStrategy[Grouping]:
        labels = st.lists(self.words.names, min_size=least, max_size=3).map(tuple)
        return st.builds(Grouping, labels, st.booleans())

    def _ranges(self, unwrap: SearchStrategy[Unwrap | None]) -> SearchStrategy[LogRange]:
        w = self.words
        return st.builds(LogRange, self.log_queries(), w.ranges, w.offsets, unwrap)

    @_brief
    def range_aggregations(self) -> SearchStrategy[RangeAggregation]:
        counting = [RangeOp.COUNT, RangeOp.BYTES, RangeOp.BYTES_RATE]
        either = [RangeOp.RATE, RangeOp.ABSENT]
        values = [RangeOp.SUM, RangeOp.RATE_COUNTER]
        grouped = [
            *(RangeOp.AVG, RangeOp.MIN, RangeOp.MAX, RangeOp.STDVAR, RangeOp.STDDEV),
            *(RangeOp.FIRST, RangeOp.LAST),
        ]
        lines, unwrapped = self._ranges(st.none()), self._ranges(self.unwraps())
        grouping = st.one_of(st.none(), self.groupings())
        quantile = st.floats(0, 2).filter(lambda x: not _negative_zero(x))
        nothing = st.none()
        return st.one_of(
            st.builds(RangeAggregation, st.sampled_from(counting + either), lines),
            st.builds(RangeAggregation, st.sampled_from(values + either), unwrapped),
            st.builds(RangeAggregation, st.sampled_from(grouped), unwrapped, nothing, grouping),
            st.builds(RangeAggregation, st.just(RangeOp.QUANTILE), unwrapped, quantile, grouping),
        )

    def metrics(self, depth: int = 2) -> SearchStrategy[Metric]:
        """Functions and operators stand up to `depth` deep in each other."""
        vectors = self._vectors(depth)
        literal = st.builds(
            Literal,
            st.one_of(st.integers(-9, 9).map(float), st.floats(-1e9, 1e9)).filter(
                lambda x: not _negative_zero(x)
            ),
        )
        return st.one_of(vectors, vectors, vectors, literal)

    @_brief
    def _vectors(self, depth: int) -> SearchStrategy[Metric]:
        """Metrics that are no bare numbers."""
        constant = st.integers(0, 4_000).map(lambda n: VectorLiteral(n / 4))
        if depth == 0:
            return st.one_of(self.range_aggregations(), self.range_aggregations(), constant)
        inner = st.deferred(lambda: self._vectors(depth - 1))
        return st.one_of(
            self.range_aggregations(),
            self._vector_aggregations(inner),
            self._binary_operations(inner),
            st.builds(
                LabelReplace,
                inner,
                self.words.names,
                st.sampled_from(["$1", "x", "", "${1}-$2"]),
                self.words.names,
                st.sampled_from(["(.*)", "(a+)(b*)", "", "x|y"]),
            ),
        )

    def _vector_aggregations(
        self, inner: SearchStrategy[Metric]
    ) -> SearchStrategy[VectorAggregation]:
        labels = st.builds(Grouping, st.just(()), st.just(True)) | self.groupings(least=1)
        grouping = st.one_of(st.none(), labels)
        sorts = [VectorOp.SORT, VectorOp.SORT_DESC]
        plain = [op for op in VectorOp if op not in TAKES_K and op not in sorts]
        k = st.integers(1, 20)
        nothing = st.none()
        return st.one_of(
            st.builds(VectorAggregation, st.sampled_from(plain), inner, nothing, grouping),
            st.builds(VectorAggregation, st.sampled_from(sorts), inner),
            st.builds(
                VectorAggregation,
                st.sampled_from([VectorOp.TOPK, VectorOp.BOTTOMK]),
                inner,
                k,
                grouping,
            ),
            st.builds(VectorAggregation, st.just(VectorOp.APPROX_TOPK), inner, k),
        )

    def _binary_operations(self, inner: SearchStrategy[Metric]) -> SearchStrategy[BinaryOperation]:
        sets = sorted(SETS)
        comparisons = [op for op in BinaryOp if op.value in set(CompareOp)]
        arithmetic = [op for op in BinaryOp if op not in SETS and op not in comparisons]
        number = st.integers(-9, 9).map(lambda n: Literal(float(n)))
        matching = st.one_of(st.none(), self._matchings())
        never, perhaps = st.just(False), st.booleans()
        none = st.none()
        return st.one_of(
            st.builds(BinaryOperation, st.sampled_from(sets), inner, inner, self._set_matchings()),
            st.builds(BinaryOperation, st.sampled_from(arithmetic), inner, inner, matching, never),
            st.builds(BinaryOperation, st.sampled_from(arithmetic), number, inner, none, never),
            st.builds(BinaryOperation, st.sampled_from(arithmetic), inner, number, none, never),
            st.builds(
                BinaryOperation, st.sampled_from(comparisons), inner, inner, matching, perhaps
            ),
            st.builds(BinaryOperation, st.sampled_from(comparisons), inner, number, none, perhaps),
            st.builds(BinaryOperation, st.sampled_from(comparisons), number, inner, none, perhaps),
        ).filter(_is_clear)

    def _matchings(self) -> SearchStrategy[Matching]:
        names = self.words.names
        some = st.lists(names, min_size=1, max_size=2).map(tuple)
        any_number = st.lists(names, max_size=2).map(tuple)
        one = st.just(Cardinality.ONE_TO_ONE)
        group = st.sampled_from([Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY])
        return st.one_of(
            st.builds(Matching, any_number, st.just(True), one),
            st.builds(Matching, some, st.just(False), one),
            st.builds(Matching, some, st.booleans(), group, any_number),
        )

    def _set_matchings(self) -> SearchStrategy[Matching | None]:
        names = st.lists(self.words.names, max_size=2).map(tuple)
        some = st.lists(self.words.names, min_size=1, max_size=2).map(tuple)
        many = st.just(Cardinality.MANY_TO_MANY)
        return st.one_of(
            st.none(),
            st.builds(Matching, names, st.just(True), many),
            st.builds(Matching, some, st.just(False), many),
        )

    def expressions(self, depth: int = 2) -> SearchStrategy[Expr]:
        return st.one_of(self.log_queries(), self.metrics(depth))


def _stay_apart(stages: tuple[Stage, ...]) -> bool:
    """Behind `drop x`, a line filter with != or !~ would be x's."""
    for stage, following in pairwise(stages):
        named = isinstance(stage, (DropLabels, KeepLabels)) and isinstance(stage.labels[-1], str)
        if named and isinstance(following, LineFilter) and following.op.value in set(MatchOp):
            return False
    return True


def _is_clear(operation: BinaryOperation) -> bool:
    """Behind a group_left without labels, a parenthesis would open the list of them."""
    matching = operation.matching
    grouped = matching is not None and matching.cardinality in (
        Cardinality.MANY_TO_ONE,
        Cardinality.ONE_TO_MANY,
    )
    if not grouped or matching is None or matching.include:
        return True
    return not isinstance(operation.right, BinaryOperation)


def _line_filter(
    op: FilterOp, operand: SearchStrategy[Operand], most: int = 1
) -> SearchStrategy[LineFilter]:
    operands = st.lists(operand, min_size=1, max_size=most).map(tuple)
    return st.builds(LineFilter, st.just(op), operands)


def _capturing(names: SearchStrategy[str], group: str, between: str) -> SearchStrategy[str]:
    """A pattern with one or more captures; `_` captures nothing."""

    def pattern(captured: Sequence[str]) -> str:
        return between.join(group.format(name) for name in captured)

    usable = names.filter(lambda name: name != "_")
    return st.lists(usable, min_size=1, max_size=3, unique=True).map(pattern)
