# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""A range aggregation: its samples added up by SQL where that will do, fetched where each is needed, and made by Python
where SQL cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from driftwood.errors import QueryError
from driftwood.logql.answer import Labels
from driftwood.logql.ast import Grouping, RangeAggregation, RangeOp
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.cells import Cells, grain_of, matrix_of, merged
from driftwood.logql.plan.compiler import Metadata
from driftwood.logql.plan.extract import ONE, Part, Variant, parts_of
from driftwood.logql.plan.layers import aliased
from driftwood.logql.plan.points import PointList, Points, samples_of
from driftwood.logql.plan.rollups import COUNTED, counted, cut_minutes, lines_of
from driftwood.logql.plan.rows import relation_of, slices, unsure_rows
from driftwood.logql.plan.sampled import sampled
from driftwood.logql.plan.series import series_of
from driftwood.logql.plan.static import STATE, SURE, UNSURE, among, rows_of
from driftwood.logql.reference.leaves import absent, check_errors, range_matrix
from driftwood.logql.reference.samples import Extractor
from driftwood.logql.reference.sources import StoredEntry
from driftwood.logql.reference.vectors import Ints, SeriesMatrix
from driftwood.logql.reference.windows import Windows
from driftwood.logql.sql import FALSE, TRUE, Sql, column, sql
from driftwood.store.read import Span

SUMMED = {
    RangeOp.COUNT: "0.0",
    RangeOp.RATE: "sum(v)::DOUBLE",
    RangeOp.ABSENT: "0.0",
    RangeOp.BYTES: "sum(v)::DOUBLE",
    RangeOp.BYTES_RATE: "sum(v)::DOUBLE",
    RangeOp.SUM: "sum(v)::DOUBLE",
    RangeOp.AVG: "sum(v)::DOUBLE",
    RangeOp.MIN: "min(v)::DOUBLE",
    RangeOp.MAX: "max(v)::DOUBLE",
}
"""The value of a cell; the other operations need every sample."""

VALUE = column("v")
"""In place of the value that a variant gives."""
POINTS_AT_ONCE = 1_000_000
MOST_VALUES = 50_000_000
"""Of all series at all steps: more do not fit into the memory."""


