"""What goes wrong in the demo shop, and when: incidents with their truth, so that detection can be scored on them.

- `new_error`: an error that no service has ever written
- `error_burst`: errors that are known and rare, now many
- `rate_spike`: a storm of ordinary requests
- `brute_force`: one address tries passwords
- `slow_db`: warnings, then timeouts, in two services
- `silence`: a service writes nothing
- `bad_deploy`: a new version words its lines differently
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, cycle
from typing import Final

from ingest.demo_catalogue import (
    BROWSE,
    DECLINED,
    FAILED_PASSWORD,
    INVALID_USER,
    PAYMENT_FAILED,
    POOL_TIMEOUT,
    PREAUTH_CLOSED,
    PROVIDER_TIMEOUT,
    QUERY_ANSWERED,
    SLOW_QUERY,
    SLOW_STATEMENT,
    mix,
)
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

SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Burst:
    """Lines beside the ordinary ones: one of `choices`, `per_s` times a second from `after_s` on."""

    per_s: float
    choices: tuple[Message, ...]
    after_s: float = 0.0
    facts: tuple[tuple[str, object], ...] = ()
    """Slots that are the same in all of them."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of truth, and what it does to the lines of `service` in [start, end), ns."""

    kind: str
    service: str
    start: int
    end: int
    bursts: tuple[Burst, ...] = ()
    silent: bool = False
    reworded: tuple[tuple[Message, Message], ...] = ()


KINDS: Final = (
    "new_error",
    "error_burst",
    "rate_spike",
    "brute_force",
    "slow_db",
    "silence",
    "bad_deploy",
)
DURATION_S: Final = {
    "new_error": 60,
    "error_burst": 90,
    "rate_spike": 75,
    "brute_force": 90,
    "slow_db": 120,
    "silence": 180,
    "bad_deploy": 120,
}
FIRST_GAP_S: Final = 240
"""Between incidents until every kind has been seen once: whoever watches a demo does not wait."""
LATER_GAP_S: Final = 900

# Each is told once; when all are told this kind comes no more, for then nothing of it would be new.
_NEW_ERRORS: Final = (
    payments("error", 'msg="ledger mismatch, charge is booked twice" order={order} first={rid} amount={amount}'),
    inventory("error", "StockService", "Negative stock -{qty} for {sku} in {warehouse}" + java_trace(
        "java.lang.IllegalStateException: stock must not be negative",
        "shop.inventory.Stock.withdraw(Stock.java:58)",
        "shop.inventory.StockService.reserve(StockService.java:139)",
        "shop.inventory.api.ReserveHandler.handle(ReserveHandler.java:44)",
    )),
    checkout("error", '"msg":"cannot decode basket, unknown schema version 7","user":"{user}"'),
    search("error", "index", "segment {hash} is corrupt: checksum differs at block {page}"),
    request("POST /api/checkout", 507),
    auth("kernel: EXT4-fs error (device sda1): ext4_find_entry: reading directory inode {port} lblock 0", "error"),
    payments("error", 'msg="certificate of provider has expired" provider={provider} since_days={attempt}'),
    inventory("error", "OutOfMemory", "Java heap space, {mb}M of 1024M used by reservations" + java_trace(
        "java.lang.OutOfMemoryError: Java heap space",
        "java.base/java.util.Arrays.copyOf(Arrays.java:3537)",
        "shop.inventory.PriceCache.grow(PriceCache.java:210)",
    )),
    checkout("fatal", '"msg":"configuration key tax.rates is missing, refusing to start worker {thread}"'),
    search("error", "http", "worker {thread} was killed by signal 9, {items} requests lost"),
    auth("systemd[1]: sshd.service: Main process exited, code=dumped, status=11/SEGV", "error"),
    payments("error", 'msg="daily limit of merchant account reached" provider={provider} limit={rows} {currency}'),
    inventory("error", "Shipping", "Carrier API answered 403 Forbidden for parcel of order {order}: contract ended"),
    checkout("error", '"msg":"deadlock detected while locking a row of orders","order_id":"{order}","waited_ms":{ms}'),
    search("error", "query", "recursion limit reached while parsing '{query}'"),
    payments("error", 'msg="signature of webhook is invalid, dropped" provider={provider} from={ip}'),
)  # fmt: skip

