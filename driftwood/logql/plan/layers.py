"""Expressions by name: each is computed once, however often others speak of it.

DuckDB puts a condition on a computed column down to the scan by writing the whole expression in its place, and computes
it once more for every mention. So what a condition needs is computed in layers of sub-queries, with a barrier on top:
no condition is moved below an expression that is random.
"""

from __future__ import annotations

import re

from driftwood.logql.sql import FALSE, TRUE, Sql, listed, sql

_NAMES = re.compile(r"\bc\d+\b")
_SIMPLE = re.compile(r"\w+")


class Layers:
    """Columns over those of `logs`; a layer sees all below it."""

    def __init__(self) -> None:
        self._layers: list[dict[str, Sql]] = []
        self._layer_of: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._layers)

    def define(self, expression: Sql) -> Sql:
        """A column with the value of `expression`, in the lowest layer that knows what it speaks of."""
        if expression in (TRUE, FALSE) or _SIMPLE.fullmatch(expression.sql):
            return expression
        below = (self._layer_of[name] for name in _NAMES.findall(expression.sql))
        layer = max(below, default=-1) + 1
        if layer == len(self._layers):
            self._layers.append({})
        name = f"c{len(self._layer_of)}"
        self._layers[layer][name] = expression
        self._layer_of[name] = layer
        return Sql(name)

    def over(self, source: Sql) -> Sql:
        """What stands after FROM: the rows of `source` with all columns."""
        for layer in self._layers:
            source = sql("(SELECT *, {} FROM {})", aliased(layer), source)
        return source


def aliased(expressions: dict[str, Sql]) -> Sql:
    """Expressions with the names that they get."""
    return listed(sql(f"{{}} AS {name}", value) for name, value in expressions.items())


def barrier(expression: Sql) -> Sql:
    """The same value, which no condition is moved past."""
    return sql("CASE WHEN random() < 2 THEN {} END", expression)
