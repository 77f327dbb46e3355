"""A day in the demo shop: what customers, staff and machines do, and what the services say about it.

Everything here is *normal*, the rare things included: a nightly backup, a certificate check, a deploy, a declined
card now and then. What is not normal is in `ingest.demo_incidents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.demo_messages import (
    Message,
    auth,
    checkout,
    inventory,
    java_trace,
    payments,
    request,
    search,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an activity: one of `choices` (repeated for weight), `delay_ms` at most after the step before."""

    delay_ms: int
    choices: tuple[Message, ...]
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Activity:
    """Steps that happen together. `weight` is how often, relative to the other activities."""

    weight: float
    steps: tuple[Step, ...]

    @property
    def lines(self) -> float:
        """How many lines it makes on average."""
        return sum(step.chance for step in self.steps)


@dataclass(frozen=True, slots=True)
class Routine:
    """Machines by the clock: `steps` every `every_min` minutes, at minute `at_min` of that period (UTC)."""

    every_min: int
    at_min: int
    steps: tuple[Step, ...]


def mix(*weighted: tuple[int, Message]) -> tuple[Message, ...]:
    return tuple(message for weight, message in weighted for _ in range(weight))


DECLINED: Final = (
    payments("warn", 'msg="card declined" order={order} code=51 reason="insufficient funds" card=*{card}'),
    payments("warn", 'msg="card declined" order={order} code=05 reason="do not honor" card=*{card}'),
)  # fmt: skip
PROVIDER_TIMEOUT: Final = payments(
    "error",
    'msg="provider timeout" order={order} provider={provider} after_ms={slow_ms} attempt={attempt}',
)
PAYMENT_FAILED: Final = checkout(
    "error", '"msg":"payment failed","order_id":"{order}","user":"{user}","retryable":true'
)
SLOW_QUERY: Final = checkout(
    "warn", '"msg":"slow query","table":"orders","duration_ms":{slow_ms},"rows":{rows}'
)
POOL_TIMEOUT: Final = inventory(
    "error",
    "ConnectionPool",
    "Timed out after {slow_ms} ms waiting for a connection from pool stock-db"
    + java_trace(
        "java.sql.SQLTransientConnectionException: stock-db - Connection is not available",
        "com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)",
        "com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)",
        "shop.inventory.StockRepository.find(StockRepository.java:84)",
        "shop.inventory.StockService.reserve(StockService.java:141)",
    ),
)
SLOW_STATEMENT: Final = inventory(
    "warn",
    "StockRepository",
    "Slow statement: select stock for update took {slow_ms} ms ({rows} rows)",
)
FAILED_PASSWORD: Final = auth(
    "sshd[{pid}]: Failed password for invalid user {guess} from {ip} port {port} ssh2"
)
INVALID_USER: Final = auth("sshd[{pid}]: Invalid user {guess} from {ip} port {port}")
PREAUTH_CLOSED: Final = auth(
    "sshd[{pid}]: Connection closed by invalid user {guess} {ip} port {port} [preauth]"
)

