"""`driftwood bench parsing`: every subject on every data set of Loghub, both protocols, and what it cost.

A subject on a data set gives, per protocol, a row per metric, the same per part of the templates (`FTA@rare10%`), and
`lines/s` and `peak_mb` under the protocol `cost`. A failure is one row `GA` per protocol, whose value is null. Averages
stand under the data set `mean`, one for each group of data sets, so that label conventions are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from threading import Lock

import orjson

from driftwood.errors import ConfigError, DriftwoodError
from eval.journal import MEAN, is_mean, progress, save, stamped_apart, stored
from eval.parsing.apart import PROTOCOLS, Apart, Scored
from eval.parsing.readers import DataSet, DataSetError, find, sha
from eval.parsing.subjects import Subject, known_subjects
from eval.processes import too_long
from eval.results import Row, commit

BENCH = "parsing"
COST = "cost"
PART_METRICS = ("GA", "PA", "FGA", "FTA")


@dataclass(frozen=True, slots=True)
class _Task:
    dataset: DataSet
    name: str
    subject: Subject
    data_sha: str
    config: str

    @property
    def key(self) -> tuple[str, ...]:
        return (self.dataset.name, self.name, self.config, self.data_sha, commit())


def run(
    data: Path | None = None,
    sets: Sequence[str] = (),
    subjects: Sequence[str] = (),
    seeds: int = 1,
    *,
    jobs: int = 1,
    limit_s: float = 600.0,
    journal: Path | None = None,
) -> list[Row]:
    """Rows go to `journal` as they come; what it holds of this commit is not run again, what it holds of other subjects
    and data sets stays in it and is among the rows. `seeds` means nothing: parsers do not draw lots.

    Raises ConfigError for a subject that does not exist.
    """
    chosen = _chosen(subjects)
    datasets = find(data, sets)
    before = stored(journal, BENCH)
    kept = _kept(before, limit_s)
    named = {each.name for each in datasets}
    rows = [row for row in before if row.subject not in chosen or row.data not in named]
    tasks: list[_Task] = []
    for dataset in datasets:
        try:
            path, layout = dataset.labels()
            digest = sha(path)
        except (DataSetError, OSError) as error:
            # The reason is the data set's, whoever would have read it.
            rows += stamped_apart(_failures(dataset.name, chosen, str(error)))
            continue
        for name, subject in chosen.items():
            task = _Task(dataset, name, subject, digest, _config(subject, layout))
            if task.key in kept:
                rows += kept[task.key]
            else:
                tasks.append(task)
    try:
        for done in _measured(tasks, jobs, limit_s):
            rows += done
            save(journal, rows)
    finally:
        rows = _in_order([*rows, *stamped_apart(_means(rows))], chosen)
        save(journal, rows)
    return rows


def _chosen(subjects: Sequence[str]) -> dict[str, Subject]:
    known = known_subjects()
    names = list(subjects) or list(known)
    if wrong := [name for name in names if name not in known]:
        raise ConfigError(f"no subject named {wrong[0]!r}; known: {', '.join(known)}")
    return {name: known[name] for name in names}


def _config(subject: Subject, layout: str) -> str:
    settings = {"layout": layout, "settings": subject.settings, "per_set": subject.tuned}
    return orjson.dumps(settings).decode()


def _measured(tasks: Sequence[_Task], jobs: int, limit_s: float) -> Iterator[list[Row]]:
    """The rows of each task as it ends; leaving this early ends all that run."""
    running: set[Apart] = set()
    lock, stopped = Lock(), False

    def one(task: _Task) -> list[Row]:
        with lock:
            if stopped:
                return []
            process = Apart(task.dataset, task.subject, limit_s)
            running.add(process)
        try:
            return stamped_apart(_rows(task, process.result()))
        except DriftwoodError as error:
            return stamped_apart(_failed(task, str(error)))
        finally:
            running.discard(process)

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="bench")
    try:
        waiting: set[Future[list[Row]]] = {pool.submit(one, task) for task in tasks}
        with progress() as shown:
            bar = shown.add_task("parsing", total=len(tasks))
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    shown.advance(bar)
                    yield each.result()
    finally:
        with lock:
            stopped = True
        for process in list(running):
            process.kill()
        pool.shutdown(cancel_futures=True)


def _rows(task: _Task, found: Scored) -> Iterator[Row]:
    def row(protocol: str, metric: str, value: float, n: int) -> Row:
        return Row(
            BENCH, task.dataset.name, protocol, task.name, metric, round(value, 6), n=n,
            seconds=round(found.cpu_s, 3), peak_mb=found.peak_mb, config=task.config,
            data_sha=task.data_sha, note=found.note,
        )  # fmt: skip

    for protocol in PROTOCOLS:
        for metric, value in found.scores[protocol].by_name().items():
            yield row(protocol, metric, value, found.lines)
        for part, scores in found.parts[protocol].items():
            for metric in PART_METRICS:
                value = scores.by_name()[metric]
                n = scores.lines if metric in ("GA", "PA") else scores.true
                yield row(protocol, f"{metric}@{part}", value, n)
    yield row(COST, "lines/s", found.lines / max(found.cpu_s, 1e-6), found.lines)
    yield row(COST, "peak_mb", found.peak_mb, found.lines)


def _failed(task: _Task, note: str) -> list[Row]:
    return [
        Row(
            BENCH, task.dataset.name, protocol, task.name, "GA", None,
            config=task.config, data_sha=task.data_sha, note=note,
        )
        for protocol in PROTOCOLS
    ]  # fmt: skip


def _failures(data: str, subjects: Iterable[str], note: str) -> list[Row]:
    return [
        Row(BENCH, data, protocol, name, "GA", None, note=note)
        for name in subjects
        for protocol in PROTOCOLS
    ]


def _means(rows: Sequence[Row]) -> Iterator[Row]:
    """The plain mean over the data sets of a group; `n` is how many, and a failure is said and left out."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    failed: dict[tuple[str, str, str], int] = {}
    for row in rows:
        group = "/".join(filter(None, (row.data.rpartition("/")[0], MEAN)))
        if row.value is None:
            key = (group, row.protocol, row.subject)
            failed[key] = failed.get(key, 0) + 1
        else:
            values.setdefault((group, row.protocol, row.subject, row.metric), []).append(row.value)
    for (group, protocol, subject, metric), found in values.items():
        missing = failed.get((group, protocol, subject), 0)
        note = f"without {missing} data sets that failed" if missing else ""
        value = max(found) if metric == "peak_mb" else fmean(found)
        yield Row(
            BENCH, group, protocol, subject, metric, round(value, 6), n=len(found), note=note
        )  # fmt: skip


def _in_order(rows: Iterable[Row], subjects: Iterable[str]) -> list[Row]:
    """By data set, averages last, then as the subjects were named."""
    place = {name: at for at, name in enumerate(subjects)}
    return sorted(rows, key=lambda row: (is_mean(row), row.data, place.get(row.subject, 0)))


def _kept(before: Iterable[Row], limit_s: float) -> dict[tuple[str, ...], list[Row]]:
    """What need not be run again, by `_Task.key`: results, and what took too long at this limit."""
    kept: dict[tuple[str, ...], list[Row]] = {}
    for row in before:
        if row.value is not None or row.note == too_long(limit_s):
            key = (row.data, row.subject, row.config, row.data_sha, row.commit)
            kept.setdefault(key, []).append(row)
    return kept
