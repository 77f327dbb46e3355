"""What clients look at before they ask."""

from __future__ import annotations

import httpx
import pytest
import yaml

from driftwood.config import Config, Kafka, Query
from tests.ui.api_server import Running


def test_the_build_names_the_version_of_loki_that_is_spoken(http: httpx.Client) -> None:
    build = http.get("/loki/api/v1/status/buildinfo").json()
    assert set(build) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert int(build["version"].split(".")[0]) >= 3
    assert build["branch"] == "driftwood"


def test_limits_for_drilldown_are_those_in_force(http: httpx.Client, running: Running) -> None:
    running.config = Config(query=Query(max_series=7, max_range_s=86_400))
    limits = http.get("/loki/api/v1/drilldown-limits").json()
    assert limits["pattern_ingester_enabled"] is True
    assert limits["limits"]["max_query_series"] == 7
    assert limits["limits"]["max_query_length"] == "1d"
    assert limits["limits"]["max_entries_limit_per_query"] == 5_000
    assert limits["limits"]["volume_enabled"] is True
    assert "service_name" not in limits["limits"]["discover_service_name"]


def test_there_are_no_rules_and_no_alerts(http: httpx.Client) -> None:
    rules = http.get("/prometheus/api/v1/rules").json()
    assert rules == {"status": "success", "data": {"groups": []}, "errorType": "", "error": ""}
    alerts = http.get("/prometheus/api/v1/alerts").json()
    assert alerts["data"] == {"alerts": []}


@pytest.mark.parametrize("path", ["/loki/api/v1/rules", "/api/prom/rules"])
def test_rule_groups_are_not_found(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.text) == (404, "no rule groups found\n")


def test_settings_are_told_as_yaml_without_secrets(http: httpx.Client, running: Running) -> None:
    running.config = Config(kafka=Kafka(sasl_password="hunter2", topics=("a", "b")))
    answer = http.get("/config")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    settings = yaml.safe_load(answer.text)
    assert settings["kafka"]["sasl_password"] == "***"
    assert settings["kafka"]["topics"] == ["a", "b"]
    assert settings["query"]["max_series"] == 5_000