_ERROR_BURSTS: Final = (
    ("payments", Burst(2.0, mix((3, DECLINED[0]), (5, DECLINED[1]), (4, PROVIDER_TIMEOUT)))),
    ("checkout", Burst(1.5, (PAYMENT_FAILED,))),
    ("gateway", Burst(3.0, (request("GET /api/recommendations?user={user}", 502),))),
)
_REWORDED: Final = (
    search("info", "query", "answered q='{query}' hits={n} took={ms}ms engine=v5 trace={rid}"),
    search("info", "engine", "[v5] {n} hits | {ms} ms | '{query}' | plan {hash}"),
    search("info", "query", "request {rid} -> {n} results for '{query}' (reranked {items}, {ms} ms)"),
)  # fmt: skip
_DEPLOYED: Final = search(
    "warn", "main", "feature flag 'semantic-ranking' enabled on node {node} without a warm model"
)
_GUESSING: Final = mix((2, INVALID_USER), (5, FAILED_PASSWORD), (1, PREAUTH_CLOSED))
_SILENT: Final = ("inventory", "search", "checkout")


def schedule(seed: int, start: int, first_s: float) -> Iterator[Incident]:
    """All incidents of a run whose live lines begin at `start` (ns), in order, without end.

    The first is an error never seen before, `first_s` seconds after the start; the other kinds follow in an order
    that depends on the seed.
    """
    rng = random.Random(f"schedule {seed}")
    begin, turns = start + int(first_s * SECOND), {kind: count() for kind in KINDS}
    first_round = [KINDS[0], *rng.sample(KINDS[1:], len(KINDS) - 1)]
    for number, kind in enumerate(chain(first_round, cycle(rng.sample(KINDS, len(KINDS))))):
        happening = _incidents(kind, next(turns[kind]), begin, begin + DURATION_S[kind] * SECOND)
        if happening:
            yield from happening
            begin += (FIRST_GAP_S if number < len(KINDS) - 1 else LATER_GAP_S) * SECOND


def _incidents(kind: str, turn: int, start: int, end: int) -> tuple[Incident, ...]:
    """The `turn`th incident of a kind: one row of truth for each service that it hits."""

    def one(service: str, *bursts: Burst) -> tuple[Incident, ...]:
        return (Incident(kind, service, start, end, bursts),)

    match kind:
        case "new_error":
            if turn >= len(_NEW_ERRORS):
                return ()
            error = _NEW_ERRORS[turn]
            return one(error.service, Burst(0.8, (error,)))
        case "error_burst":
            return one(*_ERROR_BURSTS[turn % len(_ERROR_BURSTS)])
        case "rate_spike":
            return one("gateway", Burst(25.0, BROWSE.steps[0].choices))
        case "brute_force":
            attacker = (("ip", f"198.51.100.{7 + 31 * turn % 240}"),)
            return one("auth", Burst(4.0, _GUESSING, facts=attacker))
        case "slow_db":
            return (
                *one("checkout", Burst(1.0, (SLOW_QUERY,)), Burst(0.5, (PAYMENT_FAILED,), 20.0)),
                *one("inventory", Burst(1.0, (SLOW_STATEMENT,)), Burst(0.7, (POOL_TIMEOUT,), 15.0)),
            )
        case "silence":
            return (Incident(kind, _SILENT[turn % len(_SILENT)], start, end, silent=True),)
        case _:
            new = _REWORDED[turn % len(_REWORDED)]
            deployed = Burst(0.3, (_DEPLOYED,))
            return (
                Incident(
                    kind, "search", start, end, (deployed,), reworded=((QUERY_ANSWERED, new),)
                ),
            )
