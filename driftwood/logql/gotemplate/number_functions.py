"""Loki's functions on numbers. They take anything: a text is read as a number, and what is none counts as 0."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact

from driftwood.logql import gotext
from driftwood.logql.gotemplate import numbers
from driftwood.logql.gotemplate.errors import CallError
from driftwood.logql.gotemplate.signatures import Function, Param
from driftwood.logql.gotemplate.times import Duration
from driftwood.logql.gotemplate.values import Int64, to_int64, wrap_int64

# -- casts

_WITH_POINT = re.compile(r"([-+]?[0-9]*)\.[0-9]*")


def to_integer(value: object) -> int:
    """cast.ToInt64: what stands before the point, in any of Go's bases; 0 for what is no number.

    >>> [to_integer(value) for value in ("0x10", "3.9", "-.5", "08", "1e3", True, 2.7)]
    [16, 3, 0, 0, 0, 1, 2]
    """
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return to_int64(value)
    if not isinstance(value, str):
        return 0
    if decimal := _WITH_POINT.fullmatch(value):
        value = decimal[1]
        if value in ("", "-", "+"):
            return 0
    integer = numbers.parse_any_base(value)
    return integer if integer is not None and -(1 << 63) <= integer < 1 << 63 else 0


def to_float(value: object) -> float:
    """cast.ToFloat64."""
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return 0.0
    try:
        return gotext.parse_float(value)
    except ValueError:
        return 0.0


# -- integers, which overflow as int64 does


def _add(*values: object) -> Int64:
    return Int64(wrap_int64(sum(map(to_integer, values))))


def _sub(left: object, right: object) -> Int64:
    return Int64(wrap_int64(to_integer(left) - to_integer(right)))


def _mul(first: object, *others: object) -> Int64:
    product = to_integer(first)
    for other in others:
        product = wrap_int64(product * to_integer(other))
    return Int64(product)


def _divided(left: object, right: object) -> tuple[int, int]:
    """Quotient and remainder, towards zero."""
    dividend, divisor = to_integer(left), to_integer(right)
    if divisor == 0:
        raise CallError("runtime error: integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    if (dividend < 0) != (divisor < 0):
        quotient = -quotient
    return wrap_int64(quotient), dividend - quotient * divisor


def _div(left: object, right: object) -> Int64:
    return Int64(_divided(left, right)[0])


def _mod(left: object, right: object) -> Int64:
    return Int64(_divided(left, right)[1])


def _max(first: object, *others: object) -> Int64:
    return Int64(max(map(to_integer, (first, *others))))


def _min(first: object, *others: object) -> Int64:
    return Int64(min(map(to_integer, (first, *others))))


# -- decimals, exact until the result is rounded to a float

_DIVISION_DIGITS = 10**16
_EXACT = Context(prec=5_000, traps=[Inexact])


def _exact(value: object) -> Decimal:
    number = to_float(value)
    if not math.isfinite(number):
        raise CallError(f"Cannot create a Decimal from {gotext.format_float(number)}")
    return Decimal(repr(number))


def _decimals(
    operation: Callable[[Decimal, Decimal], Decimal], first: object, others: tuple[object, ...]
) -> float:
    result = _exact(first)
    try:
        for other in others:
            result = operation(result, _exact(other))
    except Inexact:
        raise CallError("the decimal has too many digits") from None
    return float(result) or 0.0  # there is no -0


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    """To 16 digits behind the point, half away from zero."""
    if right == 0:
        raise CallError("decimal division by 0")
    above, below = left.as_integer_ratio()
    by, of = right.as_integer_ratio()
    above, below = abs(above * of) * _DIVISION_DIGITS, abs(below * by)
    rounded = _EXACT.scaleb(Decimal((2 * above + below) // (2 * below)), -16)
    return rounded if (left < 0) == (right < 0) else -rounded


def _addf(*values: object) -> float:
    return _decimals(_EXACT.add, 0.0, values)


def _subf(first: object, *others: object) -> float:
    return _decimals(_EXACT.subtract, first, others)


def _mulf(first: object, *others: object) -> float:
    return _decimals(_EXACT.multiply, first, others)


def _divf(first: object, *others: object) -> float:
    return _decimals(_quotient, first, others)


# -- floats


def _maxf(first: object, *others: object) -> float:
    result = to_float(first)
    for other in map(to_float, others):
        result = _larger(result, other)
    return result


def _minf(first: object, *others: object) -> float:
    result = -to_float(first)
    for other in map(to_float, others):
        result = _larger(result, -other)
    return -result


def _larger(left: float, right: float) -> float:
    """math.Max: an infinity, else NaN, else the larger, of two zeros the positive one."""
    if math.inf in (left, right):
        return math.inf
    if math.isnan(left) or math.isnan(right):
        return math.nan
    if left == right == 0:
        return left if math.copysign(1, left) > 0 else right
    return max(left, right)


def _ceil(value: object) -> float:
    return _whole(to_float(value), math.ceil)


def _floor(value: object) -> float:
    return _whole(to_float(value), math.floor)


def _whole(number: float, towards: Callable[[float], int]) -> float:
    """Keeps -0."""
    if not math.isfinite(number):
        return number
    return math.copysign(float(towards(number)), number)


def _round(value: object, places: int, up_from: float = 0.5, *_more: float) -> float:
    """sprig's: what lies behind `places` digits goes up where it is at least `up_from`."""
    power = _power_of_ten(places)
    scaled = power * to_float(value)
    fraction = math.modf(scaled)[0] if math.isfinite(scaled) else math.nan
    whole = _whole(scaled, math.ceil if fraction >= up_from else math.floor)
    if power == 0:
        return math.nan if whole == 0 or math.isnan(whole) else math.copysign(math.inf, whole)
    return whole / power


