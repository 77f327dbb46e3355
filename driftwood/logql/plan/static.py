# ruff: noqa: S608  (what stands in the SQL are our own names and integers)
"""Static mode: what becomes of the rows of some streams when each label that a query needs is an expression of SQL.

That is done for streams that have the same of these labels themselves, so that it is known which names are taken. A row
about which SQL is not sure is left to Python, with all its stages; so is every row once a stage comes that has no SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from driftwood.logql.answer import Labels
from driftwood.logql.ast import LineFilter
from driftwood.logql.needs import EXTRACTED
from driftwood.logql.plan.layers import Layers, barrier
from driftwood.logql.sql import FALSE, TRUE, Sql, all_of, any_of, sql

STATE = "state"
SURE, UNSURE = 1, 2


class Condition(NamedTuple):
    """Whether a row stays, and where SQL cannot say. Neither is ever NULL."""

    kept: Sql
    unsure: Sql = FALSE


@dataclass(slots=True)
class Static:
    """A query's stages for some streams. Of the rows that are `where`, those that are `kept` or `unsure` matter."""

    streams: Mapping[int, Labels]
    """Those that are left."""
    filters: list[tuple[LineFilter, Sql]] = field(default_factory=list)
    """Line filters that are conditions on `line`."""
    others: Sql = TRUE
    """A condition on other columns of `logs`."""
    columns: set[str] = field(default_factory=set)
    """Extracted columns of segments that are read: only the rows that have them are meant."""
    lacking: Collection[str] = ()
    """Only the other rows are meant: those whose segment lacks one of these columns."""
    layers: Layers = field(default_factory=Layers)
    """What is computed of these rows."""
    kept: Sql = TRUE
    unsure: Sql = FALSE
    failed: Sql = FALSE
    """The row has the error `error` so far."""
    error: str = ""
    values: dict[str, Sql] = field(default_factory=dict)
    """What parsers gave, by label."""
    extracted: list[tuple[str, Sql]] = field(default_factory=list)
    """The same, one after the other, by the names that the parsers give."""
    _state: Sql | None = None

    def state(self) -> Sql | None:
        """0: the row is dropped, SURE or UNSURE; None: all that are left have the same one."""
        if self.unsure == TRUE or (self.unsure == FALSE and not self.layers):
            return None
        if self._state is None:
            unsure, kept = self.layers.define(self.unsure), self.layers.define(self.kept)
            self._state = sql(
                f"CASE WHEN {{}} THEN {UNSURE} WHEN {{}} THEN {SURE} ELSE 0 END", unsure, kept
            )
        return self._state

    @property
    def decided(self) -> bool:
        """Whether SQL is sure of any row."""
        return self.unsure != TRUE

    @property
    def told(self) -> str:
        """For people: who decides about the rows."""
        of = f"{len(self.streams)} stream{'s' * (len(self.streams) != 1)}"
        if self.unsure == TRUE or (self.kept == FALSE and self.unsure != FALSE):
            return f"rows of {of} are filtered by SQL as far as it goes, then by Python with all stages"
        if self.unsure == FALSE:
            return f"rows of {of} are answered by SQL"
        return f"rows of {of} are answered by SQL, those that it is not sure of by Python"

    @property
    def is_everything(self) -> bool:
        """All rows of the streams stay."""
        return self.where == TRUE and self.kept == TRUE and self.unsure == FALSE

    @property
    def matters(self) -> bool:
        """Whether there may be rows that are not dropped."""
        return (
            bool(self.streams)
            and self.where != FALSE
            and (self.kept, self.unsure) != (FALSE, FALSE)
        )

    def leave_to_python(self) -> None:
        """Every row that is still there."""
        self.doubt(TRUE)

    @property
    def where(self) -> Sql:
        """Over the columns of `logs` alone, beside being of one of the streams."""
        return all_of((self.others, *(condition for _, condition in self.filters)))

    def doubt(self, unsure: Sql) -> None:
        """Rows that are kept so far, and about which SQL is not sure from here on."""
        if unsure == TRUE and self.kept == TRUE:
            self.unsure = TRUE
        else:
            self.unsure = any_of((self.unsure, all_of((self.kept, unsure))))
        if unsure == TRUE:
            self.kept = FALSE

    def filter(self, stage: LineFilter, condition: Sql | None) -> None:
        """`condition` None: SQL cannot say whether the line stays."""
        if condition is None:
            self.doubt(TRUE)
        elif self.unsure == FALSE and not self.layers:
            self.filters.append((stage, condition))
        else:
            self.keep(Condition(condition))

    def keep_streams(self, kept: Collection[int]) -> None:
        """Rows of these streams; those that were unsure before stay so."""
        if self.unsure == FALSE and not self.layers:
            self.streams = {sid: self.streams[sid] for sid in kept}
        elif len(kept) < len(self.streams):
            self.keep(Condition(among(kept)))

    def keep(self, condition: Condition) -> None:
        """Rows for which `condition` holds; those that were unsure before stay so."""
        if self.unsure == FALSE and condition.unsure == FALSE and not self.layers:
            self.others = all_of((self.others, condition.kept))
            return
        self.doubt(condition.unsure)
        self.kept = all_of((self.kept, condition.kept))


def grouped(
    streams: Mapping[int, Labels], names: Collection[str]
) -> Iterator[Mapping[int, Labels]]:
    """The streams, by which of `names` are their own labels, and of what becomes of names that are taken."""
    roots = {name.removesuffix(EXTRACTED) for name in names}
    names = sorted({*names, *roots, *(name + EXTRACTED for name in names)})
    groups: dict[tuple[bool, ...], dict[int, Labels]] = {}
    for sid, labels in streams.items():
        groups.setdefault(tuple(name in labels for name in names), {})[sid] = labels
    yield from groups.values()


def among(sids: Collection[int]) -> Sql:
    """Whether a row is of one of these streams."""
    if not sids:
        return FALSE
    if len(sids) <= LITERAL_STREAMS:
        return Sql(f"sid IN ({', '.join(map(str, map(int, sids)))})")
    return sql("sid IN (SELECT unnest({}))", list(sids))


LITERAL_STREAMS = 2_000
"""A longer list in the SQL costs more to plan than it saves."""


def rows_of(static: Static, relation: Sql) -> Sql:
    """What stands after FROM: the rows that matter, with all that was computed of them, and their `state`."""
    columns = ["ts", "line_id", "sid", "sm", "line", *(f'"{name}"' for name in static.columns)]
    source = sql(f"(SELECT {', '.join(columns)} FROM {{}} WHERE {{}})", relation, static.where)
    state = static.state()
    if state is None:
        constant = UNSURE if static.unsure == TRUE else SURE
        wanted = any_of((static.unsure, static.kept))
        return sql(f"(SELECT *, {constant} AS {STATE} FROM {{}} WHERE {{}})", source, wanted)
    return sql(
        f"(SELECT * FROM (SELECT *, {{}} AS {STATE} FROM {{}}) WHERE {STATE} > 0)",
        barrier(state),
        static.layers.over(source),
    )
