"""How long two days of roll-ups take to compare: `python benchmarks/template_diff.py [--templates N] [--each M]`.

Two windows of 24 h, N templates known in each, of which a twentieth was renamed in between; each has lines in M
minutes of a window, in one of 20 streams. Medians of five runs of what the API and `driftwood templates diff` ask.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from driftwood.store.read import Span
from driftwood.store.read_diff import diff
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.read_templates import among
from driftwood.store.schema import HOUR, MINUTE
from driftwood.store.store import DuckStore

START = 1_700_000_000_000_000_000 // HOUR * HOUR
DAY = 24 * HOUR


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--templates", type=int, default=5_000)
    arguments.add_argument("--each", type=int, default=300, help="minutes of a window with lines")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, DuckStore.open(Path(name)) as store:
        seed(store, chosen.templates, chosen.each)
        cells = store.query("SELECT count(*) FROM template_counts").column(0)[0].as_py()
        before, after = Span(START, START + DAY), Span(START + DAY, START + 2 * DAY)
        walls, cpus, described = [], [], []
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            found = diff(store, EVERY_LINE, after, before)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
            for moved, span in (
                (found.new + found.changed + found.reworded, after),
                (found.vanished, before),
            ):
                among(store, EVERY_LINE, span, [m.id for m in moved])
            described.append(time.perf_counter() - wall)
    print(
        f"{chosen.templates:,} templates, {cells:,} cells: compared in {statistics.median(walls):.2f} s "
        f"({statistics.median(cpus):.2f} s of CPU), with descriptions {statistics.median(described):.2f} s; "
        f"{len(found.new)} new, {len(found.vanished)} vanished, {len(found.changed)} changed, "
        f"{len(found.reworded)} reworded (50 of each at most)"
    )


def seed(store: DuckStore, templates: int, each: int) -> None:
    """The second day has ids of its own where a template was renamed; a few have four times the lines."""
    store.execute(
        f"""INSERT INTO templates
            SELECT i, 1, 'service ' || (i % 20) || ' step ' || md5((i % 1000000)::VARCHAR)[:8] || ' of '
                   || md5((i % 1000000 // 7)::VARCHAR)[:6] || CASE WHEN i < 1000000 THEN ' took <NUM> ms'
                   ELSE ' has taken <NUM> ms' END, FALSE, [], {START}
            FROM (SELECT unnest(range({templates:d})) AS i UNION ALL
                  SELECT 1000000 + unnest(range(0, {templates:d}, 20)))"""
    )
    store.execute(
        f"""INSERT INTO template_counts
            SELECT {START} + (day * 1440 + 1 + hash(i, day, k) % 1440) * {MINUTE}, i % 20,
                   CASE WHEN day = 1 AND i % 20 = 0 THEN 1000000 + i ELSE i END, 1, 9,
                   CASE WHEN day = 1 AND i % 50 = 1 THEN 4 ELSE 1 END, 80
            FROM range({templates:d}) AS a(i), range(2) AS b(day), range({each:d}) AS c(k)"""
    )


if __name__ == "__main__":
    main()
