# ruff: noqa: S608  (what stands in the SQL is our own)
"""What lines usually look like, as far as they are not sealed: a sample of them, taken from time to time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeAlias

from driftwood.logql.answer import Labels
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.static import among
from driftwood.logql.sql import sql
from driftwood.store.read import Span

Sampled: TypeAlias = Callable[[Mapping[int, Labels], Collection[str]], Sequence[str] | None]
"""A sample of the lines of some streams that have to be looked into, given the columns that spare others that; None:
lines of other hours are among them, which may look otherwise.
"""

LINES = 300
LONGEST = 8_192
"""Bytes of a line that is sampled."""
KEPT_S = 60.0
REMEMBERED = 64


class _Sample(NamedTuple):
    taken: float
    lines: Sequence[str]


_samples: OrderedDict[tuple[Path, frozenset[int]], _Sample] = OrderedDict()
_lock = Lock()


def sampled(asking: Asked, span: Span) -> Sampled:
    """For the rows of `span`."""

    def sample(streams: Mapping[int, Labels], columns: Collection[str]) -> Sequence[str] | None:
        if asking.store.lacks(span.start, span.end, columns):
            return None
        key = asking.store.path, frozenset(streams)
        with _lock:
            known = _samples.get(key)
        now = time.monotonic()
        if known is None or now > known.taken + KEPT_S:
            known = _Sample(now, _taken(asking, streams))
            with _lock:
                _samples[key] = known
                _samples.move_to_end(key)
                while len(_samples) > REMEMBERED:
                    _samples.popitem(last=False)
        return known.lines

    return sample


def _taken(asking: Asked, streams: Mapping[int, Labels]) -> tuple[str, ...]:
    short = f"SELECT line FROM logs_hot WHERE strlen(line) <= {LONGEST} AND {{}}"
    found = asking.query(
        sql(f"SELECT line FROM ({short}) USING SAMPLE reservoir({LINES} ROWS)", among(streams))
    )
    return tuple(map(str, found.column("line").to_pylist()))
