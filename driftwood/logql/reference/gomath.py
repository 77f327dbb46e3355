"""`x ^ y` to the last bit as Go computes it: answers are compared and shown in their shortest exact form."""

from __future__ import annotations

import math

import numpy as np

from driftwood.logql.reference.vectors import Floats

_OUT_OF_REACH = 1 << 12
"""A binary exponent beyond which the power has certainly over- or underflown."""


def power(base: Floats, exponent: Floats) -> Floats:
    """Element by element. The special values (zeros, infinities, NaN, negative bases) are those of IEEE 754."""
    result: Floats = np.power(base, exponent)
    plain = np.isfinite(base) & np.isfinite(exponent) & (base != 0) & (exponent != 0)
    plain &= (base > 0) | (exponent == np.trunc(exponent))
    for cell in np.argwhere(plain):
        at = tuple(cell)
        result[at] = _finite_power(float(base[at]), float(exponent[at]))
    return result


def _finite_power(x: float, y: float) -> float:
    """By squaring the mantissa and counting the binary exponent apart; a fraction of y goes through exp and log."""
    if x == 1 or y == 1:
        return x
    if abs(y) == 0.5:
        return math.sqrt(x) if y > 0 else 1 / math.sqrt(x)
    fraction, whole = math.modf(abs(y))
    if whole >= 1 << 63:
        return _huge_power(x, y)
    result, exponent = 1.0, 0
    if fraction:
        if fraction > 0.5:
            fraction, whole = fraction - 1, whole + 1
        result = math.exp(fraction * math.log(x))
    mantissa, step = math.frexp(x)
    bits = int(whole)
    while bits:
        if abs(step) > _OUT_OF_REACH:
            exponent += step
            break
        if bits & 1:
            result *= mantissa
            exponent += step
        mantissa, step = mantissa * mantissa, step * 2
        if mantissa < 0.5:
            mantissa, step = mantissa * 2, step - 1
        bits >>= 1
    if y < 0:
        result, exponent = 1 / result, -exponent
    return _scaled(result, exponent)


def _huge_power(x: float, y: float) -> float:
    """y is even and beyond 2^63."""
    if abs(x) == 1:
        return 1.0
    return 0.0 if (abs(x) < 1) == (y > 0) else math.inf


def _scaled(mantissa: float, exponent: int) -> float:
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:
        return math.copysign(math.inf, mantissa)
