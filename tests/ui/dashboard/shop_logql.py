"""The stand-in shop asked in LogQL: what is a query, its numbers, and what could be asked for."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from tests.ui.dashboard.shop import Shop
from tests.ui.dashboard.shop_lines import HOSTILE, SERVICES, when

GROUPED = re.compile(r"\b(?:by|without)\s*\(([\w, ]*)\)")
RANGES = re.compile(r"\b\w+_over_time|\b(?:bytes_)?rate\b|\bvector\b")
LEVELS = ("error", "warn", "info", "debug")
LABELS = ("host", "level", "service_name", "source")
MISTAKE = "parse error at line 1, col {column}: syntax error: unexpected IDENTIFIER"
HINT = "after the selector come |=, !=, |~, !~, |> or !> with a string each, or | and a stage"


def routes(shop: Shop) -> APIRouter:
    router = APIRouter()

    @router.get("/api/v1/parse")
    def parse(query: str) -> Any:
        return parsed(query)

    @router.get("/api/v1/explain")
    def explain(query: str) -> Any:
        return {
            "plan": ["lines: 6 streams are answered by SQL"],
            "sql": "SELECT ts, line_id\nFROM logs\nWHERE contains(line, ?)\n-- $1: 'x'",
        }

    @router.get("/loki/api/v1/query_range")
    def query_range(request: Request) -> Any:
        q = request.query_params
        if problem := refused(q["query"]):
            return problem
        start, end, step = when(q["start"], 0, 0), when(q["end"], 0, 0), float(q["step"])
        result = []
        for labels in series(shop, q["query"]):
            times = [start + i * step for i in range(int((end - start) / step) + 1)]
            values = [(at, value(shop, labels, at)) for at in times if at <= shop.now + step]
            result.append(
                {"metric": labels, "values": [[at, f"{v:.6g}"] for at, v in values if v >= 0]}
            )
        return answer("matrix", result)

    @router.get("/loki/api/v1/query")
    def query(request: Request) -> Any:
        q = request.query_params
        if problem := refused(q["query"]):
            return problem
        at = when(q["time"], 0, 0)
        if q["query"].startswith("vector"):
            return answer("scalar", [int(at * 1000), "3.5"])
        result = [
            {"metric": labels, "value": [at, f"{value(shop, labels, at):.6g}"]}
            for labels in series(shop, q["query"])
        ]
        return answer("vector", result)

    @router.get("/loki/api/v1/labels")
    def labels() -> Any:
        return {"status": "success", "data": [] if shop.empty else list(LABELS)}

    @router.get("/loki/api/v1/label/{name}/values")
    def values(name: str) -> Any:
        known = {
            "service_name": list(SERVICES),
            "level": list(LEVELS),
            "source": ["demo"],
            "host": [f"{service}-{i:03}" for service in SERVICES for i in range(1, 120)],
        }
        return {"status": "success", "data": sorted(known.get(name, []))}

    @router.get("/loki/api/v1/detected_fields")
    def fields(query: str) -> Any:
        found = ["latency_ms", "provider"] if "service_name" in query else []
        return {
            "fields": [
                {"label": name, "type": "string", "cardinality": 2, "parsers": ["logfmt"]}
                for name in found
            ],
            "limit": 1000,
        }

    return router


def parsed(query: str) -> dict[str, Any]:
    """As the server would say it: "oops" is what is wrong here."""
    at = query.find("oops")
    kind = "metric" if RANGES.search(query) else "log"
    return {
        "ok": at < 0,
        "kind": kind if at < 0 else "",
        "canonical": query,
        "pretty": query,
        "error": MISTAKE.format(column=at + 1) if at >= 0 else "",
        "at": max(at, 0),
        "hint": HINT if at >= 0 else "",
    }


def refused(query: str) -> JSONResponse | PlainTextResponse | None:
    if "unreadable" in query:
        told = "pipeline error: 'JSONParserErr' for series: '{app=\"x\"}'.\nUse a label filter to intentionally skip it"
        return PlainTextResponse(told, 400)
    return None


def series(shop: Shop, query: str) -> list[dict[str, str]]:
    """The label sets that a query's grouping leaves."""
    if shop.empty or "nothing-like-this" in query:
        return []
    grouped = GROUPED.search(query)
    by = [name.strip() for name in grouped[1].split(",") if name.strip()] if grouped else []
    if "host" in by:
        hosts = 60 if shop.huge else 12
        made = [{"host": f"{list(SERVICES)[i % 6]}-{i:03}"} for i in range(hosts)]
        return [{"host": HOSTILE}, *made] if shop.hostile else made
    if "service_name" in by:
        return [{"service_name": name} for name in SERVICES]
    return [{"level": name} for name in LEVELS] if "level" in by else [{}]


def value(shop: Shop, labels: Mapping[str, str], at: float) -> float:
    """Negative: there is none."""
    if host := labels.get("host"):
        pick = random.Random(f"{host}{int(at // 60)}")
        silent = (at + random.Random(host).uniform(0, 700)) % 700 < 60
        return -1 if silent else 2 + pick.uniform(0.5, 3) + 2 * math.sin(at / 900 + len(host))
    services = [labels["service_name"]] if "service_name" in labels else SERVICES
    rates = [rate for name in services for rate in shop.rate(name, at).items()]
    return 60 * sum(rate for level, rate in rates if level == labels.get("level", level))


def answer(kind: str, result: list[Any]) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result, "stats": {}}}
