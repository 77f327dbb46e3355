"""/metrics: the running process in Prometheus' words, read from `stats()` when it is scraped."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from driftwood import __version__
from ui.api_state import PipelineStats, ServerState

STATES = ("starting", "running", "idle", "waiting", "done", "failed")


def exposition(server: ServerState) -> tuple[bytes, str]:
    """The text for one scrape, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Running(server))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Running(Collector):
    def __init__(self, server: ServerState) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        stats = self._server.stats()
        build = GaugeMetricFamily("driftwood_build_info", "Always 1.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield _gauge("driftwood_ready", "1 once the server takes work.", self._server.ready)
        yield from _counters(stats)
        yield from _queue(stats)
        yield from _commits(stats)
        yield from _sources(stats)


def _gauge(name: str, doc: str, value: float) -> Metric:
    return GaugeMetricFamily(name, doc, value=value)


def _counters(stats: PipelineStats) -> Iterator[Metric]:
    counted = (
        ("driftwood_lines", "Lines stored since the start.", stats["lines_stored"]),
        (
            "driftwood_lines_repeated",
            "Pushed lines that were stored already.",
            stats.get("lines_repeated", 0),
        ),
        ("driftwood_dead_letters", "Records that could not be decoded.", stats["dead_stored"]),
        ("driftwood_anomalies", "Anomalies found since the start.", stats["anomalies_found"]),
    )
    for name, doc, value in counted:
        yield CounterMetricFamily(name, doc, value=value)


def _queue(stats: PipelineStats) -> Iterator[Metric]:
    queue = stats["queue"]
    yield _gauge("driftwood_queue_rows", "Records between sources and writer.", queue["rows"])
    yield _gauge("driftwood_queue_capacity_rows", "Where sources pause.", queue["capacity"])
    yield _gauge("driftwood_ingestion_paused", "1 while sources wait.", queue["paused"])


def _commits(stats: PipelineStats) -> Iterator[Metric]:
    commits = stats.get("commits")
    if commits is None:
        return
    buckets = [(f"{bound:g}", float(count)) for bound, count in commits["buckets"]]
    yield HistogramMetricFamily(
        "driftwood_commit_seconds",
        "How long transactions took.",
        buckets=[*buckets, ("+Inf", float(commits["count"]))],
        sum_value=commits["sum_s"],
    )


def _sources(stats: PipelineStats) -> Iterator[Metric]:
    names = ["source", "kind"]
    lag = GaugeMetricFamily(
        "driftwood_source_lag", "Not yet read: records (Kafka) or bytes (files).", labels=names
    )
    behind = GaugeMetricFamily(
        "driftwood_source_lag_seconds", "Age of what is read now.", labels=names
    )
    state = GaugeMetricFamily(
        "driftwood_source_state", "1 for the state that it is in.", labels=[*names, "state"]
    )
    for source in stats["sources"]:
        who = [source["name"], source["kind"]]
        if source["lag"] is not None:
            lag.add_metric(who, source["lag"])
        if source["lag_seconds"] is not None:
            behind.add_metric(who, source["lag_seconds"])
        for one in STATES:
            state.add_metric([*who, one], source["state"] == one)
    yield lag
    yield behind
    yield state
