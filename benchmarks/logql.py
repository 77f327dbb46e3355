"""Twelve questions in LogQL through HTTP, in milliseconds and in units of F.

    python benchmarks/logql.py [--lines N] [--runs N] [--compact] [--keep DIR]

`benchmarks/six_services.py` (default 500,000 lines over six hours) is pushed to a real `driftwood serve`; hours that
are over are sealed as the product does it by itself, the newest stays hot; `--compact` seals all, as `driftwood store
compact` does. F is the time that DuckDB takes in this run, hot and with two threads, to count a `contains` that never
matches over a plain table (ts, sid, line) of the same lines: figures in F can be compared between machines.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import httpx
import numpy as np
import pyarrow as pa

from benchmarks.push import BODY_LINES, JSON, as_json
from benchmarks.serve import resident_mb, server
from benchmarks.six_services import START, Line, lines
from driftwood.store.store import DuckStore

SPAN_S = 6 * 3_600
FLOOR_RUNS = 15


class Question(NamedTuple):
    name: str
    query: str
    goal: float
    """In F, as VictoriaLogs, Loki and plain DuckDB suggest."""
    steps: int = 0
    """Of a range query; 0 asks at the end alone."""
    limit: int = 0
    """Of a query for lines."""


ALL = '{service_name=~".+"}'
QUESTIONS = (
    Question("count of all", f"sum(count_over_time({ALL}[6h]))", 0.05),
    Question(
        "count by two labels", f"sum by (service_name, level) (count_over_time({ALL}[6h]))", 0.12
    ),
    Question("newest 1,000 of one service", '{service_name="checkout"}', 0.2, limit=1_000),
    Question("needle, newest 100", f'{ALL} |= "declined" |= "card=****0007"', 0.2, limit=100),
    Question(
        "regex filter, count",
        'sum(count_over_time({service_name="gateway"} |~ "GET /api/v1/(orders|carts)/1.* 50[0-9] " [6h]))',
        0.5,
    ),
    Question("rate by level, 60 steps", f"sum by (level) (rate({ALL}[6m]))", 0.15, steps=60),
    Question(
        "pattern, status counts",
        'sum by (status) (count_over_time({service_name="gateway"} '
        '| pattern `<ip> - - [<_>] "<method> <path> <_>" <status> <size> <_>` [6h]))',
        0.6,
    ),
    Question(
        "json field filter, newest 200",
        '{service_name="checkout"} | json | http_status >= 500',
        0.25,
        limit=200,
    ),
    Question(
        "json p95 by level, 24 steps",
        'quantile_over_time(0.95, {service_name="checkout"} | json | unwrap duration_ms [15m]) by (level)',
        0.25,
        steps=24,
    ),
    Question(
        "logfmt sum by currency",
        'sum by (currency) (sum_over_time({service_name="payments"} | logfmt | unwrap amount [6h]))',
        1.0,
    ),
    Question(
        "regexp top 5",
        'topk(5, sum by (user) (count_over_time({service_name="auth"} '
        r"| regexp `Failed password for (?P<user>\S+) from` | user != `` [6h])))",
        0.2,
    ),
    Question(
        "error ratio, 60 steps",
        f'sum(rate({{level="error"}}[6m])) / sum(rate({ALL}[6m]))',
        0.15,
        steps=60,
    ),
)


def floor_s(made: Sequence[Line], folder: Path) -> float:
    """F, in seconds: the table is one of a database on disk, as a store's is, and read from memory."""
    table = pa.table(
        {
            "ts": np.array([line.ts for line in made]),
            "sid": np.array([hash(line.labels) for line in made]),
            "line": [line.text for line in made],
        }
    )
    took = []
    with duckdb.connect(str(folder / "floor.duckdb"), config={"threads": 2}) as connection:
        connection.register("made", table)
        connection.execute("CREATE TABLE logs AS SELECT * FROM made ORDER BY ts")
        connection.unregister("made")
        connection.execute("CHECKPOINT")
        for _ in range(FLOOR_RUNS):
            began = time.perf_counter()
            connection.execute(
                "SELECT count(*) FROM logs WHERE contains(line, ?)", ["never matches"]
            ).fetchall()
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def ask_s(http: httpx.Client, question: Question) -> tuple[float, int]:
    """How long one answer took, and how many lines or series it has."""
    end = START + SPAN_S * 10**9
    asked: dict[str, str | int] = {"query": question.query}
    path = "query"
    if question.limit:
        path = "query_range"
        asked |= {"start": end - SPAN_S * 10**9, "end": end, "limit": question.limit}
    elif question.steps:
        path = "query_range"
        step = SPAN_S // question.steps
        end -= end % (step * 10**9)  # whole steps, as Grafana asks
        asked |= {"start": end - (SPAN_S - step) * 10**9, "end": end, "step": step}
    else:
        asked["time"] = end
    began = time.perf_counter()
    answer = http.get(f"/loki/api/v1/{path}", params=asked)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        sys.exit(f"{question.name}: {answer.status_code} {answer.text}")
    result = answer.json()["data"]["result"]
    return took, sum(len(stream["values"]) for stream in result) if question.limit else len(result)


