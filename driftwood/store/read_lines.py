# ruff: noqa: S608  (texts of users are bound; what stands in the SQL are our own names and integers)
"""Lines: the newest or oldest of a span, the surroundings of one, and some by id.

Only (ts, line_id) is sorted; the wide columns are fetched afterwards, for the few lines that are shown. The search
walks away from the end that was asked for in slices that grow, so that the newest lines of a year cost as much as
those of a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from driftwood.logql.sql import Sql
from driftwood.store.read import Extent, Readable, Row, Span, extent, rows
from driftwood.store.read_selection import EVERY_LINE, Selection, one_of
from driftwood.store.schema import MINUTE

Direction = Literal["backward", "forward"]

FIRST_SLICE = 256
"""The first slice is this part of the span, each further one GROWTH times the last."""
GROWTH = 4

_COLUMNS = """ts, sid, line, sm, severity, service, template_id, template_version, line_id, topic, part, off, idx"""


class Key(NamedTuple):
    """A line's place in the order of lines."""

    ts: int
    line_id: int


def lines(
    store: Readable,
    selection: Selection = EVERY_LINE,
    span: Span | None = None,
    limit: int = 100,
    direction: Direction = "backward",
) -> list[Row]:
    """At most `limit` lines of `span` (default: of all), ordered by (ts, line_id): newest first when `backward`."""
    stored = extent(store)
    if stored is None:
        return []
    return fetch(store, _keys(store, selection, _within(span, stored), limit, direction), direction)


def context(store: Readable, line_id: int, before: int, after: int) -> list[Row]:
    """A line with its neighbours of the same source (labels without `level`), in the order of time; [] if unknown."""
    found = by_id(store, [line_id])
    stored = extent(store)
    if not found or stored is None:
        return []
    ts = found[0]["ts"]
    neighbours = Selection(
        Sql(
            "sid IN (SELECT sid FROM streams WHERE source = (SELECT source FROM streams WHERE sid = ?))",
            (found[0]["sid"],),
        )
    )
    earlier = Sql("ts < ? OR line_id < ?", (ts, line_id))
    later = Sql("ts > ? OR line_id > ?", (ts, line_id))
    keys = [
        *_keys(store, _also(neighbours, earlier), Span(stored.oldest, ts + 1), before, "backward"),
        Key(ts, line_id),
        *_keys(store, _also(neighbours, later), Span(ts, stored.newest + 1), after, "forward"),
    ]
    return fetch(store, keys, "forward")


def by_id(store: Readable, line_ids: Sequence[int]) -> list[Row]:
    """The lines with these ids that exist, oldest first. Segments that cannot hold one of them are not opened."""
    if not line_ids:
        return []
    wanted = [int(i) for i in line_ids]
    held = " OR ".join(f"{i} BETWEEN min_line_id AND max_line_id" for i in wanted)
    sealed = rows(
        store, f"SELECT min(min_ts) AS first, max(max_ts) AS last FROM segments WHERE {held}"
    )[0]
    hot = rows(
        store,
        f"SELECT min(ts) AS first, max(ts) AS last FROM logs_hot WHERE {one_of('line_id', wanted)}",
    )[0]
    times = [t for part in (sealed, hot) for t in part.values() if t is not None]
    return _fetch(store, Span(min(times), max(times) + 1), wanted, "ASC") if times else []


def fetch(store: Readable, keys: Sequence[Key], direction: Direction = "forward") -> list[Row]:
    """Whole lines for `keys`, in the order of `direction`."""
    if not keys:
        return []
    span = Span(min(keys).ts, max(keys).ts + 1)
    order = "ASC" if direction == "forward" else "DESC"
    return _fetch(store, span, [key.line_id for key in keys], order)


def slices(span: Span, direction: Direction) -> Iterator[Span]:
    """`span` in parts without gaps, starting at its end (backward) or its start, each wider than the one before.

    >>> [tuple(s) for s in slices(Span(0, 10 * MINUTE), "forward")] == [
    ...     (0, MINUTE), (MINUTE, 5 * MINUTE), (5 * MINUTE, 10 * MINUTE)]
    True
    """
    width = max(span.length // FIRST_SLICE, MINUTE)
    done = 0
    while done < span.length:
        reach = min(done + width, span.length)
        if direction == "forward":
            yield Span(span.start + done, span.start + reach)
        else:
            yield Span(span.end - reach, span.end - done)
        done, width = reach, width * GROWTH


def _within(span: Span | None, stored: Extent) -> Span:
    everything = Span(stored.oldest, stored.newest + 1)
    if span is None:
        return everything
    return Span(max(span.start, everything.start), min(span.end, everything.end))


def _also(selection: Selection, condition: Sql) -> Selection:
    return Selection(selection.streams & condition, selection.lines)


def _keys(
    store: Readable, selection: Selection, span: Span, limit: int, direction: Direction
) -> list[Key]:
    """The first `limit` keys of `span`, counted from the end that `direction` starts at."""
    keys: list[Key] = []
    order = "ASC" if direction == "forward" else "DESC"
    where = selection.condition
    for part in slices(span, direction):
        if len(keys) >= limit:
            break
        found = rows(
            store,
            f"SELECT ts, line_id FROM {store.relation(part.start, part.end - 1)} "
            f"WHERE ts >= {part.start} AND ts < {part.end} AND {where.sql} "
            f"ORDER BY ts {order}, line_id {order} LIMIT {limit - len(keys)}",
            where.parameters,
        )
        keys += [Key(row["ts"], row["line_id"]) for row in found]
    return keys


def _fetch(store: Readable, span: Span, line_ids: list[int], order: str) -> list[Row]:
    found = rows(
        store,
        f"SELECT {_COLUMNS} FROM {store.relation(span.start, span.end - 1)} "
        f"WHERE ts >= {span.start} AND ts < {span.end} AND {one_of('line_id', line_ids)} "
        f"ORDER BY ts {order}, line_id {order}",
    )
    labels = _labels(store, {row["sid"] for row in found})
    for row in found:
        row["labels"] = labels.get(row["sid"], {})
        row["sm"] = dict(row["sm"] or ())
    return list(found)


def _labels(store: Readable, sids: set[int]) -> dict[int, dict[str, str]]:
    found = rows(store, f"SELECT sid, labels FROM streams WHERE {one_of('sid', sorted(sids))}")
    return {row["sid"]: dict(row["labels"]) for row in found}
