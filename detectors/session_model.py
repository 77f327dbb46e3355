"""What is normal for the sessions of some streams: learnt once, judged by, and changed only for a reason.

    sessions -> warm-up -> election -> judged -> told -> acknowledged by people -> taught
                              ^ every `refit_sessions`, on a thread of its own

Sessions are *not* learnt as they come: anomalies repeat, and what absorbs them stops seeing them. A detector changes
when a person calls a pattern normal, and when an election (`detectors.election`) takes a newer model.

**Replays.** All that happens, happens at a session's number. An election is called after one, computed aside, and its
result is taken in after a fixed number of further sessions, for which the computing thread is waited for if need be.
So the same sessions and the same verdicts between them give the same state.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.champion import Champion, aside
from detectors.election import Call, Result, conformal, is_strange, loudness
from detectors.session_memory import load as load_sessions
from detectors.session_memory import pattern
from detectors.session_memory import save as save_sessions
from detectors.sessions import Session, batch_of
from detectors.shared_text import Shared
from detectors.units import NEVER, SECOND
from driftwood.protocols import Detector, LogBatch, Scores

logger = logging.getLogger(__name__)

REMEMBERED = 500
"""Told sessions that people may still say something of."""
MAX_VERDICTS = 1_000
"""Of people, the newest: what they teach is learnt again at each."""
MAX_ROWS = 250_000
"""Events of the sessions that are kept for the next election; the oldest make room."""
AGAIN_NS = 3_600 * SECOND
"""A pattern that was told is told again after this long at the earliest."""
DAY_NS = 86_400 * SECOND
LOG = 5
"""Decisions that the status still names."""

NORMAL, REAL = ("expected", "noise"), "real"


class Kept(NamedTuple):
    session: Session
    strange: bool


class Verdict(NamedTuple):
    verdict: str
    session: Session
    pattern: str


class Finding(NamedTuple):
    """Why a session is strange, in the eyes of the detector that finds it strangest."""

    session: Session
    detector: Detector
    batch: LogBatch
    scores: Scores
    row: int | None
    """Of `scores`; None when that detector has nothing to say of the session."""
    p_value: float
    score: float
    confirmed: bool
    """People called one like it a real anomaly."""


class _Judged(NamedTuple):
    scores: list[tuple[Champion, float]]
    finding: Finding | None
    """None: it is not strange."""


@dataclass(slots=True)
class _Pending:
    call: Call
    numbers: tuple[int, ...]
    """Of the sessions that it is about."""
    taught: tuple[str, ...]
    anomalous: tuple[str, ...]
    """Ids of anomalies."""
    results: dict[str, Future[Result]]


class SessionModel:
    """Confined to the pipeline's thread, except `progress` and `log`."""

    def __init__(
        self,
        source: str,
        labels: str,
        detectors: Sequence[str],
        warmup: int,
        refit: int,
        alerts_per_day: float,
    ) -> None:
        self.source = source
        self.labels = labels
        """What all its lines have in common, by the rule: canonical."""
        self.origin = Shared()
        """The source of its lines."""
        self.service = Shared()
        self.champions = [Champion(name) for name in detectors]
        self.seen = 0
        """Finished sessions so far."""
        self.strange = 0
        """Of those, told or not."""
        self.verdicts: dict[str, Verdict] = {}
        """By anomaly, in the order in which they were given."""
        self.told: dict[str, Session] = {}
        """By anomaly, the oldest first."""
        self._warmup = warmup
        self._refit = refit
        self._alerts_per_day = alerts_per_day
        self._lag = max(1, warmup // 20)
        self._size = max(warmup, refit)
        self._kept: deque[tuple[int, Kept]] = deque()
        self._rows = 0
        self._next_call = warmup
        self._pending: _Pending | None = None
        self._share = 0.0
        self._last_told: dict[str, int] = {}
        """By pattern: the start of the session, ns."""
        self._day: list[tuple[int, float]] = []
        """(start, score) of what was told within the last day of events."""

    # -- judging

    def take(self, sessions: Sequence[Session]) -> list[Finding]:
        """Judge finished sessions, in order; what deserves a row."""
        found: list[Finding] = []
        at = 0
        while at < len(sessions):
            size = min(self._until_event(), len(sessions) - at)
            part = sessions[at : at + size]
            for number, (session, judged) in enumerate(self._judged(part), self.seen):
                strange = judged.finding
                self._keep(number, session, strange=strange is not None)
                if strange is None:
                    for champion, score in judged.scores:
                        champion.saw(score)
                    continue
                self.strange += 1
                if self._deserves(session, strange):
                    self._tell(session, strange.score)
                    found.append(strange)
            self.seen += size
            at += size
            self._elections()
        return found

    def look(self, sessions: Sequence[Session]) -> list[Finding]:
        """What `take` would give if the sessions were finished; changes nothing."""
        found = {
            pattern(session): judged.finding
            for session, judged in self._judged(sessions)
            if judged.finding is not None and self._deserves(session, judged.finding)
        }
        return list(found.values())

    def _until_event(self) -> int:
        """How many sessions may come before something changes."""
        if self._pending is not None:
            return self._pending.call.at + self._lag - self.seen
        return self._next_call - self.seen

    def _judged(self, sessions: Sequence[Session]) -> Iterator[tuple[Session, _Judged]]:
        """Each session with what it scores, against what was seen when it is its turn."""
        ready = [(c, c.detector) for c in self.champions if c.detector is not None]
        if not ready or not sessions:
            yield from ((session, _Judged([], None)) for session in sessions)
            return
        batch = self._batch(sessions)
        scored = [detector.score(batch) for _, detector in ready]
        of_units = [scores.of_units(len(batch)).tolist() for scores in scored]
        normal, real = self._patterns()
        for unit, session in enumerate(sessions):
            values = [units[unit] for units in of_units]
            judged = [
                (champion, value, conformal(value, champion.ordered))
                for (champion, _), value in zip(ready, values, strict=True)
            ]
            confirmed = bool(real) and pattern(session) in real
            strange = confirmed or any(
                is_strange(p_value, len(champion.ordered), self._share)
                for champion, _, p_value in judged
            )
            finding = None
            if strange and not (normal and pattern(session) in normal):
                loud = [loudness(value, p, champion.ordered) for champion, value, p in judged]
                best = max(range(len(ready)), key=loud.__getitem__)
                row = _strongest(scored[best], unit)
                p_value = judged[best][2]
                why = (ready[best][1], batch, scored[best], row, p_value, loud[best])
                finding = Finding(session, *why, confirmed)
            yield session, _Judged([(champion, value) for champion, value, _ in judged], finding)

    def _batch(self, sessions: Sequence[Session]) -> LogBatch:
        """With the names that a person knows them by."""
        batch = batch_of(sessions)
        for at, session in enumerate(sessions):
            batch.source[at] = self.origin.of(session) or self.labels
            batch.service[at] = self.service.of(session) or ""
        return batch

    def _deserves(self, session: Session, why: Finding) -> bool:
        """Whether a strange session is told: not one that is like a recent one, and within the budget of a day.

        What people confirmed has no budget.
        """
        now = session.start
        if self._last_told.get(pattern(session), NEVER) > now - AGAIN_NS:
            return False
        today = [loud for at, loud in self._day if at > now - DAY_NS]
        free = why.confirmed or len(today) < max(self._alerts_per_day, 1.0)
        return free or why.score > max(today)

    def _tell(self, session: Session, score: float) -> None:
        now = session.start
        self._last_told = {p: at for p, at in self._last_told.items() if at > now - AGAIN_NS}
        self._last_told[pattern(session)] = now
        self._day = [(at, loud) for at, loud in self._day if at > now - DAY_NS]
        self._day.append((now, score))

    def remember(self, anomaly_id: str, session: Session) -> None:
        """It was told under this id."""
        self.told[anomaly_id] = session
        while len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]

    def _keep(self, number: int, session: Session, strange: bool) -> None:
        self._kept.append((number, Kept(session, strange)))
        self._rows += len(session.rows)
        # What an election in hand is about stays, so that it can be held again after a crash.
        room = self._size + (self._lag if self._pending is not None else 0)
        while len(self._kept) > room or (self._rows > MAX_ROWS and self._pending is None):
            _, gone = self._kept.popleft()
            self._rows -= len(gone.session.rows)

    # -- elections

    def _elections(self) -> None:
        if self._pending is not None:
            if self.seen >= self._pending.call.at + self._lag:
                self._decide(self._pending)
        elif self.seen >= self._next_call:
            self._call()

    def _call(self) -> None:
        normal, real = self._patterns()
        numbers = tuple(
            number
            for number, (session, strange) in self._kept
            if (normal and pattern(session) in normal)
            or not (strange or (real and pattern(session) in real))
        )
        taught = tuple(i for i, v in self.verdicts.items() if v.verdict in NORMAL)
        anomalous = tuple(i for i, v in self.verdicts.items() if v.verdict == REAL)
        self._start(self.seen, numbers, taught, anomalous)

    def _start(
        self, at: int, numbers: tuple[int, ...], taught: Sequence[str], anomalous: Sequence[str]
    ) -> None:
        chosen = set(numbers)
        normal = tuple(kept.session for number, kept in self._kept if number in chosen)
        said = self.told | {i: v.session for i, v in self.verdicts.items()}
        call = Call(
            at=at,
            normal=normal,
            taught=tuple(said[i] for i in taught if i in said),
            anomalous=tuple(said[i] for i in anomalous if i in said),
            share=self._alerts_per_day / max(_per_day(normal), 1e-9),
        )
        results = {c.name: aside(c, call) for c in self.champions}
        self._pending = _Pending(call, numbers, tuple(taught), tuple(anomalous), results)

    def _decide(self, pending: _Pending) -> None:
        """Take in what the election gave, whenever it is due; wait for it if it is not there yet."""
        self._pending = None
        self._share = pending.call.share
        for champion in self.champions:
            try:
                result = pending.results[champion.name].result()
            except Exception as error:  # the model in force goes on
                logger.exception("election failed detector=%s", champion.name)
                self._log(champion, f"no new model: {type(error).__name__}: {error}")
                continue
            if result.taken:
                champion.load(result.state, self._taught())
                champion.calmly(result.calm)
            self._log(champion, result.said)
        ready = any(champion.detector is not None for champion in self.champions)
        waiting = self._refit if ready else self._warmup
        self._next_call = self.seen + waiting if waiting else 2**62
        self._trim()

    def _trim(self) -> None:
        while len(self._kept) > self._size or self._rows > MAX_ROWS:
            _, gone = self._kept.popleft()
            self._rows -= len(gone.session.rows)

    def _log(self, champion: Champion, said: str) -> None:
        said = f"at session {self.seen:,} {said}"
        logger.info("election detector=%s %s", champion.name, said)
        champion.log = [*champion.log, said][-LOG:]

    # -- people

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        """Take a verdict in, or back ("open"); what undoes that, None when this model never told that anomaly."""
        session = self.told_as(anomaly_id)
        if session is None:
            return None
        before = self.verdicts
        self.verdicts = {i: said for i, said in before.items() if i != anomaly_id}
        if verdict in NORMAL or verdict == REAL:
            self.verdicts[anomaly_id] = Verdict(verdict, session, pattern(session))
        while len(self.verdicts) > MAX_VERDICTS:
            del self.verdicts[next(iter(self.verdicts))]
        self._relearn()

        def undo() -> None:
            self.verdicts = before
            self._relearn()

        return undo

    def told_as(self, anomaly_id: str) -> Session | None:
        known = self.verdicts.get(anomaly_id)
        return known.session if known is not None else self.told.get(anomaly_id)

    def _relearn(self) -> None:
        for champion in self.champions:
            if champion.detector is not None:
                champion.load(champion.base, self._taught())

    def _patterns(self) -> tuple[set[str], set[str]]:
        """Those that people called normal, and those that they confirmed."""
        said = self.verdicts.values()
        return (
            {v.pattern for v in said if v.verdict in NORMAL},
            {v.pattern for v in said if v.verdict == REAL},
        )

    def _taught(self) -> list[Session]:
        return [v.session for v in self.verdicts.values() if v.verdict in NORMAL]

    # -- what others see

    @property
    def needed(self) -> int:
        """Sessions before the first can be judged."""
        return self._warmup + self._lag

    # -- snapshots

    def save(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        sessions: list[Session] = [kept.session for _, kept in self._kept]
        sessions += [v.session for v in self.verdicts.values()]
        sessions += self.told.values()
        rows, arrays = save_sessions(sessions)
        for champion in self.champions:
            arrays[f"base {champion.name}"] = np.frombuffer(champion.base, np.uint8)
            arrays[f"calm {champion.name}"] = np.array(champion.calm, np.float64)
        pending = self._pending
        return {
            "seen": self.seen,
            "strange": self.strange,
            "shared": [[s.text, s.until] for s in (self.origin, self.service)],
            "next_call": self._next_call,
            "share": self._share,
            "kept": [[number, kept.strange] for number, kept in self._kept],
            "verdicts": [[i, v.verdict] for i, v in self.verdicts.items()],
            "told": list(self.told),
            "last_told": list(self._last_told.items()),
            "day": self._day,
            "sessions": rows,
            "logs": {c.name: c.log for c in self.champions},
            "pending": None
            if pending is None
            else [pending.call.at, pending.numbers, pending.taught, pending.anomalous],
        }, arrays

    def load(self, header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        sessions = iter(load_sessions(self.source, header["sessions"], dict(arrays)))
        self.seen = header["seen"]
        self.strange = header["strange"]
        self.origin, self.service = (Shared(*fields) for fields in header["shared"])
        self._next_call = header["next_call"]
        self._share = header["share"]
        self._kept = deque(
            (number, Kept(next(sessions), strange)) for number, strange in header["kept"]
        )
        self._rows = sum(len(kept.session.rows) for _, kept in self._kept)
        self.verdicts = {}
        for anomaly_id, verdict in header["verdicts"]:
            session = next(sessions)
            self.verdicts[anomaly_id] = Verdict(verdict, session, pattern(session))
        self.told = {i: next(sessions) for i in header["told"]}
        self._last_told = dict(header["last_told"])
        self._day = [(at, score) for at, score in header["day"]]
        for champion in self.champions:
            champion.log = header["logs"].get(champion.name, [])
            base = arrays.get(f"base {champion.name}")
            if base is not None and len(base):
                champion.load(base.tobytes(), self._taught())
                champion.calmly(arrays[f"calm {champion.name}"].tolist())
        if header["pending"] is not None:
            at, numbers, taught, anomalous = header["pending"]
            self._start(at, tuple(numbers), taught, anomalous)


def _per_day(sessions: Sequence[Session]) -> float:
    if len(sessions) < 2:
        return 1.0
    starts = [session.start for session in sessions]
    return len(sessions) / max((max(starts) - min(starts)) / DAY_NS, 1e-6)


def _strongest(scores: Scores, unit: int) -> int | None:
    """The row of the strongest finding of `unit`."""
    rows = np.flatnonzero(scores.unit == unit)
    return int(rows[np.argmax(scores.score[rows])]) if len(rows) else None