_PAGES = mix(
    (16, request("GET /products/{sku}", 200)),
    (8, request("GET /category/{category}?page={page}", 200)),
    (7, request("GET /", 200, referer="-")),
    (6, request("GET /static/app.{hash}.js", 304)),
    (5, request("GET /api/recommendations?user={user}", 200)),
    (4, request("GET /images/{sku}.webp", 200)),
    (1, request("GET /old/{category}.html", 404, referer="-")),
    (1, request("GET /robots.txt", 200, referer="-")),
)
BROWSE: Final = Activity(40, (Step(0, _PAGES),))
QUERY_ANSWERED: Final = search(
    "info", "query", "query '{query}' matched {n} products in {ms} ms (rid {rid})"
)
SEARCH: Final = Activity(
    11,
    (
        Step(0, (request("GET /search?q={query}", 200),)),
        Step(30, mix((3, QUERY_ANSWERED), (1, search("debug", "cache", "cache hit for '{query}', ttl {ttl} s")))),
        Step(10, (search("info", "query", "no match for '{query}', suggesting {items} alternatives"),), 0.06),
    ),
)  # fmt: skip
CART: Final = Activity(
    7,
    (
        Step(0, (request("POST /api/cart", 201),)),
        Step(20, (checkout("info", '"msg":"cart updated","user":"{user}","sku":"{sku}","quantity":{qty}'),)),
        Step(20, (inventory("debug", "StockService", "Availability of {sku} in {warehouse}: {n} on shelf {shelf}"),)),
    ),
)  # fmt: skip
PURCHASE: Final = Activity(
    4,
    (
        Step(0, (request("POST /api/checkout", 202),)),
        Step(15, (checkout("info", '"msg":"checkout started","order_id":"{order}","user":"{user}","items":{items}'),)),
        Step(40, (inventory("info", "StockService", "Reserved {qty} x {sku} for order {order} in {warehouse}"),)),
        Step(60, (payments("info", 'msg="authorising charge" order={order} amount={amount} currency={currency}'),)),
        Step(400, mix(
            (60, payments("info", 'msg="charge captured" order={order} provider={provider} latency_ms={ms}')),
            (2, DECLINED[0]), (1, DECLINED[1]),
        )),
        Step(20, (payments("info", 'msg="receipt queued" order={order} channel=mail'),), 0.5),
        Step(40, mix(
            (60, checkout("info", '"msg":"order placed","order_id":"{order}","total":{amount},"duration_ms":{ms}')),
            (2, checkout("warn", '"msg":"order held for review","order_id":"{order}","score":{percent}')),
        )),
        Step(60, (inventory("info", "Shipping", "Label printed for order {order}, {items} parcels"),), 0.9),
    ),
)  # fmt: skip
SHELL_SESSION: Final = Activity(
    1.3,
    (
        Step(0, (auth("sshd[{pid}]: Accepted publickey for {staff} from {office} port {port} ssh2: ED25519 {key}"),)),
        Step(20, (auth("sshd[{pid}]: pam_unix(sshd:session): session opened for user {staff} by (uid=0)"),)),
        Step(20, (auth("systemd-logind[611]: New session {session} of user {staff}."),)),
        Step(900, (auth("sudo: {staff} : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/usr/bin/journalctl -n 50"),), 0.3),
        Step(900, (auth("sshd[{pid}]: Received disconnect from {office} port {port}:11: disconnected by user"),)),
        Step(10, (auth("sshd[{pid}]: pam_unix(sshd:session): session closed for user {staff}"),)),
    ),
)  # fmt: skip
KNOCK: Final = Activity(
    0.7,
    (
        Step(0, (INVALID_USER,)),
        Step(300, (FAILED_PASSWORD,), 0.7),
        Step(300, (PREAUTH_CLOSED,)),
    ),
)
BACKGROUND: Final = Activity(
    9,
    (
        Step(0, mix(
            (8, checkout("debug", '"msg":"session refreshed","user":"{user}","ttl_s":{ttl}')),
            (4, checkout("info", '"msg":"coupon applied","user":"{user}","code":"SAVE{percent}","discount":{amount}')),
            (3, checkout("info", '"msg":"price list reloaded","rows":{rows},"duration_ms":{ms}')),
            (8, payments("debug", 'msg="heartbeat ok" provider={provider} latency_ms={ms}')),
            (4, payments("info", 'msg="webhook received" provider={provider} type=charge.settled order={order}')),
            (3, payments("info", 'msg="token refreshed" provider={provider} expires_s={ttl}')),
            (7, inventory("info", "StockService", "Restocked {n} x {sku} on shelf {shelf} in {warehouse}")),
            (5, inventory("debug", "PriceCache", "Evicted {n} entries, {percent} % full")),
            (4, inventory("info", "GcMonitor", "Pause young (normal) {mb}M in {ms} ms")),
            (7, search("info", "index", "indexed {n} documents in {ms} ms, segment {hash}")),
            (4, search("debug", "cache", "evicted {n} entries, {mb} MB in use")),
            (3, search("info", "http", "worker {thread} served {rows} requests since its start")),
        )),
    ),
)  # fmt: skip
NOISE: Final = Activity(
    0.5,
    (
        Step(0, mix(
            (6, SLOW_QUERY), (4, PAYMENT_FAILED),
            (5, DECLINED[0]), (4, PROVIDER_TIMEOUT),
            (5, SLOW_STATEMENT), (3, POOL_TIMEOUT),
            (3, inventory("warn", "StockService", "Stock of {sku} in {warehouse} is low: {qty} left")),
            (4, search("warn", "query", "query '{query}' took {slow_ms} ms, timeout is 10000 ms")),
            (2, search("error", "index", "could not fetch document {sku}: connection reset by peer")),
            (3, request("GET /api/recommendations?user={user}", 502)),
            (2, request("POST /api/cart", 500)),
            (2, auth("sshd[{pid}]: error: kex_exchange_identification: Connection closed by remote host")),
        )),
    ),
)  # fmt: skip

ACTIVITIES: Final = (BROWSE, SEARCH, CART, PURCHASE, SHELL_SESSION, KNOCK, BACKGROUND, NOISE)

_DAY = 24 * 60
ROUTINES: Final = (
    Routine(1, 0, (Step(900, (Message("gateway", "info", '"GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.34"'),)),)),
    Routine(5, 0, (
        Step(40, (auth("CRON[{pid}]: pam_unix(cron:session): session opened for user root by (uid=0)"),)),
        Step(20, (auth("CRON[{pid}]: (root) CMD (/usr/local/bin/rotate-carts --older 30m)"),)),
        Step(900, (auth("CRON[{pid}]: pam_unix(cron:session): session closed for user root"),)),
    )),
    Routine(60, 7, (
        Step(0, (inventory("info", "Sync", "Supplier sync started for {warehouse}"),)),
        *6 * (Step(500, (inventory("info", "Sync", "Supplier sync: page {page}, {n} articles changed"),)),),
        Step(400, (inventory("info", "Sync", "Supplier sync finished: {rows} articles in {slow_ms} ms"),)),
    )),
    Routine(_DAY, 135, (
        Step(0, (auth("CRON[{pid}]: (backup) CMD (/usr/local/bin/nightly-backup)"),)),
        Step(900, (checkout("info", '"msg":"backup snapshot started","tables":{items},"host":"checkout-{node}"'),)),
        Step(900, (inventory("info", "Backup", "Nightly dump of stock-db written: {mb} MB in {slow_ms} ms"),)),
        Step(900, (checkout("info", '"msg":"backup snapshot finished","bytes":{bytes},"duration_ms":{slow_ms}'),)),
    )),
    Routine(480, 251, (
        Step(0, (search("info", "main", "shutting down: received SIGTERM, draining {items} requests"),)),
        Step(900, (search("info", "main", "starting search 4.{page}.0 on node {node}, pid {pid}"),)),
        Step(900, (search("info", "index", "opened index with {rows} documents in {ms} ms"),)),
    )),
    Routine(_DAY, 370, (
        Step(0, (payments("info", 'msg="settlement file uploaded" provider={provider} charges={rows}'),)),
    )),
    # Every third day: a history of one day may well not hold it, and it is normal all the same.
    Routine(3 * _DAY, 700, (
        Step(0, (auth("certbot[{pid}]: Certificate not yet due for renewal; expires in {percent} days"),)),
    )),
)  # fmt: skip
