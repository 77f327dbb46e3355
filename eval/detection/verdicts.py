"""What a subject reached on a data set under a view of a protocol: every metric per seed, and AP in every resample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from driftwood.protocols import Labels
from eval.detection import incidents
from eval.detection.dataset import Dataset, Rows, Split
from eval.detection.duplicates import Duplicates, duplicates
from eval.detection.incidents import Flags
from eval.detection.metrics import Bootstrap, Floats, Ranking, threshold_of
from eval.detection.protocols import Protocol, View, all_units
from eval.detection.subjects import ORACLES, SIMPLE, subject
from eval.detection.worker import Outcome, Run

BUDGET = 0.005
"""The share of normal validation units that may be flagged: F1 is at this threshold."""
BUDGETS = (0.001, 0.01)
"""Others, for F1@val0.1% and F1@val1%."""
INCIDENTS = "incidents"
MEAN = "mean"


@dataclass(frozen=True)
class Verdict:
    data: str
    protocol: str
    subject: str
    values: Mapping[str, tuple[float, ...]]
    """By metric, one per seed."""
    cases: int
    """Anomalies in the test, or phases."""
    draws: Floats = field(default_factory=lambda: np.empty(0))
    """AP in each resample, the mean over seeds; empty where AP is not measured."""
    cpu_s: float = 0.0
    note: str = ""

    @property
    def ap(self) -> float:
        return float(np.mean(self.values["AP"])) if "AP" in self.values else float("nan")


def verdicts(data: Dataset, protocol: Protocol, outcomes: Sequence[Outcome]) -> Iterator[Verdict]:
    """Of those that ran under the protocol. Raises DataSetError when the data set cannot be parted so."""
    runs = {
        outcome.subject: found
        for outcome in outcomes
        if (found := [run for run in outcome.runs if run.protocol == protocol.name])
    }
    seeds = sorted({run.seed for found in runs.values() for run in found})
    splits = {seed: protocol.split(data, seed) for seed in seeds or [0]}
    copies = {seed: duplicates(data, split) for seed, split in splits.items()}
    bootstrap = Bootstrap(_groups(data))
    for name, view in (protocol.views or {protocol.name: all_units}).items():
        parts = {seed: _Part.of(data, splits[seed], copies[seed], view) for seed in splits}
        yield from _of_view(data, name, runs, parts, bootstrap)
    if protocol.incidents:
        for name, found in runs.items():
            yield _incidents(data, name, found, splits)


@dataclass(frozen=True)
class _Part:
    """The test units of a view."""

    counts: Flags
    """(test,)"""
    rows: Rows
    truth: Labels
    weight: Floats
    once: Floats
    facts: Mapping[str, float]

    @staticmethod
    def of(data: Dataset, split: Split, copies: Duplicates, view: View) -> _Part:
        counts = view(data, split.test)
        rows = split.test[counts]
        truth = data.truth[rows]
        weight = np.ones(len(rows)) if split.weight is None else split.weight[counts]
        _, first, size = np.unique(
            np.stack([copies.item[counts], truth]), axis=1, return_inverse=True, return_counts=True
        )
        ranking = Ranking.of(truth, np.zeros(len(rows)), weight)
        facts = {
            "prevalence": ranking.prevalence,
            "anomalies": float(truth.sum()),
            "units": float(len(rows)),
            "distinct": float(len(size)),
            "seen in training": float(copies.trained[counts].mean()) if len(rows) else 0.0,
        }
        return _Part(counts, rows, truth, weight, 1.0 / size[first.reshape(-1)], facts)


def _of_view(
    data: Dataset,
    name: str,
    runs: Mapping[str, Sequence[Run]],
    parts: Mapping[int, _Part],
    bootstrap: Bootstrap,
) -> Iterator[Verdict]:
    draws = _draws(runs, parts, bootstrap)
    for subject_, found in runs.items():
        each = [_measured(subject_, run, parts[run.seed]) for run in found]
        cases = int(parts[found[0].seed].truth.sum())
        yield Verdict(
            data.name, name, subject_, _joined(each), cases, draws[subject_],
            float(np.mean([run.cpu_s for run in found])), data.note,
        )  # fmt: skip


def _draws(
    runs: Mapping[str, Sequence[Run]], parts: Mapping[int, _Part], bootstrap: Bootstrap
) -> dict[str, Floats]:
    found: dict[str, list[Floats]] = {name: [] for name in runs}
    for seed, part in parts.items():
        here = {name: run for name, each in runs.items() for run in each if run.seed == seed}
        if not here or not part.truth.any():
            continue
        scores = [run.test[part.counts] for run in here.values()]
        aps = bootstrap.aps(part.truth, scores, part.rows, part.weight)
        for name, ap in zip(here, aps, strict=True):
            found[name].append(ap)
    return {name: np.mean(each, axis=0) if each else np.empty(0) for name, each in found.items()}


def _measured(name: str, run: Run, part: _Part) -> dict[str, float]:
    score = run.test[part.counts]
    ranking = Ranking.of(part.truth, score, part.weight)
    once = Ranking.of(part.truth, score, part.once)
    values = {
        "AP": ranking.ap(),
        "AUC": ranking.auc(),
        "R@1%FPR": ranking.recall_at(0.01),
        "R@0.1%FPR": ranking.recall_at(0.001),
    }
    natural = subject(name).natural
    if natural is not None or len(run.validation):
        threshold = threshold_of(run.validation, BUDGET) if natural is None else natural
        at = ranking.at(threshold)
        values |= {"F1": at.f1, "precision": at.precision, "recall": at.recall, "FPR": at.fpr}
        values["F1@distinct"] = once.at(threshold).f1
    if natural is None and len(run.validation):
        for budget in BUDGETS:
            at = ranking.at(threshold_of(run.validation, budget))
            values[f"F1@val{100 * budget:g}%"] = at.f1
    values |= {"F1@oracle": ranking.best_f1(), "AP@distinct": once.ap()}
    values["R@1%FPR@distinct"] = once.recall_at(0.01)
    return {**values, **(part.facts if name == "all_positive" else {})}


def _incidents(
    data: Dataset, name: str, runs: Sequence[Run], splits: Mapping[int, Split]
) -> Verdict:
    each, phases = [], 0
    for run in runs:
        rows = splits[run.seed].test
        found = {"rolling": incidents.rolling(data, rows, run.validation, run.test)}
        for budget, seen in incidents.at_budgets(data, rows, run.test):
            found[f"{budget}/day"] = seen
        phases = found["rolling"].phases
        each.append(
            {
                f"{metric}@{where}": value
                for where, seen in found.items()
                for metric, value in incidents.values(seen).items()
            }
        )
    cpu_s = float(np.mean([run.cpu_s for run in runs]))
    return Verdict(data.name, INCIDENTS, name, _joined(each), phases, cpu_s=cpu_s, note=data.note)


def averaged(found: Sequence[Verdict], data: str, protocol: str, missing: int = 0) -> Verdict:
    """The plain mean over data sets or slices; shares of phases are of all phases together."""
    values = {}
    for metric in dict.fromkeys(m for each in found for m in each.values):
        have = [each for each in found if metric in each.values]
        means = [float(np.mean(each.values[metric])) for each in have]
        weights = [each.cases if metric.startswith("phases") else 1 for each in have]
        seeds = {len(each.values[metric]) for each in have}
        if len(seeds) == 1 and len(set(weights)) == 1:  # over seeds
            columns = zip(*(each.values[metric] for each in have), strict=True)
            values[metric] = tuple(float(np.mean(column)) for column in columns)
        else:
            values[metric] = (float(np.average(means, weights=weights)),)
    draws = [each.draws for each in found if len(each.draws)]
    without = f"; {missing} failed and are left out" if missing else ""
    return Verdict(
        data, protocol, found[0].subject, values, sum(each.cases for each in found),
        np.mean(draws, axis=0) if len(draws) == len(found) else np.empty(0),
        sum(each.cpu_s for each in found), f"mean of {len(found)}{without}",
    )  # fmt: skip


def baseline(found: Iterable[Verdict]) -> Verdict | None:
    """Of verdicts of one data set and protocol, the best that is simple."""
    simple = [each for each in found if each.subject in SIMPLE and len(each.draws)]
    return max(simple, key=lambda each: each.ap, default=None)


def competes(verdict: Verdict) -> bool:
    return verdict.subject not in ORACLES and len(verdict.draws) > 0


def _joined(each: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    metrics = dict.fromkeys(metric for values in each for metric in values)
    found = {
        metric: tuple(
            v for values in each if metric in values and not np.isnan(v := values[metric])
        )
        for metric in metrics
    }
    return {metric: values for metric, values in found.items() if values}


def _groups(data: Dataset) -> Rows:
    if not len(data.group):
        return np.arange(len(data.truth))
    return np.unique(data.group.astype(str), return_inverse=True)[1].reshape(-1)