@dataclass(slots=True)
class RangeSamples:
    """The samples of one range aggregation at all steps of a query."""

    asked: Asked
    aggregation: RangeAggregation
    pushed: Grouping | None
    windows: Windows
    cells: list[Cells] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)

    @property
    def summed(self) -> bool:
        return self.aggregation.op in SUMMED

    @property
    def span(self) -> Span:
        """start < ts <= end"""
        return Span(int(self.windows.starts[0]), int(self.windows.ends[-1]))

    def matrix(self) -> SeriesMatrix:
        """Raises QueryError for a sample with an error."""
        op = self.aggregation.op
        if not self.summed:
            return range_matrix(self.aggregation, samples_of(self.points), self.windows)
        cells = merged([*self.cells, *(points.cells() for points in self.points)])
        steps = len(self.windows.ends)
        if len(cells.series) * steps > MOST_VALUES:
            raise QueryError(
                f"{len(cells.series)} series at {steps} steps are more than fit into the memory: group by fewer "
                "labels, or take a longer step"
            )
        unwrapped = self.aggregation.range.unwrap is not None
        found = matrix_of(cells, self.windows, op, unwrapped=unwrapped).canonical()
        check_errors(found)
        if op is RangeOp.ABSENT:
            return absent(found.present, self.aggregation.range.query.matchers)
        return found

    def collect(self, streams: Mapping[int, Labels], metadata: Metadata) -> None:
        """From the lines of `streams`. Raises TemplateError."""
        if not len(self.windows.ends) or self.span.length <= 0:
            return
        if not streams:
            self.asked.note(f"{self.aggregation.op}: no stream matches")
        for part in parts_of(
            self.aggregation, self.pushed, streams, metadata, sampled(self.asked, self.span)
        ):
            static = part.plain.static
            self.asked.note(f"{self.aggregation.op}: {static.told}")
            if not static.streams:
                continue
            cut = cut_minutes(self.windows) if counted(self.aggregation, part) else None
            if cut is not None:
                self._rolled_up(part, cut)
                continue
            sure = [v for v in part.variants if v.static.unsure != TRUE and v.static.matters]
            unsure = len(sure) < len(part.variants)
            if sure:
                unsure |= self._cells(part, self.span) if self.summed else self._points(part)
            if unsure:
                self._by_python(part)

    def _rolled_up(self, part: Part, cut: Sequence[int]) -> None:
        """From the roll-ups, and from the lines of the minutes that are `cut`, in one statement."""
        self.asked.note("counted by the roll-ups, not by lines")
        until, static = _Until(self.windows, "minute"), part.plain.static
        names = [*part.keys.columns, "b"]
        sources = [
            sql(
                f"SELECT *, n::BIGINT AS c, {COUNTED[self.aggregation.op]}::BIGINT AS v, {until.cell.sql} AS b "
                f"FROM template_counts WHERE minute > {self.span.start} AND minute <= {self.span.end} "
                f"AND minute NOT IN ({', '.join(map(str, [*cut, -1]))}) AND {until.inside.sql} AND {{}}",
                among(static.streams),
            )
        ]
        lines = _Until(self.windows)
        for minute in cut:
            span = lines_of(minute, self.span)
            if span.start < span.end:
                self.asked.note("a window cuts a minute: its lines are counted")
                sources.append(
                    sql(
                        f"SELECT *, 1::BIGINT AS c, {{}}::BIGINT AS v, {lines.cell.sql} AS b "
                        f"FROM {{}} WHERE {lines.inside.sql}",
                        *(part.plain.value, relation_of(self.asked, static, span)),
                    )
                )
        selected = f"SELECT {', '.join([*names, 'c', 'v'])} FROM ({{}})"
        rows = sql(" UNION ALL ".join([selected] * len(sources)), *sources)
        found = self.asked.query(
            sql(
                f"SELECT {', '.join(names)}, sum(c)::BIGINT AS n, sum(v)::DOUBLE AS v FROM ({{}}) "
                "GROUP BY ALL HAVING count(*) > 0",
                rows,
            )
        )
        self._add(found, part, until)

    def _add(self, found: pa.Table, part: Part, until: _Until) -> None:
        if found.num_rows:
            series, row = series_of(found, part.keys)
            until_ns = until.decoded(found.column("b").to_numpy())
            count, value = found.column("n").to_numpy(), found.column("v").to_numpy()
            self.cells.append(Cells(series, row, until_ns, count, value))

    def _cells(self, part: Part, span: Span) -> bool:
        """Adds up what SQL is sure of; whether there are rows that it is not sure of."""
        until = _Until(self.windows)
        has_value = part.plain.value != ONE
        columns = {"b": until.cell, **({"v": VALUE} if has_value else {})}
        rows = self._rows(part, columns, until.inside, span)
        names = [*part.keys.columns, "b"]
        found = self.asked.query(
            sql(
                f"SELECT {', '.join(['u', *names])}, count(*) AS n, "
                f"{SUMMED[self.aggregation.op] if has_value else '0.0'} AS v FROM {{}} GROUP BY ALL",
                rows,
            )
        )
        sure, unsure = _sure(found)
        self._add(sure, part, until)
        return unsure

    def _points(self, part: Part) -> bool:
        """Fetches the samples that SQL is sure of."""
        columns = {"at": column("ts"), "id": column("line_id"), "v": VALUE}
        unsure = False
        for span in slices(self.asked, part.plain.static, self.span, POINTS_AT_ONCE):
            found = self.asked.query(
                sql(
                    "SELECT * FROM {}", self._rows(part, columns, _Until(self.windows).inside, span)
                )
            )
            sure, some = _sure(found)
            unsure |= some
            if sure.num_rows:
                series, row = series_of(sure, part.keys)
                ts, line_id, values = (sure.column(c).to_numpy() for c in ("at", "id", "v"))
                self.points.append(Points(series, row, ts, line_id, values))
        return unsure

    def _rows(self, part: Part, columns: Mapping[str, Sql], inside: Sql, span: Span) -> Sql:
        """(u, *keys, *columns) of the rows that stay; `u`: SQL is not sure, and the others are NULL."""
        found = [
            self._variant(variant, columns, inside, span)
            for variant in part.variants
            if variant.static.matters
        ]
        return sql(f"({' UNION ALL '.join(['{}'] * len(found))})", *found)

    def _variant(
        self, variant: Variant, columns: Mapping[str, Sql], inside: Sql, span: Span
    ) -> Sql:
        static = variant.static
        made = {**variant.keys.columns, **columns}
        if "v" in columns:
            made["v"] = sql("({})::DOUBLE", variant.value)
        if static.unsure == FALSE:
            made = {"u": FALSE, **made}
        else:
            sure = {
                name: sql(f"CASE WHEN {STATE} = {SURE} THEN {{}} END", value)
                for name, value in made.items()
            }
            made = {"u": Sql(f"({STATE} = {UNSURE})"), **sure}
        source = rows_of(static, relation_of(self.asked, static, span))
        return sql("SELECT {} FROM {} WHERE {}", aliased(made), source, inside)

    def _by_python(self, part: Part) -> None:
        extractor = Extractor(self.aggregation, self.pushed)
        points = PointList()
        for variant in part.variants:
            if variant.static.unsure == FALSE:
                continue
            for row in unsure_rows(self.asked, variant.static, self.span):
                entry = StoredEntry(row.ts, row.line, row.structured_metadata, row.line_id)
                sample = extractor.sample(entry, row.stream)
                if sample is not None:
                    labels, value = sample
                    points.add(points.series(labels), row.ts, row.line_id, value)
        self.points.append(points.points())


def _sure(found: pa.Table) -> tuple[pa.Table, bool]:
    """The rows that SQL is sure of, and whether there are others."""
    unsure = found.column("u").to_numpy(zero_copy_only=False).astype(np.bool_)
    if not unsure.any():
        return found, False
    return found.filter(pa.array(~unsure)), True


class _Until:
    """The cells of windows: their number in SQL, and which time that number means."""

    def __init__(self, windows: Windows, ts: str = "ts") -> None:
        self._origin = int(windows.starts[0])
        self._grain = grain_of(windows)
        self._last = int(windows.ends[-1])
        self._wide = self._last - self._origin >= 2**62  # 64 bits of ns hold 292 years
        since = f"({ts}{'::HUGEINT' if self._wide else ''} - 1 - {self._origin})"
        alone = len(windows.ends) == 1
        self._width = windows.width if alone else min(windows.width, self._grain)
        self.cell = Sql("0::BIGINT") if alone else Sql(f"({since} // {self._grain})::BIGINT")
        self.inside = TRUE
        """Whether a row is in any window: there may be gaps between them."""
        if not alone and windows.width < self._grain:
            self.inside = Sql(f"{since} % {self._grain} < {windows.width}")

    def decoded(self, cells: Ints) -> Ints:
        if self._wide:
            far = (
                min(self._origin + self._width + n * self._grain, self._last)
                for n in cells.tolist()
            )
            return np.fromiter(far, np.int64, len(cells))
        return np.minimum(cells * self._grain + (self._origin + self._width), self._last)
