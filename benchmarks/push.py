"""Pushes through HTTP: four clients, each in a process of its own, each push answered after its group commit.

    python benchmarks/push.py [--lines N] [--clients N] [--span HOURS] [--format json|protobuf] [--profile FILE]

Bodies of 4,000 lines (`benchmarks/six_services.py`, default 500,000 lines over an hour) are encoded beforehand and sent
to a real `driftwood serve` over connections that stay open. Lines per second, and per CPU second of the server, which
also parses, scores and stores them, stand beside the floor of the same run: the same lines as Arrow tables into a bare
DuckDB table (ts, sid, line), a transaction for each 4,000. `--span` widens the event time: each minute of a source is a
window to be scored. `--profile` writes what the server's threads did, as py-spy's folded stacks.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import multiprocessing
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from benchmarks.serve import cpu_s, resident_mb, server
from benchmarks.six_services import Line, lines
from driftwood.labels import label_key, stream_id
from ingest.push_labels import text_of
from ingest.push_proto import push_request

BODY_LINES = 4_000
JSON, PROTOBUF = "application/json", "application/x-protobuf"


def as_json(batch: Sequence[Line]) -> bytes:
    streams: dict[tuple[tuple[str, str], ...], list[list[str]]] = {}
    for line in batch:
        streams.setdefault(line.labels, []).append([str(line.ts), line.text])
    return orjson.dumps(
        {"streams": [{"stream": dict(labels), "values": v} for labels, v in streams.items()]}
    )


def as_protobuf(batch: Sequence[Line]) -> bytes:
    push = push_request()()
    streams = {}
    for line in batch:
        if line.labels not in streams:
            streams[line.labels] = push.streams.add(labels=text_of(dict(line.labels)).encode())
        entry = streams[line.labels].entries.add(line=line.text.encode())
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(line.ts, 10**9)
    packed: bytes = pa.compress(push.SerializeToString(), codec="snappy", asbytes=True)
    return packed


def client(url: str, kind: str, files: Sequence[Path], start: Barrier) -> None:
    """Push every file, one after the other; ends with 1 when one was not taken."""
    bodies = [file.read_bytes() for file in files]
    at = urlsplit(url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port or 80, timeout=60)
    connection.connect()
    start.wait()
    for body in bodies:
        connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": kind})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 204:
            sys.exit(f"{answer.status} {said[:300]!r}")


@contextlib.contextmanager
def profiled(pid: int, to: Path | None) -> Iterator[None]:
    if to is None:
        yield
        return
    py_spy = Path(sys.executable).with_name("py-spy")
    argv = [str(py_spy), "record", "-f", "raw", "-o", str(to), "-p", str(pid), "-d", "600", "-t"]
    watcher = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    yield
    watcher.send_signal(signal.SIGINT)
    watcher.wait()


def floor(batches: Sequence[Sequence[Line]], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds for the same lines into a bare table."""
    tables = [
        pa.table(
            {
                "ts": np.array([line.ts for line in batch]),
                "sid": np.array([stream_id(label_key(dict(line.labels))) for line in batch]),
                "line": [line.text for line in batch],
            }
        )
        for batch in batches
    ]
    with duckdb.connect(str(folder / "floor.duckdb"), config={"threads": 2}) as connection:
        connection.execute("CREATE TABLE logs (ts BIGINT, sid BIGINT, line VARCHAR)")
        wall, cpu = time.perf_counter(), time.process_time()
        for table in tables:
            connection.register("batch", table)
            connection.execute("INSERT INTO logs SELECT * FROM batch")
            connection.unregister("batch")
        return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=500_000)
    arguments.add_argument("--span", type=float, default=1.0)
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--format", choices=("json", "protobuf"), default="json")
    arguments.add_argument("--profile", type=Path)
    chosen = arguments.parse_args()
    made = list(lines(chosen.lines, round(chosen.span * 3_600)))
    batches = [made[at : at + BODY_LINES] for at in range(0, len(made), BODY_LINES)]
    encode, kind = (as_json, JSON) if chosen.format == "json" else (as_protobuf, PROTOBUF)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for n, batch in enumerate(batches):
            files.append(folder / f"{n}.body")
            files[-1].write_bytes(encode(batch))
        text = sum(len(line.text) for line in made)
        sent = sum(file.stat().st_size for file in files)
        print(
            f"{len(made):,} lines, {text / 1e6:.0f} MB, {len(files)} bodies of {sent / 1e6:.0f} MB"
        )
        bare_wall, bare_cpu = floor(batches, folder)
        print(
            f"floor   {len(made) / bare_wall:9,.0f} lines/s   {len(made) / bare_cpu:9,.0f} per CPU second"
        )
        with server(folder / "store") as (asked, process, _):
            start = multiprocessing.Barrier(chosen.clients + 1)
            clients = [
                multiprocessing.Process(
                    target=client,
                    args=(asked.url, kind, files[n :: chosen.clients], start),
                )
                for n in range(chosen.clients)
            ]
            for each in clients:
                each.start()
            with profiled(process.pid, chosen.profile):
                start.wait()
                wall, cpu = time.perf_counter(), cpu_s(process)
                for each in clients:
                    each.join()
                wall, cpu = time.perf_counter() - wall, cpu_s(process) - cpu
            stats = asked.stats()
            failed = [each.exitcode for each in clients if each.exitcode]
            print(
                f"push    {len(made) / wall:9,.0f} lines/s   {len(made) / cpu:9,.0f} per CPU second   "
                f"{bare_wall / wall:.2f} and {bare_cpu / cpu:.2f} of the floor   "
                f"commit p50 {stats['commit_ms']['p50']:.0f} ms, p99 {stats['commit_ms']['p99']:.0f} ms   "
                f"{resident_mb(process):.0f} MB"
            )
            if failed or stats["lines_total"] != len(made):
                sys.exit(f"{failed} clients failed; {stats['lines_total']:,} lines are stored")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
