"""What each level of zstd costs and saves when lines are sealed: `python -m benchmarks.sealing [--rows N]`.

CPU seconds of sealing, sealed bytes, CPU seconds of a scan; LO2 (when it is there) and the lines of six services.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from benchmarks.six_services import lines
from benchmarks.store import batches, lines_of
from driftwood.records import Commit, Events, no_dead_letters
from driftwood.store import segments
from driftwood.store.store import DuckStore

SCAN = "SELECT count(*) FROM logs WHERE contains(line, 'attempt=2') OR contains(line, 'failed')"


def sealed(parts: list[Events], level: int) -> tuple[float, int, float]:
    """CPU seconds of sealing, bytes, CPU seconds of a scan (the best of five)."""
    options = re.sub(r"LEVEL \d+", f"LEVEL {level}", segments.PARQUET)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(segments, "PARQUET", options),
        DuckStore.open(Path(folder)) as store,
    ):
        for events in parts:
            store.write(Commit(events, no_dead_letters(), {}))
        started = time.process_time()
        store.compact()
        seconds = time.process_time() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        scans = []
        for _ in range(5):
            started = time.process_time()
            store.query(SCAN)
            scans.append(time.process_time() - started)
    return seconds, size, min(scans)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    rows = parser.parse_args().rows
    services = [(dict(line.labels)["service_name"], line.text) for line in lines(rows)]
    sets = {"LO2": lines_of(Path("../shared/data/detection/lo2")), "six services": services}
    for name, texts in sets.items():
        parts = list(batches(texts, rows, 20_000))
        for level in (6, 3, 1):
            seconds, size, scan = sealed(parts, level)
            print(
                f"{name} level={level} seal_cpu_s={seconds:.2f} bytes={size} scan_cpu_s={scan:.3f}"
            )


if __name__ == "__main__":
    main()
