"""How fast the detection stage is: events/s of CPU time, against the floor of counting templates per window in Arrow.

    python benchmarks/detection.py [--seconds 600] [--rate 5000]

Prints one row per case: a steady busy stream, many quiet sources, and a stream of windows with few lines each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from detectors.stage import DetectionStage
from driftwood.config import Detection
from driftwood.records import Events
from eval.simulated import MINUTE, Flow, events, poisson

_BATCH = 5_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=600.0, help="of the busy stream")
    arguments.add_argument("--rate", type=float, default=5_000.0, help="lines/s of the busy stream")
    chosen = arguments.parse_args()
    cases = {
        "busy": (chosen.rate, 5, chosen.seconds),
        "many sources": (2_000.0, 1_000, chosen.seconds / 2),
        "sparse": (1.0, 5, 400 * chosen.seconds),
    }
    print(
        f"{'case':<14}{'events':>10}{'stage ev/s':>14}{'floor ev/s':>14}{'slower by':>11}{'p99 ms':>9}"
    )
    for name, (rate, services, seconds) in cases.items():
        rows = stream(rate, services, seconds)
        stage = DetectionStage(Detection(), dict)
        cpu, p99 = timed(rows, stage.observe)
        floor, _ = timed(rows, count)
        n = rows.num_rows
        print(
            f"{name:<14}{n:>10,}{n / cpu:>14,.0f}{n / floor:>14,.0f}{cpu / floor:>11.1f}{p99:>9.1f}"
        )


def stream(rate: float, services: int, seconds: float) -> Events:
    """`rate` lines/s over `services` of 30 templates each, a few of them common and most rare."""
    names = [f"service{i}" for i in range(services)]
    weights = [1.0 / (1 + t) for t in range(30)]
    flows = [
        Flow(name, 30 * i + t + 1, 60.0 * rate / services * w / sum(weights), 17 if t == 20 else 9)
        for i, name in enumerate(names)
        for t, w in enumerate(weights)
    ]
    return events(poisson(flows, seconds), names)


def batches(rows: Events) -> Iterator[Events]:
    for at in range(0, rows.num_rows, _BATCH):
        yield Events(rows.slice(at, _BATCH))


def timed(rows: Events, step: Callable[[Events], object]) -> tuple[float, float]:
    """CPU seconds for all batches, and the 99th percentile of one, in ms."""
    took = []
    for batch in batches(rows):
        before = time.process_time()
        step(batch)
        took.append(time.process_time() - before)
    return sum(took), sorted(took)[int(0.99 * (len(took) - 1))] * 1e3


def count(batch: Events) -> pa.Table:
    """The least that any detector on windows of counts must do."""
    table = pa.table(
        {
            "labels": batch["labels"],
            "minute": pc.divide(batch["ts"], pa.scalar(MINUTE)),
            "template": batch["template_id"],
        }
    )
    return table.group_by(["labels", "minute", "template"]).aggregate([([], "count_all")])


if __name__ == "__main__":
    main()
