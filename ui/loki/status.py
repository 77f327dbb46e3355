"""What clients look at before they ask: build, limits, rules (there are none), settings."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from driftwood import __version__
from driftwood.config import effective
from driftwood.logql.gotext import format_prometheus_duration
from driftwood.timeparse import SECOND
from ui.api_state import ServerState
from ui.loki.answers import dumped
from ui.loki.refusals import Refusal

SPOKEN = "3.6.0"
"""The version of Loki whose API this is: clients switch on what they know of it."""
SERVICE_LABELS = (
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
)
LEVEL_FIELDS = ("level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "log_level")


def add_routes(router: APIRouter, server: ServerState) -> None:
    @router.get("/loki/api/v1/status/buildinfo")
    async def buildinfo() -> Response:
        """Loki's version that is spoken here, and Driftwood's own."""
        return _json(
            {
                "version": SPOKEN,
                "revision": __version__,
                "branch": "driftwood",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            }
        )

    @router.get("/loki/api/v1/drilldown-limits")
    async def drilldown_limits() -> Response:
        """What Grafana's Logs Drilldown may ask for."""
        return _json(
            {"limits": _limits(server), "pattern_ingester_enabled": True, "version": SPOKEN}
        )

    @router.get("/prometheus/api/v1/rules")
    async def rules() -> Response:
        """No rules are evaluated here."""
        return _nothing("groups")

    @router.get("/prometheus/api/v1/alerts")
    async def alerts() -> Response:
        return _nothing("alerts")

    @router.get("/api/prom/rules")
    @router.get("/loki/api/v1/rules")
    async def rule_groups() -> Response:
        raise Refusal(404, "no rule groups found\n")

    @router.get("/config")
    async def config() -> Response:
        """The settings in force as YAML; secrets read `***`."""
        return PlainTextResponse(_yaml(effective(server.config)))


def _limits(server: ServerState) -> dict[str, object]:
    asked, kept = server.config.query, server.config.store
    return {
        "discover_log_levels": True,
        "discover_service_name": SERVICE_LABELS,
        "log_level_fields": LEVEL_FIELDS,
        "max_entries_limit_per_query": server.config.server.max_lines,
        "max_line_size_truncate": False,
        "max_query_bytes_read": "0B",
        "max_query_length": _seconds(asked.max_range_s),
        "max_query_lookback": "0s",
        "max_query_range": _seconds(asked.max_window_s),
        "max_query_series": asked.max_series,
        "metric_aggregation_enabled": False,
        "pattern_persistence_enabled": True,
        "query_timeout": _seconds(server.config.server.query_timeout_s),
        "retention_period": _seconds(kept.retention_s),
        "volume_enabled": True,
        "volume_max_series": 1_000,
    }


def _seconds(seconds: float) -> str:
    return format_prometheus_duration(int(seconds * SECOND))


def _nothing(name: str) -> Response:
    return _json({"status": "success", "data": {name: []}, "errorType": "", "error": ""})


def _json(body: object) -> Response:
    return Response(dumped(body), media_type="application/json")


def _yaml(sections: dict[str, dict[str, object]]) -> str:
    """JSON's values are YAML's, too."""
    lines = []
    for section, settings in sections.items():
        lines.append(f"{section}:")
        lines += [f"  {name}: {orjson.dumps(value).decode()}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"
