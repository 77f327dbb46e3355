"""Rows of benchmarks as the stand-in has them, the newest first."""

from __future__ import annotations

from typing import Any

from tests.ui.dashboard.shop_lines import HOSTILE

VALUES = {"driftwood": (0.95, 0.71), "drain3": (0.91, 0.81), "lfa": (0.6, None)}

DETECTORS = {
    "episode_memory": {"AP": 0.836, "R@1%FPR": 0.868, "F1": 0.65, "F1@oracle": 0.9},
    "knn": {"AP": 0.769, "R@1%FPR": 0.812, "F1": 0.645, "F1@oracle": 0.91},
    "all_positive": {"AP": 0.008, "R@1%FPR": 0.0, "F1": 0.99, "prevalence": 0.008},
}


def rows(*, hostile: bool = False) -> list[dict[str, Any]]:
    found = [
        row(data, protocol, subject, metric, value)
        for data in ("Linux", "mean")
        for protocol in ("normalised", "raw")
        for subject, values in VALUES.items()
        for metric, value in zip(("GA", "FTA"), values, strict=True)
    ]
    found.append(row("mean", "normalised", "driftwood", "GA", 0.1, at="2024-01-01T00:00:00Z"))
    found += [
        row("ait_ads/mean", "strict", subject, metric, value, bench="detection")
        for subject, values in DETECTORS.items()
        for metric, value in values.items()
    ]
    found += [
        row("ait_ads/mean", "wide", "ensemble", f"phases@{n}/day", 0.9, bench="detection")
        for n in range(20)
    ]
    if hostile:
        found = [{**each, "subject": each["subject"] + HOSTILE, "note": HOSTILE} for each in found]
    return found


def boards() -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in rows():
        names = {name: each[name] for name in ("bench", "data", "protocol")}
        board = found.setdefault(tuple(names.values()), {**names, "rows": 0, "at": each["at"]})
        board["rows"] += 1
    return list(found.values())


def row(
    data: str,
    protocol: str,
    subject: str,
    metric: str,
    value: float | None,
    at: str = "2026-01-01T00:00:00Z",
    bench: str = "parsing",
) -> dict[str, Any]:
    return {
        "bench": bench, "data": data, "protocol": protocol, "subject": subject, "metric": metric,
        "value": value, "low": None, "high": None, "n": 16, "seeds": 1, "seconds": 1.5, "peak_mb": 90.0,
        "commit": "abc", "device": "a machine", "at": at, "config": "", "data_sha": "",
        "note": None if value is not None else "took more than 600 s",
    }  # fmt: skip
