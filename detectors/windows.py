"""Tumbling event-time windows per source: rows in, in any cut of batches; finished windows out.

A *source* is a label set without `level`. Every rule is a function of the rows in the order of their line ids, so
that a replay, cut into other batches, closes the same windows with the same rows in them:

- **Own clock.** A source's clock is the largest `ts` of its rows so far. A window is closed once the clock is
  `lateness` past its end; a row of a closed window is *late*: stored, but not judged. Clocks are per source, so files
  that are read one after the other, or partitions that are far apart, never make each other's rows late.
- **Silence.** A source that stops has no rows to move its clock, so its origin (the labels `source`, `topic`,
  `cluster`) does: a *live* source (it lags its arrival by minutes at most) that was not heard for `lateness` goes by
  the arrival clock of its origin, less its lag. The origin's clock is moved by live rows only, and what counts as
  "not heard" is time in which the origin was listened to: a pause of everything (a restart, a broker away) counts for
  seconds, however long it was. So a back-fill judges nobody's silence, and catching up after a pause neither.
- **Gaps.** At most `MAX_EMPTY` empty windows follow a source's last line: enough to see that it fell silent. Then it
  is *gone* until it speaks again, and nothing is judged or learnt meanwhile.
- **Time travellers.** A row more than an hour ahead of its arrival is not judged and moves no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from detectors.units import (
    FOREVER,
    LIVE_NS,
    NEVER,
    NO_ROWS,
    SECOND,
    Ints,
    Rows,
    Source,
    Unit,
    codes_of,
    dictionary,
    ints,
)
from driftwood.labels import label_key, source_key
from driftwood.records import Events

MAX_EMPTY = 10
AHEAD_NS = 3_600 * SECOND
PAUSE_NS = 10 * SECOND
"""What a pause of an origin counts for at most, however long nothing came."""
GONE_NS = 86_400 * SECOND
"""A source that was not heard for this long makes room for a new one when there are too many."""
LOOK_NS = SECOND
LOOK_ROWS = 5_000
LOOKS_AT_ONCE = 50
REPLAY_NS = 900 * SECOND
"""Rows of open windows that lie further back than this are kept in snapshots: to find them again in the store might
mean to read all of it, for a few lines at the end of a file of last year."""


@dataclass(slots=True)
class Origin:
    """Where sources come from together; times in ns."""

    seen: int = NEVER
    """The latest arrival of any row."""
    arrival: int = NEVER
    """The latest arrival of a live row: the clock for silent sources."""
    listened: int = 0
    """How long it was listened to: pauses count for `PAUSE_NS` at most."""


class Windows:
    def __init__(self, window_ns: int, lateness_ns: int, max_sources: int = 5_000) -> None:
        self.window_ns = window_ns
        self.lateness_ns = lateness_ns
        self.sources: dict[str, Source] = {}
        self.origins: dict[str, Origin] = {}
        self.after = -1
        """The last line id that was taken in."""
        self.late = 0
        self.ahead = 0
        self.unjudged = 0
        """Rows of sources beyond `max_sources`."""
        self._max_sources = max_sources
        self._stalest = NEVER
        """No source was seen last before this: sources are only ever seen later, so that one look serves many rows."""
        self._kept: frozenset[str] = frozenset()
        self._present: list[Source] = []

    def add(self, events: Events, severity: npt.NDArray[np.uint8]) -> list[Unit]:
        """Take rows in and give the windows that are now closed. Rows up to `after` were taken in before: ignored."""
        line_id = ints(events, "line_id")
        if len(line_id) == 0 or line_id[-1] <= self.after:
            return []
        if line_id[0] <= self.after:
            known = int(np.searchsorted(line_id, self.after, "right"))
            events, severity = Events(events.slice(known)), severity[known:]
            line_id = line_id[known:]
        self.after = int(line_id[-1])
        ts, seen = ints(events, "ts"), ints(events, "observed_ts")
        judged = ts <= seen + AHEAD_NS
        self.ahead += len(ts) - int(np.count_nonzero(judged))
        sources, codes = self._sources(events, seen, judged)
        judged &= codes >= 0
        rows = Rows(ts, ints(events, "template_id"), severity, line_id)
        if not judged.all():
            rows, seen, codes = rows.at(judged), seen[judged], codes[judged]
        if not len(rows):
            return []
        order = np.argsort(codes, kind="stable")
        codes, rows, seen = codes[order], rows.at(order), seen[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        ends = np.append(starts[1:], len(codes))
        present = [sources[c] for c in codes[starts].tolist()]
        clocks = _clocks(present, starts, ends, rows.ts)
        arrival, listened = self._listen(present, starts, ends, seen, clocks, rows.line_id)
        low, high = np.minimum.reduceat(rows.ts, starts), np.maximum.reduceat(rows.ts, starts)
        closed: list[Unit] = []
        spans = zip(
            present, starts.tolist(), ends.tolist(), low.tolist(), high.tolist(), strict=True
        )
        for source, a, b, lowest, highest in spans:
            span = slice(a, b)
            floor = source.closed * self.window_ns
            if (
                lowest >= floor
                and highest - self.lateness_ns < floor + self.window_ns
                and listened[b - 1] - source.heard < self.lateness_ns
            ):  # nothing is late and nothing closes: the way of nearly every batch
                source.open.append(rows.at(span))
                upto = source.closed
            else:
                upto = self._place(
                    source, rows.at(span), clocks[span], seen[span], arrival[span], listened[span]
                )
            source.clock = max(source.clock, highest)
            source.heard, source.seen = int(listened[b - 1]), int(seen[b - 1])
            if upto > source.closed:
                closed += self._close(source, upto)
        self._present = present
        closed += self._silent({source.origin for source in present})
        return closed

    def refill(self, events: Events, severity: npt.NDArray[np.uint8]) -> None:
        """Put rows that were taken in before a snapshot back into the windows that it left open."""
        line_id, ts, seen = (ints(events, n) for n in ("line_id", "ts", "observed_ts"))
        labels = dictionary(events, "labels")
        names = [source_key(label) for label in labels.dictionary.to_pylist()]
        # A window that is open now was open when the row came, so the row was not late.
        floor = np.array(
            [
                s.closed * self.window_ns
                if (s := self.sources.get(n)) is not None and n not in self._kept
                else 2**62
                for n in names
            ],
            np.int64,
        )
        codes = codes_of(labels)
        wanted = (line_id <= self.after) & (ts <= seen + AHEAD_NS) & (ts >= floor[codes])
        rows = Rows(ts, ints(events, "template_id"), severity, line_id)
        for code in np.unique(codes[wanted]).tolist():
            self.sources[names[code]].open.append(rows.at(wanted & (codes == code)))

    def idle(self, now_ns: int, since_ns: int = NEVER) -> list[Unit]:
        """What would close if nothing more came until `now_ns`: windows of live sources not heard for `lateness`.

        `since_ns`: when listening began; before that nobody could be heard.

        Only a look: nothing changes, so that what the rows themselves will say stays the same on every replay.
        """
        looks = []
        for source in self.sources.values():
            if source.live and now_ns - max(source.seen, since_ns) >= self.lateness_ns:
                upto = self._number(now_ns - source.lag)
                if upto > source.closed:
                    looks += self._close(replace(source, open=list(source.open)), upto)
        return looks

    def unfinished(self) -> tuple[list[Unit], list[Unit]]:
        """The open windows that their sources' clocks have passed, and those that hold the last lines: a look, too."""
        whole: list[Unit] = []
        begun: list[Unit] = []
        for source in self.sources.values():
            if source.open:
                current = source.clock // self.window_ns
                for unit in self._close(replace(source, open=list(source.open)), current + 1):
                    (whole if unit.window < current else begun).append(unit)
        return whole, begun

    def filling(self) -> list[Unit]:
        """The open windows of the live sources that `add` has just heard, as far as they have come: a look, too.

        The more a window holds and the more sources there are, the more rarely, so that looking costs little.
        """
        looks = []
        pause = LOOK_NS * (1 + len(self.sources) // LOOKS_AT_ONCE)
        for source in self._present:
            size = sum(map(len, source.open))
            due = source.seen - source.looked >= pause + LOOK_NS * (size // LOOK_ROWS)
            if size and due and source.live:
                source.looked = source.seen
                copy = replace(source, open=list(source.open))
                upto = source.clock // self.window_ns + 1
                looks += [unit for unit in self._close(copy, upto) if len(unit.rows)]
        self._present = []
        return looks

    def save(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """All but the open rows; those of sources whose open windows lie far back are kept, too."""
        newest = max((s.clock for s in self.sources.values()), default=NEVER)
        kept = {
            k: Rows.concat(s.open)
            for k, s in self.sources.items()
            if _oldest(s) < newest - REPLAY_NS
        }
        header = {
            "window_ns": self.window_ns,
            "after": self.after,
            "counts": [self.late, self.ahead, self.unjudged],
            "sources": [
                [s.key, s.service, s.origin, s.clock, s.closed, s.first, s.last, s.heard, s.seen]
                for s in self.sources.values()
            ],
            "origins": [[k, o.seen, o.arrival, o.listened] for k, o in self.origins.items()],
            "since": min(
                (_oldest(s) for k, s in self.sources.items() if k not in kept), default=FOREVER
            ),
            "kept": [[key, len(rows)] for key, rows in kept.items()],
        }
        return header, dict(zip(_COLUMNS, Rows.concat(list(kept.values())).columns(), strict=True))

    def fits(self, header: dict[str, Any]) -> bool:
        return bool(header["window_ns"] == self.window_ns)

    def load(self, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> int:
        """Go on from `save`; the time from which on rows are needed to fill the open windows (`refill`)."""
        self.after = header["after"]
        self.late, self.ahead, self.unjudged = header["counts"]
        self.sources = {fields[0]: Source(*fields) for fields in header["sources"]}
        self._stalest = NEVER
        self.origins = {name: Origin(*fields) for name, *fields in header["origins"]}
        rows, at = Rows(*(arrays[name] for name in _COLUMNS)), 0
        for key, size in header["kept"]:
            self.sources[key].open = [rows.at(slice(at, at + size))]
            at += size
        self._kept = frozenset(key for key, _ in header["kept"])
        return int(header["since"])

    def _number(self, clock: int) -> int:
        """Windows with a smaller number end at least `lateness` before `clock`."""
        return (clock - self.lateness_ns) // self.window_ns

    def _sources(
        self, events: Events, seen: Ints, judged: npt.NDArray[np.bool_]
    ) -> tuple[list[Source], npt.NDArray[np.int32]]:
        """The sources in the batch, and for each row its place among them (-1: too many sources)."""
        labels, services = dictionary(events, "labels"), dictionary(events, "service")
        codes = codes_of(labels)
        lookup = np.full(len(labels.dictionary), -1, np.int32)
        found: dict[str, int] = {}
        sources: list[Source] = []
        texts = labels.dictionary.to_pylist()
        rows = np.flatnonzero(judged)
        present, first = np.unique(codes[rows], return_index=True)
        for position, code in sorted(zip(rows[first].tolist(), present.tolist(), strict=True)):
            key = source_key(texts[code])
            if key not in found:
                source = self.sources.get(key) or self._admit(key, position, events, services, seen)
                found[key] = len(sources) if source else -1
                if source:
                    sources.append(source)
            lookup[code] = found[key]
        coded = lookup[codes]
        self.unjudged += int(np.count_nonzero(judged & (coded < 0)))
        return sources, coded

    def _admit(
        self, key: str, row: int, events: Events, services: pa.DictionaryArray[Any, Any], seen: Ints
    ) -> Source | None:
        if len(self.sources) >= self._max_sources:
            gone = int(seen[row]) - GONE_NS
            if self._stalest > gone:
                return None
            stale = min(self.sources.values(), key=lambda s: s.seen)
            self._stalest = stale.seen
            if stale.seen > gone:
                return None
            del self.sources[stale.key]
        window = self._number(int(events["ts"][row].as_py()))
        source = Source(key, str(services[row].as_py()), _origin(key), closed=window, first=window)
        source.heard = self.origins.setdefault(source.origin, Origin()).listened
        source.seen = int(seen[row])
        self.sources[key] = source
        return source

    def _listen(
        self,
        present: list[Source],
        starts: Ints,
        ends: Ints,
        seen: Ints,
        clocks: Ints,
        line_id: Ints,
    ) -> tuple[Ints, Ints]:
        """For each row, its origin's arrival clock and listening time once it has come; moves the origins."""
        arrival, listened = np.empty_like(seen), np.empty_like(seen)
        by_origin: dict[str, list[int]] = {}
        for i, source in enumerate(present):
            by_origin.setdefault(source.origin, []).append(i)
        for name, members in by_origin.items():
            origin = self.origins[name]
            if len(by_origin) == 1:
                rows = np.argsort(line_id, kind="stable")
            else:
                rows = np.concatenate([np.arange(starts[i], ends[i]) for i in members])
                rows = rows[np.argsort(line_id[rows], kind="stable")]
            came = seen[rows]
            latest = np.maximum.accumulate(came)
            previous = latest[0] if origin.seen == NEVER else origin.seen
            latest = np.maximum(latest, previous)
            passed = np.minimum(np.diff(latest, prepend=previous), PAUSE_NS)
            total = origin.listened + np.cumsum(passed)
            live = came - clocks[rows] <= LIVE_NS
            clock = np.maximum(np.maximum.accumulate(np.where(live, came, NEVER)), origin.arrival)
            arrival[rows], listened[rows] = clock, total
            origin.seen, origin.arrival, origin.listened = (
                int(latest[-1]),
                int(clock[-1]),
                int(total[-1]),
            )
        return arrival, listened

    def _place(
        self, source: Source, rows: Rows, clocks: Ints, seen: Ints, arrival: Ints, listened: Ints
    ) -> int:
        """Open windows for the rows that are not late; the number below which windows are closed after them."""
        # Silence is judged when a row comes, by what stood after the source's row before it.
        before = np.concatenate(([source.clock], clocks[:-1]))
        lag = np.maximum(np.concatenate(([source.seen], seen[:-1])) - before, 0)
        quiet = listened - np.concatenate(([source.heard], listened[:-1])) >= self.lateness_ns
        quiet &= (lag <= LIVE_NS) & (before > NEVER) & (arrival > NEVER)
        mark = np.maximum(before, np.where(quiet, arrival - lag, NEVER))
        closed = np.maximum(
            np.maximum.accumulate((mark - self.lateness_ns) // self.window_ns), source.closed
        )
        on_time = rows.ts // self.window_ns >= closed
        self.late += len(rows) - int(np.count_nonzero(on_time))
        source.open.append(rows.at(on_time))
        return max(int(closed[-1]), self._number(int(clocks[-1])))

    def _silent(self, origins: set[str]) -> Iterator[Unit]:
        """Windows of sources that fell silent while others of their origin went on."""
        for source in self.sources.values():
            if source.origin in origins:
                origin = self.origins[source.origin]
                if origin.listened - source.heard >= self.lateness_ns and source.live:
                    upto = self._number(origin.arrival - source.lag)
                    if upto > source.closed:
                        yield from self._close(source, upto)

    def _close(self, source: Source, upto: int) -> list[Unit]:
        """Take the windows below number `upto` out of `source`."""
        rows = Rows.concat(source.open)
        number = rows.ts // self.window_ns
        done = number < upto
        if not done.all():
            source.open = [rows.at(~done)]
            rows, number = rows.at(done), number[done]
        else:
            source.open = []
        if len(rows) > 1 and (np.diff(rows.ts) < 0).any():
            order = np.lexsort((rows.line_id, rows.ts))
            rows, number = rows.at(order), number[order]
        heads = np.flatnonzero(np.diff(number, prepend=NEVER)).tolist()
        tails = [*heads, len(rows)][1:]
        spans = zip(number[heads].tolist(), heads, tails, strict=True)
        units: list[Unit] = []
        for window, head, tail in [*spans, (upto, 0, 0)]:
            if source.last != NEVER:
                empty = range(
                    max(source.last + 1, source.closed), min(source.last + 1 + MAX_EMPTY, window)
                )
                units += [Unit(source, e, NO_ROWS) for e in empty]
            if window < upto:
                units.append(Unit(source, window, rows.at(slice(head, tail))))
                source.last = window
        source.closed = upto
        return units


_COLUMNS = ("ts", "template_id", "severity", "line_id")


def _oldest(source: Source) -> int:
    return min((int(rows.ts.min()) for rows in source.open if len(rows)), default=FOREVER)


def _origin(key: str) -> str:
    labels = orjson.loads(key)
    return label_key({n: labels[n] for n in ("source", "topic", "cluster") if n in labels})


def _clocks(present: list[Source], starts: Ints, ends: Ints, ts: Ints) -> Ints:
    """Each row's source's clock once the row has come; rows lie source by source."""
    clocks = np.empty_like(ts)
    for source, a, b in zip(present, starts.tolist(), ends.tolist(), strict=True):
        part = clocks[a:b]
        np.maximum.accumulate(ts[a:b], out=part)
        if part[0] < source.clock:
            np.maximum(part, source.clock, out=part)
    return clocks
