"""One row of a benchmark's outcome, in the long form that every benchmark writes and the leaderboards read."""

from __future__ import annotations

import dataclasses
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from scipy import stats


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, and everything it takes to measure it again."""

    bench: str
    data: str
    """The set with its part, as in `ait_ads/fox`."""
    protocol: str
    """The rules, as in `raw`, `strict`, `incidents`."""
    subject: str
    """The parser, detector or model."""
    metric: str
    """Its usual name; a unit stands in it, as in `delay_s`."""
    value: float | None
    """None for a failure: the reason is in `note`."""
    low: float | None = None
    high: float | None = None
    """The 95 % confidence interval of `value`."""
    n: int = 0
    """How many cases stand behind the value."""
    seeds: int = 1
    seconds: float | None = None
    """CPU time of the subject."""
    peak_mb: float | None = None
    """Of the whole process so far."""
    commit: str = ""
    device: str = ""
    at: str = ""
    """RFC 3339, UTC."""
    config: str = ""
    """JSON of what was set."""
    data_sha: str = ""
    note: str = ""


class Interval(NamedTuple):
    value: float | None
    low: float | None
    high: float | None


def interval(values: Sequence[float]) -> Interval:
    """The mean over seeds and its 95 % confidence interval (Student's t); (None, None, None) of nothing.

    >>> interval([1.0])
    Interval(value=1.0, low=None, high=None)
    >>> [round(x, 3) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    if not values:
        return Interval(None, None, None)
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, None, None)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return Interval(mean, mean - half, mean + half)


def stamped(rows: Iterable[Row]) -> list[Row]:
    """`rows` with the commit, machine, time and memory of this run, where they say none."""
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return [
        dataclasses.replace(
            row,
            commit=row.commit or commit(),
            device=row.device or device(),
            at=row.at or at,
            peak_mb=peak_mb() if row.peak_mb is None else row.peak_mb,
        )
        for row in rows
    ]


def write(rows: Iterable[Row], path: Path) -> None:
    """Append `rows` to `path` as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in rows)


def read(path: Path) -> list[Row]:
    return [Row(**orjson.loads(line)) for line in path.read_bytes().splitlines()]


@cache
def commit() -> str:
    """The commit of the code that runs, with `+` after it when files differ; "" outside a checkout."""
    here = Path(__file__).parent
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],  # noqa: S607
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


@cache
def device() -> str:
    """The processor and the number of cores that this process may use."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return f"{name}, {cores} cores"


def peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
