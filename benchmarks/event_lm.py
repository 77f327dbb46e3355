"""How fast the n-gram model of events is: events/s of CPU time, learning and scoring, against a floor in the same run.

    python -m benchmarks.event_lm [--events 2000000] [--repeats 5]

The floor counts pairs of neighbours with one `np.unique`: less than that no model of sequences can do. Sessions are
walks on a random graph of 40 templates; *repeating* ones are drawn from 20,000 distinct ones, as logs are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from detectors.ngram_lm import NgramLM
from driftwood.protocols import LogBatch
from eval.detection.loaders.columns import untimed

_TEMPLATES, _LENGTH, _DISTINCT = 40, 20, 20_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=2_000_000)
    arguments.add_argument("--repeats", type=int, default=5)
    chosen = arguments.parse_args()
    sessions = max(chosen.events // _LENGTH, 2)
    unlike = walks(sessions, seed=0)
    alike = unlike[np.random.default_rng(1).integers(min(_DISTINCT, sessions), size=sessions)]
    fields = ("template", "severity", "gap")
    cases: list[tuple[str, LogBatch, NgramLM]] = [
        ("repeating, order 3", batch(alike), NgramLM(3)),
        ("all distinct, order 3", batch(unlike), NgramLM(3)),
        ("all distinct, order 3, three fields", batch(unlike), NgramLM(3, fields)),
        ("all distinct, order 10", batch(unlike), NgramLM(10)),
    ]
    print(f"{'case':<38}{'events':>10}{'LM ev/s':>12}{'floor ev/s':>13}{'slower by':>11}{'MB':>7}")
    for name, whole, model in cases:
        half = len(whole) // 2
        first, rest = whole.at(np.arange(half)), whole.at(np.arange(half, len(whole)))
        cpu = [
            (timed(lambda: learn_and_score(model, first, rest)), timed(lambda: pairs(whole)))  # noqa: B023
            for _ in range(chosen.repeats)
        ]
        lm, floor = median(a for a, _ in cpu), median(b for _, b in cpu)
        slower = median(a / b for a, b in cpu)
        n, size = len(whole.ts), len(model.save()) / 1e6
        print(f"{name:<38}{n:>10,}{n / lm:>12,.0f}{n / floor:>13,.0f}{slower:>11.1f}{size:>7.1f}")


def walks(sessions: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(sessions, _LENGTH) templates; each has a few likely successors."""
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.full(_TEMPLATES, 0.05), _TEMPLATES).cumsum(axis=1)
    walk = np.zeros((sessions, _LENGTH), np.int64)
    for step in range(1, _LENGTH):
        drawn = rng.random((sessions, 1))
        walk[:, step] = (odds[walk[:, step - 1]] < drawn).sum(axis=1).clip(max=_TEMPLATES - 1)
    return walk + 1


def batch(walk: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> LogBatch:
    return untimed(list(walk), dict.fromkeys(range(_TEMPLATES + 1), 9))


def learn_and_score(model: NgramLM, first: LogBatch, rest: LogBatch) -> None:
    model.fit(first)
    model.score(rest)


def pairs(whole: LogBatch) -> None:
    template = whole.template_id
    np.unique(template[:-1] * (_TEMPLATES + 1) + template[1:], return_counts=True)


def timed(step: Callable[[], None]) -> float:
    before = time.process_time()
    step()
    return time.process_time() - before


if __name__ == "__main__":
    main()
