"""How fast the store takes lines in, how long a commit takes, and how small sealed lines are.

    python benchmarks/store.py [FOLDER] [--rows N] [--commit N]

FOLDER holds text logs, or archives of them (.tar.xz, .tar.gz); ../shared/data/detection/lo2 by default, made-up lines
where that is missing. The floor is a plain DuckDB insert of the same Arrow tables, commit by commit, in the same run:
the machine may be busy, so look at the ratio and at CPU time.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from driftwood.config import Store as Settings
from driftwood.labels import label_key
from driftwood.records import EVENTS, Commit, Events, no_dead_letters
from driftwood.store.schema import COLUMNS, HOUR, MIGRATIONS
from driftwood.store.store import DuckStore

START = 1_700_000_000_000_000_000 // HOUR * HOUR
EVENT_NS = 5_000_000  # 200 lines a second: an hour is 720,000 lines
MAINTAIN_S = 1.0


def lines_of(folder: Path) -> list[tuple[str, str]]:
    """(service, line) of every text log in `folder`; files take turns every 50 lines, as in a live system."""
    files: list[list[tuple[str, str]]] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.name.endswith((".tar.xz", ".tar.gz")):
            with tarfile.open(path) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None and member.name.endswith((".log", ".txt")):
                        files.append(_lines(Path(member.name).stem, content.read()))
        elif path.suffix in (".log", ".txt"):
            files.append(_lines(path.stem, path.read_bytes()))
    if not files:
        return [(f"svc{i % 7}", f"request {i} took {i % 97} ms") for i in range(200_000)]
    longest = max(map(len, files))
    return [pair for i in range(0, longest, 50) for file in files for pair in file[i : i + 50]]


def _lines(service: str, content: bytes) -> list[tuple[str, str]]:
    return [(service, line) for line in content.decode("utf-8", "replace").splitlines()]


def batches(lines: list[tuple[str, str]], rows: int, size: int) -> Iterator[Events]:
    """`rows` events in batches of `size`: the lines, again and again."""
    services, codes = np.unique([service for service, _ in lines], return_inverse=True)
    texts = [line for _, line in lines]
    keys = pa.array([label_key({"source": "file", "service_name": s}) for s in services.tolist()])
    names = pa.array(services.tolist(), pa.string())
    templates = np.array([hash((len(line.split()), line[:1])) % 500 for _, line in lines])
    for first in range(0, rows, size):
        at = np.arange(first, min(first + size, rows))
        row = at % len(lines)
        zeros = np.zeros(len(at))
        code = pa.array(codes[row], pa.int32())
        ts = START + at * EVENT_NS
        columns = {
            "ts": ts,
            "observed_ts": ts + 1000,
            "labels": pa.DictionaryArray.from_arrays(code, keys),
            "line": pa.array([texts[i] for i in row.tolist()], pa.string()),
            "sm": pa.array([[]] * len(at), EVENTS.field("sm").type),
            "severity": pa.array(zeros + 9, pa.uint8()),
            "service": pa.DictionaryArray.from_arrays(code, names),
            "topic": pa.DictionaryArray.from_arrays(pa.array(zeros, pa.int32()), pa.array(["t/u"])),
            "part": pa.array(zeros, pa.int32()),
            "off": at,
            "idx": pa.array(zeros, pa.int32()),
            "template_id": templates[row],
            "template_version": pa.array(zeros + 1, pa.int32()),
            "line_id": at,
        }
        yield Events(pa.table([pa.array(columns[n]) for n in EVENTS.names], schema=EVENTS))


class Stopwatch:
    """Wall and CPU seconds of the calls that went through it."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu = 0.0

    def __call__(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu += time.process_time() - cpu

    def report(self, name: str, rows: int) -> None:
        p50, p99 = np.quantile(self.wall, (0.5, 0.99)) * 1e3
        print(
            f"{name:<28} {rows / sum(self.wall):>9,.0f} rows/s wall {rows / self.cpu:>9,.0f} rows/s CPU"
            f"   p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  max {max(self.wall) * 1e3:6.1f} ms"
        )


def floor(folder: Path, events: list[Events]) -> Stopwatch:
    """Nothing but `INSERT INTO logs_hot` from Arrow, a transaction per batch."""
    settings = Settings()
    connection = duckdb.connect(
        str(folder / "floor.duckdb"),
        config={
            "memory_limit": settings.memory_limit,
            "threads": str(settings.threads),
            "checkpoint_threshold": "1TB",
        },
    )
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    timed = Stopwatch()

    def insert(table: pa.Table) -> None:
        connection.register("batch", table.append_column("sid", table.column("off")))
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO logs_hot SELECT {COLUMNS} FROM batch")
        connection.execute("COMMIT")

    for table in events:
        timed(lambda table=table: insert(table))  # type: ignore[misc]
    connection.close()
    return timed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    here = Path(__file__).resolve().parents[2] / "shared" / "data" / "detection" / "lo2"
    parser.add_argument("folder", type=Path, nargs="?", default=here)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--commit", type=int, default=10_000, help="rows of one transaction")
    options = parser.parse_args()

    events = list(batches(lines_of(options.folder), options.rows, options.commit))
    with tempfile.TemporaryDirectory(prefix="driftwood-bench-") as scratch:
        plain = floor(Path(scratch), events)
        plain.report("floor: plain insert", options.rows)

        store = DuckStore.open(Path(scratch) / "data", Settings(seal_rows=options.rows // 3))
        writes, rests = Stopwatch(), Stopwatch()
        due = time.perf_counter()
        for table in events:
            line = str(table.column("off")[-1])
            commit = Commit(table, no_dead_letters(), {"bench": {"t/u/0": f"{int(line) + 1}"}})
            writes(lambda commit=commit: store.write(commit))  # type: ignore[misc]
            if time.perf_counter() >= due:
                rests(lambda: store.maintain(time.time_ns()))
                due = time.perf_counter() + MAINTAIN_S
        writes.report("store: write", options.rows)
        rests.report("store: maintain, every second", options.rows)
        print(f"write / floor: {writes.cpu / plain.cpu:.2f} of the CPU (sealing included)")
        store.compact()
        facts = store.info()
        rows, text = facts["rows"], facts["text_bytes"]
        sealed = facts["segment_bytes"]
        print(
            f"{rows:,} rows in {facts['segments']} segments: {text / rows:.1f} bytes of text a row, "
            f"{sealed / rows:.2f} sealed, {text / sealed:.1f} times smaller; file {facts['file_bytes'] / 2**20:.0f} MiB"
        )
        store.close()


if __name__ == "__main__":
    main()
