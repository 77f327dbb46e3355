"""What the services of the demo shop say: one `Message` per template, in each service's own format.

A text holds `{slot}`s that `SLOTS` fills; `{clf}`, `{syslog}`, `{iso}` and `{java}` are the line's own time in the
format that the service writes. Slots in `SHARED` keep their value through one activity, so that a purchase can be
followed from service to service by its request id.
"""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import Final

SERVICES: Final = ("gateway", "checkout", "payments", "inventory", "auth", "search")

Draw = Callable[[], float]
"""Uniform in [0, 1)."""

SHARED: Final = frozenset(
    (
        "agent",
        "amount",
        "guess",
        "ip",
        "office",
        "order",
        "pid",
        "port",
        "provider",
        "query",
        "rid",
        "sku",
        "staff",
        "user",
    )
)

_CATEGORIES = ("shoes", "jackets", "tents", "lamps", "bikes", "bags", "maps", "stoves")
_WORDS = ("red", "warm", "light", "small", "steel", "wool", "trail", "winter", "kids", "sale")
_STAFF = ("deploy", "maria", "jonas", "ops", "chen", "backup")
_GUESSES = ("admin", "test", "oracle", "ubuntu", "pi", "guest", "postgres", "user1")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
)


def _pick(choices: tuple[str, ...]) -> Callable[[Draw], str]:
    return lambda draw: choices[int(draw() * len(choices))]


def _number(low: int, high: int) -> Callable[[Draw], int]:
    return lambda draw: low + int(draw() * (high - low))


def _skewed(low: int, high: int) -> Callable[[Draw], int]:
    """Small values are common: the square of a uniform variable."""

    def number(draw: Draw) -> int:
        share = draw()
        return low + int(share * share * (high - low))

    return number


SLOTS: Final[dict[str, Callable[[Draw], object]]] = {
    "agent": _pick(_AGENTS),
    "amount": lambda draw: f"{4 + 300 * draw() * draw():.2f}",
    "attempt": _number(1, 4),
    "bytes": _skewed(180, 64_000),
    "card": _number(1000, 9999),
    "category": _pick(_CATEGORIES),
    "currency": _pick(("EUR", "EUR", "EUR", "USD", "GBP")),
    "guess": _pick(_GUESSES),
    "hash": lambda draw: f"{int(draw() * 2**32):08x}",
    "ip": lambda draw: f"203.0.{int(draw() * 40)}.{1 + int(draw() * 254)}",
    "items": _skewed(1, 9),
    "key": lambda draw: f"SHA256:{int(draw() * 2**60):015x}{int(draw() * 2**60):015x}",
    "mb": _number(180, 900),
    "ms": lambda draw: int(4 / (1.01 - draw())),
    "n": _skewed(1, 400),
    "node": _pick(("a", "b", "c")),
    "office": lambda draw: f"10.0.3.{2 + int(draw() * 30)}",
    "order": lambda draw: f"O-{100_000 + int(draw() * 900_000)}",
    "page": _skewed(1, 30),
    "percent": _number(41, 78),
    "pid": _number(1200, 32_000),
    "port": _number(32_768, 60_999),
    "provider": _pick(("northpay", "northpay", "cardia")),
    "qty": _skewed(1, 5),
    "query": lambda draw: f"{_WORDS[int(draw() * 10)]}-{_CATEGORIES[int(draw() * 8)]}",
    "rid": lambda draw: f"{int(draw() * 2**48):012x}",
    "rows": _skewed(20, 9_000),
    "seconds": lambda draw: f"{0.003 / (1.004 - draw()):.3f}",
    "session": _number(1, 4_000),
    "shelf": lambda draw: f"{'ABCDEF'[int(draw() * 6)]}{1 + int(draw() * 40)}",
    "sku": lambda draw: f"SKU-{10_000 + int(2_400 * draw() * draw())}",
    "slow_ms": _number(2_000, 9_000),
    "staff": _pick(_STAFF),
    "thread": _number(1, 17),
    "ttl": _pick(("60", "300", "900")),
    "user": lambda draw: f"u{1_000 + int(9_000 * draw() * draw())}",
    "warehouse": _pick(("FRA1", "FRA2", "ROT1")),
}

TIMES: Final = frozenset({"clf", "syslog", "iso", "java"})


class Message:
    """One template of one service, compiled: `form % values of slots` is the line. `clock`: its slot of time."""

    __slots__ = ("clock", "form", "level", "service", "slots")

    def __init__(self, service: str, level: str, text: str) -> None:
        self.service = service
        self.level = level
        form, slots = [], []
        for literal, slot, _, _ in Formatter().parse(_LAYOUTS[service](level, text)):
            form.append(literal.replace("%", "%%"))
            if slot is not None:
                if slot not in SLOTS and slot not in TIMES:
                    raise KeyError(f"no slot {{{slot}}}, in {text!r}")
                form.append("%s")
                slots.append(slot)
        self.form = "".join(form)
        self.slots = tuple(slots)
        self.clock = next(slot for slot in slots if slot in TIMES)


_PYTHON_LEVELS: Final = {"warn": "WARNING"}
_LAYOUTS: dict[str, Callable[[str, str], str]] = {
    # Apache's combined format, then the seconds it took and the request id.
    "gateway": lambda level, text: f"{{ip}} - - [{{clf}}] {text} {{seconds}} {{rid}}",
    "checkout": lambda level, text: (
        f'{{{{"time":"{{iso}}","level":"{level}","service":"checkout",{text},"request_id":"{{rid}}"}}}}'
    ),
    "payments": lambda level, text: f"ts={{iso}} level={level} service=payments {text} rid={{rid}}",
    "inventory": lambda level, text: f"{{java}} {level.upper():5} {text}",
    "auth": lambda level, text: f"{{syslog}} bastion-1 {text}",
    "search": lambda level, text: f"{{java}} - {_PYTHON_LEVELS.get(level, level.upper())} - {text}",
}


def request(line: str, status: int, *, referer: str = "https://shop.example/") -> Message:
    """A line of the gateway's access log."""
    size = "0" if status in {304, 204} else "{bytes}"
    level = "error" if status >= 500 else "warn" if status >= 400 else "info"
    return Message("gateway", level, f'"{line} HTTP/1.1" {status} {size} "{referer}" "{{agent}}"')


def checkout(level: str, text: str) -> Message:
    return Message("checkout", level, text)


def payments(level: str, text: str) -> Message:
    return Message("payments", level, text)


def inventory(level: str, logger: str, text: str) -> Message:
    return Message("inventory", level, f"[exec-{{thread}}] shop.inventory.{logger} - {text}")


def auth(text: str, level: str = "info") -> Message:
    return Message("auth", level, text)


def search(level: str, logger: str, text: str) -> Message:
    return Message("search", level, f"search.{logger} - {text}")


def java_trace(exception: str, *frames: str, cause: str = "") -> str:
    """The lines of a stack trace, ready to follow a message."""
    tail = f"\nCaused by: {cause}\n\t... 23 more" if cause else ""
    return f"\n{exception}" + "".join(f"\n\tat {frame}" for frame in frames) + tail
