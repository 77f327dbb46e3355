"""Lines of six services for benchmarks of the API: access log, JSON, logfmt, auth log, Java and plain events.

About 233 bytes a line, 42 streams, a few dozen shapes, ordered by time; the same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

START = 1_790_000_000_000_000_000


class Line(NamedTuple):
    ts: int
    labels: tuple[tuple[str, str], ...]
    text: str


_PATHS = ("/api/v1/orders", "/api/v1/carts", "/static/app.js", "/healthz", "/login", "/search")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "kube-probe/1.36",
)
_CURRENCIES = ("EUR", "USD", "SEK", "JPY")
_USERS = ("root", "admin", "deploy", "alice", "bob", "git")


def lines(n: int, span_s: int = 3_600, seed: int = 7) -> Iterator[Line]:
    """`n` lines over `span_s` seconds."""
    chance = random.Random(seed)
    kinds: list[tuple[str, Callable[[random.Random, datetime, str], str]]] = [
        ("gateway", _access),
        ("checkout", _json),
        ("payments", _logfmt),
        ("auth", _auth),
        ("inventory", _java),
        ("events", _event),
    ]
    weights = (30, 25, 15, 8, 12, 10)
    step = span_s * 10**9 // n
    for i in range(n):
        ts = START + i * step + chance.randrange(step)
        service, made = chance.choices(kinds, weights)[0]
        level = chance.choices(("info", "debug", "warn", "error"), (80, 10, 7, 3))[0]
        if service in ("gateway", "auth"):
            labels: tuple[tuple[str, str], ...] = (
                ("service_name", service),
                ("host", f"node-{chance.randrange(5)}"),
            )
        else:
            zone = ("a", "b")[chance.randrange(2)]
            labels = (("service_name", service), ("level", level), ("zone", zone))
        yield Line(ts, labels, made(chance, datetime.fromtimestamp(ts / 1e9, UTC), level))


def _access(chance: random.Random, at: datetime, level: str) -> str:
    status = {"info": 200, "debug": 304, "warn": 404, "error": 503}[level]
    return (
        f"10.{chance.randrange(4)}.{chance.randrange(256)}.{chance.randrange(256)} - - "
        f"[{at:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET {chance.choice(_PATHS)}/{chance.randrange(100_000)} HTTP/1.1" {status} '
        f'{chance.randrange(90_000)} "https://shop.example/{chance.randrange(900)}" '
        f'"{chance.choice(_AGENTS)}" {chance.random():.3f} upstream=10.1.0.{chance.randrange(256)}:8080 '
        f"request={chance.getrandbits(64):016x}"
    )


def _json(chance: random.Random, at: datetime, level: str) -> str:
    return (
        f'{{"ts":"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z","level":"{level}",'
        f'"msg":"order {chance.choice(("placed", "paid", "shipped", "cancelled"))}",'
        f'"order_id":{chance.randrange(10**7)},"user":"u{chance.randrange(9_000)}",'
        f'"duration_ms":{chance.randrange(3_000)},"items":{chance.randrange(1, 9)},'
        f'"trace_id":"{chance.getrandbits(128):032x}","region":"eu-west-{chance.randrange(1, 4)}",'
        f'"http":{{"method":"POST","path":"/api/v1/orders/{chance.randrange(10**7)}",'
        f'"status":{chance.choice((200, 201, 400, 500))},"bytes":{chance.randrange(20_000)}}},'
        f'"pod":"checkout-{chance.randrange(9)}-7f9c","version":"2026.11.{chance.randrange(1, 20)}"}}'
    )


def _logfmt(chance: random.Random, at: datetime, level: str) -> str:
    return (
        f"ts={at:%Y-%m-%dT%H:%M:%S}Z level={level} caller=provider.go:{chance.randrange(40, 400)} "
        f'msg="charge {chance.choice(("accepted", "declined", "pending"))}" '
        f"amount={chance.randrange(100_000) / 100} currency={chance.choice(_CURRENCIES)} "
        f"provider=acme attempt={chance.randrange(1, 4)} card=****{chance.randrange(10_000):04} "
        f"order={chance.randrange(10**7)} customer=u{chance.randrange(9_000)} country=DE "
        f"trace={chance.getrandbits(64):016x} span={chance.getrandbits(64):016x} "
        f"took={chance.randrange(900)}ms"
    )


def _auth(chance: random.Random, at: datetime, level: str) -> str:
    user, port = chance.choice(_USERS), chance.randrange(1024, 65_536)
    ip = f"203.0.113.{chance.randrange(256)}"
    pid = chance.randrange(1_000, 30_000)
    what = chance.choice(
        (
            f"Failed password for {user} from {ip} port {port} ssh2",
            f"Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:x{pid}",
            f"Connection closed by authenticating user {user} {ip} port {port} [preauth]",
            f"pam_unix(sshd:session): session opened for user {user}(uid={pid}) by (uid=0)",
        )
    )
    return f"{at:%b %d %H:%M:%S} bastion sshd[{pid}]: {what}"


def _java(chance: random.Random, at: datetime, level: str) -> str:
    return (
        f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} {level.upper():5} "
        f"[http-nio-8080-exec-{chance.randrange(40)}] com.shop.inventory.StockService - reserved "
        f"{chance.randrange(1, 9)} of article {chance.randrange(50_000)} in warehouse "
        f"{chance.randrange(12)} for order {chance.randrange(10**7)}, {chance.randrange(500)} left, "
        f"took {chance.randrange(400)} ms, attempt {chance.randrange(1, 4)} of 3, "
        f"request {chance.getrandbits(64):016x}"
    )


def _event(chance: random.Random, at: datetime, level: str) -> str:
    return (
        f"{level.upper()} {at:%H:%M:%S} worker {chance.randrange(16)} finished job "
        f"{chance.choice(('resize', 'mail', 'report', 'sync'))} id={chance.getrandbits(64):016x} "
        f"after {chance.randrange(90)}.{chance.randrange(1000):03}s, {chance.randrange(900)} waiting"
    )
