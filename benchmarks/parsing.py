"""How fast lines get their templates: `python -m benchmarks.parsing [DATA] [--lines N]`.

DATA is the folder of reference data (../shared/data); without it only generated lines are measured. Lines per CPU
second of one process. `cold` is a new parser on the first half of a log, in batches as the pipeline sends them; `warm`
is the same parser on the second half. Peers get lines of the first half, in the environment that `driftwood data
download peers` makes: a dash where there is none, or where one failed. Each run of ours has a process of its
own, so that the peak of memory (Python, Arrow and the lines included) is its own. Two processes are timed by the clock.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from eval.parsing.peers import PEERS
from eval.parsing.subjects import SubjectFailed
from parsing import PARSERS
from parsing.shapes import ShapeCache

BATCH = 10_000
COMPARED = ("drain3 (default)", "drain3 (typed masks)", "tipping", "drain")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Measured(NamedTuple):
    cold: float
    warm: float
    """Lines per CPU second."""
    templates: int
    peak_mb: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("data", type=Path, nargs="?")
    arguments.add_argument("--lines", type=int, default=100_000, help="of each log at most")
    arguments.add_argument("--peer-lines", type=int, default=20_000, help="that a peer gets")
    arguments.add_argument("--limit", type=float, default=60, help="seconds for a peer on a log")
    chosen = arguments.parse_args()
    columns = ("log", "lines", "cold/s", "warm/s", *COMPARED, "two", "templates", "MB")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for name, lines in logs(chosen.data, chosen.lines):
        ours, two = alone(lines), together(lines)
        peers = [
            peer(each, name, lines[: len(lines) // 2][: chosen.peer_lines], chosen.limit)
            for each in COMPARED
        ]
        speeds = [f"{speed:,.0f}" if speed else "-" for speed in (ours.cold, ours.warm, *peers)]
        cells = (
            name,
            f"{len(lines):,}",
            *speeds,
            f"{two:.2f}x",
            str(ours.templates),
            f"{ours.peak_mb:.0f}",
        )
        print("| " + " | ".join(cells) + " |", flush=True)


def measure(lines: Sequence[str]) -> Measured:
    half = len(lines) // 2
    cache = ShapeCache(PARSERS.make("driftwood"))
    cold = assign(cache, lines[:half])
    warm = assign(cache, lines[half:])
    return Measured(cold, warm, len(cache.templates()), peak_mb())


def peak_mb() -> float:
    """Of this process. Linux's `ru_maxrss` would begin with what the parent had when it started us."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def assign(cache: ShapeCache, lines: Sequence[str]) -> float:
    """Lines per CPU second."""
    batches = [pa.array(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    began = time.process_time()
    for batch in batches:
        cache.assign(batch)
    return len(lines) / (time.process_time() - began)


def alone(lines: Sequence[str]) -> Measured:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (lines,))


def together(lines: Sequence[str]) -> float:
    """How many times faster two processes do twice the work than one after the other, by the clock."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(timed, [lines[:1000]] * 2, 1)  # both have started
        one = pool.apply(timed, (lines,))
        return 2 * one / max(pool.map(timed, [lines] * 2, 1))


def timed(lines: Sequence[str]) -> float:
    """Seconds by the clock."""
    cache = ShapeCache(PARSERS.make("driftwood"))
    batches = [pa.array(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    began = time.perf_counter()
    for batch in batches:
        cache.assign(batch)
    return time.perf_counter() - began


def peer(name: str, log: str, lines: Sequence[str], limit_s: float) -> float | None:
    """Lines per CPU second, None where it could not be run; the reason goes to stderr."""
    try:
        outcome = PEERS[name].run(pa.chunked_array([pa.array(lines)]), log, limit_s)
    except SubjectFailed as error:
        print(f"{name} on {log}: {error}", file=sys.stderr)
        return None
    return len(lines) / outcome.cpu_s


def logs(data: Path | None, most: int) -> Iterator[tuple[str, list[str]]]:
    if data is not None:
        yield from real(data, most)
    yield from generated(most)


def real(data: Path, most: int) -> Iterator[tuple[str, list[str]]]:
    """Shuffled where a log is a mixture, so that the second half is like the first."""
    mixed = [line for path in sorted(data.glob("loghub_2k/*/*.log")) for line in read(path)]
    random.Random(1).shuffle(mixed)
    yield "loghub_2k (11 sets)", mixed[:most]
    yield "loghub_2_0/Linux", read(data / "loghub_2_0/Linux/Linux_full.log")[:most]
    table = pq.read_table(data / "detection/hdfs_content_2pct/hdfs_events_2percent.parquet")
    name = next(
        n for n in ("m_message", "Content", "content", "message") if n in table.column_names
    )
    yield "hdfs 2 %", [str(line) for line in table[name][:most].to_pylist()]
    table = pq.read_table(data / "detection/nezha_trainticket/rca_data_2023-01-29_log.parquet")
    yield "nezha trainticket", [str(line) for line in table["log"][:most].to_pylist()]
    lines: list[str] = []
    with tarfile.open(data / "detection/lo2/lo2_log_data.tar.xz") as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None and len(lines) < most:
                lines += file.read().decode("utf-8", "replace").splitlines()
    yield "lo2", lines[:most]


def read(path: Path) -> list[str]:
    return path.read_text("utf-8", errors="replace").splitlines()


def generated(most: int) -> Iterator[tuple[str, list[str]]]:
    rng = random.Random(7)

    def word() -> str:
        return "".join(rng.choices(LETTERS, k=rng.randint(4, 9)))

    def plain(i: int) -> str:
        return (
            f"2024-06-14T15:00:{i % 60:02}.{i % 1000:03}Z INFO api: order {i} placed in {i % 90} ms"
        )

    few = min(most, 20_000)
    yield "numbers only", [plain(i) for i in range(most)]
    yield (
        "json",
        [
            f'{{"ts":"2024-06-14T15:00:{i % 60:02}Z","level":"info","msg":"order placed","user":"{word()}","n":{i}}}'
            for i in range(few)
        ],
    )
    yield (
        "random word in 5 %",
        [plain(i) + (f" by {word()}" if rng.random() < 0.05 else "") for i in range(few)],
    )
    yield "random word in each", [f"{plain(i)} by {word()}" for i in range(few)]
    yield "only random words", [" ".join(word() for _ in range(6)) for _ in range(few)]
    nested = [
        f'{{"a{rng.randint(0, 9)}":{{"b{rng.randint(0, 99)}":{[0] * rng.randint(0, 9)}}},"{word()}":1}}'
        for _ in range(few)
    ]
    yield "nested json, random keys", nested


if __name__ == "__main__":
    main()
