"""A query's stages, compiled one after the other into the plan for some streams (`static`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias, get_args

from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    And,
    BytesFilter,
    DurationFilter,
    IpFilter,
    JsonParser,
    LabelFilter,
    LineFilter,
    LogfmtParser,
    Matcher,
    MatchOp,
    NumberFilter,
    Or,
    PatternParser,
    RegexpParser,
    Stage,
    StringFilter,
)
from driftwood.logql.needs import EXTRACTED
from driftwood.logql.plan import numbers
from driftwood.logql.plan.columns import FAILED, JSON, LOGFMT, UNDECIDED, label_column, state_column
from driftwood.logql.plan.extracted import Define, Extracted, is_plain, names_error
from driftwood.logql.plan.parse_json import parse_json
from driftwood.logql.plan.parse_logfmt import parse_logfmt
from driftwood.logql.plan.parse_text import parse_pattern, parse_regexp
from driftwood.logql.plan.static import Condition, Static, among
from driftwood.logql.plan.texts import line_condition, text_condition
from driftwood.logql.plan.usual import usual_extracted
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, any_of, listed, negated, sql
from driftwood.logql.stages.errors import ERROR as ERROR_LABEL
from driftwood.logql.stages.errors import JSON_ERROR, SPECIAL
from driftwood.logql.stages.hints import Hints
from driftwood.logql.stages.label_filter import check_of, match_of
from driftwood.logql.stages.labels import LabelSet

LABEL_FILTERS = get_args(LabelFilter)
_NEGATIVE = (MatchOp.NOT_EQUAL, MatchOp.NOT_MATCHES)
_NO_ERROR = Matcher(ERROR_LABEL, MatchOp.EQUAL, "")

Parse: TypeAlias = Callable[[Sequence[str], Define], Extracted | None]


class OfStream(NamedTuple):
    """The value of a label that the stream itself has."""

    name: str


Value: TypeAlias = OfStream | Sql | None
"""A label's value; SQL gives NULL where a row has none, None means that no row has it."""


class Lines(NamedTuple):
    """Into the lines."""

    sample: Sequence[str] | None = None
    """Lines like those that are searched: what is usual among them is quick to read. None: not known."""


class Columns(NamedTuple):
    """At extracted columns of segments."""


Source: TypeAlias = Lines | Columns
LINES, COLUMNS = Lines(), Columns()


class Metadata(NamedTuple):
    """Which names the structured metadata of the rows may have."""

    names: Collection[str] | None
    """None: any."""

    def has(self, name: str) -> bool:
        return self.names is None or name in self.names

    def may_give(self, name: str) -> bool:
        """Whether it may become the label `name`, perhaps with a suffix."""
        return self.has(name) or self.has(name.removesuffix(EXTRACTED))

    @property
    def none(self) -> bool:
        return self.names is not None and not self.names


