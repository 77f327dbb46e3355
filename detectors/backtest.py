"""What other detectors would have fired on stored history, and how that compares with what was told and said.

    rows of [start - lead, end) -> a stage of its own -> anomalies of [start, end) -> `report`

Two anomalies are of the same *incident* when they are of one service (of one source, where the service is unknown) and
their spans lie no further apart than `SLACK_NS`: other detectors judge other windows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from detectors import DETECTORS
from detectors.units import SECOND
from driftwood.config import Detection, StreamRule
from driftwood.errors import ConfigError
from driftwood.records import Anomaly

SLACK_NS = 120 * SECOND
EXAMPLES = 50
DAY_NS = 86_400 * SECOND


class Stored(NamedTuple):
    """An anomaly that was told at its time, and what people said of it."""

    id: str
    source: str
    service: str
    start: int
    end: int
    status: str


@dataclass(frozen=True, slots=True)
class Report:
    """See `ui.shapes.BacktestReport` for what each means."""

    days: list[tuple[str, int]]
    sources: list[tuple[str, str, int]]
    """(source, service, anomalies), the most first."""
    kinds: list[tuple[str, str, int]]
    """(detector, kind, anomalies), the most first."""
    scores: dict[str, float]
    examples: list[tuple[Anomaly, str | None]]
    """The loudest, with the status of a stored anomaly of the same incident."""
    kept: dict[str, tuple[int, int]]
    """Status of stored anomalies -> (how many there are, how many of them are told again)."""
    new: int
    """Anomalies of incidents that nothing stored is about."""


def settings_for(
    base: Detection,
    names: Sequence[str],
    alerts_per_day: float | None = None,
    rule: StreamRule | None = None,
) -> Detection:
    """`base` with these detectors instead: those of windows for all streams, those of sessions where a rule has any.

    `rule`: one more, which comes first. Raises ConfigError for a name that is unknown or can judge nothing.
    """
    rules = (*((rule,) if rule is not None else ()), *base.streams)
    if alerts_per_day is not None:
        base = replace(base, alerts_per_day=alerts_per_day, demo_alerts_per_day=alerts_per_day)
    if not names:
        return replace(base, streams=rules)
    levels = {name: DETECTORS.make(name).level for name in names}
    windows = tuple(name for name in names if levels[name] == "window")
    sessions = tuple(name for name in names if levels[name] == "session")
    if sessions and not any(map(_in_sessions, rules)):
        raise ConfigError(
            f"{sessions[0]} judges sessions, and no [[detection.streams]] table says what a session is; say it for "
            "this run with --match, and --session or --session-key"
        )
    streams = [_with(rule, windows, sessions) for rule in rules]
    return replace(
        base, detectors=windows, streams=tuple(each for each in streams if each.detectors)
    )


def _in_sessions(rule: StreamRule) -> bool:
    return bool(rule.session or rule.session_key)


def _with(rule: StreamRule, windows: tuple[str, ...], sessions: tuple[str, ...]) -> StreamRule:
    """`rule` with those of the detectors that can judge its streams."""
    if sessions and _in_sessions(rule):
        return replace(rule, detectors=(*windows, *sessions))
    return replace(rule, detectors=windows, session="", session_key="")


def report(told: Sequence[Anomaly], stored: Sequence[Stored], start: int, end: int) -> Report:
    """Of the anomalies whose span begins in [`start`, `end`)."""
    told = [anomaly for anomaly in told if start <= anomaly.start < end]
    by_day = Counter(_day(anomaly.start) for anomaly in told)
    of_told = _Spans([(_who(a.source, a.service), a.start, a.end, a.id) for a in told])
    of_stored = _Spans([(_who(s.source, s.service), s.start, s.end, s.status) for s in stored])
    kept: dict[str, tuple[int, int]] = {}
    for each in stored:
        there, again = kept.get(each.status, (0, 0))
        found = bool(of_told.near(_who(each.source, each.service), each.start, each.end))
        kept[each.status] = there + 1, again + found
    statuses = {a.id: of_stored.near(_who(a.source, a.service), a.start, a.end) for a in told}
    loudest = sorted(told, key=lambda a: (-a.score, a.start, a.id))[:EXAMPLES]
    scores = np.array([anomaly.score for anomaly in told])
    return Report(
        days=[(day, by_day[day]) for day in _days(start, end)],
        sources=[
            (*who, n) for who, n in Counter((a.source, a.service) for a in told).most_common()
        ],
        kinds=[(*what, n) for what, n in Counter((a.detector, a.kind) for a in told).most_common()],
        scores={f"p{q}": float(np.percentile(scores, q)) for q in (50, 90, 99)} if told else {},
        examples=[(a, _worst(statuses[a.id])) for a in loudest],
        kept=kept,
        new=sum(not statuses[a.id] for a in told),
    )


def _who(source: str, service: str) -> str:
    return service or source


def _worst(statuses: Sequence[str]) -> str | None:
    """The one that says most, when several stored anomalies are of one incident."""
    ranked = [status for status in ("real", "expected", "noise", "open") if status in statuses]
    return ranked[0] if ranked else None


class _Spans:
    """Spans of time by whom they are about."""

    def __init__(self, spans: Sequence[tuple[str, int, int, str]]) -> None:
        self._of: dict[str, list[tuple[int, int, str]]] = {}
        for who, start, end, what in spans:
            self._of.setdefault(who, []).append((start, end, what))
        self._longest: Mapping[str, int] = {
            who: max(end - start for start, end, _ in mine) for who, mine in self._of.items()
        }
        for mine in self._of.values():
            mine.sort()

    def near(self, who: str, start: int, end: int) -> list[str]:
        """What the spans of `who` say that lie at most `SLACK_NS` from [start, end)."""
        mine = self._of.get(who)
        if mine is None:
            return []
        first = bisect_left(mine, (start - SLACK_NS - self._longest[who], 0, ""))
        found = []
        for begin, stop, what in mine[first:]:
            if begin > end + SLACK_NS:
                break
            if stop >= start - SLACK_NS:
                found.append(what)
        return found


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts // SECOND, UTC).date().isoformat()


def _days(start: int, end: int) -> list[str]:
    """Every day, UTC, that the span touches.

    >>> _days(0, 86_400 * 10**9 + 1)
    ['1970-01-01', '1970-01-02']
    """
    first = datetime.fromtimestamp(start // SECOND, UTC).date()
    last = datetime.fromtimestamp((end - 1) // SECOND, UTC).date()
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def as_stored(row: Mapping[str, Any]) -> Stored:
    return Stored(
        row["id"], row["source"], row["service"], row["start_ts"], row["end_ts"], row["status"]
    )
