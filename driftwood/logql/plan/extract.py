"""What SQL extracts for one range aggregation: which rows, which series they belong to, and their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftwood.logql import re2
from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    Grouping,
    LineFilter,
    LineFormat,
    PatternParser,
    RangeAggregation,
    RegexpParser,
    Stage,
    Unwrap,
)
from driftwood.logql.needs import (
    BYTES,
    Needs,
    needs_of,
    required_names,
    sample_grouping,
)
from driftwood.logql.plan import numbers
from driftwood.logql.plan.sampled import Sampled
from driftwood.logql.plan.series import Combination, Keys, keys_by
from driftwood.logql.plan.static import (
    COLUMNS,
    LINES,
    Compiler,
    Condition,
    Lines,
    Metadata,
    Source,
    Static,
    grouped,
)
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, column, negated, sql
from driftwood.logql.stages.errors import SPECIAL
from driftwood.logql.stages.hints import Hints
from driftwood.logql.stages.labels import FinalLabels, LabelSet
from driftwood.logql.stages.pattern import UNNAMED, Capture, parse

ONE = Sql("1")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to the samples. Rows about which `static` is unsure go through Python."""

    static: Static
    keys: Keys
    value: Sql = ONE
    """Of a row about which SQL is sure; a DOUBLE where it is not ONE."""


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of some streams: of rows in segments that have extracted columns, and of all other rows."""

    variants: tuple[Variant, ...]

    @property
    def plain(self) -> Variant:
        """What looks into lines."""
        return self.variants[0]

    @property
    def keys(self) -> Keys:
        """Both have the same."""
        return self.plain.keys


def parts_of(
    aggregation: RangeAggregation,
    pushed: Grouping | None,
    streams: Mapping[int, Labels],
    metadata: Metadata,
    sampled: Sampled,
) -> Iterator[Part]:
    """One part for the streams that have the same of the labels that matter. Raises TemplateError."""
    extraction = _Extraction(aggregation, pushed, metadata)
    groups = [streams] if extraction.of_streams_alone else grouped(streams, extraction.names)
    for group in groups:
        yield extraction.part(group, sampled)


class _Extraction:
    def __init__(
        self, aggregation: RangeAggregation, pushed: Grouping | None, metadata: Metadata
    ) -> None:
        self._aggregation = aggregation
        self._stages = aggregation.range.query.stages
        self._unwrap = aggregation.range.unwrap
        self._metadata = metadata
        self._grouping = sample_grouping(aggregation, pushed)
        self._needs = needs_of(aggregation, pushed)
        self._by = self._grouping is not None and not self._grouping.without
        self.names = self._named()
        """Of these it must be known which the streams have themselves."""

    @property
    def of_streams_alone(self) -> bool:
        """Whether its series have labels of streams only, so that it does not matter which of the streams have them."""
        return (
            self._by
            and self._unwrap is None
            and all(isinstance(stage, LineFilter) for stage in self._stages)
            and not any(map(self._metadata.may_give, self.names))
        )

    def _named(self) -> set[str]:
        if self._by:
            return set(self._needs.names or ())
        names = set(required_names(self._stages)).union(*map(_given, self._stages))
        if self._unwrap is not None:
            names |= {self._unwrap.label, *required_names(self._unwrap.filters)}
        return names

    def part(self, streams: Mapping[int, Labels], sampled: Sampled) -> Part:
        columns = self._compiler(streams, COLUMNS)
        read = self._variant(columns)
        if not read.static.columns or read.static.unsure == TRUE:
            return Part((self._variant(self._compiler(streams, LINES)),))
        lines = Lines(sampled(streams, read.static.columns))
        plain = self._variant(self._compiler(streams, lines))
        plain.static.lacking = read.static.columns
        return Part((plain, read))

    def _compiler(self, streams: Mapping[int, Labels], source: Source) -> Compiler:
        return Compiler(
            streams,
            self.names,
            self._metadata,
            all_names=not self._by,
            source=source,
            together=self.of_streams_alone,
        )

    def _variant(self, compiler: Compiler) -> Variant:
        static = compiler.run(self._stages, parses=not _parses_nothing(self._needs))
        value = ONE
        if self._asks_for_errors():
            static.leave_to_python()
        elif self._unwrap is not None:
            value = _unwrapped(self._unwrap, compiler)
        elif self._aggregation.op in BYTES:
            value = sql("strlen(line)")
            if any(isinstance(stage, LineFormat) for stage in self._stages):
                static.leave_to_python()
        if static.failed != FALSE:  # an error that no filter dropped
            static.doubt(static.failed)
            static.kept = all_of((static.kept, negated(static.failed)))
        return Variant(static, self._keys(compiler), value)

    def _asks_for_errors(self) -> bool:
        named = self._grouping.labels if self._grouping is not None else ()
        return self._needs.keeps_errors or not SPECIAL.isdisjoint(named)

    def _keys(self, compiler: Compiler) -> Keys:
        if self._by and self._grouping is not None:
            names = dict.fromkeys(self._grouping.labels)
            return keys_by({name: compiler.value(name) for name in names}, compiler.static.streams)
        return _all_labels(compiler.static, self._grouping, metadata=not self._metadata.none)


def _given(stage: Stage) -> set[str]:
    """The labels that a parser is sure to name."""
    if isinstance(stage, RegexpParser):
        return set(filter(None, re2.compile(stage.pattern).names))
    if isinstance(stage, PatternParser):
        captures = (part.name for part in parse(stage.pattern) if isinstance(part, Capture))
        return {name for name in captures if name != UNNAMED}
    return set()


def _parses_nothing(needs: Needs) -> bool:
    return needs.nothing or (needs.names is not None and not needs.names)


def _unwrapped(unwrap: Unwrap, compiler: Compiler) -> Sql:
    """The value of a row; those without one go, and those whose label is no plain number are left to Python."""
    static = compiler.static
    text = compiler.value(unwrap.label)
    if text is None:
        static.keep(Condition(FALSE))
        return Sql("0.0")
    if not isinstance(text, Sql):
        static.leave_to_python()
        return ONE
    static.keep(Condition(sql("coalesce({} != '', FALSE)", text)))
    value = static.layers.define(numbers.converted(unwrap.conversion, text))
    static.doubt(sql("({} IS NULL)", value))
    for each in unwrap.filters:
        static.keep(compiler.condition(each))
    return value


def _all_labels(static: Static, grouping: Grouping | None, *, metadata: bool) -> Keys:
    """Series with all labels that the rows end with, perhaps without some."""
    columns = {f"k{i}": value for i, (_, value) in enumerate(static.extracted)}
    names = [name for name, _ in static.extracted]
    if metadata:
        columns["sm"] = column("sm")
    columns["sid"] = column("sid")
    label_set = LabelSet(Hints())

    def labels(values: Combination) -> Labels:
        stream = static.streams[values[-1]]
        label_set.reset(stream, dict(values[-2] or ()) if metadata else {})
        for name, value in zip(names, values, strict=False):
            free = label_set.free_name(name)
            if value is not None and label_set.wants(free):
                label_set.set(free, value)
        return label_set.final(FinalLabels(stream)).grouped(grouping)

    return Keys(columns, labels)
