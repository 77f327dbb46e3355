"""Sessions of the streams that one rule names: events in, anomalies out.

    events -> sessions by id or silence -> the model of their streams -> Anomaly

A session has at most one row, that of the detector that finds it strangest. A *look* at sessions of sources that
stopped changes no state; its row has the id that the closed session gives.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import filterfalse
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from detectors.lexicon import Lexicon
from detectors.session_ids import ids_by, models_of
from detectors.session_model import NORMAL, REAL, Finding, SessionModel
from detectors.sessions import Session, Sessions
from detectors.snapshot import pack, unpack
from detectors.units import FOREVER, NEVER, SECOND, codes_of, dictionary, ints
from detectors.windows import PAUSE_NS
from detectors.wording import MAX_EVIDENCE
from driftwood import logql
from driftwood.config import Detection, StreamRule
from driftwood.labels import label_key, source_key
from driftwood.logql.ast import LogQuery, MatchOp
from driftwood.protocols import Explanation
from driftwood.records import Anomaly, Events

logger = logging.getLogger(__name__)

_VERSION = 1
MAX_MODELS = 200
"""Models of one rule; sessions beyond are counted and not judged."""
_REMEMBERED_LOOKS = 1_024

_TEACHES = "The detectors learn this session as normal: sessions like it are not told any more."
_CONFIRMS = (
    "Kept as an example of trouble: sessions like it are told whatever they score, and no newer model is taken that "
    "misses it."
)
_REOPENS = "Forgets the verdict, and what was learnt from it."


class SessionLane:
    """Plays `detectors.lane.Lane`."""

    def __init__(
        self,
        rule: StreamRule,
        settings: Detection,
        detectors: Sequence[str],
        texts: Callable[[], Mapping[int, str]],
        *,
        looks: bool = True,
    ) -> None:
        self.name = f"sessions of {rule.match}"
        self._rule = rule
        self._detectors = tuple(detectors)
        self._alerts_per_day = settings.alerts_per_day
        self._texts = texts
        self._looks = looks
        self._ids = ids_by(rule)
        self._labels = _pinned(rule.match)
        self._sessions = Sessions(round(rule.gap_s * SECOND), round(rule.lateness_s * SECOND))
        self._lexicon = Lexicon()
        self._models: dict[str, SessionModel] = {}
        self._unjudged = 0
        """Sessions of too many models."""
        self._looked: dict[str, tuple[SessionModel, Session]] = {}
        """What looks have told, by id, the oldest first: it is not told again."""
        self._advanced = self._listening_since = NEVER

    @property
    def after(self) -> int:
        """The last line id that was taken in."""
        return self._sessions.after

    @after.setter
    def after(self, line_id: int) -> None:
        self._sessions.after = line_id

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        line_id = ints(events, "line_id")
        first = int(np.searchsorted(line_id, self.after, "right"))
        if first == len(line_id):
            return ()
        events = Events(events.slice(first))
        names, codes = models_of(events, self._rule.per)
        self._meet(events, names, codes)
        closed = self._sessions.add(
            ints(events, "ts"),
            pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string())),
            self._ids(events),
            ints(events, "template_id"),
            self._lexicon.severity(events),
            line_id[first:],
            ints(events, "observed_ts"),
        )
        found: list[Anomaly] = []
        for source, sessions in _by_source(closed).items():
            model = self._model(source)
            if model is None:
                self._unjudged += len(sessions)
                continue
            for finding in model.take(sessions):
                anomaly = self._anomaly(model, finding)
                model.remember(anomaly.id, finding.session)
                found.append(anomaly)
        return tuple(anomaly for anomaly in found if anomaly.id not in self._looked)

    def _meet(self, events: Events, names: Sequence[str], codes: pa.Array[Any]) -> None:
        """Note where the lines of each model come from, as long as all come from there."""
        labels, services = dictionary(events, "labels"), dictionary(events, "service")
        keys = [source_key(str(text)) for text in labels.dictionary.to_pylist()]
        line_id, of_rows = ints(events, "line_id"), np.asarray(codes.to_numpy())
        present, first = np.unique(of_rows, return_index=True)
        for code in present[
            np.argsort(first)
        ].tolist():  # in the order of the rows, as there may be too many
            if (model := self._model(names[code])) is not None:
                rows = np.flatnonzero(of_rows == code)
                model.origin.meet(keys, codes_of(labels)[rows], line_id[rows])
                model.service.meet(
                    services.dictionary.to_pylist(), codes_of(services)[rows], line_id[rows]
                )

    def _model(self, source: str) -> SessionModel | None:
        model = self._models.get(source)
        if model is None and len(self._models) < MAX_MODELS:
            model = self._models[source] = self._new(source)
        return model

    def _new(self, source: str) -> SessionModel:
        return SessionModel(
            source,
            label_key(self._labels | orjson.loads(source)),
            self._detectors,
            self._rule.warmup_sessions,
            self._rule.refit_sessions,
            self._alerts_per_day,
        )

    # -- looks

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        if not self._looks:
            return ()
        if now - self._advanced > PAUSE_NS:
            self._listening_since = now
        self._advanced = now
        return self._look(self._sessions.idle(now, self._listening_since))

    def finish(self) -> tuple[Anomaly, ...]:
        """What is open is all that there will be of it."""
        return self._look(self._sessions.unfinished())

    def _look(self, sessions: Iterable[Session]) -> tuple[Anomaly, ...]:
        found = []
        for source, mine in _by_source(sessions).items():
            if (model := self._models.get(source)) is None:
                continue
            for finding in model.look(mine):
                anomaly = self._anomaly(model, finding)
                if anomaly.id not in self._looked:
                    self._looked[anomaly.id] = model, finding.session
                    found.append(anomaly)
        while len(self._looked) > _REMEMBERED_LOOKS:
            del self._looked[next(iter(self._looked))]
        return tuple(found)

    def _anomaly(self, model: SessionModel, finding: Finding) -> Anomaly:
        session, row = finding.session, finding.row
        if row is not None:
            told = finding.detector.explain(finding.batch, finding.scores, row, self._texts())
            kind = str(finding.scores.kind[row])
            lines = _evidence(told.line_ids, session)
        else:  # nothing strange in it but that people confirmed one like it
            told = Explanation("a session like one that was called a real anomaly")
            kind = "confirmed"
            lines = _evidence((), session)
        return Anomaly(
            id=_id(self.name, session),
            detector=finding.detector.name,
            kind=kind,
            source=model.origin.of(session) or model.labels,
            service=model.service.of(session) or "",
            start=session.start,
            end=session.end,
            score=finding.score,
            p_value=finding.p_value,
            title=f"{told.title} (session {session.session})" if session.session else told.title,
            contributions=told.contributions,
            line_ids=lines,
        )

    # -- people

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        if anomaly_id in self._looked:
            model, session = self._looked[anomaly_id]
            model.remember(anomaly_id, session)
        for model in self._models.values():
            if (undo := model.acknowledge(anomaly_id, verdict)) is not None:
                return undo
        return None

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        told = (model.told_as(anomaly_id) for model in list(self._models.values()))
        if anomaly_id not in self._looked and not any(told):
            return {}
        return {**dict.fromkeys(NORMAL, _TEACHES), REAL: _CONFIRMS, "open": _REOPENS}

    # -- snapshots

    def save(self) -> bytes:
        """All of it, open sessions included."""
        header, arrays = self._sessions.save()
        arrays = {f"open {name}": array for name, array in arrays.items()}
        models = []
        for at, (source, model) in enumerate(self._models.items()):
            state, more = model.save()
            models.append([source, state])
            arrays |= {f"{at} {name}": array for name, array in more.items()}
        return pack(
            {
                "version": _VERSION,
                "session": [self._rule.session, self._rule.session_key, list(self._rule.per)],
                "after": self.after,
                "sessions": header,
                "models": models,
                "unjudged": self._unjudged,
                "lexicon": list(self._lexicon.errors.items()),
            },
            arrays,
        )

    def load(self, state: bytes) -> int:
        header, arrays = unpack(state)
        cut = [self._rule.session, self._rule.session_key, list(self._rule.per)]
        known = header["version"] == _VERSION and header["session"] == cut
        if not known or not self._sessions.fits(header["sessions"]):
            logger.warning("lane %s starts anew: its sessions were cut otherwise", self.name)
            self.after = int(header["after"])
            return FOREVER
        self._sessions.load(header["sessions"], _under("open ", arrays))
        self._unjudged = header["unjudged"]
        self._lexicon.errors = dict(header["lexicon"])
        for at, (source, saved) in enumerate(header["models"]):
            model = self._models[source] = self._new(source)
            model.load(saved, _under(f"{at} ", arrays))
        return FOREVER

    def status(self) -> list[dict[str, Any]]:
        models = list(self._models.values())
        return [self._row(at, name, models) for at, name in enumerate(self._detectors)]

    def _row(self, at: int, name: str, models: list[SessionModel]) -> dict[str, Any]:
        ready = [m for m in models if m.champions[at].detector is not None]
        shares = [min(1.0, m.seen / m.needed) for m in models]
        if ready:
            detail = f"{len(ready)} of {len(models)} models ready" if len(models) > 1 else ""
            said = [log[-1] for m in ready if (log := m.champions[at].log)]
            detail = "; ".join(filter(None, (detail, said[0] if said else "")))
        else:
            most = max((m.seen for m in models), default=0)
            needed = models[0].needed if models else self._new("{}").needed
            detail = f"{most:,} of {needed:,} sessions seen"
        if strange := sum(m.strange for m in models):
            judged = sum(max(m.seen - m.needed, 0) for m in models)
            detail += f"; {strange:,} of {judged:,} sessions strange"
        taught = sum(len(m.verdicts) for m in models)
        for count, what in (
            (taught, "verdict kept" if taught == 1 else "verdicts kept"),
            (self._sessions.late, "late lines, not judged"),
            (self._sessions.ahead, "lines ahead of their arrival, not judged"),
            (self._sessions.cut, "sessions cut short"),
            (self._unjudged, "sessions of too many models, not judged"),
        ):
            if count:
                detail += f"; {count:,} {what}"
        return {
            "name": f"{name} {self._rule.match}",
            "state": "ready" if ready else "warming" if models else "waiting",
            "progress": 1.0 if ready else round(max(shares, default=0.0), 3),
            "sources": len(models),
            "detail": detail,
        }


def _by_source(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = {}
    for session in sessions:
        found.setdefault(session.source, []).append(session)
    return found


def _under(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _pinned(match: str) -> dict[str, str]:
    """The labels that all of the rule's streams share, as the selector says."""
    query = logql.parse(match, any_stream=True)
    matchers = query.matchers if isinstance(query, LogQuery) else ()
    return {m.name: m.value for m in matchers if m.op is MatchOp.EQUAL and m.value}


def _evidence(told: tuple[int, ...], session: Session) -> tuple[int, ...]:
    """What the detector points at, and as much of the session as there is room for, in the order of time."""
    lines = session.rows.line_id.tolist()
    chosen = set(told)
    chosen.update(
        list(filterfalse(chosen.__contains__, lines))[: max(MAX_EVIDENCE - len(chosen), 0)]
    )
    return tuple(line for line in lines if line in chosen)


def _id(lane: str, session: Session) -> str:
    what = f"{lane}\0{session.source}\0{session.session}\0{session.start}"
    return hashlib.blake2b(what.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
