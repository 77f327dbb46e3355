"""Windows of some sources judged by some detectors: events in, anomalies out.

    events -> windows -> detectors -> calibrator -> threshold -> episodes -> Anomaly
                            ^ each finished window is scored, then learnt

Everything that is kept per source depends on that source's rows in order and on nothing else that a replay could
change, so the same rows give the same anomalies, with the same ids, in any cut of batches and after any crash.

Two kinds of *looks* come on top, for whoever watches live: at windows that still fill (only for findings that can
but grow stronger, `Detector.early`), and at windows of sources that stopped while nothing else came (`advance`). A
look changes no state. Its anomaly has the id that the finished window will give it; the store keeps what came first.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import DETECTORS
from detectors.calibrator import Calibrator
from detectors.lexicon import Lexicon
from detectors.snapshot import pack, unpack
from detectors.threshold import Episodes, Threshold
from detectors.units import NEVER, SECOND, Rows, Unit, batch_of, ints
from detectors.windows import PAUSE_NS, Windows
from driftwood.config import Detection
from driftwood.protocols import Detector, LogBatch, Scores
from driftwood.records import Anomaly, Events

logger = logging.getLogger(__name__)

_VERSION = 1
_DEMO = '"source":"demo"'
_REMEMBERED_LOOKS = 4_096
_HOLD_NS = 5 * SECOND


_APART = frozenset(("new_template", "rate_change", "error_burst"))
"""What they say of a source depends on its own windows alone. All others are taken to pool what they learn."""
_COLUMNS = ("ts", "template_id", "severity", "line_id")
STRETCH_NS = 10 * SECOND
"""Of arrival: what closes within one is judged together, where detectors pool."""


class WindowLane:
    """Plays `detectors.lane.Lane`."""

    def __init__(
        self,
        name: str,
        settings: Detection,
        detectors: Sequence[str],
        window_s: float,
        texts: Callable[[], Mapping[int, str]],
        *,
        looks: bool = True,
    ) -> None:
        """`texts` gives the current text of templates by id; without `looks` only finished windows are judged."""
        self.name = name
        self._detectors: list[Detector] = [DETECTORS.make(name) for name in detectors]
        self._texts = texts
        self._windows = Windows(round(window_s * SECOND), round(settings.lateness_s * SECOND))
        self._warmup_ns = round(settings.warmup_s * SECOND)
        self._lexicon = Lexicon()
        self._calibrator = Calibrator()
        self._episodes = Episodes()
        shares = max(len(self._detectors), 1)
        self._threshold = Threshold(settings.alerts_per_day, window_s, shares)
        self._demo_threshold = Threshold(settings.demo_alerts_per_day, window_s, shares)
        self._looks = looks
        self._looked: dict[str, None] = {}
        """Ids that looks have told, oldest first: they are not told again."""
        self._seen_first: dict[str, int] = {}
        """When early looks saw what they have not told yet: arrival, ns."""
        self._advanced = self._listening_since = NEVER
        self._refilling = False
        self._pooled = not _APART.issuperset(detectors)
        self._stretch = NEVER
        self._pending: list[Unit] = []
        """Closed in this stretch of arrival, and judged at its end."""

    @property
    def after(self) -> int:
        """The last line id that was taken in."""
        return self._windows.after

    @after.setter
    def after(self, line_id: int) -> None:
        self._windows.after = line_id

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        """Take rows in, in the order of their line ids; rows taken in before are ignored (after `load`: see there)."""
        if not self._detectors:
            return ()
        if self._refilling:
            self._windows.refill(events, self._lexicon.severity(events))
        before = self._windows.after
        severity = self._lexicon.severity(events)
        if self._pooled:
            found = self._in_stretches(events, severity)
        else:
            found = self._judge(self._windows.add(events, severity))
        self._refilling = self._refilling and self._windows.after == before
        if self._looks:
            found += self._look(self._windows.filling(), early=True)
        return tuple(found)

    def _in_stretches(self, events: Events, severity: npt.NDArray[np.uint8]) -> list[Anomaly]:
        """Judge the same windows together, whatever the cut of batches: those that close in one stretch of arrival.

        A detector that pools its sources scores by what other sources did before, so that order must be the rows'.
        """
        news = int(np.searchsorted(ints(events, "line_id"), self.after, "right"))
        events, severity = Events(events.slice(news)), severity[news:]
        arrival = ints(events, "observed_ts") // STRETCH_NS
        stretch = np.maximum.accumulate(np.maximum(arrival, self._stretch))
        heads = np.flatnonzero(np.diff(stretch, prepend=self._stretch))
        found: list[Anomaly] = []
        for first, last in pairwise([0, *heads.tolist(), len(stretch)]):
            if last == first:
                continue
            if stretch[first] > self._stretch:
                found += self._judge(self._pending)
                self._pending, self._stretch = [], int(stretch[first])
            rows = Events(events.slice(first, last - first))
            self._pending += self._windows.add(rows, severity[first:last])
        return found

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        """A look at live sources that were not heard for `lateness_s` by now (ns); call it when nothing is queued.

        After a pause of these calls (a restart, a full disk) the sources get `lateness_s` to be heard again.
        """
        if not self._detectors:
            return ()
        if now - self._advanced > PAUSE_NS:
            self._listening_since = now
        self._advanced = now
        silent = self._windows.idle(now, self._listening_since)
        return tuple(self._look(self._pending + silent, early=False))

    def _judge(self, closed: list[Unit]) -> list[Anomaly]:
        """Score and learn finished windows: side by side over the sources, one after another within each."""
        found: list[Anomaly] = []
        for units in _by_window(closed) if self._pooled else _by_turn(closed):
            batch = batch_of(units, self._windows.window_ns)
            for detector in self._detectors:
                scores = detector.score(batch)
                found += self._anomalies(detector, batch, scores, units, self._episodes)
                self._calibrate(detector, scores, units)
                detector.partial_fit(batch)
        return self._not_told(found)

    def finish(self) -> tuple[Anomaly, ...]:
        """A look at all open windows, for when nothing more comes; the last of each source may not be full yet."""
        whole, begun = self._windows.unfinished()
        whole = self._pending + whole
        return (*self._look(whole, early=False), *self._look(begun, early=True, hold=False))

    def _look(self, units: list[Unit], early: bool, hold: bool = True) -> list[Anomaly]:
        units = [unit for unit in units if self._warm(unit)]
        if not units:
            return []
        batch = batch_of(units, self._windows.window_ns)
        trial = self._episodes.of({unit.source.key for unit in units})
        found: list[Anomaly] = []
        for detector in self._detectors:
            scores = detector.score(batch)
            kinds = detector.early if early else None
            found += self._anomalies(detector, batch, scores, units, trial, kinds)
        new = [a for a in self._not_told(found) if not (early and hold) or self._settled(a)]
        self._looked.update(dict.fromkeys(anomaly.id for anomaly in new))
        while len(self._looked) > _REMEMBERED_LOOKS:
            del self._looked[next(iter(self._looked))]
        return new

    def _settled(self, anomaly: Anomaly) -> bool:
        """True once `anomaly` has been seen for `_HOLD_NS`: its row is written once, so it had better say something."""
        seen = self._windows.sources[anomaly.source].seen
        first = self._seen_first.setdefault(anomaly.id, seen)
        while len(self._seen_first) > _REMEMBERED_LOOKS:
            del self._seen_first[next(iter(self._seen_first))]
        return seen - first >= _HOLD_NS

    def _not_told(self, found: Iterable[Anomaly]) -> list[Anomaly]:
        return [anomaly for anomaly in found if anomaly.id not in self._looked]

    def _warm(self, unit: Unit) -> bool:
        windows = unit.window - unit.source.first
        return windows * self._windows.window_ns >= self._warmup_ns

    def _anomalies(
        self,
        detector: Detector,
        batch: LogBatch,
        scores: Scores,
        units: list[Unit],
        episodes: Episodes,
        kinds: frozenset[str] | None = None,
    ) -> list[Anomaly]:
        """What of `scores` deserves a row; `kinds`: those to look at, all if None."""
        found = []
        for row, p_value in enumerate(_p_values(scores).tolist()):
            unit = units[scores.unit[row]]
            kind, subject = str(scores.kind[row]), int(scores.subject[row])
            if not self._warm(unit) or (kinds is not None and kind not in kinds):
                continue
            source = unit.source.key
            calibrated = self._calibrator.calibrate(detector.name, source, unit.window, p_value)
            threshold = self._demo_threshold if _DEMO in source else self._threshold
            if not threshold.passed(calibrated):
                continue
            score = -float(np.log10(max(calibrated, 1e-300)))
            if not episodes.tell(detector.name, source, kind, subject, unit.window, score):
                continue
            told = detector.explain(batch, scores, row, self._texts())
            start, end = int(batch.start[scores.unit[row]]), int(batch.end[scores.unit[row]])
            found.append(
                Anomaly(
                    id=_id(detector.name, kind, source, start),
                    detector=detector.name,
                    kind=kind,
                    source=source,
                    service=unit.source.service,
                    start=start,
                    end=end,
                    score=score,
                    p_value=calibrated,
                    title=told.title if kinds is None else f"{told.title}, so far",
                    contributions=told.contributions,
                    line_ids=told.line_ids,
                )
            )
        return found

    def _calibrate(self, detector: Detector, scores: Scores, units: list[Unit]) -> None:
        smallest = np.ones(len(units))
        np.minimum.at(smallest, scores.unit, _p_values(scores))
        for unit, p_value in zip(units, smallest.tolist(), strict=True):
            if self._warm(unit):
                self._calibrator.learn(detector.name, unit.source.key, unit.window, p_value)

    def acknowledge(self, anomaly_id: str, verdict: str) -> None:
        """Windows are learnt as they come, whatever anybody says of them."""

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        return {}

    def save(self) -> bytes:
        """All that `load` needs, but the rows of open windows, which lie in the store."""
        header, arrays = self._windows.save()
        pending = [unit for unit in self._pending if unit.source.key in self._windows.sources]
        rows = Rows.concat([unit.rows for unit in pending])
        arrays |= {f"pending {name}": getattr(rows, name) for name in _COLUMNS}
        for detector in self._detectors:
            arrays[f"detector {detector.name}"] = np.frombuffer(detector.save(), np.uint8)
        state = {
            "version": _VERSION,
            "windows": header,
            "calibrator": self._calibrator.save(),
            "episodes": self._episodes.save(),
            "lexicon": list(self._lexicon.errors.items()),
            "stretch": self._stretch,
            "pending": [[unit.source.key, unit.window, len(unit.rows)] for unit in pending],
        }
        return pack(state, arrays)

    def load(self, state: bytes) -> int:
        """Go on from a snapshot. One of another window length teaches nothing and is left aside."""
        header, arrays = unpack(state)
        since = self._load(header, arrays)
        self._refilling = True
        logger.info(
            "detection resumed lane=%s after_line_id=%d sources=%d",
            self.name or "all",
            self.after,
            len(self._windows.sources),
        )
        return since

    def _load(self, header: dict[str, Any], arrays: dict[str, Any]) -> int:
        if header["version"] != _VERSION or not self._windows.fits(header["windows"]):
            logger.warning(
                "detection starts anew: its snapshot is of other settings or another version"
            )
            self._windows.after = int(header["windows"]["after"])
            return 2**63 - 1
        since = self._windows.load(header["windows"], arrays)
        self._calibrator.load(header["calibrator"])
        self._episodes.load(header["episodes"])
        self._lexicon.errors = dict(header["lexicon"])
        self._stretch = header.get("stretch", NEVER)
        self._pending, at = [], 0
        for key, window, size in header.get("pending", []):
            span = slice(at, at + size)
            rows = Rows(*(arrays[f"pending {name}"][span] for name in _COLUMNS))
            self._pending.append(Unit(self._windows.sources[key], window, rows))
            at += size
        for detector in self._detectors:
            if (saved := arrays.get(f"detector {detector.name}")) is not None:
                detector.load(saved.tobytes())
        return since

    def status(self) -> list[dict[str, Any]]:
        windows = self._windows
        sources = list(windows.sources.values())
        need = max(self._warmup_ns, 1)
        done = [min(1.0, max(0, s.closed - s.first) * windows.window_ns / need) for s in sources]
        ready = sum(share >= 1.0 for share in done)
        state = "waiting" if not sources else "ready" if ready else "warming"
        detail = f"{ready} of {len(sources)} sources ready"
        for count, what in (
            (windows.late, "late"),
            (windows.ahead, "ahead of their arrival"),
            (windows.unjudged, "of too many sources"),
        ):
            if count:
                detail += f"; {count:,} lines {what}, not judged"
        return [
            {
                "name": f"{detector.name} {self.name}".rstrip(),
                "state": state,
                "progress": round(max(done, default=0.0), 3),
                "sources": len(sources),
                "detail": detail,
            }
            for detector in self._detectors
        ]


def _by_turn(closed: Iterable[Unit]) -> Iterator[list[Unit]]:
    """The first window of each source, then the second of each..."""
    queues: dict[str, list[Unit]] = {}
    for unit in closed:
        queues.setdefault(unit.source.key, []).append(unit)
    for turn in range(max(map(len, queues.values()), default=0)):
        yield [queue[turn] for queue in queues.values() if turn < len(queue)]


def _by_window(closed: Iterable[Unit]) -> Iterator[list[Unit]]:
    """The windows of one time together, the oldest first."""
    ordered = sorted(closed, key=lambda unit: (unit.window, unit.source.key))
    for _, units in groupby(ordered, key=lambda unit: unit.window):
        yield list(units)


def _p_values(scores: Scores) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """P-values; a detector without a model of its own (NaN) is taken to score in -log10."""
    return np.where(np.isnan(scores.p_value), 10.0**-scores.score, scores.p_value)


def _id(detector: str, kind: str, source: str, start: int) -> str:
    what = f"{detector}\0{kind}\0{source}\0{start}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(what, digest_size=10).hexdigest()
