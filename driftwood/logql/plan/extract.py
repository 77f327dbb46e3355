"""What SQL extracts for one range aggregation: which rows, which series they belong to, and their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftwood.logql import re2
from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    Grouping,
    JsonParser,
    LineFilter,
    LineFormat,
    LogfmtParser,
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
from driftwood.logql.plan.compiler import (
    COLUMNS,
    LINES,
    Compiler,
    Lines,
    Metadata,
    Source,
    drops_errors,
)
from driftwood.logql.plan.sampled import Sampled
from driftwood.logql.plan.series import Combination, Keys, keys_by
from driftwood.logql.plan.static import Condition, Static, grouped
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, column, negated, sql
from driftwood.logql.stages.errors import ERROR, JSON_ERROR, PRESERVED, SPECIAL
from driftwood.logql.stages.hints import Hints
from driftwood.logql.stages.json_text import NO_OBJECT
from driftwood.logql.stages.labels import FinalLabels, LabelSet
from driftwood.logql.stages.pattern import UNNAMED, Capture, parse

ONE = Sql("1")
PARSERS = (JsonParser, LogfmtParser, RegexpParser, PatternParser)


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
        if self._asks_for_details():
            static.leave_to_python()
        elif self._unwrap is not None:
            value = _unwrapped(self._unwrap, compiler)
        elif self._aggregation.op in BYTES:
            value = sql("strlen(line)")
            if any(isinstance(stage, LineFormat) for stage in self._stages):
                static.leave_to_python()
        keys = self._keys(compiler)
        if self._may_fail:
            return Variant(static, self._with_failed(static, keys), value)
        if static.failed != FALSE:  # an error that no filter dropped
            static.doubt(static.failed)
            static.kept = all_of((static.kept, negated(static.failed)))
        return Variant(static, keys, value)

    @property
    def _may_fail(self) -> bool:
        """Whether samples may have the error of `| json`, the only parser, and that alone."""
        if _parses_nothing(self._needs):
            return False
        parsers = [at for at, stage in enumerate(self._stages) if isinstance(stage, PARSERS)]
        if len(parsers) != 1 or self._stages[parsers[0]] != JsonParser():
            return False
        later = [*self._stages[parsers[0] :], *(self._unwrap.filters if self._unwrap else ())]
        return not any(map(drops_errors, later))

    def _asks_for_details(self) -> bool:
        """Whether it asks more about errors than whether there is one."""
        named = set(self._needs.names or ())
        if self._grouping is not None:
            named |= set(self._grouping.labels)
        return not named.isdisjoint(SPECIAL - {ERROR})

    def _with_failed(self, static: Static, keys: Keys) -> Keys:
        """Samples with an error, which keep all the labels of their row, whatever is grouped by.

        Nothing was extracted from such a line, and no other parser was there.
        """
        failed = static.layers.define(static.failed)
        metadata = not self._metadata.none
        columns = {"failed": failed, "fsid": sql("CASE WHEN {} THEN sid END", failed)}
        if metadata:
            columns["fsm"] = sql("CASE WHEN {} THEN sm END", failed)
        label_set = LabelSet(Hints())
        usual = len(keys.columns)
        preserved = {PRESERVED: "true"} if self._needs.keeps_errors else {}

        def labels(values: Combination) -> Labels:
            if not values[usual]:
                return keys.labels(values[:usual])
            stream = static.streams[values[usual + 1]]
            label_set.reset(stream, dict(values[usual + 2] or ()) if metadata else {})
            label_set.fail(JSON_ERROR, NO_OBJECT)
            return {**label_set.final(FinalLabels(stream)).all, **preserved}

        return Keys({**keys.columns, **columns}, labels)

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