def push(http: httpx.Client, made: Sequence[Line]) -> None:
    for at in range(0, len(made), BODY_LINES):
        body = as_json(made[at : at + BODY_LINES])
        http.post(
            "/loki/api/v1/push", content=body, headers={"Content-Type": JSON}
        ).raise_for_status()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=500_000)
    arguments.add_argument("--runs", type=int, default=9)
    arguments.add_argument("--compact", action="store_true")
    arguments.add_argument("--keep", type=Path, help="Leave the store in this folder, or use it.")
    chosen = arguments.parse_args()
    made = list(lines(chosen.lines, SPAN_S))
    text = sum(len(line.text) for line in made)
    with tempfile.TemporaryDirectory() as name:
        floor = floor_s(made, Path(name))
        data = chosen.keep or Path(name) / "store"
        if not (data / "driftwood.duckdb").is_file():
            with server(data) as (asked, process, _):
                with httpx.Client(base_url=asked.url, timeout=60) as http:
                    push(http, made)
                time.sleep(15)  # what is over is sealed
        if chosen.compact:
            with DuckStore.open(data) as store:
                store.compact()
        with DuckStore.open(data, read_only=True) as store:
            info = store.info()
            hot = store.query("SELECT count(*) AS n FROM logs_hot").column(0)[0].as_py()
            sealed = store.query(
                "SELECT coalesce(sum(file_bytes), 0)::BIGINT, coalesce(sum(text_bytes), 0)::BIGINT, count(*) "
                "FROM segments"
            ).to_pylist()[0]
        size, of_text, segments = sealed.values()
        print(
            f"{len(made):,} lines, {text / 1e6:.0f} MB, {info['streams']} streams; {hot:,} lines are hot,"
        )
        print(
            f"the others in {segments} segments of {size / 1e6:.1f} MB "
            f"({of_text / max(size, 1):.1f} times smaller than their text)"
        )
        print(f"F = {floor * 1e3:.1f} ms")
        total = 0.0
        with (
            server(data) as (asked, process, _),
            httpx.Client(base_url=asked.url, timeout=60) as http,
        ):
            for question in QUESTIONS:
                took = [ask_s(http, question) for _ in range(chosen.runs + 1)][1:]
                median = statistics.median(seconds for seconds, _ in took)
                total += median
                print(
                    f"{question.name:30} {median * 1e3:7.1f} ms {median / floor:6.2f} F   "
                    f"goal {question.goal:.2f} F   {took[0][1]:,} answered"
                )
            print(f"{'sum':30} {total * 1e3:7.1f} ms {total / floor:6.2f} F   goal 3.70 F")
            print(f"memory of the server {resident_mb(process):.0f} MB")


if __name__ == "__main__":
    main()
