"""What the stand-in shop writes: six services over 48 hours, seeded and plausible, with an incident at the end."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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


@dataclass
class ShopLines:
    """Lines, and how many of them, at any time; the fields are how a test sets the scene."""

    empty: bool = False
    huge: bool = False
    hostile: bool = False
    now: float = field(default_factory=time.time)

    @property
    def incident(self) -> tuple[float, float]:
        return self.now - 600, self.now - 120

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
            "name": "",
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
