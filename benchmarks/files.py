"""Files to stored, templated and scored: lines per second of `driftwood ingest`, beside a floor in the same run.

    python benchmarks/files.py [PATH...] [--lines N]

Without PATH the demo shop writes N lines (default 1,000,000), one file per service. The floor reads the same files and
puts the bare lines into a DuckDB table, with nothing learnt: what remains is Driftwood's own work.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.demo_shop import generate

DAY_NS = 86_400_000_000_000


def write_shop(folder: Path, lines: int) -> list[Path]:
    """`lines` lines of the demo shop's normal day, a file per service."""
    files: dict[str, list[str]] = {}
    start, written = 1_770_000_000_000_000_000 // DAY_NS * DAY_NS, 0
    for minute in generate(0, start, start + 365 * DAY_NS, (), rate=400.0):
        for line in minute:
            files.setdefault(line.service, []).append(line.text + "\n")
        written += len(minute)
        if written >= lines:
            break
    for service, texts in files.items():
        (folder / f"{service}.log").write_text("".join(texts), "utf-8")
    return sorted(folder.glob("*.log"))


def floor(paths: list[Path], folder: Path) -> tuple[int, float, float]:
    """(lines, wall s, CPU s) of reading `paths` into a plain table."""
    wall, cpu, lines = time.perf_counter(), time.process_time(), 0
    with duckdb.connect(str(folder / "floor.duckdb"), config={"threads": 2}) as con:
        con.execute("CREATE TABLE floor (line VARCHAR)")
        for path in paths:
            batch = pa.table({"line": path.read_bytes().decode(errors="replace").splitlines()})
            con.execute("INSERT INTO floor SELECT line FROM batch")
            lines += batch.num_rows
    return lines, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("paths", nargs="*", type=Path)
    arguments.add_argument("--lines", type=int, default=1_000_000)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            file
            for path in chosen.paths or write_shop(folder, chosen.lines)
            for file in (
                sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            )
        ]
        size = sum(path.stat().st_size for path in paths)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        argv = ["-m", "ui.cli", "-q", "ingest", *map(str, paths), "--data", str(folder / "store")]
        run = subprocess.run(
            [sys.executable, *argv, "--json"], capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        summary = json.loads(run.stdout)
        lines, floor_wall, floor_cpu = floor(paths, folder)
        stored = sum(f.stat().st_size for f in (folder / "store").rglob("*") if f.is_file())
    print(f"input        {size / 1e6:,.0f} MB, {lines:,} lines in {len(paths)} files")
    print(
        f"driftwood    {summary['lines']:,} records, {summary['seconds']:.1f} s wall, {cpu:.1f} s CPU: "
        f"{summary['lines'] / summary['seconds']:,.0f} lines/s, {summary['lines'] / cpu:,.0f} per CPU second"
    )
    print(
        f"             {summary['templates']:,} templates, {summary['anomalies']} anomalies, ",
        end="",
    )
    print(f"peak RSS {after.ru_maxrss / 1e3:,.0f} MB, {stored / 1e6:,.0f} MB on disk")
    print(
        f"floor        {floor_wall:.1f} s wall, {floor_cpu:.1f} s CPU: {lines / floor_wall:,.0f} lines/s; "
        f"driftwood takes {summary['seconds'] / floor_wall:.1f} times as long"
    )


if __name__ == "__main__":
    main()
