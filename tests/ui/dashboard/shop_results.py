"""Rows of benchmarks as the stand-in has them, the newest first."""

from __future__ import annotations

from typing import Any

from tests.ui.dashboard.shop_lines import HOSTILE

VALUES = {"driftwood": (0.95, 0.71), "drain3": (0.91, 0.81), "lfa": (0.6, None)}


def rows(*, hostile: bool = False) -> list[dict[str, Any]]:
    found = [
        row(data, protocol, subject, metric, value)
        for data in ("Linux", "mean")
        for protocol in ("normalised", "raw")
        for subject, values in VALUES.items()
        for metric, value in zip(("GA", "FTA"), values, strict=True)
    ]
    found.append(row("mean", "normalised", "driftwood", "GA", 0.1, at="2024-01-01T00:00:00Z"))
    if hostile:
        found = [{**each, "subject": each["subject"] + HOSTILE, "note": HOSTILE} for each in found]
    return found


def row(
    data: str,
    protocol: str,
    subject: str,
    metric: str,
    value: float | None,
    at: str = "2026-01-01T00:00:00Z",
) -> dict[str, Any]:
    return {
        "bench": "parsing", "data": data, "protocol": protocol, "subject": subject, "metric": metric,
        "value": value, "low": None, "high": None, "n": 16, "seeds": 1, "seconds": 1.5, "peak_mb": 90.0,
        "commit": "abc", "device": "a machine", "at": at, "config": "", "data_sha": "",
        "note": None if value is not None else "took more than 600 s",
    }  # fmt: skip
