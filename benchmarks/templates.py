"""How fast lines get their templates: `python benchmarks/templates.py [DATA] [--lines N]`.

DATA is the folder of reference data (../shared/data); without it only generated lines are measured. CPU time of one
core. `cold` is a new cache and the first half of a log, in batches as the pipeline sends them; `warm` is the second
half. The peer is drain3 with its defaults, on lines of the second half. (Named parsing.py, it would hide the package.)
"""

from __future__ import annotations

import argparse
import random
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from drain3.drain import Drain as Drain3

from parsing import PARSERS
from parsing.shapes import ShapeCache

BATCH = 10_000
PEER_LINES = 20_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("data", type=Path, nargs="?")
    arguments.add_argument("--lines", type=int, default=100_000, help="of each log at most")
    chosen = arguments.parse_args()
    print(
        f"{'log':<22}{'lines':>9}{'cold us':>9}{'warm us':>9}{'warm/s':>11}{'drain3 us':>11}{'ratio':>7}"
        f"{'templates':>11}{'drain3':>8}{'save ms':>9}{'save kB':>9}"
    )
    for name, lines in logs(chosen.data, chosen.lines):
        measure(name, lines)


def measure(name: str, lines: Sequence[str]) -> None:
    half = len(lines) // 2
    cache = ShapeCache(PARSERS.make("drain3"))
    cold = assign(cache, lines[:half])
    warm = assign(cache, lines[half:])
    cache.changes()
    began = time.process_time()
    state = cache.save()
    saved = time.process_time() - began
    sample = lines[half : half + PEER_LINES]
    peer = Drain3()
    began = time.process_time()
    for line in sample:
        peer.add_log_message(line)
    theirs = (time.process_time() - began) / len(sample) * 1e6
    print(
        f"{name:<22}{len(lines):>9,}{cold:>9.2f}{warm:>9.2f}{1e6 / warm:>11,.0f}{theirs:>11.1f}"
        f"{theirs / warm:>7.1f}{len(cache.templates()):>11,}{len(peer.id_to_cluster):>8,}"
        f"{saved * 1e3:>9.1f}{len(state) / 1e3:>9.0f}",
        flush=True,
    )


def assign(cache: ShapeCache, lines: Sequence[str]) -> float:
    """CPU microseconds per line."""
    batches = [pa.array(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    began = time.process_time()
    for batch in batches:
        cache.assign(batch)
    return (time.process_time() - began) / len(lines) * 1e6


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
