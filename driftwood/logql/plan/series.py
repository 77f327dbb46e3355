"""From the columns of an answer of SQL to the label sets of series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from driftwood.logql.answer import Labels
from driftwood.logql.plan.compiler import OfStream, Value
from driftwood.logql.reference.vectors import Ints, LabelKey, key_of
from driftwood.logql.sql import Sql, column

Combination = tuple[Any, ...]
"""One value per key column."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What rows are grouped by: expressions of SQL, and how their values make a label set."""

    columns: Mapping[str, Sql]
    """By alias."""
    labels: Callable[[Combination], Labels]


def keys_by(names: Mapping[str, Value], streams: Mapping[int, Labels]) -> Keys:
    """Series with just the labels `names`."""
    of_stream = [name for name, value in names.items() if isinstance(value, OfStream)]
    found = {f"k{i}": (name, value) for i, (name, value) in enumerate(names.items())}
    columns = {alias: value for alias, (_, value) in found.items() if isinstance(value, Sql)}
    own = [found[alias][0] for alias in columns]
    if of_stream:
        columns["sid"] = column("sid")

    def labels(values: Combination) -> Labels:
        made = {name: value for name, value in zip(own, values, strict=False) if value is not None}
        if of_stream:
            stream = streams[values[-1]]
            made |= {name: stream[name] for name in of_stream if name in stream}
        return made

    return Keys(columns, labels)


def series_of(table: pa.Table, keys: Keys) -> tuple[tuple[Labels, ...], Ints]:
    """The label sets that the rows have, and for each row which of them is its own."""
    rows = table.num_rows
    if not keys.columns:
        return (keys.labels(()),), np.zeros(rows, np.int64)
    columns = [_encoded(table.column(alias)) for alias in keys.columns]
    code = np.zeros(rows, np.int64)
    for values, codes in columns:
        code = np.unique(code * max(len(values), 1) + codes, return_inverse=True)[1]
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    known: dict[LabelKey, int] = {}
    series: list[Labels] = []
    numbers = []
    for at in first.tolist():
        labels = keys.labels(tuple(values[codes[at]] for values, codes in columns))
        key = key_of(labels)
        if key not in known:
            known[key] = len(series)
            series.append(labels)
        numbers.append(known[key])
    return tuple(series), np.array(numbers, np.int64)[code] if numbers else code


def _encoded(values: pa.ChunkedArray[Any]) -> tuple[Sequence[Any], Ints]:
    """The distinct values of a column, and for each row which of them it has."""
    if pa.types.is_integer(values.type) and not values.null_count:  # with NULL, NumPy has floats
        distinct, codes = np.unique(values.to_numpy(), return_inverse=True)
        return distinct.tolist(), codes.astype(np.int64)
    if pa.types.is_map(values.type):
        maps: dict[Combination, int] = {}
        numbers = [
            maps.setdefault(tuple(sorted(pairs or ())), len(maps)) for pairs in values.to_pylist()
        ]
        return list(maps), np.array(numbers, np.int64)
    encoded: Any = values.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