def _power_of_ten(exponent: int) -> float:
    if exponent > 308:
        return math.inf
    return float(f"1e{exponent}") if exponent > -400 else 0.0


# -- sizes and durations


def _bytes(text: str) -> float:
    return _read(gotext.parse_bytes, text)


def _duration(text: str) -> float:
    """In seconds."""
    return seconds_of(Duration(int(_read(gotext.parse_duration, text))))


def seconds_of(duration: Duration) -> float:
    whole, rest = divmod(abs(int(duration)), 1_000_000_000)
    seconds = float(whole) + float(rest) / 1e9
    return -seconds if duration < 0 else seconds


def _read(parse: Callable[[str], int], text: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise CallError(str(error)) from None


def _int(value: object) -> int:
    return to_integer(value)


_ANY = Param.ANY
_BOTH = (_ANY, _ANY)
NUMBER_FUNCTIONS = {
    "int": Function(_int, (_ANY,)),
    "float64": Function(to_float, (_ANY,)),
    "add": Function(_add, (), _ANY),
    "sub": Function(_sub, _BOTH),
    "mul": Function(_mul, (_ANY,), _ANY),
    "div": Function(_div, _BOTH),
    "mod": Function(_mod, _BOTH),
    "max": Function(_max, (_ANY,), _ANY),
    "min": Function(_min, (_ANY,), _ANY),
    "addf": Function(_addf, (), _ANY),
    "subf": Function(_subf, (_ANY,), _ANY),
    "mulf": Function(_mulf, (_ANY,), _ANY),
    "divf": Function(_divf, (_ANY,), _ANY),
    "maxf": Function(_maxf, (_ANY,), _ANY),
    "minf": Function(_minf, (_ANY,), _ANY),
    "ceil": Function(_ceil, (_ANY,)),
    "floor": Function(_floor, (_ANY,)),
    "round": Function(_round, (_ANY, Param.INT), Param.FLOAT),
    "bytes": Function(lambda text: float(_bytes(text)), (Param.STRING,)),
    "duration": Function(_duration, (Param.STRING,)),
    "duration_seconds": Function(_duration, (Param.STRING,)),
}
