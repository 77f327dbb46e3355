"""The stand-in shop behind a port: every endpoint that the dashboard asks.

`python -m tests.ui.dashboard.shop_server 3199 [empty] [huge] [hostile]` shows the dashboard without a real server.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.ui.dashboard import shop_logql, shop_results
from tests.ui.dashboard.shop import Shop
from tests.ui.dashboard.shop_lines import NEW, SERVICES, TEMPLATES, ident, rfc, when


def narrowed(query: str) -> tuple[str, set[str]]:
    service = query.partition('service_name="')[2].partition('"')[0]
    levels = query.partition('level=~"')[2].partition('"')[0]
    return service, set(levels.split("|")) - {""}


def app(shop: Shop) -> FastAPI:
    api = FastAPI()

    @api.middleware("http")
    async def noted(request: Request, call_next: Any) -> Any:
        shop.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        if shop.broken and not request.url.path.endswith(("/stats", "/services")):
            return JSONResponse({"error": "the store is closing; ask again in a second"}, 503)
        return await call_next(request)

    def span(q: Any) -> tuple[float, float]:
        return when(q.get("start"), shop.now, shop.now - 3600), when(
            q.get("end"), shop.now, shop.now
        )

    @api.get("/api/v1/stats")
    def stats() -> Any:
        return shop.stats()

    @api.get("/api/v1/services")
    def services(request: Request) -> Any:
        start, end = span(request.query_params)
        rows = []
        for name in [] if shop.empty else SERVICES:
            by = shop.total(start, end, name)
            rows.append(
                {
                    "service": name,
                    "label": "service_name",
                    "count": int(sum(by.values())),
                    "errors": int(by.get("error", 0) + by.get("fatal", 0)),
                    "templates": 4,
                }
            )
        return {"services": rows}

    @api.get("/api/v1/counts")
    def counts(request: Request) -> Any:
        q = request.query_params
        start, end = span(q)
        step: float = float(q.get("step", "60s").rstrip("s"))
        service, levels = narrowed(q.get("query", ""))
        series: dict[str, list[tuple[float, int]]] = {}
        begin = start
        while begin < end:
            by: dict[str, float]
            if q.get("by") == "service":
                by = {name: sum(shop.rate(name, begin).values()) for name in SERVICES}
            else:
                by = {}
                for name in [service] if service else SERVICES:
                    for level, rate in shop.rate(name, begin).items():
                        if not levels or level in levels:
                            by[level] = by.get(level, 0) + rate
            if shop.empty or begin > shop.now or begin < shop.now - 86_400 * 2:
                by = {}
            for key, rate in by.items():
                series.setdefault(key, []).append(
                    (begin, int(rate * step + random.Random(f"{key}{begin}").random()))
                )
            begin += step
        rows = [{"key": key, "points": points} for key, points in series.items()]
        total = sum(n for points in series.values() for _, n in points)
        return {
            "start": rfc(start),
            "end": rfc(end),
            "step_s": step,
            "series": rows,
            "total": total,
        }

    @api.get("/api/v1/lines")
    def lines(request: Request) -> Any:
        q = request.query_params
        if ids := q.get("ids"):
            made = [
                shop.line(int(i) * 1_000_000, int(i) % len(TEMPLATES), random.Random(i))
                for i in ids.split(",")
            ]
            return {"lines": made, "stats": {"ms": 2.0, "returned": len(made)}}
        service, levels = narrowed(q.get("query", ""))
        index = next((i for i in range(len(TEMPLATES)) if ident(i) == q.get("template")), None)
        made = shop.lines(int(q.get("limit", 100)), span(q)[1], service, levels, index)
        if "nothing-like-this" in q.get("query", ""):
            made = []
        return {"lines": made, "stats": {"ms": 8.0, "returned": len(made)}}

    @api.get("/api/v1/lines/{line_id}/context")
    def context(line_id: int) -> Any:
        made = [
            shop.line(
                (line_id + k * 37) * 1_000_000, abs(line_id + k) % len(TEMPLATES), random.Random(k)
            )
            for k in range(-20, 21)
        ]
        made[20]["line_id"] = line_id
        return {"lines": made, "stats": {"ms": 1.0, "returned": 41}}

    @api.get("/api/v1/templates")
    def templates(request: Request) -> Any:
        q = request.query_params
        rows = [] if shop.empty else [shop.template(i, *span(q)) for i in range(len(TEMPLATES))]
        rows = [r for r in rows if not q.get("service") or q["service"] in r["services"]]
        rows = [r for r in rows if q.get("search", "").lower() in r["text"].lower()]
        rows.sort(key=lambda r: r["count"], reverse=q.get("order") != "rare")
        return {"templates": rows, "total": len(rows) * (500 if shop.huge else 1)}

    @api.get("/api/v1/templates/diff")
    def diff(request: Request) -> Any:
        if shop.empty:
            return {"new": [], "vanished": [], "changed": [], "reworded": []}
        start, end = span(request.query_params)

        def row(i: int, now: int, before: int) -> dict[str, Any]:
            made = {
                **shop.template(i, start, end),
                "count": now,
                "base_count": before,
                "ratio": (now + 1) / (before + 1),
            }
            return made | {"severities": {TEMPLATES[i][1]: now or before}}

        return {
            "new": [row(NEW, 412, 0)],
            "vanished": [row(15, 0, 320)],
            "changed": [row(6, 700, 28), row(3, 210, 40), row(11, 90, 80), row(12, 20, 130)],
            "reworded": [],
        }

    @api.get("/api/v1/templates/{which}")
    def template(which: str, request: Request) -> Any:
        index = next((i for i in range(len(TEMPLATES)) if ident(i) == which), None)
        if index is None:
            return JSONResponse({"error": f"no template {which}"}, 404)
        pick = random.Random(index)
        made = [shop.line(int((shop.now - i) * 1e9), index, pick) for i in range(20)]
        kinds = [piece.partition(">")[0] for piece in TEMPLATES[index][2].split("<")[1:]]
        return {
            **shop.template(index, *span(request.query_params)),
            "versions": [
                {
                    "version": v,
                    "text": TEMPLATES[index][2].replace("<NUM>", "200", 2 - v),
                    "exact": True,
                    "created": rfc(shop.now - 80_000 + v * 900),
                }
                for v in (1, 2)
            ],
            "parents": [],
            "children": [],
            "lines": made,
            "sampled": 500,
            "values": [
                {
                    "slot": i,
                    "name": "",
                    "kind": {"NUM": "number", "*": "text"}.get(kind, kind.lower()),
                    "spread": {"min": 2.0, "median": 30.0, "max": 4_500.0}
                    if kind == "NUM"
                    else None,
                    "distinct": 8,
                    "top": [(shop.value(kind, pick), 90 - 13 * j) for j in range(6)],
                }
                for i, kind in enumerate(kinds)
            ],
        }

    @api.get("/api/v1/anomalies")
    def anomalies(request: Request) -> Any:
        q = request.query_params
        wanted, service = q.get("status", "all"), q.get("service")
        rows = [
            a
            for a in shop.anomalies
            if wanted in ("all", a["status"]) and service in (None, a["service"])
        ]
        return {"anomalies": rows, "total": len(rows)}

    def told(which: str) -> Any:
        each = next((a for a in shop.anomalies if a["id"] == which), None)
        if each is None:
            return JSONResponse(
                {"error": f"no anomaly {which}; it may have been dropped with its segment"}, 404
            )
        said = [f for f in reversed(shop.feedback) if f["id"] == which]
        return each | {"feedback": said, "effects": shop.effects}

    @api.get("/api/v1/anomalies/{which}")
    def anomaly(which: str) -> Any:
        return told(which)

    @api.post("/api/v1/anomalies/{which}/feedback", status_code=201)
    async def judge(which: str, request: Request) -> Any:
        said = await request.json()
        shop.feedback.append({"id": which, "created": rfc(time.time()), **said})
        for each in shop.anomalies:
            if each["id"] == which:
                each["status"], each["note"] = said["verdict"], said["note"]
        return told(which)

    @api.get("/api/v1/dlq")
    def letters() -> Any:
        return {"dead_letters": shop.letters, "total": len(shop.letters)}

    @api.post("/api/v1/dlq/replay")
    async def replay(request: Request) -> Any:
        ids = (await request.json())["ids"]
        hit = [each for each in shop.letters if ids is None or each["id"] in ids]
        for each in hit:
            each["replayed_at"] = rfc(time.time())
        return {"replayed": len(hit), "still_dead": 0}

    @api.get("/api/v1/config")
    def config() -> Any:
        return {
            "server": {"listen": "127.0.0.1:3100", "max_lines": 5_000},
            "kafka": {"brokers": ["broker:9092"], "sasl_password": "***"},
        }

    @api.get("/api/v1/results")
    def results(bench: str = "", data: str = "", protocol: str = "") -> Any:
        wanted = {"bench": bench, "data": data, "protocol": protocol}
        return {
            "results": [
                row
                for row in shop_results.rows(hostile=shop.hostile)
                if all(value in ("", row[name]) for name, value in wanted.items())
            ]
        }

    @api.get("/api/v1/results/boards")
    def boards() -> Any:
        return {"boards": [] if shop.empty else shop_results.boards()}

    api.include_router(shop_logql.routes(shop))
    return api


class Served:
    """The stand-in behind a port of its own, in a thread."""

    def __init__(self, shop: Shop, port: int = 0) -> None:
        self.shop = shop
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(app(shop), log_level="warning", lifespan="off")
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Served:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


if __name__ == "__main__":
    scene = sys.argv[2:]
    played = Shop(empty="empty" in scene, huge="huge" in scene, hostile="hostile" in scene)
    with Served(played, int(sys.argv[1])) as served:
        print(served.url, flush=True)
        threading.Event().wait()