class Compiler:
    """Compiles stages one after the other, for streams that share which of the names that matter are theirs."""

    def __init__(
        self,
        streams: Mapping[int, Labels],
        needed: Collection[str],
        metadata: Metadata,
        *,
        all_names: bool,
        source: Source = LINES,
        together: bool = False,
    ) -> None:
        """`needed`: the names whose values count. `all_names`: the answer shows all labels, so that a parser's names
        must be known beforehand. `source`: where JSON and logfmt parsers look. `together`: some of the streams have a
        label and others do not, which is the same to the stages.
        """
        self.static = Static(streams)
        self._any: Labels = next(iter(streams.values()), {})
        if together:
            self._any = dict.fromkeys(
                (name for name in needed if any(name in each for each in streams.values())), ""
            )
        self._needed = set(needed) | {name.removesuffix(EXTRACTED) for name in needed}
        self._metadata = metadata
        self._all_names = all_names
        self._source = source
        self.parsed: set[str] = set()
        """The columns that could be read instead of looking into lines."""

    def run(self, stages: Sequence[Stage], *, parses: bool = True) -> Static:
        """`parses` False: no parser has anything to do."""
        if any(
            (self._metadata.names is not None and name in self._metadata.names) or name in self._any
            for name in SPECIAL
        ):
            self.static.leave_to_python()
            return self.static
        for stage in stages:
            if isinstance(stage, LineFilter):
                self.static.filter(stage, line_condition(stage))
            elif isinstance(stage, LABEL_FILTERS):
                self._filter(stage)
            elif isinstance(stage, JsonParser | LogfmtParser | RegexpParser | PatternParser):
                if parses and not self._parse(stage):
                    self.static.leave_to_python()
            else:
                self.static.leave_to_python()
            if not self.static.decided or self.static.kept == FALSE:
                break
        return self.static

    # -- labels

    def value(self, name: str) -> Value:
        if name in self._any:
            return OfStream(name)
        found = [self.static.values[name]] if name in self.static.values else []
        found += self._in_metadata(name)
        if not found:
            return None
        return self.static.layers.define(
            found[0] if len(found) == 1 else sql("coalesce({})", listed(found))
        )

    def _in_metadata(self, name: str) -> list[Sql]:
        """What structured metadata gives to `name`, the first that is there; what the stream has is suffixed."""
        root = name.removesuffix(EXTRACTED)
        names = [name, root] if root != name and root in self._any else [name]
        return [sql("sm[{}]", each) for each in names if self._metadata.has(each)]

    def _parse(self, stage: Stage) -> bool:
        """False: there is no SQL for it."""
        define = self.static.layers.define
        asked = self._needed - {ERROR_LABEL}
        names = asked - set(self._any) | {name for name in asked if name + EXTRACTED in asked}
        if not SPECIAL.isdisjoint(names):
            return False
        found: Extracted | None = None
        match stage:
            case JsonParser(extractions=()) if not self._all_names:
                found = self._parsed(JSON, names, parse_json)
            case LogfmtParser(extractions=(), strict=False, keep_empty=False) if (
                not self._all_names
            ):
                found = self._parsed(LOGFMT, names, parse_logfmt)
            case RegexpParser():
                found = parse_regexp(stage, None if self._all_names else names, define)
            case PatternParser():
                found = parse_pattern(stage, None if self._all_names else names, define)
        if found is None:
            return False
        if ERROR_LABEL in self._needed:
            if isinstance(stage, JsonParser | LogfmtParser):
                found = replace(found, unsure=any_of((found.unsure, names_error(stage))))
            elif isinstance(stage, RegexpParser | PatternParser) and ERROR_LABEL in stage.pattern:
                return False
        return self._take(found)

    def _parsed(self, parser: str, names: Collection[str], parse: Parse) -> Extracted | None:
        wanted = sorted(name for name in names if name.isascii())  # no other is ever extracted
        if parser == LOGFMT and not wanted:
            return Extracted()
        columns = {name: label_column(parser, name) for name in wanted}
        self.parsed |= {state_column(parser), *columns.values()}
        if isinstance(self._source, Lines):
            found = None
            if self._source.sample is not None:
                found = self._usual(parser, wanted, self._source.sample)
            return parse(wanted, self.static.layers.define) if found is None else found
        if not all(map(is_plain, wanted)):
            return None
        self.static.columns |= self.parsed
        state = state_column(parser)
        return Extracted(
            {name: Sql(f'"{at}"') for name, at in columns.items()},
            unsure=Sql(f'("{state}" = {UNDECIDED})'),
            failed=Sql(f'("{state}" = {FAILED})') if parser == JSON else FALSE,
            error=JSON_ERROR,
        )

    def _usual(self, parser: str, names: Sequence[str], sample: Sequence[str]) -> Extracted | None:
        if not all(map(is_plain, names)):
            return None
        return usual_extracted(parser, sample, names, self.static.layers.define)

    def _take(self, found: Extracted) -> bool:
        static = self.static
        if found.failed != FALSE and static.failed != FALSE:
            return False  # which of two errors a line has depends on more
        define = static.layers.define
        static.doubt(define(found.unsure))
        if found.failed != FALSE:
            static.failed, static.error = define(found.failed), found.error
        for name, value in found.values.items():
            value = define(value)
            static.extracted.append((name, value))
            if not self._set(name, value, found.values):
                return False
        return True

    def _set(self, name: str, value: Sql, others: Mapping[str, Sql]) -> bool:
        """The label that the parser's `name` becomes. The first writer wins."""
        suffixed = name + EXTRACTED
        if name in self._any:
            if suffixed in others or suffixed in self._any:
                return suffixed not in self._needed
            self._first(suffixed, value)
            return True
        for taken in self._in_metadata(name):
            if suffixed in self._needed:
                return False
            value = sql("CASE WHEN {} IS NULL THEN {} END", taken, value)
        self._first(name, value)
        return True

    def _first(self, name: str, value: Sql) -> None:
        values = self.static.values
        if name in values:
            value = sql("coalesce({}, {})", values[name], value)
        values[name] = self.static.layers.define(value)

    # -- label filters

    def _filter(self, stage: LabelFilter) -> None:
        if self._of_streams_alone(stage):
            kept, unsure = self._by_stream(stage)
            self.static.doubt(among(unsure))
            self.static.keep_streams(kept) if not unsure else self.static.keep(
                Condition(among(kept))
            )
        else:
            self.static.keep(self.condition(stage))
            if drops_errors(stage):
                self.static.failed = FALSE

    def _of_streams_alone(self, stage: LabelFilter) -> bool:
        """Whether it asks for labels that the streams have or nobody, and not for errors."""
        if isinstance(stage, And | Or):
            return self._of_streams_alone(stage.left) and self._of_streams_alone(stage.right)
        name = stage.matcher.name if isinstance(stage, StringFilter) else stage.name
        return name != ERROR_LABEL and not isinstance(self.value(name), Sql)

    def condition(self, stage: LabelFilter) -> Condition:
        match stage:
            case And():
                left, right = self.condition(stage.left), self.condition(stage.right)
                return Condition(
                    all_of((left.kept, right.kept)), any_of((left.unsure, right.unsure))
                )
            case Or():
                left, right = self.condition(stage.left), self.condition(stage.right)
                unsure = any_of((left.unsure, all_of((negated(left.kept), right.unsure))))
                return Condition(any_of((left.kept, right.kept)), unsure)
            case StringFilter() if stage.matcher.name == ERROR_LABEL:
                return self._string(stage, self._error_text())
        name = stage.matcher.name if isinstance(stage, StringFilter) else stage.name
        value = self.value(name)
        if not isinstance(value, Sql):
            return self._of_streams(stage)
        match stage:
            case StringFilter():
                return self._string(stage, sql("coalesce({}, '')", value))
            case NumberFilter():
                return self._compared(stage, value, numbers.number(value))
            case DurationFilter():
                return self._compared(stage, value, numbers.nanoseconds(value))
            case BytesFilter():
                return self._compared(stage, value, numbers.size(value))
            case IpFilter():
                return Condition(self.static.failed, sql("({} IS NOT NULL)", value))

    def _error_text(self) -> Sql:
        static = self.static
        if static.failed == FALSE:
            return sql("''")
        return sql("CASE WHEN {} THEN {} ELSE '' END", static.failed, static.error)

    def _string(self, stage: StringFilter, text: Sql) -> Condition:
        found = text_condition(match_of(stage.matcher), text)
        if found is None:
            return Condition(TRUE, TRUE)
        return Condition(negated(found) if stage.matcher.op in _NEGATIVE else found)

    def _compared(
        self, stage: NumberFilter | DurationFilter | BytesFilter, text: Sql, value: Sql
    ) -> Condition:
        """Without the label the line goes; what is no number stays, with an error."""
        value = self.static.layers.define(value)
        kept = sql("coalesce({}, FALSE)", numbers.compared(value, stage.op, stage.value))
        return Condition(kept, sql("({} IS NOT NULL AND {} IS NULL)", text, value))

    def _of_streams(self, stage: LabelFilter) -> Condition:
        """Of labels that the stream itself has, or none at all: it is known now which streams stay."""
        kept, unsure = self._by_stream(stage)
        return Condition(among(kept), among(unsure))

    def _by_stream(self, stage: LabelFilter) -> tuple[list[int], list[int]]:
        """The streams that stay, and those whose lines get an error."""
        check = check_of(stage)
        labels = LabelSet(Hints())
        kept: list[int] = []
        unsure: list[int] = []
        for sid, of_stream in self.static.streams.items():
            labels.reset(of_stream, {})
            if check(labels):
                (unsure if labels.error else kept).append(sid)
        if _asks_for_addresses(stage) and self.static.failed != FALSE:
            return [], list(self.static.streams)  # a line with an error stays, whatever its labels
        return kept, unsure


def drops_errors(stage: Stage) -> bool:
    """Whether it is `| __error__=""`."""
    return isinstance(stage, StringFilter) and stage.matcher == _NO_ERROR


def _asks_for_addresses(stage: LabelFilter) -> bool:
    if isinstance(stage, And | Or):
        return _asks_for_addresses(stage.left) or _asks_for_addresses(stage.right)
    return isinstance(stage, IpFilter)
