"""A stand-in for the server: a small shop over 24 hours, with an incident at the end, answered on every endpoint.

It plays the server's role for the dashboard's tests: seeded, plausible, and able to be empty, huge, hostile or late.
Run `python -m tests.ui.dashboard.shop 3199 [empty] [huge] [hostile]` to look at the dashboard without a real server.
"""

from __future__ import annotations

import math
import random
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

SERVICES = {
    "gateway": (9.0, 0.004),
    "checkout": (4.0, 0.006),
    "payments": (2.5, 0.008),
    "inventory": (3.5, 0.003),
    "auth": (1.8, 0.01),
    "search": (5.0, 0.002),
}
HOSTILE = "<script>window.pwned=1</script><img src=x onerror='window.pwned=2'>"
TEMPLATES: list[tuple[str, str, str, float]] = [
    ("gateway", "info", "GET /api/products/<NUM> <NUM> <NUM>ms", 0.6),
    ("gateway", "info", "POST /api/cart <NUM> <NUM>ms user=<UUID>", 0.3),
    ("gateway", "warn", "upstream <*> slow: <NUM>ms, retrying", 0.02),
    ("gateway", "error", "upstream <*> timed out after <NUM>ms (<IP>:<NUM>)", 0.01),
    ("checkout", "info", "order <UUID> placed: <NUM> items, total <NUM>", 0.7),
    ("checkout", "debug", "cart <UUID> recalculated in <NUM>ms", 0.25),
    ("checkout", "error", "payment <*> declined for order <UUID>: <*>", 0.02),
    ("payments", "info", "charge <UUID> captured amount=<NUM> currency=<*>", 0.85),
    (
        "payments",
        "error",
        "connection to db-<NUM> (<IP>) refused: pool exhausted (<NUM>/<NUM>)",
        0.01,
    ),
    ("payments", "fatal", "circuit breaker open for acquirer <*>", 0.001),
    ("inventory", "info", "stock of sku <HEX> is <NUM>", 0.9),
    ("inventory", "warn", "stock of sku <HEX> below threshold <NUM>", 0.05),
    ("auth", "info", "Accepted publickey for <*> from <IP> port <NUM> ssh2", 0.5),
    ("auth", "warn", "Failed password for invalid user <*> from <IP> port <NUM> ssh2", 0.1),
    ("search", "info", "query <*> matched <NUM> documents in <NUM>ms", 0.95),
    ("search", "trace", "segment <PATH> merged", 0.05),
]
NEW = len(TEMPLATES) - 8  # the payments' refused connections are this day's news


def ident(index: int) -> str:
    return str(7_311_000_000_000_000_000 + index * 1_000_003)


