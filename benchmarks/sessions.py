"""Sessions as the product judges them, on HDFS with its text: lines -> miner -> sessions -> model -> anomalies.

    python -m benchmarks.sessions FOLDER [--detectors prefix_vectors] [--gap 600] [--verdicts]

FOLDER holds `hdfs_events_2percent.parquet` and `hdfs_seqs_2percent.parquet` (LogLead's sample of HDFS_v1). With
`--verdicts` each row that is told is answered at once, as the labels have it: *real* or *expected*. Labels serve for
that and for counting only.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from detectors.stage import DetectionStage
from driftwood.config import Detection, StreamRule
from driftwood.labels import label_key
from driftwood.records import EVENTS, Anomaly, Events
from parsing import PARSERS
from parsing.shapes import ShapeCache

_BATCH = 500
_LEVELS = {"INFO": 9, "WARN": 13, "ERROR": 17}
_SESSION = re.compile(r"\(session (blk_-?\d+)\)$")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--detectors", default="prefix_vectors")
    arguments.add_argument("--gap", type=float, default=600.0, help="seconds of silence")
    arguments.add_argument("--verdicts", action="store_true", help="people answer at once")
    chosen = arguments.parse_args()
    parser = ShapeCache(PARSERS.make("driftwood"))
    rows = _events(chosen.folder / "hdfs_events_2percent.parquet", parser)
    labels = pq.read_table(chosen.folder / "hdfs_seqs_2percent.parquet").to_pydict()
    anomalous = dict(zip(labels["seq_id"], labels["anomaly"], strict=True))
    texts = {int(template): text for template, text in parser.templates().items()}
    rule = StreamRule(
        "{}",
        detectors=tuple(chosen.detectors.split(",")),
        session=r"blk_-?\d+",
        gap_s=chosen.gap,
    )
    stage = DetectionStage(Detection(streams=(rule,)), lambda: texts, looks=False)
    told: list[bool] = []
    cpu = 0.0
    for batch in _batches(rows):
        before = time.process_time()
        found = stage.observe(batch)
        cpu += time.process_time() - before
        for anomaly in found:
            told.append(anomalous[_session(anomaly)])
            if chosen.verdicts:
                stage.acknowledge(anomaly.id, "real" if told[-1] else "expected")
    before = time.process_time()
    size = len(stage.save())
    saving = time.process_time() - before
    days = (pc.max(rows["ts"]).as_py() - pc.min(rows["ts"]).as_py()) / 86_400e9
    print(
        f"{chosen.detectors} gap={chosen.gap:g} s verdicts={chosen.verdicts}: {len(told)} told in {days:.1f} days, "
        f"{sum(told)} anomalous, {len(told) - sum(told)} normal; {rows.num_rows:,} lines in {cpu:.1f} s of CPU, "
        f"snapshot {size / 1e6:.2f} MB in {saving * 1e3:.0f} ms"
    )
    for row in stage.status():
        if row["state"] != "waiting":
            print(f"  {row['name']}: {row['detail']}")


def _session(anomaly: Anomaly) -> str:
    found = _SESSION.search(anomaly.title)
    assert found is not None
    return found[1]


def _batches(rows: Events) -> Iterator[Events]:
    for at in range(0, rows.num_rows, _BATCH):
        yield Events(rows.slice(at, _BATCH))


def _events(path: Path, parser: ShapeCache) -> Events:
    """The lines in the order of time, with the templates that the miner gives them as they come."""
    rows = pq.read_table(path).sort_by([("m_timestamp", "ascending")]).to_pylist()
    n = len(rows)
    lines = [f"{row['component']} {row['m_message']}" for row in rows]
    text = pa.chunked_array([lines], pa.string())
    parts = [parser.assign(text.slice(at, _BATCH)) for at in range(0, n, _BATCH)]
    ts = [int(row["m_timestamp"].replace(tzinfo=UTC).timestamp()) * 10**9 for row in rows]
    key = label_key({"service_name": "hdfs"})
    columns: dict[str, Any] = {
        "ts": ts,
        "observed_ts": ts,
        "labels": pa.array([key] * n).dictionary_encode(),
        "line": lines,
        "sm": [[]] * n,
        "severity": [_LEVELS.get(row["level"], 0) for row in rows],
        "service": pa.array(["hdfs"] * n).dictionary_encode(),
        "topic": pa.array(["hdfs"] * n).dictionary_encode(),
        "part": [0] * n,
        "off": range(n),
        "idx": [0] * n,
        "template_id": [i for ids, _ in parts for i in ids.to_pylist()],
        "template_version": [v for _, versions in parts for v in versions.to_pylist()],
        "line_id": range(n),
    }
    return Events(pa.table([pa.array(columns[f.name], f.type) for f in EVENTS], schema=EVENTS))


if __name__ == "__main__":
    main()
