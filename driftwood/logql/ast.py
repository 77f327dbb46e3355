"""What a query says, as frozen values. `str()` of each is LogQL again, in Loki's canonical form, and parses back.

    Expr = LogQuery | Metric
    LogQuery           {selector} stage stage ...
    Metric             RangeAggregation | VectorAggregation | BinaryOperation | LabelReplace | Literal | VectorLiteral
    RangeAggregation   over one LogRange: a LogQuery, perhaps an Unwrap, a range and an offset

`at` is where a part stands in the text that it was parsed from; it serves messages and does not take part in equality.
Times are ns. What was written is kept where the canonical form shows it (a duration as ns, a size as bytes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Node:
    """A part of a query."""

    __slots__ = ()

    def __str__(self) -> str:
        from driftwood.logql.printer import canonical  # which needs every class of this file

        return canonical(self)


# -- selectors


class MatchOp(StrEnum):
    """How a label's value is compared; a label that is absent is the empty text. Regular expressions match it whole."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class Matcher(Node):
    """One condition on a label."""

    name: str
    op: MatchOp
    value: str
    at: int = field(default=0, compare=False)


# -- stages


class FilterOp(StrEnum):
    """How a line is searched, case-sensitively; a regular expression or a pattern may match anywhere in it."""

    CONTAINS = "|="
    NOT_CONTAINS = "!="
    MATCHES = "|~"
    NOT_MATCHES = "!~"
    PATTERN = "|>"
    NOT_PATTERN = "!>"


@dataclass(frozen=True, slots=True)
class Operand(Node):
    """What a line filter looks for: a text, or with `ip` an address, a CIDR or a range of addresses."""

    text: str
    ip: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LineFilter(Node):
    """Any of `operands` for a positive operator, none of them for a negative one."""

    op: FilterOp
    operands: tuple[Operand, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Extraction(Node):
    """`name="path"` after json or logfmt."""

    name: str
    path: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class JsonParser(Node):
    extractions: tuple[Extraction, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LogfmtParser(Node):
    strict: bool = False
    keep_empty: bool = False
    extractions: tuple[Extraction, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RegexpParser(Node):
    pattern: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class PatternParser(Node):
    pattern: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unpack(Node):
    at: int = field(default=0, compare=False)


class CompareOp(StrEnum):
    EQUAL = "=="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="


@dataclass(frozen=True, slots=True)
class StringFilter(Node):
    matcher: Matcher
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NumberFilter(Node):
    name: str
    op: CompareOp
    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DurationFilter(Node):
    name: str
    op: CompareOp
    value: int
    """ns"""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class BytesFilter(Node):
    name: str
    op: CompareOp
    value: int
    """bytes"""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class IpFilter(Node):
    """`name = ip("...")`; `op` is EQUAL or NOT_EQUAL."""

    name: str
    op: MatchOp
    pattern: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And(Node):
    """`left and right`, `left, right` and `left right` mean the same."""

    left: LabelFilter
    right: LabelFilter
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or(Node):
    left: LabelFilter
    right: LabelFilter
    at: int = field(default=0, compare=False)


LabelFilter: TypeAlias = (
    StringFilter | NumberFilter | DurationFilter | BytesFilter | IpFilter | And | Or
)


@dataclass(frozen=True, slots=True)
class LineFormat(Node):
    template: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """`name="template"`, or `name=source`, which renames."""

    name: str
    value: str
    rename: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LabelFormat(Node):
    assignments: tuple[Assignment, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Decolorize(Node):
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DropLabels(Node):
    """A bare name always, a matcher only where it holds."""

    labels: tuple[str | Matcher, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class KeepLabels(Node):
    labels: tuple[str | Matcher, ...]
    at: int = field(default=0, compare=False)


Stage: TypeAlias = (
    LineFilter
    | JsonParser
    | LogfmtParser
    | RegexpParser
    | PatternParser
    | Unpack
    | LabelFilter
    | LineFormat
    | LabelFormat
    | Decolorize
    | DropLabels
    | KeepLabels
)


# -- queries


@dataclass(frozen=True, slots=True)
class LogQuery(Node):
    """Lines of the streams for which all `matchers` hold, through all `stages`."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()
    at: int = field(default=0, compare=False)


class Conversion(StrEnum):
    """How `unwrap` reads a label."""

    NONE = ""
    BYTES = "bytes"
    DURATION = "duration"
    DURATION_SECONDS = "duration_seconds"


@dataclass(frozen=True, slots=True)
class Unwrap(Node):
    label: str
    conversion: Conversion = Conversion.NONE
    filters: tuple[LabelFilter, ...] = ()
    """What stands behind it, in order."""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LogRange(Node):
    """The lines of (t - offset - range, t - offset]."""

    query: LogQuery
    range: int
    """ns"""
    offset: int = 0
    """ns, may be negative"""
    unwrap: Unwrap | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Grouping(Node):
    labels: tuple[str, ...] = ()
    without: bool = False


class RangeOp(StrEnum):
    COUNT = "count_over_time"
    RATE = "rate"
    RATE_COUNTER = "rate_counter"
    BYTES = "bytes_over_time"
    BYTES_RATE = "bytes_rate"
    AVG = "avg_over_time"
    SUM = "sum_over_time"
    MIN = "min_over_time"
    MAX = "max_over_time"
    STDVAR = "stdvar_over_time"
    STDDEV = "stddev_over_time"
    QUANTILE = "quantile_over_time"
    FIRST = "first_over_time"
    LAST = "last_over_time"
    ABSENT = "absent_over_time"


@dataclass(frozen=True, slots=True)
class RangeAggregation(Node):
    op: RangeOp
    range: LogRange
    parameter: float | None = None
    """The quantile."""
    grouping: Grouping | None = None
    at: int = field(default=0, compare=False)


class VectorOp(StrEnum):
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    STDDEV = "stddev"
    STDVAR = "stdvar"
    TOPK = "topk"
    BOTTOMK = "bottomk"
    APPROX_TOPK = "approx_topk"
    SORT = "sort"
    SORT_DESC = "sort_desc"


@dataclass(frozen=True, slots=True)
class VectorAggregation(Node):
    op: VectorOp
    operand: Metric
    parameter: int | None = None
    """k"""
    grouping: Grouping | None = None
    at: int = field(default=0, compare=False)


class BinaryOp(StrEnum):
    OR = "or"
    AND = "and"
    UNLESS = "unless"
    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    POW = "^"
    EQUAL = "=="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="


class Cardinality(StrEnum):
    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    """group_left"""
    ONE_TO_MANY = "one-to-many"
    """group_right"""
    MANY_TO_MANY = "many-to-many"
    """and, or, unless"""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which samples of the two sides belong together; without `on` and `labels` those with equal label sets."""

    labels: tuple[str, ...] = ()
    on: bool = False
    """True: by `labels` only; False: by all but `labels`."""
    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    include: tuple[str, ...] = ()
    """Labels that group_left or group_right copy from the one side."""


@dataclass(frozen=True, slots=True)
class BinaryOperation(Node):
    op: BinaryOp
    left: Metric
    right: Metric
    matching: Matching | None = None
    """None: nothing was written."""
    return_bool: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class LabelReplace(Node):
    operand: Metric
    destination: str
    replacement: str
    source: str
    pattern: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A bare number: a scalar."""

    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class VectorLiteral(Node):
    """`vector(n)`: one sample without labels."""

    value: float
    at: int = field(default=0, compare=False)


Metric: TypeAlias = (
    RangeAggregation | VectorAggregation | BinaryOperation | LabelReplace | Literal | VectorLiteral
)
Expr: TypeAlias = LogQuery | Metric
