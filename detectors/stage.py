"""The detection stage of the pipeline: events in, anomalies out.

    events -> lane of their stream -> windows or sessions -> detectors -> Anomaly

A *lane* is how some streams are judged: by windows (`window_lane`) or by sessions (`session_lane`). Each rule in
`[[detection.streams]]` has its own, or one of each kind; all other streams share the lane of `[detection]`.

The same rows, and the same verdicts of people at the same places among them, give the same anomalies with the same
ids, in any cut of batches and after any crash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson

from detectors import DETECTORS
from detectors.lane import Lane
from detectors.session_lane import SessionLane
from detectors.snapshot import pack, unpack
from detectors.tiers import SESSION_TIERS
from detectors.units import FOREVER, codes_of, dictionary
from detectors.window_lane import WindowLane
from driftwood import logql
from driftwood.config import Detection, StreamRule
from driftwood.errors import ConfigError, QueryError
from driftwood.logql.ast import LogQuery, Matcher
from driftwood.records import Anomaly, Events
from driftwood.store.streams import test_of

logger = logging.getLogger(__name__)

_VERSION = 2
"""1 is the snapshot of a single lane of windows, which is still written as such."""


class DetectionStage:
    """Confined to the pipeline's thread, except `status` and `effects`."""

    def __init__(
        self,
        settings: Detection,
        texts: Callable[[], Mapping[int, str]],
        *,
        looks: bool = True,
    ) -> None:
        """`texts` gives the current text of templates by id; without `looks` only what is finished is judged.

        Raises ConfigError for a rule that cannot work.
        """
        self._default = WindowLane(
            "", settings, settings.detectors, settings.window_s, texts, looks=looks
        )
        _levels(settings.detectors, "[detection] detectors", sessions=False)
        self._rules = [_matchers(rule) for rule in settings.streams]
        if len({rule.match for rule in settings.streams}) < len(settings.streams):
            raise ConfigError(
                "[[detection.streams]]: two tables have the same match; the second would never count"
            )
        self._of_rule = [_lanes(rule, settings, texts, looks) for rule in settings.streams]
        self._lanes: list[Lane] = [self._default, *chain.from_iterable(self._of_rule)]
        self._routes: dict[str, int] = {}
        """The rule of each label set, -1: none."""

    def observe(self, events: Events) -> tuple[Anomaly, ...]:
        """Take rows in, in the order of their line ids; rows taken in before are ignored (after `load`: see there)."""
        if not self._rules:
            return self._default.observe(events)
        labels = dictionary(events, "labels")
        routes = np.array(
            [self._route(str(key)) for key in labels.dictionary.to_pylist()], np.int32
        )
        rules = routes[codes_of(labels)]
        found: list[Anomaly] = []
        for rule in np.unique(rules).tolist():
            mine = rules == rule
            rows = events if mine.all() else Events(events.filter(mine))
            for lane in self._of_rule[rule] if rule >= 0 else (self._default,):
                found += lane.observe(rows)
        return tuple(found)

    def _route(self, key: str) -> int:
        if key not in self._routes:
            labels = orjson.loads(key)
            matching = (
                number
                for number, tests in enumerate(self._rules)
                if all(test(labels.get(name, "")) for name, test in tests)
            )
            self._routes[key] = next(matching, -1)
        return self._routes[key]

    def advance(self, now: int) -> tuple[Anomaly, ...]:
        """A look at live sources that were not heard for `lateness_s` by now (ns); call it when nothing is queued.

        After a pause of these calls (a restart, a full disk) the sources get `lateness_s` to be heard again.
        """
        return tuple(chain.from_iterable(lane.advance(now) for lane in self._lanes))

    def finish(self) -> tuple[Anomaly, ...]:
        """A look at all that is open, for when nothing more comes; the last of each source may not be full yet."""
        return tuple(chain.from_iterable(lane.finish() for lane in self._lanes))

    def acknowledge(self, anomaly_id: str, verdict: str) -> Callable[[], None] | None:
        """Take to heart what a person said of an anomaly; what undoes that, None when nothing is learnt from it.

        What is learnt belongs to this place among the rows: a snapshot must become durable with the verdict.
        """
        for lane in self._lanes:
            if (undo := lane.acknowledge(anomaly_id, verdict)) is not None:
                return undo
        return None

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict on this anomaly would do, in a sentence; {} when nothing is learnt from any."""
        return next(filter(None, (lane.effects(anomaly_id) for lane in self._lanes)), {})

    def save(self) -> bytes:
        """All that `load` needs, but the rows of open windows, which lie in the store."""
        if len(self._lanes) == 1:
            return self._default.save()
        states = [np.frombuffer(lane.save(), np.uint8) for lane in self._lanes]
        header = {"version": _VERSION, "after": self._after, "lanes": [x.name for x in self._lanes]}
        return pack(header, {f"lane {at}": state for at, state in enumerate(states)})

    @property
    def _after(self) -> int:
        return max(lane.after for lane in self._lanes)

    def load(self, state: bytes) -> tuple[int, int]:
        """Go on from a snapshot: give (after_line_id, since_ts), and `observe` all that `Store.replay` answers to it.

        Rows up to `after_line_id` only fill the windows that the snapshot left open; those after it are news.
        A lane that the snapshot does not know, or knows with other settings, starts anew behind it.
        """
        header, arrays = unpack(state)
        if "lanes" not in header:
            saved, after = {"": state}, int(header["windows"]["after"])
        elif header["version"] != _VERSION:
            logger.warning("detection starts anew: its snapshot is of another version")
            saved, after = {}, int(header["after"])
        else:
            saved = {n: arrays[f"lane {at}"].tobytes() for at, n in enumerate(header["lanes"])}
            after = int(header["after"])
        since = FOREVER
        for lane in self._lanes:
            if lane.name in saved:
                since = min(since, lane.load(saved[lane.name]))
            else:
                lane.after = after
        return after, since

    def status(self) -> list[dict[str, Any]]:
        """What the System page shows of each detector. May be called from any thread."""
        return [row for lane in self._lanes for row in lane.status()]


def _matchers(rule: StreamRule) -> list[tuple[str, Callable[[str], bool]]]:
    return [(matcher.name, test_of(matcher)) for matcher in selector(rule.match)]


def selector(match: str) -> Sequence[Matcher]:
    """The matchers of a rule. Raises ConfigError."""
    try:
        query = logql.parse(match, any_stream=True)
    except QueryError as error:
        raise ConfigError(f"[[detection.streams]] match: {error}") from error
    if not isinstance(query, LogQuery) or query.stages:
        raise ConfigError(
            f'[[detection.streams]] match: a selector is needed, as in {{service_name="api"}}, and not {match!r}'
        )
    return query.matchers


def _lanes(
    rule: StreamRule,
    settings: Detection,
    texts: Callable[[], Mapping[int, str]],
    looks: bool,
) -> list[Lane]:
    where = f"[[detection.streams]] {rule.match}"
    in_sessions = bool(rule.session or rule.session_key)
    names = rule.detectors or (
        SESSION_TIERS[_tier(rule, where)] if in_sessions else settings.detectors
    )
    levels = _levels(names, f"{where} detectors")
    windows = [name for name in names if levels[name] == "window"]
    sessions = [name for name in names if levels[name] == "session"]
    if in_sessions and not sessions:
        raise ConfigError(
            f"{where}: it says what a session is, and none of {', '.join(names)} judges sessions; "
            f"add one, such as {SESSION_TIERS[0][0]}"
        )
    lanes: list[Lane] = []
    if windows:
        length = rule.window_s or settings.window_s
        lanes.append(WindowLane(rule.match, settings, windows, length, texts, looks=looks))
    if sessions:
        lanes.append(SessionLane(rule, settings, sessions, texts, looks=looks))
    return lanes


def _tier(rule: StreamRule, where: str) -> int:
    if rule.tier >= len(SESSION_TIERS):
        known = ", ".join(map(str, range(len(SESSION_TIERS))))
        raise ConfigError(f"{where} tier: there is no tier {rule.tier}; there are {known}")
    return rule.tier


def _levels(names: Sequence[str], where: str, sessions: bool = True) -> dict[str, str]:
    """What each detector judges. Raises ConfigError for one that cannot work while lines stream."""
    levels: dict[str, str] = {}
    for name in names:
        detector = DETECTORS.make(name)
        if missing := detector.needs:
            raise ConfigError(
                f"{where}: {name} needs {' and '.join(sorted(missing))}, which a stream has not"
            )
        if detector.level == "session" and not sessions:
            raise ConfigError(
                f"{where}: {name} judges sessions; say in a [[detection.streams]] table what a session is"
            )
        levels[name] = detector.level
    return levels
