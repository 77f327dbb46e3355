"""The demo shop itself: a pure function from (seed, incidents, minute) to the lines of that minute.

Each minute of the calendar has a random generator of its own, so any minute can be made without those before it:
that is what makes a run resume exactly where it was killed. `generate` gives event time as fast as it can; whoever
wants a live stream sleeps between the lines.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ingest.demo_catalogue import ACTIVITIES, ROUTINES, Step
from ingest.demo_incidents import SECOND, Incident
from ingest.demo_messages import SHARED, SLOTS, Draw, Message

MINUTE: Final = 60 * SECOND
_MS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_LINES_PER_WEIGHT: Final = sum(a.weight * a.lines for a in ACTIVITIES)
_PLAIN_RATE: Final = 4.0  # lines per second for which the bursts of incidents are written


class Line(NamedTuple):
    ts: int
    """ns since the epoch; the text shows it as precisely as the service's format does"""
    service: str
    text: str
    """one record: a stack trace holds newlines"""
    off: int
    """minute of the epoch << 20 | number within the minute: ascending, and the same in every run"""


def rhythm(ts: int) -> float:
    """How busy the shop is at `ts`, 1 at noon (UTC) and 0.3 at midnight.

    >>> [round(rhythm(hour * 60 * MINUTE), 2) for hour in (0, 6, 12, 18)]
    [0.3, 0.65, 1.0, 0.65]
    """
    day = ts / (24 * 60 * MINUTE)
    return 0.65 - 0.35 * math.cos(2 * math.pi * day)


def generate(
    seed: int, start: int, end: int, incidents: Iterable[Incident], rate: float = 4.0
) -> Iterator[list[Line]]:
    """The lines of [start, end), ns, minute by minute, ordered by time. `rate`: lines per second at noon.

    `incidents` must be ordered by start and may be endless. The texts depend on `rate` too.
    """
    coming, current = iter(incidents), list[Incident]()
    ahead = next(coming, None)
    for minute in range(start // MINUTE, -(-end // MINUTE)):
        begin, until = minute * MINUTE, (minute + 1) * MINUTE
        while ahead is not None and ahead.start < until:
            current.append(ahead)
            ahead = next(coming, None)
        current = [incident for incident in current if incident.end > begin]
        lines = _Minute(seed, minute, current, rate).lines()
        if begin < start or until > end:
            lines = [line for line in lines if start <= line.ts < end]
        yield lines


class _Minute:
    """One minute of the calendar while its lines are made. All times inside are ms since its begin."""

    def __init__(self, seed: int, minute: int, incidents: list[Incident], rate: float) -> None:
        self._seed = seed
        self._minute = minute
        self._incidents = incidents
        self._rate = rate
        self._told: list[tuple[int, Message, _Facts]] = []
        self._draw = random.Random(f"{seed} {minute}").random

    def lines(self) -> list[Line]:
        per_weight = self._rate * rhythm(self._minute * MINUTE) / _LINES_PER_WEIGHT
        for activity in ACTIVITIES:
            # An activity begins early enough to end within its minute.
            span = _MINUTE_MS - sum(step.delay_ms for step in activity.steps)
            for at in _arrivals(self._draw, activity.weight * per_weight, 0, span):
                self._tell(at, activity.steps)
        for routine in ROUTINES:
            if self._minute % routine.every_min == routine.at_min:
                self._tell(1_000 * self._draw(), routine.steps)
        for incident in self._incidents:
            self._told += self._struck(incident)
        return self._written()

    def _tell(self, at: float, steps: Iterable[Step]) -> None:
        draw, facts = self._draw, _Facts(self._draw)
        for step in steps:
            at += draw() * step.delay_ms
            if step.chance == 1.0 or draw() < step.chance:
                self._told.append((int(at), step.choices[int(draw() * len(step.choices))], facts))

    def _struck(self, incident: Incident) -> Iterator[tuple[int, Message, _Facts]]:
        """The lines that an incident adds, from a generator of its own: the ordinary ones stay what they are."""
        draw = self._draw_of(incident)
        start, end = self._span(incident)
        per_s = max(1.0, self._rate / _PLAIN_RATE)
        for burst in incident.bursts:
            begin = start + int(burst.after_s * 1_000)
            if begin >= 0:  # the first line marks the beginning
                yield begin, burst.choices[0], _Facts(draw, burst.facts)
            for at in _arrivals(draw, burst.per_s * per_s, max(begin, 0), min(end, _MINUTE_MS)):
                message = burst.choices[int(draw() * len(burst.choices))]
                yield int(at), message, _Facts(draw, burst.facts)

    def _written(self) -> list[Line]:
        written, clock = list[Line](), _Clock(self._minute)
        altering = [
            (*self._span(i), i, dict(i.reworded), self._draw_of(i))
            for i in self._incidents
            if i.silent or i.reworded
        ]
        for at, message, facts in sorted(self._told, key=lambda told: told[0]):
            facts[message.clock] = clock.time(message.clock, at)
            text: str | None = message.form % tuple(map(facts.__getitem__, message.slots))
            for start, end, incident, reworded, draw in altering:
                if start <= at < end and message.service == incident.service:
                    new = reworded.get(message)
                    if new is not None:
                        values = _Facts(draw, facts.items())
                        text = new.form % tuple(map(values.__getitem__, new.slots))
                    elif incident.silent:
                        text = None
            if text is not None:
                ts = (self._minute * _MINUTE_MS + at) * _MS
                off = self._minute << 20 | len(written)
                written.append(Line(ts, message.service, text, off))
        return written

    def _span(self, incident: Incident) -> tuple[int, int]:
        begin = self._minute * _MINUTE_MS
        return incident.start // _MS - begin, incident.end // _MS - begin

    def _draw_of(self, incident: Incident) -> Draw:
        return random.Random(
            f"{self._seed} {self._minute} {incident.kind} {incident.service}"
        ).random


class _Facts(dict[str, object]):
    """What the lines of one activity agree on, drawn when first asked for; other slots are drawn each time."""

    def __init__(self, draw: Draw, known: Iterable[tuple[str, object]] = ()) -> None:
        super().__init__(known)
        self._draw = draw

    def __missing__(self, slot: str) -> object:
        value = SLOTS[slot](self._draw)
        if slot in SHARED:
            self[slot] = value
        return value


class _Clock:
    """Times within one minute, as each service writes them."""

    def __init__(self, minute: int) -> None:
        at = datetime.fromtimestamp(minute * 60, UTC)
        month = _MONTHS[at.month - 1]  # %b would follow the locale
        self._forms = {
            "clf": f"{at.day:02}/{month}/{at:%Y:%H:%M}:%02d +0000",
            "syslog": f"{month} {at.day:2} {at:%H:%M}:%02d",
            "iso": f"{at:%Y-%m-%dT%H:%M}:%02d.%03dZ",
            "java": f"{at:%Y-%m-%d %H:%M}:%02d,%03d",
        }

    def time(self, form: str, at_ms: int) -> str:
        seconds, ms = divmod(at_ms, 1_000)
        return self._forms[form] % ((seconds, ms) if form in _PRECISE else seconds)


_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_PRECISE: Final = frozenset({"iso", "java"})


def _arrivals(draw: Draw, per_s: float, start: float, end: float) -> Iterator[float]:
    """A Poisson process: times in [start, end), ms."""
    gap_ms = 1_000 / per_s
    at = start - gap_ms * math.log(1.0 - draw())
    while at < end:
        yield at
        at -= gap_ms * math.log(1.0 - draw())
