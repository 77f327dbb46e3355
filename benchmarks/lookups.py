"""How fast detectors of sessions are: events/s of CPU time, beside the floor of counting templates in numpy.

    python -m benchmarks.lookups [--sessions 200000] [--subjects ensemble,knn] [--unalike]

Sessions are like HDFS's: about 21 events of 30 templates, 27,000 distinct sequences and some 700 distinct vectors of
counts, common ones by far the most frequent; with --unalike no two of them are alike. *pass*: the first half is learnt
from, the second half judged. *single*: sessions judged one by one. *1,000*: batches of about as many events. *cold*:
learning 1,000 sessions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

from detectors import DETECTORS
from detectors.vectors import Ints
from driftwood.protocols import Detector, LogBatch

_LOOK_UPS = (
    "ensemble,event_set,count_vector,count_vector_bucketed,knn,knn_scaled,new_event,length,ecvc,pca,"
    "ngram_unseen,invariants"
)
_SECOND = 10**9


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=200_000)
    arguments.add_argument("--subjects", default=_LOOK_UPS, help="names of detectors, A,B")
    arguments.add_argument("--unalike", action="store_true", help="sessions that do not repeat")
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    every = (unalike if chosen.unalike else sessions)(chosen.sessions, chosen.seed)
    half = len(every) // 2
    first, second = at(every, 0, half), at(every, half, len(every))
    floor = cpu(lambda: count(every)) / len(every.unit)
    print(f"{len(every):,} sessions, {len(every.unit):,} events; floor {1 / floor:,.0f} events/s")
    print(
        f"{'detector':<22}{'pass ev/s':>12}{'x floor':>9}{'single us/ev':>14}{'1,000 p50 ms':>14}"
        f"{'p99 ms':>8}{'cold s':>8}{'state MB':>10}"
    )
    for name in chosen.subjects.split(","):
        row(name, first, second, floor)


def row(name: str, first: LogBatch, second: LogBatch, floor: float) -> None:
    detector: Detector = DETECTORS.make(name)

    def one_pass() -> None:
        detector.fit(anew(first))
        detector.score(anew(second))

    each = cpu(one_pass) / (len(first.unit) + len(second.unit))
    single = times(detector, parts(second, 1, 2_000))
    size = max(1_000 * len(second) // len(second.unit), 1)
    thousand = times(detector, parts(second, size, 500))
    cold = cpu(lambda: DETECTORS.make(name).fit(at(first, 0, 1_000)))
    events = sum(len(part.unit) for part in parts(second, 1, 2_000))
    print(
        f"{name:<22}{1 / each:>12,.0f}{each / floor:>9.1f}{1e6 * sum(single) / events:>14.1f}"
        f"{1e3 * np.median(thousand):>14.2f}{1e3 * np.quantile(thousand, 0.99):>8.2f}{cold:>8.2f}"
        f"{len(detector.save()) / 1e6:>10.2f}"
    )


def sessions(number: int, seed: int) -> LogBatch:
    """Vectors are a core that all share, and counts by chance; sequences are orders of vectors."""
    rng = np.random.default_rng(seed)
    vectors = []
    for _ in range(700):
        chance = rng.geometric(0.35, 3) - 1
        rare = rng.integers(10, 30, rng.choice([0, 0, 1, 2]))
        vectors.append(
            np.concatenate([np.repeat([1, 2, 3, 4, 5], 3), np.repeat([6, 7, 8], chance), rare])
        )
    zipf = 1.0 / np.arange(1, len(vectors) + 1) ** 1.5
    kinds = [
        rng.permutation(vectors[v]) for v in rng.choice(len(vectors), 27_000, p=zipf / zipf.sum())
    ]
    often = 1.0 / np.arange(1, len(kinds) + 1)
    return batch_of(kinds, rng.choice(len(kinds), number, p=often / often.sum()))


def unalike(number: int, seed: int) -> LogBatch:
    """Every session has counts of its own."""
    rng = np.random.default_rng(seed)
    counts = rng.geometric(0.6, (number, 30)) - 1
    return batch_of([np.repeat(np.arange(1, 31), row) for row in counts], np.arange(number))


def batch_of(kinds: list[Ints], kind: Ints) -> LogBatch:
    number = len(kind)
    length = np.array([len(k) for k in kinds])[kind]
    start = np.arange(number, dtype=np.int64) * _SECOND
    label = np.empty(number, np.object_)
    label[:] = '{"service_name":"hdfs"}'
    events = int(length.sum())
    return LogBatch(
        source=label,
        service=label,
        start=start,
        end=start + _SECOND,
        unit=np.repeat(np.arange(number, dtype=np.int32), length),
        ts=np.repeat(start, length),
        template_id=np.concatenate([kinds[k] for k in kind]).astype(np.int64),
        severity=np.full(events, 9, np.uint8),
        line_id=np.arange(events),
    )


def at(batch: LogBatch, first: int, last: int) -> LogBatch:
    return batch.at(np.arange(first, last))


def anew(batch: LogBatch) -> LogBatch:
    """Without what was computed of it before."""
    return LogBatch(**{name: getattr(batch, name) for name in LogBatch.__dataclass_fields__})


def parts(batch: LogBatch, size: int, most: int) -> list[LogBatch]:
    last = min(len(batch), size * most)
    return [at(batch, i, min(i + size, last)) for i in range(0, last, size)]


def times(detector: Detector, batches: Sequence[LogBatch]) -> list[float]:
    return [cpu(lambda b=batch: detector.score(b), 1) for batch in batches]  # type: ignore[misc]


def count(batch: LogBatch) -> None:
    np.unique(batch.unit.astype(np.int64) * 64 + batch.template_id, return_counts=True)


def cpu(work: Callable[[], object], runs: int = 3) -> float:
    """Seconds of CPU time, the median of some runs."""
    spent = []
    for _ in range(runs):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return float(np.median(spent))


if __name__ == "__main__":
    main()
