"""Is a session strange *for its actor*? A stage after a session detector, itself no detector.

An actor is whoever a session belongs to: a user, an address, or the source itself. What is usual for an administrator
is not for a clerk, so a session's score (the entropy of its events, say) is compared with the actor's own past, as far
as it has one, and with its peers' as far as it has none. Means are shrunk by what scores themselves show (a one-way
random-effects model, by moments): with `w` the variance within actors and `b` that between them,

    mean of an actor = peers' mean + n / (n + w / b) * (own mean - peers' mean)
    z = (score - mean of the actor) / sqrt(its own variance, shrunk to w, + b w / (w + n b))

so that a new actor is judged by its peers, with all their differences as slack. A session is judged by what came before
it, then learnt, no stranger than `CAP`, so that an attack does not become a habit at once.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
import orjson

from detectors.vectors import Floats
from driftwood.protocols import LogBatch

CAP = 3.0
"""Standard deviations beyond which a session teaches nothing more."""
ENOUGH = 10.0
"""Sessions of peers, forgotten, before anything is said."""
_BELIEF = 10.0
"""Sessions by which an actor's own variance is mixed with its peers'."""
_SPREAD = 0.1
"""Part of the mean that scores are thought to vary by, for one session's worth of belief: no variance is 0."""

Names = npt.NDArray[np.object_]


@dataclass(slots=True)
class _Actor:
    sessions: float = 0.0
    """Forgotten, as all sums are."""
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        return self.total / self.sessions if self.sessions else 0.0

    @property
    def within(self) -> float:
        """The sum of squares around the mean."""
        return max(self.squares - self.total * self.mean, 0.0)


@dataclass(slots=True)
class _Peers:
    """Sums over actors."""

    actors: int = 0
    sessions: float = 0.0
    total: float = 0.0
    within: float = 0.0
    between: float = 0.0
    """Sum of sessions * mean^2"""
    sizes: float = 0.0
    """Sum of sessions^2"""

    def count(self, actor: _Actor, sign: int) -> None:
        self.actors += sign
        self.sessions += sign * actor.sessions
        self.total += sign * actor.total
        self.within += sign * actor.within
        self.between += sign * actor.total * actor.mean
        self.sizes += sign * actor.sessions**2

    @property
    def mean(self) -> float:
        return self.total / self.sessions

    def variances(self) -> tuple[float, float]:
        """Within actors and between them."""
        free = max(self.sessions - self.actors, 0.0)
        within = (max(self.within, 0.0) + (_SPREAD * self.mean) ** 2 + 1e-12) / (free + 1.0)
        spread = self.between - self.total * self.mean - (self.actors - 1) * within
        room = self.sessions - self.sizes / self.sessions
        return within, max(spread / room, 0.0) if room > 1e-9 else 0.0


class Actors:
    def __init__(self, half_life: float = 200.0, most: int = 50_000) -> None:
        """`half_life`: an actor's sessions after which one counts half; `most`: actors remembered, the last seen."""
        self._keep = 0.5 ** (1.0 / half_life)
        self._most = most
        self._actors: dict[tuple[str, str], _Actor] = {}
        """By peer group and name, the last seen last."""
        self._peers: dict[str, _Peers] = {}

    def apply(self, actor: Names, scores: Floats, peers: Names | None = None) -> Floats:
        """(U,) z of each session, given in the order of their start, after all those of earlier calls.

        `peers` names the group that an actor belongs to; without it all are alike. A session whose actor is "" is no
        one's: 0, and nothing is learnt from it.
        """
        groups = [""] * len(actor) if peers is None else peers.tolist()
        rows = zip(actor.tolist(), groups, scores.tolist(), strict=True)
        found = [self._turn(name, group, score) if name else 0.0 for name, group, score in rows]
        return np.array(found, np.float64)

    def _turn(self, name: str, group: str, score: float) -> float:
        actor = self._actors.pop((group, name), _Actor())
        peers = self._peers.setdefault(group, _Peers())
        mean, sd = score, 0.0
        if peers.sessions >= ENOUGH:
            mean, sd = _expected(actor, peers)
            kept = min(max(score, mean - CAP * sd), mean + CAP * sd)
        else:
            kept = score
        if actor.sessions:
            peers.count(actor, -1)
        actor.sessions = actor.sessions * self._keep + 1.0
        actor.total = actor.total * self._keep + kept
        actor.squares = actor.squares * self._keep + kept**2
        peers.count(actor, +1)
        self._actors[group, name] = actor
        if len(self._actors) > self._most:
            oldest = next(iter(self._actors))
            self._peers[oldest[0]].count(self._actors.pop(oldest), -1)
        return (score - mean) / sd if sd else 0.0

    def save(self) -> bytes:
        actors = [[*key, *astuple(actor)] for key, actor in self._actors.items()]
        peers = {group: astuple(sums) for group, sums in self._peers.items()}
        return orjson.dumps({"version": 1, "actors": actors, "peers": peers})

    def load(self, state: bytes) -> None:
        stored = orjson.loads(state)
        self._actors = {(group, name): _Actor(*sums) for group, name, *sums in stored["actors"]}
        self._peers = {group: _Peers(*sums) for group, sums in stored["peers"].items()}


def _expected(actor: _Actor, peers: _Peers) -> tuple[float, float]:
    """Mean and standard deviation of an actor's next session."""
    within, between = peers.variances()
    n = actor.sessions
    shrunk = n * between / (within + n * between)
    mean = peers.mean + shrunk * (actor.mean - peers.mean)
    own = (_BELIEF * within + actor.within) / (_BELIEF + max(n - 1.0, 0.0))
    return mean, math.sqrt(own + between * (1.0 - shrunk))


def actors_of(batch: LogBatch, field: str | None = None) -> Names:
    """(U,) whom each unit belongs to: the value of `field` that most of its events name, "" for none; or its source.

    Of values that are named equally often, the one that comes first in the alphabet.
    """
    if field is None:
        return batch.source
    out = np.full(len(batch), "", np.object_)
    if batch.fields is None:
        return out
    rows = np.flatnonzero(batch.fields.name == field)
    named: dict[int, dict[str, int]] = {}
    units = batch.unit[batch.fields.event[rows]].tolist()
    for unit, value in zip(units, batch.fields.value[rows].tolist(), strict=True):
        counts = named.setdefault(unit, {})
        counts[value] = counts.get(value, 0) + 1
    for unit, counts in named.items():
        out[unit] = min(counts, key=lambda value: (-counts[value], value))
    return out