@dataclass
class Shop:
    """What the stand-in knows; the fields are how a test sets the scene."""

    empty: bool = False
    huge: bool = False
    hostile: bool = False
    banner: str | None = None
    lag_s: float = 0.4
    broken: bool = False
    feedback: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.started = self.now - 4_000
        self.incident = (self.now - 600, self.now - 120)
        self.anomalies = [] if self.empty else self._anomalies()
        self.letters = [] if self.empty else self._letters()

    def rate(self, service: str, at: float) -> dict[str, float]:
        """Lines a second by severity at a moment."""
        base, bad = SERVICES[service]
        hour = datetime.fromtimestamp(at, UTC).hour + datetime.fromtimestamp(at, UTC).minute / 60
        day = 0.65 + 0.35 * math.sin((hour - 9) / 24 * 2 * math.pi)
        noise = random.Random(f"{service}{int(at // 30)}").uniform(0.85, 1.15)
        base *= day * noise * (200 if self.huge else 1)
        during = self.incident[0] <= at < self.incident[1]
        factor = {"payments": 60, "checkout": 25, "gateway": 8}.get(service, 1) if during else 1
        rates = {
            "info": base,
            "debug": base * 0.12,
            "warn": base * 0.015,
            "error": base * bad * factor,
        }
        if during and service == "payments":
            rates["fatal"] = 0.05
        return rates

    def total(self, start: float, end: float, service: str = "") -> dict[str, float]:
        step = max((end - start) / 60, 1)
        totals: dict[str, float] = {}
        at = start
        while at < end and not self.empty:
            if at >= self.now - 86_400 * 2 and at <= self.now:
                for name in [service] if service in SERVICES else SERVICES:
                    for level, rate in self.rate(name, at).items():
                        totals[level] = totals.get(level, 0) + rate * step
            at += step
        return totals

    def lines(
        self, count: int, end: float, service: str, levels: set[str], index: int | None
    ) -> list[dict[str, Any]]:
        if self.empty:
            return []
        made: list[dict[str, Any]] = []
        at = min(end, self.now) - 0.05
        pick = random.Random(int(at))
        while len(made) < count:
            at -= pick.expovariate(25)
            during = self.incident[0] <= at < self.incident[1]
            weights = [
                w * SERVICES[s][0] * (30 if during and lv in ("error", "fatal") else 1)
                for s, lv, _, w in TEMPLATES
            ]
            which = pick.choices(range(len(TEMPLATES)), weights)[0] if index is None else index
            source, level, _, _ = TEMPLATES[which]
            if (service and source != service) or (levels and level not in levels):
                if index is not None:
                    return made
                continue
            made.append(self.line(int(at * 1e9), which, pick))
        return made

    def line(self, ts: int, which: int, pick: random.Random) -> dict[str, Any]:
        service, level, text, _ = TEMPLATES[which]
        line, spans = "", []
        for piece in text.replace("<", "\0<").replace(">", ">\0").split("\0"):
            if piece.startswith("<") and piece.endswith(">"):
                value = self.value(piece[1:-1], pick)
                spans.append([len(line), len(line) + len(value)])
                line += value
            else:
                line += piece
        if self.hostile and pick.random() < 0.5:
            line, spans = f"{line} {HOSTILE}", []
        if self.huge and pick.random() < 0.05:
            line += " " + "x" * 20_000
        return {
            "line_id": ts // 1_000_000,
            "ts": str(ts),
            "time": rfc(ts / 1e9),
            "line": line,
            "labels": {
                "service_name": service,
                "level": level,
                "source": "demo",
                "host": f"{service}-{pick.randint(1, 3)}",
            },
            "metadata": {"trace_id": f"{pick.getrandbits(64):016x}"} if pick.random() < 0.6 else {},
            "severity": level,
            "severity_number": 9,
            "service": service,
            "template_id": ident(which),
            "template_version": 1,
            "topic": "demo/shop",
            "part": which % 3,
            "off": ts // 1_000_000_000 % 1_000_000,
            "idx": 0,
            "spans": spans,
        }

    def value(self, kind: str, pick: random.Random) -> str:
        if kind == "NUM":
            return str(pick.choice([200, 200, 200, 404, 12, 37, 841, 5_012]))
        if kind == "IP":
            return f"10.0.{pick.randint(0, 9)}.{pick.randint(1, 254)}"
        if kind == "UUID":
            raw = f"{pick.getrandbits(128):032x}"
            return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
        if kind == "HEX":
            return f"0x{pick.getrandbits(24):06x}"
        if kind == "PATH":
            return f"/data/seg_{pick.randint(1, 99)}.idx"
        return pick.choice(["stripe", "adyen", "visa", "EUR", "insufficient_funds", "red shoes"])

    def template(self, index: int, start: float, end: float) -> dict[str, Any]:
        service, level, text, weight = TEMPLATES[index]
        count = int(self.total(start, end, service).get("info", 0) * weight)
        if level in ("error", "fatal"):
            count = int(self.total(start, end, service).get("error", 0) * 0.8)
        new = index == NEW
        if self.hostile and index % 3 == 0:
            text = f"{text} {HOSTILE}"
        return {
            "id": ident(index),
            "version": 1,
            "text": text,
            "count": count,
            "share": weight / 6,
            "services": [service] + (["gateway"] if index % 5 == 2 else []),
            "severities": {level: count},
            "first_seen": rfc(self.incident[0] if new else self.now - 80_000),
            "last_seen": rfc(self.now - 2),
            "spark": [
                int(20 + 15 * math.sin(i / 4 + index) + (60 if i > 24 and level == "error" else 0))
                for i in range(30)
            ],
            "is_new": new,
        }

    def _anomalies(self) -> list[dict[str, Any]]:
        refused, declined, slow, failed = (TEMPLATES[i][2] for i in (NEW, 6, 3, 13))
        at = self.incident[0]
        rows = [
            (
                "error_burst",
                "payments",
                f"42 errors among 151 lines in one minute, normally none; most: 38 × `{refused}`",
                15.2,
                at,
                NEW,
            ),
            (
                "new_template",
                "payments",
                f"error never seen before: 38 × `{refused}`",
                6.4,
                at + 20,
                NEW,
            ),
            (
                "rate_up",
                "checkout",
                f"25 × `{declined}` in one minute, normally 1",
                4.1,
                at + 60,
                6,
            ),
            ("rate_up", "gateway", f"9 × `{slow}` in one minute, normally 1", 3.2, at + 90, 3),
            (
                "rate_up",
                "auth",
                f"12 × `{failed}` in one minute, normally 2",
                2.4,
                self.now - 3_000,
                13,
            ),
        ]
        if self.huge:
            rows = [
                (k, s, f"{t} ({i})", v, at - i * 60, w)
                for i in range(40)
                for k, s, t, v, at, w in rows
            ]
        made = []
        for i, (kind, service, title, score, at, which) in enumerate(rows):
            seen = 400.0 - i
            ids = [int((at + j) * 1000) for j in range(30)]
            made.append(
                {
                    "id": f"a{i:04d}{kind[:3]}",
                    "detector": kind,
                    "kind": kind,
                    "source": {"service_name": service, "source": "demo"},
                    "service": service,
                    "start": rfc(at),
                    "end": rfc(at + 60),
                    "start_ns": str(int(at * 1e9)),
                    "end_ns": str(int((at + 60) * 1e9)),
                    "score": score,
                    "p_value": 10**-score,
                    "title": f"{service}: {title}" + (HOSTILE if self.hostile else ""),
                    "contributions": [
                        {
                            "template_id": ident(which),
                            "template": TEMPLATES[which][2],
                            "seen": seen,
                            "expected": 9.3,
                            "weight": 5.0,
                        },
                        {
                            "template_id": ident(9),
                            "template": TEMPLATES[9][2],
                            "seen": 14,
                            "expected": 0.0,
                            "weight": 2.0,
                        },
                        {
                            "template_id": ident(7),
                            "template": TEMPLATES[7][2],
                            "seen": 80,
                            "expected": 140.0,
                            "weight": 0.7,
                        },
                    ],
                    "line_ids": ids,
                    "status": "open" if i != 4 else "noise",
                    "note": "",
                    "created": rfc(at + 62),
                }
            )
        return made

    def _letters(self) -> list[dict[str, Any]]:
        raw = HOSTILE if self.hostile else '\\x08\\x96\\x01{"broken": '
        return [
            {
                "id": i + 1,
                "time": rfc(self.now - 300 * i),
                "source": "kafka",
                "topic": "logs/9f2c",
                "part": i % 3,
                "off": 188_231 + i,
                "idx": 0,
                "stage": "decode",
                "reason": "OTLP: the message ends inside field 2; check the producer's encoding",
                "raw": raw,
                "raw_base64": "CJYBeyJicm9rZW4iOiA=",
                "headers": [["content-type", "application/x-protobuf"]],
                "replayed_at": None,
            }
            for i in range(7)
        ]

    def stats(self) -> dict[str, Any]:
        newest = None if self.empty else rfc(self.now - self.lag_s)
        return {
            "version": "0.1.0",
            "started": rfc(self.started),
            "uptime_s": 4_000.0,
            "ready": True,
            "banner": self.banner,
            "lines_total": 0 if self.empty else 2_140_332,
            "lines_per_s": 0.0 if self.empty else 26.4 * (200 if self.huge else 1),
            "rows": {"hot": 96_210, "sealed": 2_044_122},
            "newest": newest,
            "oldest": None if self.empty else rfc(self.now - 86_400),
            "queue": {"rows": 312, "capacity": 100_000, "paused": bool(self.banner)},
            "commit_ms": {"p50": 6.1, "p99": 31.0, "last": 5.2},
            "sources": []
            if self.empty
            else [
                {
                    "name": "kafka",
                    "kind": "kafka",
                    "state": "running",
                    "detail": "",
                    "lag": 120,
                    "lag_seconds": self.lag_s,
                    "positions": [
                        {
                            "topic": "logs",
                            "part": p,
                            "off": 188_231 + p,
                            "end": 188_271 + p,
                            "lag": 40,
                        }
                        for p in range(3)
                    ],
                },
                {
                    "name": "demo",
                    "kind": "demo",
                    "state": "running",
                    "detail": "26 lines/s",
                    "lag": None,
                    "lag_seconds": None,
                    "positions": [],
                },
            ],
            "store": {
                "path": "/srv/driftwood/var",
                "bytes": 61_000_000,
                "file_bytes": 21_000_000,
                "segment_bytes": 40_000_000,
                "segments": 24,
                "free_bytes": 81_000_000_000,
                "text_bytes": 610_000_000,
            },
            "dead_letters": len(self.letters),
            "templates": 0 if self.empty else len(TEMPLATES),
            "anomalies_open": sum(each["status"] == "open" for each in self.anomalies),
            "detectors": [
                {"name": "never_seen", "state": "ready", "progress": 1.0, "detail": "6 sources"},
                {
                    "name": "rate_change",
                    "state": "warming",
                    "progress": 0.62,
                    "detail": "6 min of 10 min of baseline",
                },
                {"name": "error_burst", "state": "ready", "progress": 1.0, "detail": "6 sources"},
            ],
            "memory_mb": 288.0,
            "cpu_s": 211.0,
        }


def rfc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def when(text: str | None, now: float, default: float) -> float:
    if not text:
        return default
    if text == "now":
        return now
    if text.startswith("-"):
        return now - int(text[1:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[text[-1]]
    if text.isdigit():
        return int(text) / (1e9 if len(text) > 16 else 1)
    return datetime.fromisoformat(text).timestamp()


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
                    "count": int(sum(by.values())),
                    "errors": int(by.get("error", 0) + by.get("fatal", 0)),
                    "templates": 4,
                }
            )
        return {"services": rows}

    @api.get("/api/v1/counts")
    def counts(request: Request) -> Any:
        q = request.query_params
        if "oops" in q.get("query", ""):
            at = q["query"].index("oops")
            return JSONResponse(
                {
                    "error": "after the selector come |=, !=, |~ or !~ with a string each",
                    "query": q["query"],
                    "at": at,
                },
                400,
            )
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
            return {"new": [], "vanished": [], "changed": []}
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
                    "kind": kind,
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
        return each | {"feedback": [f for f in reversed(shop.feedback) if f["id"] == which]}

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
