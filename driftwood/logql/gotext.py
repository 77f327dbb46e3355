r"""Texts as Go writes and reads them: quoted strings, numbers, durations and sizes.

Loki prints and parses with Go's library, so its forms are part of the language: `0.0000925` and never `9.25e-05`,
`1h30m0s` and never `1h30m`, and `"0x10"` is no number. A parser raises ValueError with Go's own text.

A text may hold bytes that are not UTF-8; each is kept as Python does it (`surrogateescape`), so that `"\xff"` survives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

# -- quoted strings

_SIMPLE = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}
_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")
_ESCAPE = re.compile(
    r"""\\(?:(?P<simple>[abfnrtv\\'"])|(?P<octal>[0-3][0-7]{2})
        |x(?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))""",
    re.VERBOSE,
)
_UNESCAPED = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


def quote(text: str) -> str:
    r"""`text` between double quotes: strconv.Quote.

    >>> print(quote('say "é"\n\x00\u200b'))
    "say \"é\"\n\x00\u200b"
    """
    return '"' + _NOT_PLAIN.sub(_escaped, text) + '"'


def quote_to_ascii(text: str) -> str:
    r"""`quote`, with everything outside ASCII escaped too: strconv.QuoteToASCII.

    >>> print(quote_to_ascii("é😀"))
    "\u00e9\U0001f600"
    """
    return '"' + _NOT_PLAIN.sub(lambda found: _escaped(found, ascii_only=True), text) + '"'


def _escaped(found: re.Match[str], ascii_only: bool = False) -> str:
    char = found[0]
    if char == '"':
        return r"\""
    if char in _SIMPLE:
        return _SIMPLE[char]
    code = ord(char)
    if char.isprintable() and (code < 0x80 or not ascii_only):
        return char
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return r"\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(token: str) -> str:
    r"""What the Go literal `token` means, be it "...", `...` or '.': strconv.Unquote. Raises ValueError.

    >>> unquote(r'"\x41\u00e9\t"'), unquote("`raw\\n`")
    ('Aé\t', 'raw\\n')
    """
    if len(token) < 2 or token[0] != token[-1] or token[0] not in "\"`'":
        raise ValueError("invalid syntax")
    mark, body = token[0], token[1:-1]
    if mark == "`":
        if "`" in body:
            raise ValueError("invalid syntax")
        return body.replace("\r", "")
    if "\n" in body:
        raise ValueError("invalid syntax")
    text = _unescaped(body, mark) if "\\" in body or mark in body else body
    if mark == "'" and len(text) > 1:
        raise ValueError("invalid syntax")
    return text


def _unescaped(body: str, mark: str) -> str:
    """Escapes by bytes (`\\xff`, `\\377`) may together be UTF-8, so all are joined before they are read."""
    value = bytearray()
    at = 0
    while at < len(body):
        if body[at] == mark:
            raise ValueError("invalid syntax")
        if body[at] != "\\":
            end = min((x for x in (body.find("\\", at), body.find(mark, at)) if x >= 0), default=-1)
            end = len(body) if end < 0 else end
            value += body[at:end].encode("utf-8", "surrogateescape")
            at = end
            continue
        escape = _ESCAPE.match(body, at)
        if escape is None or escape["simple"] in set("'\"") - {mark}:
            raise ValueError("invalid syntax")
        value += _unescape(escape)
        at = escape.end()
    return value.decode("utf-8", "surrogateescape")


def _unescape(escape: re.Match[str]) -> bytes:
    if escape["simple"]:
        return _UNESCAPED[escape["simple"]].encode()
    if escape["octal"]:
        return bytes([int(escape["octal"], 8)])
    if escape["hex"]:
        return bytes([int(escape["hex"], 16)])
    code = int(escape["short"] or escape["long"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError("invalid syntax")
    return chr(code).encode()


# -- numbers

_DECIMAL = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9][0-9_]*)?")
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F_]+\.?[0-9a-fA-F_]*|\.[0-9a-fA-F_]+)[pP][+-]?[0-9][0-9_]*"
)
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_BAD_UNDERSCORE = re.compile(r"_(?![0-9])|(?<![0-9])_")
_BAD_UNDERSCORE_HEX = re.compile(r"_(?![0-9a-fA-F])|(?<![0-9a-fA-FxX])_")


def parse_float(text: str) -> float:
    """strconv.ParseFloat(text, 64). Raises ValueError with its text, also where the number is too large.

    >>> parse_float("1_000.5"), parse_float("0x1p-2"), parse_float("+Inf")
    (1000.5, 0.25, inf)
    >>> parse_float("0x10")
    Traceback (most recent call last):
    ValueError: strconv.ParseFloat: parsing "0x10": invalid syntax
    """
    if _DECIMAL.fullmatch(text) and not _BAD_UNDERSCORE.search(text):
        value = float(text.replace("_", ""))
    elif _HEXADECIMAL.fullmatch(text) and not _BAD_UNDERSCORE_HEX.search(text):
        try:
            value = float.fromhex(text.replace("_", ""))
        except OverflowError:
            value = math.inf
    elif _SPECIAL.fullmatch(text):
        return float(text)
    else:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    if math.isinf(value):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def format_float(value: float) -> str:
    """The shortest digits that give `value` back, without an exponent: 'f' with precision -1. So samples are printed.

    >>> format_float(9.25e-05), format_float(1e21), format_float(3.0), format_float(-math.inf)
    ('0.0000925', '1000000000000000000000', '3', '-Inf')
    """
    if not math.isfinite(value):
        return _special(value)
    text = repr(float(value))
    if "e" in text:
        text = f"{Decimal(text):f}"
    return text.removesuffix(".0")


def format_float_g(value: float) -> str:
    """The shortest digits, with an exponent below 1e-4 and from 1e6 on: 'g' with precision -1, which is fmt's %v.

    >>> format_float_g(123456.0), format_float_g(1234567.0), format_float_g(0.00001)
    ('123456', '1.234567e+06', '1e-05')
    """
    if not math.isfinite(value) or value == 0:
        return format_float(value)
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    point = len(digits) + int(exponent) - 1
    if -4 <= point < 6:
        return format_float(value)
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else first
    return f"{'-' * sign}{mantissa}e{'-' if point < 0 else '+'}{abs(point):02d}"


def format_float_f(value: float) -> str:
    """Six digits behind the point: fmt's %f.

    >>> format_float_f(1 / 3), format_float_f(math.inf)
    ('0.333333', '+Inf')
    """
    return f"{value:.6f}" if math.isfinite(value) else _special(value)


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


# -- durations, in ns

NS_PER = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DAY = 24 * NS_PER["h"]
PROMETHEUS_NS_PER = {
    "y": 365 * _DAY,
    "w": 7 * _DAY,
    "d": _DAY,
    "h": NS_PER["h"],
    "m": NS_PER["m"],
    "s": NS_PER["s"],
    "ms": NS_PER["ms"],
}
_PROMETHEUS_ORDER = {unit: place for place, unit in enumerate(PROMETHEUS_NS_PER)}
LONGEST = (1 << 63) - 1
_ASCII_DIGITS = re.compile(r"[0-9]*")
_GO_UNIT = re.compile(r"[^0-9.]*")
_PROMETHEUS_UNIT = re.compile(r"[^0-9]*")


def parse_duration(text: str) -> int:
    """time.ParseDuration: `1h30m`, `1.5h`, `-3us`; no days. Raises ValueError with its text.

    >>> parse_duration("1.5h") == parse_duration("1h30m") == 5_400 * 10**9
    True
    >>> parse_duration("1d")
    Traceback (most recent call last):
    ValueError: time: unknown unit "d" in duration "1d"
    """
    wrong = f"time: invalid duration {quote_bytes(text)}"
    rest = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(wrong)
    total = 0
    while rest:
        amount, rest = _go_amount(rest, wrong)
        unit = _GO_UNIT.match(rest)
        assert unit is not None
        if not unit[0]:
            raise ValueError(f"time: missing unit in duration {quote_bytes(text)}")
        if unit[0] not in NS_PER:
            raise ValueError(
                f"time: unknown unit {quote_bytes(unit[0])} in duration {quote_bytes(text)}"
            )
        total += amount(NS_PER[unit[0]], wrong)
        if total > 1 << 63:
            raise ValueError(wrong)
        rest = rest[unit.end() :]
    if text.startswith("-"):
        return -total
    if total > LONGEST:
        raise ValueError(wrong)
    return total


def _go_amount(text: str, wrong: str) -> tuple[Callable[[int, str], int], str]:
    """The number at the start of `text`, as a function of the unit, and what follows it."""
    whole = _digits(text)
    rest = text[len(whole) :]
    fraction = ""
    if rest.startswith("."):
        fraction = _digits(rest[1:])
        rest = rest[1 + len(fraction) :]
    if not whole and not fraction:
        raise ValueError(wrong)
    if _whole(whole) > 1 << 63:
        raise ValueError(wrong)

    def in_ns(unit: int, wrong: str) -> int:
        ns = _whole(whole) * unit
        if ns > 1 << 63:
            raise ValueError(wrong)
        if fraction:
            kept = _leading(fraction)
            ns += int(float(int(kept)) * (float(unit) / 10.0 ** len(kept)))
        return ns

    return in_ns, rest


def _leading(fraction: str) -> str:
    """The digits of a fraction that Go reads: as many as fit into 63 bits."""
    kept = fraction[:19]
    return kept if int(kept) <= LONGEST else kept[:18]


def _whole(digits: str) -> int:
    """Their value, none being 0; some number that is too large where there are too many."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) < 30 else 10**30


def _digits(text: str) -> str:
    found = _ASCII_DIGITS.match(text)
    assert found is not None
    return found[0]


def quote_bytes(text: str) -> str:
    """How package time quotes in its messages: everything outside ASCII as the bytes of its UTF-8."""
    quoted = []
    for byte in text.encode("utf-8", "surrogateescape"):
        if byte >= 0x80 or byte < 0x20:
            quoted.append(f"\\x{byte:02x}")
        else:
            quoted.append(f"\\{chr(byte)}" if byte in b'"\\' else chr(byte))
    return '"' + "".join(quoted) + '"'


def duration_seconds(ns: int) -> float:
    """time.Duration.Seconds(): whole seconds and the rest are divided apart, which can round in another way than `/`.

    >>> duration_seconds(1_500_000_000), duration_seconds(8_531_709_363)
    (1.5, 8.531709363000001)
    """
    whole, rest = divmod(abs(ns), NS_PER["s"])
    seconds = float(whole) + float(rest) / 1e9
    return -seconds if ns < 0 else seconds


def format_duration(ns: int) -> str:
    """time.Duration.String().

    >>> format_duration(5_400 * 10**9), format_duration(1_500_000), format_duration(0)
    ('1h30m0s', '1.5ms', '0s')
    """
    if ns == 0:
        return "0s"
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    for unit in ("ns", "µs", "ms"):
        if ns < 1_000 * NS_PER[unit]:
            return f"{sign}{_fraction(ns, NS_PER[unit])}{unit}"
    minutes, rest = divmod(ns, NS_PER["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{_fraction(rest, NS_PER['s'])}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _fraction(ns: int, unit: int) -> str:
    whole, rest = divmod(ns, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse_prometheus_duration(text: str) -> int:
    """`1d12h`: whole numbers with the units y w d h m s ms, each at most once, in this order. Raises ValueError.

    >>> parse_prometheus_duration("1d12h") == 129_600 * 10**9
    True
    >>> parse_prometheus_duration("1.5h")
    Traceback (most recent call last):
    ValueError: unknown unit "." in duration "1.5h"
    """
    if text == "0":
        return 0
    if not text:
        raise ValueError("empty duration string")
    wrong = f"not a valid duration string: {quote(text)}"
    total, last, rest = 0, -1, text
    while rest:
        amount = _digits(rest)
        if not amount or _whole(amount) >= 1 << 64:
            raise ValueError(wrong)
        rest = rest[len(amount) :]
        unit = _PROMETHEUS_UNIT.match(rest)
        assert unit is not None
        if not unit[0]:
            raise ValueError(wrong)
        if unit[0] not in PROMETHEUS_NS_PER:
            raise ValueError(f"unknown unit {quote(unit[0])} in duration {quote(text)}")
        if _PROMETHEUS_ORDER[unit[0]] <= last:
            raise ValueError(wrong)
        last = _PROMETHEUS_ORDER[unit[0]]
        rest = rest[unit.end() :]
        total += _whole(amount) * PROMETHEUS_NS_PER[unit[0]]
        if total > LONGEST:
            raise ValueError("duration out of range")
    return total


def format_prometheus_duration(ns: int) -> str:
    """The shortest form in its units; years and weeks only where nothing is left over. Less than 1 ms is dropped.

    >>> format_prometheus_duration(90 * 60 * 10**9), format_prometheus_duration(14 * 24 * 3_600 * 10**9)
    ('1h30m', '2w')
    """
    ms = abs(ns) // NS_PER["ms"]
    if ms == 0:
        return "0s"
    text = "-" if ns < 0 else ""
    for unit, size in PROMETHEUS_NS_PER.items():
        count, rest = divmod(ms, size // NS_PER["ms"])
        if count == 0 or (unit in "yw" and rest):
            continue
        text += f"{count}{unit}"
        ms = rest
    return text


# -- sizes

BYTES_PER = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtpe", start=1):
    BYTES_PER |= {f"{_letter}b": 1000**_power, _letter: 1000**_power}
    BYTES_PER |= {f"{_letter}ib": 1024**_power, f"{_letter}i": 1024**_power}
_NAMES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def parse_bytes(text: str) -> int:
    """go-humanize's ParseBytes: `1.5 kB`, `2KiB`, `1,024`; any case. Raises ValueError with its text.

    >>> parse_bytes("1.5 kB"), parse_bytes("2KiB"), parse_bytes("1,024")
    (1500, 2048, 1024)
    >>> parse_bytes("3 apples")
    Traceback (most recent call last):
    ValueError: unhandled size name: apples
    """
    end = 0
    while end < len(text) and (text[end].isdecimal() or text[end] in ".,"):
        end += 1
    value = parse_float(text[:end].replace(",", ""))
    unit = text[end:].strip().lower()
    if unit not in BYTES_PER:
        raise ValueError(f"unhandled size name: {unit}")
    value *= BYTES_PER[unit]
    if value >= 2.0**64:
        raise ValueError(f"too large: {text}")
    return int(value)


def format_bytes(size: int) -> str:
    """go-humanize's Bytes, which rounds: two digits below ten, else none behind the point.

    >>> format_bytes(999), format_bytes(1_500), format_bytes(82_854_982)
    ('999 B', '1.5 kB', '83 MB')
    """
    if size < 10:
        return f"{size} B"
    exponent = math.floor(math.log(size) / math.log(1000))
    value = math.floor(size / 1000.0**exponent * 10 + 0.5) / 10
    return f"{value:.{1 if value < 10 else 0}f} {_NAMES[exponent]}"
