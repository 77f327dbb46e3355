"""`driftwood bench detection`: every subject on every data set, under each protocol that the data set has.

Rows are long: data set, protocol, subject, metric. A failure is one row `AP` without a value; its note says why.
`ait_ads/mean` is the mean over the data sets of a folder. Scores are kept in `FILE.scores` beside the file of rows:
what is in there of this commit is not run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np
import orjson

from eval.detection.dataset import Dataset
from eval.detection.find import Found, find
from eval.detection.kept import Kept
from eval.detection.metrics import p_greater, spread
from eval.detection.plots import draw, ready
from eval.detection.protocols import Protocol, named, protocols_of
from eval.detection.subjects import chosen
from eval.detection.verdicts import (
    Verdict,
    averaged,
    baseline,
    competes,
    verdicts,
)
from eval.detection.worker import Order, Outcome, Worker, judged_on
from eval.journal import MEAN, progress, save, stamped_apart, stored
from eval.parsing.readers import DataSetError
from eval.results import Row, interval

BENCH = "detection"
COST = "cost"
_UNBOUNDED = frozenset({"anomalies", "units", "distinct"})
"""Metrics that are no shares; so are those with a unit or a `/` in their name."""


@dataclass
class _Judged:
    """A data set when all subjects are through with it."""

    verdicts: list[Verdict] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    """Costs and failures."""
    sha: str = ""
    peak_mb: dict[str, float | None] = field(default_factory=dict)
    """By subject."""


@dataclass(frozen=True)
class _Plan:
    subjects: tuple[str, ...]
    protocols: tuple[str, ...]
    seeds: int
    limit_s: float
    named: bool
    kept: Kept
    plots: Path | None

    def order(self, data: Dataset, subjects: Iterable[str] = ()) -> Order:
        return Order(data, tuple(subjects), self.protocols, self.seeds, self.named)

    def config(self, subject: str) -> str:
        settings = {"settings": "defaults", "seeds": self.seeds, "subject": subject}
        return orjson.dumps(settings).decode()


def run(
    data: Path | None = None,
    sets: Sequence[str] = (),
    subjects: Sequence[str] = (),
    seeds: int = 5,
    *,
    protocols: Sequence[str] = (),
    jobs: int = 1,
    limit_s: float = 600.0,
    journal: Path | None = None,
    plots: Path | None = None,
) -> list[Row]:
    """All fast subjects when none is named; `all` are the slow ones, too. `limit_s` is for a subject on a data set.

    What `journal` holds of other subjects and data sets stays in it and is among the rows.
    Raises ConfigError for a subject that does not exist.
    """
    names = chosen(list(subjects))
    by_name = bool(subjects) and list(subjects) != ["all"]
    found = find(data, sets)
    if plots is not None:
        ready(plots)
    plan = _Plan(
        tuple(names), tuple(protocols), seeds, limit_s, by_name, Kept.beside(journal), plots
    )
    here = {each.name for each in found}
    others = [
        row for row in stored(journal, BENCH) if row.subject not in names or row.data not in here
    ]
    judged: dict[str, _Judged] = {}
    try:
        for name, each in _each(found, plan, jobs):
            judged[name] = each
            save(journal, [*others, *_rows(judged, plan)])
    finally:
        rows = [*others, *_rows(judged, plan)]
        save(journal, rows)
    return rows


def _each(found: Sequence[Found], plan: _Plan, jobs: int) -> Iterator[tuple[str, _Judged]]:
    """Each data set as it is done; leaving this early ends all that run."""
    running: set[Worker] = set()
    lock, stopped = Lock(), False
    with progress() as shown:
        bar = shown.add_task("detection", total=len(found) * len(plan.subjects))

        def one(each: Found) -> tuple[str, _Judged]:
            try:
                data = each.load()
            except (DataSetError, OSError) as error:
                shown.advance(bar, len(plan.subjects))
                return each.name, _unread(each.name, plan, str(error))
            order = plan.order(data)
            outcomes = {
                name: known
                for name in plan.subjects
                if (known := plan.kept.get(order, name, plan.limit_s))
            }
            shown.advance(bar, len(outcomes))
            left = [name for name in plan.subjects if name not in outcomes]
            if left:
                with lock:
                    if stopped:
                        return each.name, _Judged()
                    worker = Worker(plan.order(data, left), plan.limit_s)
                    running.add(worker)
                for outcome in worker.outcomes():
                    if stopped:
                        return each.name, _Judged()
                    outcomes[outcome.subject] = outcome
                    plan.kept.put(order, outcome)
                    shown.advance(bar)
                running.discard(worker)
            return each.name, _judged(plan, order, [outcomes[n] for n in plan.subjects])

        pool = ThreadPoolExecutor(jobs, thread_name_prefix="bench")
        try:
            waiting: set[Future[tuple[str, _Judged]]] = {pool.submit(one, each) for each in found}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            with lock:
                stopped = True
            for worker in list(running):
                worker.stop()
            pool.shutdown(cancel_futures=True)


def _judged(plan: _Plan, order: Order, outcomes: Sequence[Outcome]) -> _Judged:
    data = order.data
    found = _Judged(sha=data.sha)
    found.peak_mb = {each.subject: each.peak_mb for each in outcomes}
    for protocol in named(protocols_of(data), plan.protocols):
        try:
            found.verdicts += verdicts(data, protocol, outcomes)
            if plan.plots is not None:
                draw(data, protocol, outcomes, plan.plots)
            impossible = ""
        except DataSetError as error:
            impossible = str(error)
        for outcome in outcomes:
            ran = any(run.protocol == protocol.name for run in outcome.runs)
            note = impossible or ("" if ran else outcome.failure)
            if note and protocol.name in _wanted(order, outcome):
                found.rows += _failed(data.name, protocol, outcome.subject, note, data.sha, plan)
    found.verdicts += _means_of_slices(data, found.verdicts, plan)
    for outcome in outcomes:
        found.rows += _cost(data, outcome, plan)
    return found


def _wanted(order: Order, outcome: Outcome) -> set[str]:
    """The protocols under which a subject runs, or would have: all where it cannot even say so."""
    if outcome.failure:
        return {each.name for each in named(protocols_of(order.data), order.protocols)}
    return {each.name for each in judged_on(order, outcome.subject)}


def _means_of_slices(data: Dataset, found: Sequence[Verdict], plan: _Plan) -> Iterator[Verdict]:
    means: dict[str, set[str]] = {}
    for protocol in named(protocols_of(data), plan.protocols):
        if protocol.mean:
            means.setdefault(protocol.mean, set()).update(protocol.names)
    for name, parts in means.items():
        for subject in plan.subjects:
            mine = [each for each in found if each.subject == subject and each.protocol in parts]
            if len(mine) > 1:
                yield averaged(mine, data.name, name, len(parts) - len(mine))


def _cost(data: Dataset, outcome: Outcome, plan: _Plan) -> Iterator[Row]:
    cpu_s = sum(run.cpu_s for run in outcome.runs)
    if not outcome.runs:
        return
    events = sum(run.events for run in outcome.runs)
    values = {"events/s": events / max(cpu_s, 1e-6), "peak_mb": outcome.peak_mb, "cpu_s": cpu_s}
    for metric, value in values.items():
        yield Row(
            BENCH, data.name, COST, outcome.subject, metric, value, n=len(outcome.runs),
            seconds=round(cpu_s, 3), peak_mb=outcome.peak_mb, config=plan.config(outcome.subject),
            data_sha=data.sha,
        )  # fmt: skip


def _failed(
    data: str, protocol: Protocol, subject: str, note: str, sha: str, plan: _Plan
) -> Iterator[Row]:
    for name in protocol.names:
        yield Row(
            BENCH, data, name, subject, "AP", None, config=plan.config(subject), data_sha=sha, note=note
        )  # fmt: skip


def _unread(data: str, plan: _Plan, note: str) -> _Judged:
    return _Judged(
        rows=[
            Row(BENCH, data, "unread", name, "AP", None, config=plan.config(name), note=note)
            for name in plan.subjects
        ]
    )


def _rows(judged: dict[str, _Judged], plan: _Plan) -> list[Row]:
    """Of all data sets that are done, and means over those of a folder."""
    rows: list[Row] = []
    for name in sorted(judged):
        each = judged[name]
        rows += _of_verdicts(each.verdicts, plan, each.sha, each.peak_mb)
        rows += each.rows
    folders: dict[str, list[str]] = {}
    for name in sorted(judged):
        if "/" in name:
            folders.setdefault(name.rpartition("/")[0], []).append(name)
    for folder, names in folders.items():
        if len(names) > 1:
            found = [verdict for name in names for verdict in judged[name].verdicts]
            rows += _of_verdicts(list(_means_of_sets(folder, found)), plan, "", {})
    return stamped_apart(rows)


def _means_of_sets(folder: str, found: Sequence[Verdict]) -> Iterator[Verdict]:
    together: dict[tuple[str, str], list[Verdict]] = {}
    for each in found:
        together.setdefault((each.protocol, each.subject), []).append(each)
    most: dict[str, int] = {}
    for (protocol, _), mine in together.items():
        most[protocol] = max(most.get(protocol, 0), len(mine))
    for (protocol, _), mine in together.items():
        if most[protocol] > 1:
            yield averaged(mine, f"{folder}/{MEAN}", protocol, most[protocol] - len(mine))


def _of_verdicts(
    found: Sequence[Verdict], plan: _Plan, sha: str, peak_mb: dict[str, float | None]
) -> Iterator[Row]:
    protocols = dict.fromkeys(each.protocol for each in found)
    for protocol in protocols:
        mine = [each for each in found if each.protocol == protocol]
        floor = baseline(mine)
        for verdict in mine:

            def row(metric: str, value: float, note: str = "", v: Verdict = verdict) -> Row:
                seeds = len(v.values.get(metric, (0,)))
                return Row(
                    BENCH, v.data, v.protocol, v.subject, metric, round(value, 6), n=v.cases, seeds=seeds,
                    seconds=round(v.cpu_s, 3), peak_mb=peak_mb.get(v.subject), config=plan.config(v.subject),
                    data_sha=sha, note=note or v.note,
                )  # fmt: skip

            for metric, values in verdict.values.items():
                yield _with_interval(row(metric, float(np.mean(values))), values, verdict)
            if floor and floor.subject != verdict.subject and competes(verdict):
                p = p_greater(verdict.draws, floor.draws)
                yield row("p(AP>baseline)", p, f"baseline: {floor.subject}, AP {floor.ap:.3f}")


def _with_interval(row: Row, values: Sequence[float], verdict: Verdict) -> Row:
    """Over seeds where there are several, else over resampled units."""
    low = high = None
    if len(values) > 1:
        _, low, high = interval(values)
    elif row.metric == "AP" and len(verdict.draws):
        low, high = spread(verdict.draws)
        low, high = (None if np.isnan(x) else x for x in (low, high))
    if low is None or high is None:
        return row
    if row.metric not in _UNBOUNDED and "/" not in row.metric and "_s" not in row.metric:
        low, high = max(low, 0.0), min(high, 1.0)
    return _replaced(row, round(low, 6), round(high, 6))


def _replaced(row: Row, low: float, high: float) -> Row:
    return replace(row, low=low, high=high)
