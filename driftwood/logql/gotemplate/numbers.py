"""Numbers as Go's strconv reads and writes them, where `gotext` does not."""

from __future__ import annotations

import math
import re

from driftwood.logql import gotext

_DIGITS = re.compile(r"(?P<sign>[+-]?)(?P<digits>[0-9]+)")
_ANY_BASE = re.compile(
    r"""(?P<sign>[+-]?)(?:0[xX](?P<hex>_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB](?P<binary>_?[01]+(?:_[01]+)*)
        |0(?P<octal>[oO]_?[0-7]+(?:_[0-7]+)*|[0-7]*(?:_[0-7]+)*)|(?P<decimal>[1-9][0-9]*(?:_[0-9]+)*))""",
    re.VERBOSE,
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}


def parse_int(text: str) -> int:
    """strconv.ParseInt(text, 10, 64). Raises ValueError with Go's text.

    >>> parse_int("-42")
    -42
    >>> parse_int("1.5")
    Traceback (most recent call last):
    ValueError: strconv.ParseInt: parsing "1.5": invalid syntax
    """
    found = _DIGITS.fullmatch(text)
    if found is None:
        raise ValueError(f"strconv.ParseInt: parsing {gotext.quote(text)}: invalid syntax")
    digits = found["digits"].lstrip("0")
    value = int(digits or "0") if len(digits) < 20 else 1 << 64
    value = -value if found["sign"] == "-" else value
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"strconv.ParseInt: parsing {gotext.quote(text)}: value out of range")
    return value


def parse_any_base(text: str) -> int | None:
    """A Go integer literal, signed and of any size: 42, 0x2a, 0b1, 0o17, 017, 1_000; None if it is none.

    >>> parse_any_base("-0x_2A"), parse_any_base("017"), parse_any_base("09")
    (-42, 15, None)
    """
    found = _ANY_BASE.fullmatch(text)
    if found is None:
        return None
    kind = found.lastgroup
    assert kind is not None
    digits = found[kind].lstrip("oO").replace("_", "")
    if len(digits) > 100:
        digits = digits.lstrip("0")[:100]  # too large for any type as it is
    value = int(digits or "0", _BASES[kind])
    return -value if found["sign"] == "-" else value


def format_float(value: float, verb: str, precision: int) -> str:
    """strconv.FormatFloat(value, verb, precision, 64) for the verbs b e E f g G x X; -1 is the shortest.

    >>> format_float(1234567.0, "g", -1), format_float(0.5, "x", -1), format_float(2.5, "f", 0)
    ('1.234567e+06', '0x1p-01', '2')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if verb == "b":
        return _binary(value)
    if verb in "xX":
        text = _hexadecimal(value, precision)
        return text.upper() if verb == "X" else text
    if precision < 0:
        text = _shortest(value, verb)
        return text.upper() if verb == "G" else text
    if verb in "gG" and precision == 0:
        precision = 1
    return format(value, f".{precision}{verb}")


def _shortest(value: float, verb: str) -> str:
    if verb in "gG":
        return gotext.format_float_g(value)
    if verb == "f":
        return gotext.format_float(value)
    digits = len(repr(abs(value)).split("e")[0].replace(".", "").strip("0"))
    return format(value, f".{max(digits - 1, 0)}{verb}")


def _binary(value: float) -> str:
    """The mantissa as a whole number, and the power of two."""
    sign = "-" if math.copysign(1, value) < 0 else ""
    fraction, exponent = math.frexp(abs(value))
    mantissa, exponent = int(fraction * (1 << 53)), exponent - 53
    if value == 0:
        exponent = -1074
    while exponent < -1074:  # not normal
        mantissa, exponent = mantissa >> 1, exponent + 1
    return f"{sign}{mantissa}p{exponent:+d}"


def _hexadecimal(value: float, precision: int) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    fraction, exponent = math.frexp(abs(value))
    mantissa, exponent = (int(fraction * (1 << 53)), exponent - 1) if value else (0, 0)
    digits = 13
    if 0 <= precision < 13:
        unit = 1 << 4 * (13 - precision)
        whole, rest = divmod(mantissa, unit)
        if rest * 2 > unit or (rest * 2 == unit and whole % 2):
            whole += 1
        if whole >> 4 * precision > 1:  # 1.ff was rounded up to 2
            whole, exponent = whole >> 1, exponent + 1
        mantissa, digits = whole, precision
    text = f"{mantissa & ((1 << 4 * digits) - 1):0{digits}x}" if digits else ""
    text = text.rstrip("0") if precision < 0 else text.ljust(precision, "0")
    point = f".{text}" if text else ""
    return (
        f"{sign}0x{mantissa >> 4 * digits}{point}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    )
