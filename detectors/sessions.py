"""Sessions: the rows of one request, block or user, closed by silence; rows in, in any cut of batches; sessions out.

    sessions = Sessions(gap_ns, lateness_ns)
    closed = sessions.add(ts, source, session, template_id, severity, line_id)
    batch = batch_of(closed)

A *session* is a run of rows of one key (source, session) in which no two neighbours in time lie more than `gap` apart.
The key makes the kind: an id that a line names (block, request, trace), an actor (user, address), or `""` for all that
a source says. A row whose session is None belongs to none; it moves the clock of its source and is not judged.

Every rule is a function of the rows in the order of their line ids, as in `detectors.windows`, so that a replay, cut
into other batches, closes the same sessions; those of one source come out in the same order, by their last row.

- **Own clock.** A source's clock is the largest `ts` of its rows so far, with or without a session. A row is *late*
  when the clock is more than `lateness` past it: stored and counted, not judged. A session is closed once the clock is
  more than `gap` + `lateness` past its last row: by then every row that could join it would be late.
- **An id that comes back** after its session was closed opens another session.
- **Bounds.** At the row with which a session reaches `max_events` it is closed as it is, and what follows is its next
  part. At the row with which `max_open` sessions, `max_rows` rows or `max_sources` sources are held, those that were
  silent longest are closed, until an eighth of the room is free. Both are marked `cut`: their end was not seen.
- **Time travellers.** With `seen`, when each row arrived, a row more than an hour ahead of it is not judged and moves
  no clock.
- **Silence.** A source that stops has no rows to move its clock: `idle` tells what would close. `paused` tells which
  sessions fell silent and are still open. Only looks: they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.coming import Coming, Table, Texts, encoded
from detectors.units import FOREVER, LIVE_NS, NEVER, Ints, Rows
from detectors.windows import AHEAD_NS
from driftwood.protocols import LogBatch

LONGEST_NS = 2**61
"""As a gap: sessions that only the end closes."""


@dataclass(frozen=True, slots=True)
class Session:
    source: str
    session: str
    rows: Rows
    """Ordered by (ts, line_id); never empty."""
    cut: bool = False
    """Closed before its end was seen."""

    @property
    def start(self) -> int:
        return int(self.rows.ts[0])

    @property
    def end(self) -> int:
        """Past its last row."""
        return int(self.rows.ts[-1]) + 1


def batch_of(sessions: Sequence[Session], services: Mapping[str, str] | None = None) -> LogBatch:
    """The sessions as units, in the given order; `services` names the service of sources."""
    rows = Rows.concat([s.rows for s in sessions])
    named = services or {}
    return LogBatch(
        source=_objects([s.source for s in sessions]),
        service=_objects([named.get(s.source, "") for s in sessions]),
        start=np.array([s.start for s in sessions], np.int64),
        end=np.array([s.end for s in sessions], np.int64),
        unit=np.repeat(np.arange(len(sessions), dtype=np.int32), [len(s.rows) for s in sessions]),
        ts=rows.ts,
        template_id=rows.template_id,
        severity=rows.severity,
        line_id=rows.line_id,
    )


def cut(
    ts: Ints,
    source: Texts,
    session: Texts,
    template_id: Ints,
    severity: npt.NDArray[np.uint8],
    line_id: Ints,
    *,
    gap_ns: int = LONGEST_NS,
    lateness_ns: int = LONGEST_NS,
) -> list[Session]:
    """All sessions of these rows, which lie in the order of their line ids: what `Sessions` without bounds closes.

    By default sessions are cut by id alone and no row is late.
    """
    sessions = Sessions(gap_ns, lateness_ns, FOREVER, FOREVER, FOREVER, FOREVER)
    closed = sessions.add(ts, source, session, template_id, severity, line_id)
    return closed + sessions.unfinished()


class Sessions:
    def __init__(
        self,
        gap_ns: int,
        lateness_ns: int,
        max_open: int = 20_000,
        max_events: int = 5_000,
        max_rows: int = 500_000,
        max_sources: int = 5_000,
    ) -> None:
        self.gap_ns = min(gap_ns, LONGEST_NS)
        self.lateness_ns = min(lateness_ns, LONGEST_NS)
        self.after = -1
        """The last line id that was taken in."""
        self.late = 0
        self.ahead = 0
        self.cut = 0
        """Sessions that a bound closed."""
        self._max_open, self._max_events, self._max_rows = max_open, max_events, max_rows
        self._max_sources = max_sources
        self._sources = Table(("clock", "heard", "seen"))
        """By source: its clock, the line id of its last row, and when that arrived."""
        self._keys = Table(("source", "size", "low", "high", "heard", "torn", "paused"))
        """By (place of the source, session), of the open rows: how many, first and last `ts`, the last line id,
        whether they may be more than one session, because there was a gap when they came, and the number of rows up to
        that line when `paused` last gave them (not saved: a look)."""
        self._rows: list[Rows] = []
        self._owner: list[Ints] = []
        """The place of the key of each open row."""
        self._held = 0

    def __len__(self) -> int:
        """How many keys have an open session."""
        return len(self._keys.places)

    def add(
        self,
        ts: Ints,
        source: Texts,
        session: Texts,
        template_id: Ints,
        severity: npt.NDArray[np.uint8],
        line_id: Ints,
        seen: Ints | None = None,
    ) -> list[Session]:
        """Take rows in, by ascending line id, and give the sessions that are now closed.

        Rows up to `after` were taken in before: ignored.
        `seen`: when each row arrived, ns; without it rows arrive at the time that they tell.
        """
        seen = ts if seen is None else seen
        rows = Rows(ts, template_id, severity, line_id)
        coming = Coming(rows, seen, *encoded(source), *encoded(session))
        coming = coming.at((line_id > self.after) & (coming.source >= 0))
        ahead = coming.rows.ts > coming.seen + AHEAD_NS
        self.ahead += int(np.count_nonzero(ahead))
        if len(line_id):
            self.after = max(self.after, int(line_id[-1]))
        coming = coming.at(~ahead)
        closed: list[Session] = []
        while len(coming.rows):
            on_time = self._on_time(coming)
            size = self._room(coming, on_time)
            self._take(coming.at(slice(0, size)), on_time[:size])
            closed += self._close(self._over())
            closed += self._make_room()
            coming = coming.at(slice(size, None))
        return closed

    def idle(self, now_ns: int, since_ns: int = NEVER) -> list[Session]:
        """What would close if nothing more came until `now_ns`, of live sources not heard for `lateness`.

        `since_ns`: when listening began; before that nobody could be heard. Only a look, as `Windows.idle`.
        """
        clock, _, seen = self._sources.columns
        lag = np.maximum(seen - clock, 0)
        quiet = now_ns - np.maximum(seen, since_ns) >= self.lateness_ns
        clock = np.where((lag <= LIVE_NS) & quiet, np.maximum(now_ns - lag, clock), NEVER)
        over = self._over(clock)
        return self._sessions(*self._part(over), clock)[0] if over.any() else []

    def paused(self, silence_ns: int) -> list[Session]:
        """Open sessions that fell silent `silence_ns` ago or longer, by the clocks; each silence is given once.

        A look as well: what is judged long before `gap` is over, where a detector knows what open sessions look like.
        Which silences it sees depends on when it is called; nothing else does.
        """
        source, size, _, high, heard, _, paused = self._keys.columns
        quiet = high + silence_ns < self._sources.columns[_CLOCK, source] - self.lateness_ns
        new = (size > 0) & quiet & (paused <= heard)
        self._keys.columns[_PAUSED, new] = heard[new] + 1
        if not new.any():
            return []
        always = np.full_like(self._sources.columns[_CLOCK], FOREVER)
        return self._sessions(*self._part(new), always)[0]

    def unfinished(self) -> list[Session]:
        """The open sessions, as far as they have come: a look, too."""
        if not self._held:
            return []
        always = np.full_like(self._sources.columns[0], FOREVER)
        return self._sessions(*self._part(self._keys.columns[_SIZE] > 0), always)[0]

    def save(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """All of it, open rows included."""
        rows, owner = self._open()
        sources, keys = list(self._sources.places.items()), list(self._keys.places.items())
        place_of = {place: i for i, (_, place) in enumerate(sources)}
        number = np.zeros(self._keys.columns.shape[1], np.int64)
        number[[place for _, place in keys]] = np.arange(len(keys))
        header = {
            "gap_ns": self.gap_ns,
            "lateness_ns": self.lateness_ns,
            "after": self.after,
            "counts": [self.late, self.ahead, self.cut],
            "sources": [[name, *self._sources.columns[:, p].tolist()] for name, p in sources],
            "keys": [[place_of[source], session] for (source, session), _ in keys],
        }
        arrays: dict[str, npt.NDArray[Any]] = dict(zip(_COLUMNS, rows.columns(), strict=True))
        return header, {**arrays, "owner": number[owner]}

    def fits(self, header: dict[str, Any]) -> bool:
        mine = (self.gap_ns, self.lateness_ns)
        return (header["gap_ns"], header["lateness_ns"]) == mine

    def load(self, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from `save`."""
        self.after = header["after"]
        self.late, self.ahead, self.cut = header["counts"]
        self._sources, self._keys = Table(self._sources.names), Table(self._keys.names)
        places = [self._sources.place(name) for name, *_ in header["sources"]]
        for place, (_, *values) in zip(places, header["sources"], strict=True):
            self._sources.columns[:, place] = values
        keys = [self._keys.place((places[source], name)) for source, name in header["keys"]]
        for key, (source, _) in zip(keys, header["keys"], strict=True):
            self._keys.columns[_SOURCE, key] = places[source]
        self._rows, self._owner, self._held = [], [], 0
        owner = np.array(keys, np.int64)[arrays["owner"]]
        self._hold(Rows(*(arrays[name] for name in _COLUMNS)), owner)

    def _on_time(self, coming: Coming) -> npt.NDArray[np.bool_]:
        """Which rows the clocks of their sources have not passed by more than `lateness` when they come."""
        clock = np.empty_like(coming.rows.ts)
        for code in np.unique(coming.source).tolist():
            mine = coming.source == code
            place = self._sources.places.get(coming.sources[code])
            before = NEVER if place is None else int(self._sources.columns[_CLOCK, place])
            clock[mine] = np.maximum(np.maximum.accumulate(coming.rows.ts[mine]), before)
        return (coming.rows.ts >= clock - self.lateness_ns) & (coming.session >= 0)

    def _room(self, coming: Coming, on_time: npt.NDArray[np.bool_]) -> int:
        """How many rows can be taken until a bound may be met, at least one.

        What is over but not yet closed counts as held here; whether the bound is met is seen once it was closed.
        """
        rows = np.flatnonzero(on_time)
        limits = [len(coming.rows)]
        if len(self._sources.places) + len(coming.sources) >= self._max_sources:
            known = np.array([name in self._sources.places for name in coming.sources], np.bool_)
            first = np.sort(np.unique(coming.source, return_index=True)[1])
            fresh = first[~known[coming.source[first]]]
            limits += (fresh[self._max_sources - len(self._sources.places) - 1 :][:1] + 1).tolist()
        if self._held + len(rows) >= self._max_rows:
            limits += (rows[self._max_rows - self._held - 1 :][:1] + 1).tolist()
        largest = int(self._keys.columns[_SIZE].max(initial=0))
        if (
            len(self) + len(rows) >= self._max_open or largest + len(rows) >= self._max_events
        ) and len(rows):
            keys, first, inverse = coming.keys(rows)
            places = np.array([self._place_of(coming, key) for key in keys], np.int64)
            fresh = np.sort(rows[first[places < 0]])
            limits += (fresh[self._max_open - len(self) - 1 :][:1] + 1).tolist()
            size = np.where(places < 0, 0, self._keys.columns[_SIZE][places])
            order = np.argsort(inverse, kind="stable")
            starts = np.searchsorted(inverse[order], np.arange(len(keys)))
            reached = starts + self._max_events - size - 1
            ends = np.append(starts[1:], len(rows))
            limits += (rows[order[reached[reached < ends]]] + 1).tolist()
        return min(limits)

    def _place_of(self, coming: Coming, key: tuple[int, int]) -> int:
        source = self._sources.places.get(coming.sources[key[0]], -1)
        return self._keys.places.get((source, coming.sessions[key[1]]), -1)

    def _take(self, coming: Coming, on_time: npt.NDArray[np.bool_]) -> None:
        self.late += int(np.count_nonzero(~on_time & (coming.session >= 0)))
        last = len(coming.rows) - 1 - np.unique(coming.source[::-1], return_index=True)[1]
        for row, code in zip(last.tolist(), coming.source[last].tolist(), strict=True):
            clock = int(coming.rows.ts[coming.source == code].max())
            place = self._sources.places.get(coming.sources[code])
            if place is None:
                place = self._sources.place(coming.sources[code])
            else:
                clock = max(clock, int(self._sources.columns[_CLOCK, place]))
            self._sources.columns[:, place] = clock, coming.rows.line_id[row], coming.seen[row]
        rows = np.flatnonzero(on_time)
        if not len(rows):
            return
        keys, _, inverse = coming.keys(rows)
        places = np.empty(len(keys), np.int64)
        for i, (source, session) in enumerate(keys):
            of = self._sources.places[coming.sources[source]]
            places[i] = self._keys.place((of, coming.sessions[session]))
            self._keys.columns[_SOURCE, places[i]] = of
        self._hold(coming.rows.at(rows), places[inverse])

    def _hold(self, rows: Rows, owner: Ints) -> None:
        """Keep rows open and note what they do to their keys."""
        if not len(rows):
            return
        self._rows.append(rows)
        self._owner.append(owner)
        self._held += len(rows)
        order = np.lexsort((rows.ts, owner))
        ts, place = rows.ts[order], owner[order]
        head = np.flatnonzero(np.diff(place, prepend=-1))
        tail = np.append(head[1:], len(place)) - 1
        torn = np.diff(ts, prepend=ts[0]) > self.gap_ns
        torn[head] = False
        of, low, high = place[head], ts[head], ts[tail]
        columns = self._keys.columns
        known = columns[_SIZE, of] > 0
        far = (low > columns[_HIGH, of] + self.gap_ns) | (high < columns[_LOW, of] - self.gap_ns)
        columns[_TORN, of] |= np.logical_or.reduceat(torn, head) | (known & far)
        columns[_SIZE, of] += tail - head + 1
        columns[_LOW, of] = np.where(known, np.minimum(columns[_LOW, of], low), low)
        columns[_HIGH, of] = np.where(known, np.maximum(columns[_HIGH, of], high), high)
        heard = np.maximum.reduceat(rows.line_id[order], head)
        columns[_HEARD, of] = np.where(known, np.maximum(columns[_HEARD, of], heard), heard)

    def _over(self, clock: Ints | None = None) -> npt.NDArray[np.bool_]:
        """The keys that may hold a session that is over, by the clocks of sources."""
        clock = self._sources.columns[_CLOCK] if clock is None else clock
        source, size, low, high, _, torn, _ = self._keys.columns
        end = np.where(torn > 0, low, high)
        return (size > 0) & (end + self.gap_ns < clock[source] - self.lateness_ns)

    def _open(self) -> tuple[Rows, Ints]:
        """The open rows and their keys, as one."""
        rows = Rows.concat(self._rows)
        owner = np.concatenate(self._owner) if self._owner else np.zeros(0, np.int64)
        self._rows, self._owner = ([rows], [owner]) if len(rows) else ([], [])
        return rows, owner

    def _part(self, keys: npt.NDArray[np.bool_]) -> tuple[Rows, Ints]:
        """The open rows of these keys, by (key, ts, line id)."""
        rows, owner = self._open()
        mine = keys[owner]
        rows, owner = rows.at(mine), owner[mine]
        order = np.lexsort((rows.line_id, rows.ts, owner))
        return rows.at(order), owner[order]

    def _sessions(
        self, rows: Rows, owner: Ints, clock: Ints, *, cut: bool = False
    ) -> tuple[list[Session], npt.NDArray[np.bool_]]:
        """The sessions among rows from `_part` that are over by these clocks, and which rows they take."""
        new = np.ones(len(rows), np.bool_)
        new[1:] = (owner[1:] != owner[:-1]) | (np.diff(rows.ts) > self.gap_ns)
        heads = np.flatnonzero(new)
        tails = np.append(heads[1:], len(rows))
        end = rows.ts[tails - 1]
        over = end + self.gap_ns < clock[self._keys.columns[_SOURCE, owner[heads]]] - (
            self.lateness_ns
        )
        taken = np.repeat(over, tails - heads)
        heads, tails, end = heads[over], tails[over], end[over]
        order = np.lexsort((rows.line_id[heads], end))
        spans = zip(heads[order].tolist(), tails[order].tolist(), strict=True)
        return list(self._named(rows, owner, spans, cut)), taken

    def _named(
        self, rows: Rows, owner: Ints, spans: Iterator[tuple[int, int]], cut: bool
    ) -> Iterator[Session]:
        for head, tail in spans:
            source, session = self._keys.at[int(owner[head])]
            yield Session(self._sources.at[source], session, rows.at(slice(head, tail)), cut)

    def _close(self, keys: npt.NDArray[np.bool_], *, cut: bool = False) -> list[Session]:
        """Take the sessions of these keys that are over out, or with `cut` all that they hold."""
        if not keys.any():
            return []
        rows, owner = self._part(keys)
        clock = self._sources.columns[_CLOCK]
        closed, taken = self._sessions(
            rows, owner, np.full_like(clock, FOREVER) if cut else clock, cut=cut
        )
        self.cut += len(closed) if cut else 0
        everything, owners = self._open()
        others = ~keys[owners]
        self._rows, self._owner = [everything.at(others)], [owners[others]]
        self._held = len(self._rows[0])
        self._keys.columns[_SIZE, keys] = 0
        self._keys.columns[_TORN, keys] = 0
        self._hold(rows.at(~taken), owner[~taken])
        self._keys.drop(np.flatnonzero(keys & (self._keys.columns[_SIZE] == 0)))
        return closed

    def _make_room(self) -> list[Session]:
        source, size, _, _, heard, *_ = self._keys.columns
        closed = self._close(size >= self._max_events, cut=True)
        if len(self) >= self._max_open or self._held >= self._max_rows:
            stale = np.flatnonzero(size > 0)
            stale = stale[np.argsort(heard[stale])]
            rows = np.cumsum(size[stale])
            enough = (len(self) - 1 - np.arange(len(stale)) <= self._max_open * 7 // 8) & (
                self._held - rows <= self._max_rows * 7 // 8
            )
            chosen = np.zeros(len(size), np.bool_)
            chosen[stale[: int(np.argmax(enough)) + 1]] = True
            closed += self._close(chosen, cut=True)
        if len(self._sources.places) >= self._max_sources:
            places = np.array(list(self._sources.places.values()), np.int64)
            places = places[np.argsort(self._sources.columns[1, places])]
            gone = places[: len(places) - self._max_sources * 7 // 8]
            closed += self._close((size > 0) & np.isin(source, gone), cut=True)
            self._sources.drop(gone)
        return closed


_CLOCK = 0
_SOURCE, _SIZE, _LOW, _HIGH, _HEARD, _TORN, _PAUSED = range(7)
_COLUMNS = ("ts", "template_id", "severity", "line_id")


def _objects(texts: list[str]) -> npt.NDArray[np.object_]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out
