"""Streams whose truth is known because they were drawn: Poisson counts of templates per service, as events.

For tests and speed only; how good detection is, is measured on lines (`eval.demo` and the public sets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftwood.labels import LEVELS, label_key
from driftwood.records import EVENTS, Events

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_735_689_600 * SECOND
"""2025-01-01 00:00 UTC"""


@dataclass(frozen=True, slots=True)
class Flow:
    """One template of one service: `per_minute` lines on average in [start, end), seconds of the run."""

    service: str
    template: int
    per_minute: float
    severity: int = 9
    start: float = 0.0
    end: float = float("inf")


def poisson(
    flows: Sequence[Flow], seconds: float, seed: int = 0, *, rhythm: float = 0.0
) -> dict[str, npt.NDArray[np.int64]]:
    """Columns of all lines in [0, `seconds`), ordered by time: ts (ns), template, severity, service (its number).

    `rhythm`: 0 for steady rates, r for rates that swing by +-r over the day, lowest at midnight UTC.
    """
    rng = np.random.default_rng(seed)
    services = list(dict.fromkeys(flow.service for flow in flows))
    parts = []
    for flow in flows:
        end = min(flow.end, seconds)
        highest = flow.per_minute * (1.0 + rhythm)
        n = int(rng.poisson(highest * max(end - flow.start, 0.0) / 60.0))
        at = rng.uniform(flow.start, end, n) if n else np.zeros(0)
        rate = (1.0 - rhythm * np.cos(2 * np.pi * at / 86_400.0)) / (1.0 + rhythm)
        at = at[rng.uniform(size=n) < rate]  # thinning (Lewis & Shedler)
        columns = (flow.template, flow.severity, services.index(flow.service))
        parts.append(
            np.stack([(at * SECOND).astype(np.int64), *(np.full(len(at), c) for c in columns)])
        )
    rows = np.concatenate(parts, axis=1)
    rows = rows[:, np.argsort(rows[0], kind="stable")]
    return dict(zip(("ts", "template", "severity", "service"), rows, strict=True))


def events(
    columns: Mapping[str, npt.NDArray[np.int64]],
    services: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
    lag_ns: int = SECOND // 2,
    observed_ts: npt.NDArray[np.int64] | None = None,
    first_line_id: int = 0,
    start: int = START,
) -> Events:
    """`columns` as `poisson` gives them, as events in the given order; they arrive `lag_ns` after their time."""
    ts = columns["ts"] + start
    n = len(ts)
    seen = np.maximum.accumulate(ts + lag_ns) if n else ts
    level = [LEVELS[(s - 1) // 4] if s else "" for s in range(25)]
    sets = [
        label_key(
            {"service_name": s, **(labels or {"source": "test"}), **({"level": v} if v else {})}
        )
        for s in services
        for v in level
    ]
    names = list(dict.fromkeys(sets))
    place = np.array([names.index(s) for s in sets], np.int32)
    coded = place[columns["service"] * 25 + columns["severity"]] if n else np.zeros(0, np.int32)

    def named(codes: npt.NDArray[np.int32], texts: Sequence[str]) -> pa.DictionaryArray[Any, Any]:
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int32()), pa.array(texts, pa.string())
        )

    line_id = np.arange(first_line_id, first_line_id + n)
    zeros = np.zeros(n, np.int32)
    return Events(
        pa.table(
            [
                pa.array(ts, pa.int64()),
                pa.array(seen if observed_ts is None else observed_ts, pa.int64()),
                named(coded, names),
                pa.array([f"template {t}" for t in columns["template"].tolist()], pa.string()),
                pa.array([[]] * n, EVENTS.field("sm").type),
                pa.array(columns["severity"], pa.uint8()),
                named(columns["service"].astype(np.int32), list(services)),
                named(zeros, ["simulated"]),
                pa.array(zeros, pa.int32()),
                pa.array(line_id, pa.int64()),
                pa.array(zeros, pa.int32()),
                pa.array(columns["template"], pa.int64()),
                pa.array(np.ones(n, np.int32), pa.int32()),
                pa.array(line_id, pa.int64()),
            ],
            schema=EVENTS,
        )
    )
