"""Real logs the whole way: what a person would see, not only that it ran.

    python benchmarks/real_logs.py [DATA] [--sets A,B] [--top N]

DATA (default: ../shared/data) holds `loghub_2k/`, `loghub_2_0/Linux/`, `detection/lo2/` and
`detection/nezha_trainticket/`. Each set goes through `driftwood ingest` into a store of its own; printed are speed,
what was recognised in the lines, the templates that cover most of them, and the anomalies. Nezha's lines, a
table, are written as Kubernetes does: a file per pod, each line in the CRI format with its time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from driftwood.store.store import DuckStore

ROOT = Path(__file__).resolve().parents[1]


def sets(data: Path, work: Path) -> Iterator[tuple[str, list[Path]]]:
    """(name, files) of every set that is there."""
    for folder in sorted((data / "loghub_2k").glob("*/")):
        yield f"loghub_2k/{folder.name}", sorted(folder.glob("*_2k.log"))
    linux = data / "loghub_2_0" / "Linux" / "Linux_full.log"
    if linux.exists():
        yield "loghub_2_0/Linux", [linux]
    archive = data / "detection" / "lo2" / "lo2_log_data.tar.xz"
    if archive.exists():
        with tarfile.open(archive) as tar:
            tar.extractall(work / "lo2", filter="data")
        yield "lo2", sorted((work / "lo2").rglob("*.log"))
    tables = sorted((data / "detection" / "nezha_trainticket").glob("*_log.parquet"))
    if tables:
        yield "nezha_trainticket", [file for t in tables for file in containers(t, work / t.stem)]


def containers(table: Path, folder: Path) -> list[Path]:
    """Nezha's rows as Kubernetes would have written them: a file per pod, in the order of time."""
    folder.mkdir()
    columns = pq.read_table(table, columns=["time_unix_nano", "pod", "log"])
    columns = columns.filter(pc.is_finite(columns["time_unix_nano"])).sort_by("time_unix_nano")
    times = columns["time_unix_nano"].to_numpy().astype("int64").astype("datetime64[ns]")
    lines: dict[str, list[str]] = {}
    stamps = np.datetime_as_string(times).tolist()
    for stamp, pod, log in zip(
        stamps, columns["pod"].to_pylist(), columns["log"].to_pylist(), strict=True
    ):
        first, *rest = str(log).splitlines() or [""]
        lines.setdefault(str(pod), []).extend(
            f"{stamp}Z stdout F {part}\n" for part in (first, *rest)
        )
    for pod, texts in lines.items():
        (folder / f"{pod}.log").write_text("".join(texts), "utf-8")
    return sorted(folder.glob("*.log"))


def show(name: str, files: list[Path], store: Path, top: int) -> None:
    """Take one set in, and print what it looks like."""
    argv = ["-m", "ui.cli", "-q", "ingest", *map(str, files), "--data", str(store), "--json"]
    run = subprocess.run([sys.executable, *argv], capture_output=True, text=True, cwd=ROOT)
    if run.returncode:
        print(f"\n== {name}: failed: {run.stderr.strip()}")
        return
    summary = json.loads(run.stdout)
    with DuckStore.open(store, read_only=True) as opened:
        facts = opened.query(
            """SELECT count(*) AS n, avg((ts <> observed_ts)::INT) AS timed, avg((severity > 0)::INT) AS levelled,
            count(DISTINCT service) AS services, count(DISTINCT template_id) AS templates FROM logs"""
        ).to_pylist()[0]
        templates = opened.query(
            """SELECT count(*) AS n, arg_max(t.text, t.version) AS text FROM logs JOIN templates t
            ON t.id = template_id AND t.version = template_version GROUP BY template_id ORDER BY n DESC LIMIT ?""",
            [top],
        ).to_pylist()
        singles = opened.query(
            "SELECT count(*) FROM (SELECT 1 FROM logs GROUP BY template_id HAVING count(*) = 1)"
        )
        anomalies = opened.query(
            "SELECT title FROM anomalies ORDER BY p_value, start_ts LIMIT ?", [top]
        ).to_pylist()
    print(
        f"\n== {name}: {facts['n']:,} records from {len(files)} files in {summary['seconds']:.1f} s; "
        f"time read from {facts['timed']:.0%}, level from {facts['levelled']:.0%}, {facts['services']} services; "
        f"{facts['templates']:,} templates ({singles.column(0)[0].as_py():,} with one line), "
        f"{summary['anomalies']} anomalies"
    )
    for row in templates:
        print(f"  {row['n']:8,}  {str(row['text'])[:150]!r}")
    for row in anomalies:
        print(f"  ! {row['title'][:170]}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    arguments.add_argument("--sets", help="only sets whose name holds one of these, A,B")
    arguments.add_argument("--top", type=int, default=6)
    chosen = arguments.parse_args()
    wanted = chosen.sets.split(",") if chosen.sets else [""]
    with tempfile.TemporaryDirectory() as work:
        for number, (name, files) in enumerate(sets(chosen.data, Path(work))):
            if any(part in name for part in wanted):
                show(name, files, Path(work) / f"store-{number}", chosen.top)


if __name__ == "__main__":
    main()
