"""Questions of a dashboard over a large store, through HTTP: how long, and how much memory the server takes.

    python -m benchmarks.serve --lines 10000000 --keep DIR
    python -m benchmarks.large DIR [--runs N]

Each question is about the day that ends with the newest well filled hour (some lines are appended months later);
how many lines that are is printed. It is asked N times (default 10); the p95 is over all answers. The last ones,
whose parsers meet many lines of another format, are no dashboard's: they are asked once each and stand apart.
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from benchmarks.serve import resident_mb, server
from driftwood.store.store import DuckStore

NS = 10**9
HOUR = 3_600
FILLED = 10_000
ALL = '{service_name=~".+"}'
# (name, query, step in seconds: 0 for lines, None for an instant)
DASHBOARD = (
    ("newest 100 with an error", f'{ALL} |= "error"', 0),
    ("newest 1,000", ALL, 0),
    ("rate by level, 5-minute steps", f"sum by (level) (count_over_time({ALL}[5m]))", 300),
    ("count of a literal", f'sum(count_over_time({ALL} |= "timeout" [24h]))', None),
    (
        "count of a regex by service",
        f'sum by (service_name) (count_over_time({ALL} |~ "err.*[0-9]" [24h]))',
        None,
    ),
)
HEAVY = (
    ("json, its errors counted", f"sum by (__error__) (count_over_time({ALL} | json [24h]))", None),
    (
        "logfmt p95 by level and hour",
        f"quantile_over_time(0.95, {ALL} | logfmt | unwrap latency_ms [1h]) by (level)",
        HOUR,
    ),
    (
        "json over every service",
        f"topk(5, sum by (status) (count_over_time({ALL} | json | __error__=`` [24h])))",
        None,
    ),
)


def asked(http: httpx.Client, query: str, step: int | None, end: int) -> tuple[float, str]:
    """Seconds until the answer, and what is to be said of it."""
    parameters: dict[str, str | int] = {"query": query}
    if step is None:
        parameters["time"] = end
    else:
        parameters |= {"start": end - 24 * HOUR * NS, "end": end}
        parameters |= {"step": step} if step else {"limit": 100 if "|=" in query else 1_000}
    path = "query" if step is None else "query_range"
    began = time.perf_counter()
    answer = http.get(f"/loki/api/v1/{path}", params=parameters)
    said = "" if answer.status_code == 200 else f"  {answer.status_code} {answer.text.strip()}"
    return time.perf_counter() - began, said


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--runs", type=int, default=10)
    chosen = arguments.parse_args()
    with DuckStore.open(chosen.data, read_only=True) as store:
        hours = f"SELECT max(ts) AS newest FROM logs GROUP BY ts // {HOUR * NS} HAVING count(*) >= {FILLED}"
        end = store.query(f"SELECT max(newest) FROM ({hours})").column(0)[0].as_py()
        about = f"ts > {end - 24 * HOUR * NS} AND ts <= {end}"
        lines = store.query(f"SELECT count(*) FROM logs WHERE {about}").column(0)[0].as_py()
    print(f"{lines:,} lines are asked about")
    with (
        server(chosen.data) as (client, process, _),
        httpx.Client(base_url=client.url, timeout=120) as http,
    ):
        peak, over = [0.0], threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                peak[0] = max(peak[0], resident_mb(process))

        watcher = threading.Thread(target=watch)
        watcher.start()
        took: dict[str, list[float]] = {name: [] for name, _, _ in DASHBOARD}
        for _ in range(chosen.runs):
            for name, query, step in DASHBOARD:
                seconds, said = asked(http, query, step, end)
                took[name].append(seconds)
                assert not said, said
        for name, each in took.items():
            print(f"{name:32} median {np.median(each):6.2f} s   longest {max(each):6.2f} s")
        every = np.concatenate([np.array(each) for each in took.values()])
        print(
            f"{'all of them':32} p95    {np.percentile(every, 95):6.2f} s   memory {peak[0]:,.0f} MB"
        )
        for name, query, step in HEAVY:
            seconds, said = asked(http, query, step, end)
            print(f"{name:32} once   {seconds:6.2f} s   memory {peak[0]:,.0f} MB{said}")
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
