# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""How much there is: streams, lines and bytes of text in a span, per bucket and by labels.

From the roll-ups where the span is long (the edges are then to the minute), from the lines where it is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from driftwood.logql.sql import TRUE, Sql, all_of, listed, sql
from driftwood.store.read import Readable, Span, rows
from driftwood.store.read_cells import Cells, cells
from driftwood.store.read_selection import Selection
from driftwood.store.schema import HOUR, MINUTE

SHORT = 30 * MINUTE
"""The lines of a shorter span are looked at themselves."""


class Size(NamedTuple):
    streams: int
    chunks: int
    """Hours of streams: the pieces in which they lie in segments."""
    entries: int
    size_bytes: int


class Volume(NamedTuple):
    """Bytes of the lines whose streams share `labels`, per number of bucket."""

    labels: dict[str, str]
    size_bytes: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.size_bytes.values())


def size_of(store: Readable, selection: Selection, span: Span) -> Size:
    """Of the lines in [start, end]."""
    source = _cells(store, selection, span, MINUTE)
    found = rows(
        store,
        f"""SELECT count(DISTINCT sid) AS streams, count(DISTINCT (sid, (until - 1) // {HOUR})) AS chunks,
                   coalesce(sum(n), 0)::BIGINT AS entries, coalesce(sum(bytes), 0)::BIGINT AS size_bytes
            FROM {source.sql}""",
        source.parameters,
    )[0]
    return Size(**found)


def volumes(
    store: Readable, selection: Selection, span: Span, step: int, names: Sequence[str] | None
) -> list[Volume]:
    """One per combination of values of the labels `names` (None: of all labels), the largest first.

    Streams that lack one of `names` are left out. Lines in [start, end] count; bucket i is (i * step, (i + 1) * step]
    from the multiple of `step` at or below the start.
    """
    if names is None:
        key, present = Sql("labels"), TRUE
    else:
        values = listed(sql("labels[{}]", name) for name in names)
        key, present = sql("[{}]::VARCHAR[]", values), _have(names)
    found = _grouped(store, selection, span, step, sql("{} AS key", key), present)
    merged: dict[tuple[tuple[str, str], ...], dict[int, int]] = {}
    for row in found:
        pairs = row["key"] if names is None else zip(names, row["key"], strict=True)
        merged.setdefault(tuple(pairs), {})[row["bucket"]] = row["size_bytes"]
    return _ranked([Volume(dict(pairs), buckets) for pairs, buckets in merged.items()])


def volumes_by_label(
    store: Readable, selection: Selection, span: Span, step: int, names: Sequence[str] | None
) -> list[Volume]:
    """One per label of `names` (None: per label that there is), over the streams that have all of `names`.

    Its `labels` are the label's name, with the empty value.
    """
    key = sql("unnest(map_keys(labels)) AS key")
    if names is not None:
        key = sql("unnest([{}]::VARCHAR[]) AS key", listed(sql("{}", name) for name in names))
    found = _grouped(store, selection, span, step, key, TRUE if names is None else _have(names))
    merged: dict[str, dict[int, int]] = {}
    for row in found:
        merged.setdefault(row["key"], {})[row["bucket"]] = row["size_bytes"]
    return _ranked([Volume({name: ""}, buckets) for name, buckets in merged.items()])


def _have(names: Sequence[str]) -> Sql:
    return all_of(sql("labels[{}] IS NOT NULL", name) for name in names)


def _ranked(found: list[Volume]) -> list[Volume]:
    return sorted(found, key=lambda volume: (-volume.total, sorted(volume.labels.items())))


def _grouped(
    store: Readable, selection: Selection, span: Span, step: int, key: Sql, present: Sql
) -> list[dict[str, Any]]:
    """(key, bucket, size_bytes), summed per stream and bucket before label sets are looked at."""
    source = _cells(store, selection, span, step)
    bucket = f"greatest({source.bucket(span.start // step * step, step)}, 0)"
    keyed = sql("(SELECT sid, {} FROM streams WHERE {})", key, present & selection.streams)
    return rows(
        store,
        f"""SELECT key, bucket::BIGINT AS bucket, sum(size_bytes)::BIGINT AS size_bytes
            FROM (SELECT sid, {bucket} AS bucket, sum(bytes) AS size_bytes FROM {source.sql} GROUP BY ALL)
            JOIN {keyed.sql} USING (sid) GROUP BY ALL""",
        (*source.parameters, *keyed.parameters),
    )


def _cells(store: Readable, selection: Selection, span: Span, step: int) -> Cells:
    if span.length >= SHORT:
        return cells(store, selection, span, step)
    return cells(store, selection, Span(span.start - 1, span.end), 1)
