"""The demo shop scored against its truth: what share of each kind of incident is found, how soon, and at what price.

An incident (one row of truth: kind, service, start, end) is *found* by an anomaly of its service whose window
overlaps [start, end + one window]; the delay counts from the incident's start to the moment at which the anomaly is
given out. An anomaly that overlaps no incident of its service is a false alarm.

The shop's lines go the way of production: decoder, shape cache and miner, detection stage. A run has 24 h of history,
read at once as the demo source does, then `hours` live, in ticks of two seconds of event time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from detectors import DETECTORS
from detectors.stage import DetectionStage
from driftwood.config import Detection
from driftwood.records import EVENTS, Anomaly, Events
from eval.results import Row, interval, stamped
from ingest.decode import Decoder
from ingest.demo_incidents import KINDS, Incident, schedule
from ingest.demo_messages import SERVICES
from ingest.demo_shop import Line, generate
from parsing import PARSERS
from parsing.shapes import ShapeCache

SECOND = 10**9
HOUR = 3_600 * SECOND
START = 1_741_600_800 * SECOND
"""2025-03-10 10:00 UTC, a Monday: where the live part begins."""
ALL = "all"
"""The subject that is every detector together, as `serve` runs them."""
_TICK = 2 * SECOND
_HISTORY_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Shop:
    """One seeded run, parsed once for all subjects."""

    truth: tuple[Incident, ...]
    ticks: tuple[tuple[int, Events], ...]
    """What arrives at a time (ns), in order."""
    texts: dict[int, str]
    sha: str


class Told(NamedTuple):
    at: int
    """When the anomaly was given out, ns."""
    anomaly: Anomaly


class Outcome(NamedTuple):
    """One subject on one run."""

    delays: dict[str, list[float | None]]
    """By kind, one entry per incident: seconds from its start to the first anomaly, None when it was not found."""
    told: int
    false: int
    hours: float
    cpu_s: float


def run(
    data: Path | None = None,
    sets: Sequence[str] = (),
    subjects: Sequence[str] = (),
    seeds: int = 5,
    *,
    hours: float = 4.0,
    first_seed: int = 0,
    settings: Detection | None = None,
) -> list[Row]:
    """Seeds `first_seed`... , `hours` of live lines each. `data` and `sets` mean nothing here: the shop is generated.

    Raises ConfigError for a subject that is no detector.
    """
    settings = settings or Detection()
    wanted = list(subjects) or [ALL, *settings.detectors]
    for name in wanted:
        if name != ALL:
            DETECTORS.locate(name)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in wanted}
    digest = hashlib.sha256()
    for seed in range(first_seed, first_seed + seeds):
        shop = shop_of(seed, hours)
        digest.update(shop.sha.encode())
        for name in wanted:
            outcomes[name].append(outcome_of(shop, name, hours, settings))
    config = orjson.dumps(
        {"hours": hours, "first_seed": first_seed, "detection": settings}
    ).decode()
    return stamped(
        row
        for name in wanted
        for row in _rows(name, outcomes[name], config, digest.hexdigest()[:16])
    )


def shop_of(seed: int, hours: float, history_h: float = 24.0, rate: float = 4.0) -> Shop:
    end = START + int(hours * HOUR)
    begin = START - int(history_h * HOUR)
    # One that begins in the last minutes could not be found any more.
    truth = tuple(takewhile(lambda i: i.end < end - 300 * SECOND, schedule(seed, START, 5.0)))
    digest = hashlib.sha256()
    parser = ShapeCache(PARSERS.make("driftwood"))
    decoder = Decoder("demo", {"source": "demo"})
    ticks, next_id = [], 0
    for at, lines in _arrivals(generate(seed, begin, end, truth, rate)):
        digest.update("\n".join(line.text for line in lines).encode())
        ticks.append((at, _events(lines, at, decoder, parser, next_id)))
        next_id += len(lines)
    texts = {int(template): text for template, text in parser.templates().items()}
    return Shop(truth, tuple(ticks), texts, digest.hexdigest())


def outcome_of(shop: Shop, subject: str, hours: float, settings: Detection) -> Outcome:
    told, cpu_s = told_by(shop, subject, settings)
    return score(shop.truth, told, hours, round(settings.window_s * SECOND), cpu_s)


def told_by(shop: Shop, subject: str, settings: Detection) -> tuple[list[Told], float]:
    """What `subject` tells of the live part, and the CPU seconds that it took for all."""
    names = settings.detectors if subject == ALL else (subject,)
    stage = DetectionStage(replace(settings, detectors=names), lambda: shop.texts)
    told: list[Told] = []
    before = time.process_time()
    for at, events in shop.ticks:
        told += [Told(at, anomaly) for anomaly in stage.observe(events)]
        told += [Told(at, anomaly) for anomaly in stage.advance(at)]
    cpu_s = time.process_time() - before
    return [t for t in told if t.anomaly.end > START], cpu_s


def score(
    truth: Iterable[Incident],
    told: Sequence[Told],
    hours: float,
    window_ns: int,
    cpu_s: float = 0.0,
) -> Outcome:
    delays: dict[str, list[float | None]] = {}
    right: set[str] = set()
    for incident in truth:
        found = [t for t in told if _overlaps(t.anomaly, incident, window_ns)]
        right.update(t.anomaly.id for t in found)
        first = min((t.at - incident.start for t in found), default=None)
        delays.setdefault(incident.kind, []).append(
            None if first is None else max(first, 0) / SECOND
        )
    false = sum(t.anomaly.id not in right for t in told)
    return Outcome(delays, len(told), false, hours, cpu_s)


def _overlaps(anomaly: Anomaly, incident: Incident, window_ns: int) -> bool:
    return (
        anomaly.service == incident.service
        and anomaly.start < incident.end + window_ns
        and anomaly.end > incident.start
    )


def _rows(subject: str, outcomes: list[Outcome], config: str, sha: str) -> Iterator[Row]:
    def row(metric: str, values: Sequence[float], n: int, part: str = "demo") -> Row:
        value, low, high = interval(values)
        if metric in ("recall", "precision") and low is not None and high is not None:
            low, high = max(low, 0.0), min(high, 1.0)
        return Row(
            bench="demo", data=part, protocol="incidents", subject=subject, metric=metric, value=value, low=low,
            high=high, n=n, seeds=len(outcomes), seconds=round(sum(o.cpu_s for o in outcomes), 2), config=config,
            data_sha=sha, note="" if values else "no case",
        )  # fmt: skip

    for kind in KINDS:
        cases = [o.delays.get(kind, []) for o in outcomes]
        every = [d for case in cases for d in case]
        found = [[d for d in case if d is not None] for case in cases]
        recalls = [len(f) / len(c) for f, c in zip(found, cases, strict=True) if c]
        late = [max(f) for f in found if f]
        yield row("recall", recalls, len(every), f"demo/{kind}")
        yield row("delay_s", [float(np.mean(f)) for f in found if f], len(every), f"demo/{kind}")
        yield row("delay_max_s", [max(late)] if late else [], len(every), f"demo/{kind}")
    told = sum(o.told for o in outcomes)
    everything = [[d for case in o.delays.values() for d in case] for o in outcomes]
    recalls = [sum(d is not None for d in all_) / len(all_) for all_ in everything if all_]
    yield row("recall", recalls, sum(map(len, everything)))
    yield row("precision", [1.0 - o.false / o.told for o in outcomes if o.told], told)
    yield row("false_alarms_per_hour", [o.false / o.hours for o in outcomes], told)
    yield row("anomalies_per_hour", [o.told / o.hours for o in outcomes], told)


def _arrivals(minutes: Iterable[list[Line]]) -> Iterator[tuple[int, list[Line]]]:
    """(when they arrive, lines): the history at its end, in large parts; the live lines at the end of their tick."""
    waiting: list[Line] = []
    for lines in minutes:
        live = [line for line in lines if line.ts >= START]
        waiting += [line for line in lines if line.ts < START]
        if waiting and (live or len(waiting) >= _HISTORY_ROWS):
            yield START, waiting
            waiting = []
        tick: list[Line] = []
        for line in live:
            if tick and line.ts // _TICK != tick[0].ts // _TICK:
                yield (tick[0].ts // _TICK + 1) * _TICK, tick
                tick = []
            tick.append(line)
        if tick:
            yield (tick[0].ts // _TICK + 1) * _TICK, tick


def _events(
    lines: list[Line], at: int, decoder: Decoder, parser: ShapeCache, next_id: int
) -> Events:
    """As `ingest.demo` makes records and the pipeline events of them."""
    tables, offs = [], []
    for service in SERVICES:
        mine = [line for line in lines if line.service == service]
        if mine:
            offs += [line.off for line in mine]
            tables.append(
                decoder.lines(
                    [line.text for line in mine],
                    [line.off for line in mine],
                    topic=f"demo/{service}",
                    part=0,
                    labels={"service_name": service},
                    mtime_ns=lines[-1].ts,
                    arrived_ns=at,
                )
            )
    records = (
        pa.concat_tables(tables).unify_dictionaries().take(np.argsort(np.array(offs, np.int64)))
    )
    template_id, version = parser.assign(records["line"])
    line_id = pa.array(np.arange(next_id, next_id + len(lines)))
    columns = [*records.columns, template_id, version, line_id]
    return Events(pa.table(columns, schema=EVENTS))
