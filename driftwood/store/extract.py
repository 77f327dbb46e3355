# ruff: noqa: S608  (texts of lines are bound; what stands in the SQL are our own names and label names)
"""Labels of JSON and logfmt lines as columns of a segment (`logql.plan.columns`): a query reads a number, not a line.

The expressions are those with which a query itself looks into a line, so a column never says anything else. Which
labels there are, a sample of the lines tells. What would take much room, a trace id say, stays in the line only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from driftwood.logql.ast import JsonParser, LogfmtParser
from driftwood.logql.plan.columns import (
    DECIDED,
    FAILED,
    JSON,
    LOGFMT,
    UNDECIDED,
    label_column,
    state_column,
)
from driftwood.logql.plan.extracted import Extracted, is_plain
from driftwood.logql.plan.layers import Layers, aliased
from driftwood.logql.plan.parse_json import parse_json
from driftwood.logql.plan.parse_logfmt import parse_logfmt
from driftwood.logql.plan.usual import DOUBTS, USUAL, logfmt_keys, rest
from driftwood.logql.sql import Sql, sql
from driftwood.logql.stages import Pipeline
from driftwood.store.database import Cursor

SAMPLE = 1_000
LONGEST = 8_192
"""Bytes of a line that is sampled."""
LEAST_SHARE = 0.01
"""A label in fewer of the sampled lines gets no column."""
MAX_NAMES = 32
"""Of one parser."""
MAX_BYTES = 9.0
"""What a value may take: the mean length of the distinct ones, by the share of those that are distinct."""

_PARSERS = {JSON: parse_json, LOGFMT: parse_logfmt}


@dataclass(slots=True)
class _Label:
    values: list[str] = field(default_factory=list)

    @property
    def bytes_each(self) -> float:
        distinct = set(self.values)
        return sum(map(len, distinct)) / len(self.values)


def labels_of(lines: Sequence[str]) -> dict[str, list[str]]:
    """By parser, the labels worth a column, as `lines` suggest."""
    found: dict[str, dict[str, _Label]] = {JSON: defaultdict(_Label), LOGFMT: defaultdict(_Label)}
    pipelines = {JSON: Pipeline((JsonParser(),)), LOGFMT: Pipeline((LogfmtParser(),))}
    for line in lines:
        parser = JSON if line.startswith("{") else LOGFMT
        if parser == LOGFMT and logfmt_keys(line) is None:
            continue  # a pair amid words is rarely meant
        result = pipelines[parser].process(0, line, {})
        if result is not None and not result.labels.error:
            for name, value in result.labels.parsed.items():
                found[parser][name].values.append(value)
    least = LEAST_SHARE * len(lines)
    return {parser: _chosen(labels, least) for parser, labels in found.items()}


def _chosen(labels: Mapping[str, _Label], least: float) -> list[str]:
    chosen: dict[str, str] = {}
    for name, label in sorted(labels.items(), key=lambda pair: (-len(pair[1].values), pair[0])):
        worth = len(label.values) >= least and label.bytes_each <= MAX_BYTES
        if worth and name.isascii() and is_plain(name) and len(chosen) < MAX_NAMES:
            chosen.setdefault(name.lower(), name)  # DuckDB's columns know no case
    return sorted(chosen.values())


class Extraction:
    """The columns for some rows of `logs`."""

    def __init__(self, names: Mapping[str, Sequence[str]], lines: Sequence[str]) -> None:
        """`names`: labels by parser. `lines`: a sample, which shows what is usual."""
        self._layers = Layers()
        self._columns: dict[str, Sql] = {}
        for parser, labels in names.items():
            if labels:
                self._add(parser, labels, lines)

    def _add(self, parser: str, labels: Sequence[str], lines: Sequence[str]) -> None:
        define = self._layers.define
        usual = USUAL[parser](lines, labels, define)
        found = _PARSERS[parser](labels, define, rest(usual, define)) if usual.others else None
        if found is None:  # what is not usual does not come, or hardly ever: then Python looks
            found = Extracted({}, *DOUBTS[parser](labels, define))
        self._columns[state_column(parser)] = sql(
            f"CASE WHEN {{}} THEN {DECIDED} WHEN {{}} THEN {UNDECIDED} WHEN {{}} THEN {FAILED} "
            f"ELSE {DECIDED} END::UTINYINT",
            *(usual.matches, found.unsure, found.failed),
        )
        for name in labels:
            value = found.values.get(name, Sql("NULL::VARCHAR"))
            if usual.values:
                value = sql(
                    "CASE WHEN {} THEN {} ELSE {} END", usual.matches, usual.value(name), value
                )
            self._columns[label_column(parser, name)] = value

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def over(self, rows: Sql) -> Sql:
        """The rows with the columns added."""
        if not self._columns:
            return rows
        quoted = {f'"{name}"': value for name, value in self._columns.items()}
        return sql("(SELECT *, {} FROM {})", aliased(quoted), self._layers.over(rows))


def extraction_of(cursor: Cursor, rows: str) -> Extraction:
    """For the rows that the SQL `rows` gives."""
    short = f"SELECT line FROM ({rows}) WHERE strlen(line) <= {LONGEST}"
    sample = cursor.execute(
        f"SELECT line FROM ({short}) USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE (1)"
    ).fetchall()
    lines = [line for (line,) in sample]
    return Extraction(labels_of(lines), lines)
