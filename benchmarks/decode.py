"""How fast lines become Records, and how much is recognised in them: `python benchmarks/decode.py [DATA] [--lines N]`.

DATA is the folder of reference data (../shared/data); without it only generated lines are measured. Every figure is of
CPU time of one core, redaction included, best of three. Two yardsticks run on the same lines: `floor` builds the bare
Arrow columns and recognises nothing; `naive` tries five layouts of `strptime` on each line, as a first version would.
"""

from __future__ import annotations

import argparse
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from driftwood.config import Redaction
from driftwood.records import Records
from ingest.columns import Origin, Rows
from ingest.decode import Decoder
from ingest.redact import Redactor

NOW = 1_795_262_400 * 10**9
BATCH = 10_000
NAIVE_LINES = 2_000
LAYOUTS = (
    ("%Y-%m-%dT%H:%M:%S.%fZ", 24),
    ("%Y-%m-%d %H:%M:%S", 19),
    ("%Y %b %d %H:%M:%S", 15),
    ("%y/%m/%d %H:%M:%S", 17),
    ("[%a %b %d %H:%M:%S %Y]", 26),
)


def generated(n: int) -> Iterator[tuple[str, list[str]]]:
    times = [
        f"2024-06-14T15:{i // 3000 % 60:02}:{i // 50 % 60:02}.{i % 1000:03}Z" for i in range(n)
    ]
    yield (
        "json",
        [
            f'{{"ts":"{t}","level":"info","service":"checkout","msg":"order placed","order":"{i:x}","ms":12.5}}'
            for i, t in enumerate(times)
        ],
    )
    yield (
        "logfmt",
        [
            f'ts={t} level=info service=payments msg="card charged" order={i}'
            for i, t in enumerate(times)
        ],
    )
    yield "iso", [f"{t} INFO [main] com.shop.Cart - added item {i}" for i, t in enumerate(times)]
    yield (
        "docker",
        [
            f'{{"log":"{t} INFO [main] com.shop.Cart - added item {i}\\n","stream":"stdout","time":"{t}"}}'
            for i, t in enumerate(times)
        ],
    )
    yield (
        "access",
        [
            f'203.0.113.{i % 250} - - [14/Jun/2024:15:16:{i // 100 % 60:02} +0000] "GET /p/{i} HTTP/1.1" 200 512'
            for i in range(n)
        ],
    )
    yield "plain text", [f"nothing in here tells a time, not even number {i}" for i in range(n)]


def real(folder: Path) -> Iterator[tuple[str, list[str]]]:
    for path in sorted([*folder.glob("loghub_2k/*/*_2k.log"), *folder.glob("loghub_2_0/*/*.log")]):
        yield path.stem, path.read_text("utf-8", "backslashreplace").splitlines()
    archive = folder / "detection/lo2/lo2_log_data.tar.xz"
    if archive.exists():
        with tarfile.open(archive) as members:
            member = next(m for m in members if m.name.endswith("code-1.log"))
            content = members.extractfile(member)
            if content:
                yield "lo2", content.read().decode().splitlines()
    trains = folder / "detection/nezha_trainticket/rca_data_2023-01-29_log.parquet"
    if trains.exists():
        yield (
            "nezha",
            [str(line) for line in pq.read_table(trains, columns=["log"])["log"][:20_000]],
        )


def best(run: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Microseconds of CPU per line."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        run(texts)
        seconds.append(time.process_time() - start)
    return min(seconds) / len(texts) * 1e6


def decode(texts: Sequence[str]) -> Records:
    decoder = Decoder("bench", {"source": "file"}, redactor=Redactor(Redaction()), now=lambda: NOW)
    return Records(
        pa.concat_tables(
            decoder.lines(texts[at : at + BATCH], range(at, min(at + BATCH, len(texts))), topic="t", part=0, labels={})
            for at in range(0, len(texts), BATCH)
        )
    )  # fmt: skip


def floor(texts: Sequence[str]) -> None:
    for at in range(0, len(texts), BATCH):
        rows = Rows()
        for message, line in enumerate(texts[at : at + BATCH]):
            rows.add(line, NOW, 0, "", message)
        n = len(rows.line)
        rows.records(
            origins=[Origin("t", {}, "t")],
            origin=np.zeros(n, np.int32),
            part=np.zeros(n, np.int32),
            off=np.arange(n),
            observed_ts=NOW,
            redactor=None,
        )


def naive(texts: Sequence[str]) -> None:
    for line in texts:
        for layout, length in LAYOUTS:
            with suppress(ValueError):
                datetime.strptime(line[:length], layout).replace(tzinfo=UTC).timestamp()
                break


def share(told: Sequence[bool]) -> str:
    return f"{100 * sum(told) / len(told):.1f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    arguments.add_argument(
        "--lines", type=int, default=20_000, help="of each log; short ones are repeated"
    )
    given = arguments.parse_args()
    print(
        "| log | lines/s/core | us/line | x floor | naive / ours | time % | level % | service % |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    decode(["warm-up"])
    for name, each in [*real(given.data), *generated(given.lines)]:
        texts = (each * (given.lines // len(each) + 1))[: given.lines]
        ours, bare = best(decode, texts), best(floor, texts)
        slow = best(naive, texts[:NAIVE_LINES])
        found = decode(texts)
        told = [
            share([ts != NOW for ts in found["ts"].to_pylist()]),
            share([severity != 0 for severity in found["severity"].to_pylist()]),
            share([service != "t" for service in found["service"].to_pylist()]),
        ]
        print(
            f"| {name} | {1e6 / ours:,.0f} | {ours:.2f} | {ours / bare:.1f} | {slow / ours:.0f} | {' | '.join(told)} |"
        )


if __name__ == "__main__":
    main()
