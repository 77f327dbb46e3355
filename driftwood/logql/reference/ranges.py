"""Range functions: the samples of each window to one value (logql section 8), with the rounding of adding in order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from driftwood.logql.ast import RangeOp
from driftwood.logql.reference.vectors import Floats
from driftwood.logql.reference.windows import Cuts

_OfWindow: TypeAlias = Callable[[Floats], float]


def range_values(
    op: RangeOp, cuts: Cuts, quantile: float | None = None, *, unwrapped: bool = False
) -> Floats:
    """The value at each step; only those of windows with samples mean something.

    `rate` is that of values where they were `unwrapped`, otherwise that of lines.
    """
    with np.errstate(all="ignore"):
        match op:
            case RangeOp.COUNT:
                return cuts.counts.astype(np.float64)
            case RangeOp.RATE if not unwrapped:
                return cuts.counts / cuts.windows.seconds
            case RangeOp.RATE | RangeOp.BYTES_RATE:
                return _sums(cuts) / cuts.windows.seconds
            case RangeOp.SUM | RangeOp.BYTES:
                return _sums(cuts)
            case RangeOp.FIRST:
                return _picked(cuts, last=False)
            case RangeOp.LAST:
                return _picked(cuts, last=True)
            case RangeOp.QUANTILE:
                rank = 0.0 if quantile is None else quantile
                return _each(cuts, lambda values: quantile_of(values, rank))
            case RangeOp.RATE_COUNTER:
                return _counter_rates(cuts)
            case RangeOp.ABSENT:
                return np.ones(len(cuts.first))
            case _:
                return _each(cuts, _FUNCTIONS[op])


def _each(cuts: Cuts, function: _OfWindow) -> Floats:
    return np.array([function(values) if len(values) else math.nan for values in cuts.values()])


# -- sums


_EXACT = float(1 << 53)
"""Whole numbers up to here are added without rounding, in whatever order."""


def _sums(cuts: Cuts) -> Floats:
    """From 0 on, so that there is no -0."""
    values = cuts.series.values + 0.0
    if np.all(values == np.trunc(values)) and np.abs(values).sum() < _EXACT:
        before = np.concatenate(([0.0], np.cumsum(values)))
        return before[cuts.after] - before[cuts.first]
    return _each(cuts, lambda window: float(np.add.accumulate(window)[-1]) + 0.0)


# -- one sample of the window


def _picked(cuts: Cuts, *, last: bool) -> Floats:
    if not len(cuts.series.values):
        return np.full(len(cuts.first), math.nan)
    at = cuts.after - 1 if last else cuts.first
    return cuts.series.values[np.clip(at, 0, len(cuts.series.values) - 1)]


def _largest(values: Floats) -> float:
    """NaN only where nothing else is there."""
    return float(np.fmax.reduce(values))


def _smallest(values: Floats) -> float:
    return float(np.fmin.reduce(values))


# -- moments


def mean_of(values: Floats) -> float:
    """Incremental, so that it cannot overflow; an infinity stays until its opposite or NaN comes."""
    mean = 0.0
    for count, value in enumerate(values.tolist(), start=1):
        if math.isinf(mean) and (math.isfinite(value) or value == mean):
            continue
        mean += value / count - mean / count
    return mean


def variance_of(values: Floats) -> float:
    """Of the population, by Welford's method."""
    mean = squares = 0.0
    for count, value in enumerate(values.tolist(), start=1):
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
    return squares / len(values)


def quantile_of(values: Floats, rank: float) -> float:
    """Between the two nearest ranks by their distance; NaN counts as the smallest value.

    >>> quantile_of(np.array([4.0, 1.0, 2.0]), 0.75)
    3.0
    """
    if rank < 0 or rank > 1:
        return -math.inf if rank < 0 else math.inf
    ordered = np.sort(values)
    unknown = int(np.isnan(ordered).sum())
    ordered = np.roll(ordered, unknown)
    at = rank * (len(ordered) - 1)
    lower = max(0, math.floor(at))
    upper = min(len(ordered) - 1, lower + 1)
    weight = at - math.floor(at)
    return float(ordered[lower] * (1 - weight) + ordered[upper] * weight)


_FUNCTIONS: dict[RangeOp, _OfWindow] = {
    RangeOp.AVG: mean_of,
    RangeOp.MIN: _smallest,
    RangeOp.MAX: _largest,
    RangeOp.STDVAR: variance_of,
    RangeOp.STDDEV: lambda values: math.sqrt(variance_of(values)),
}


# -- counters

_NEAR = 1.1
"""A counter is taken to go on to the edge of its window if that is not further away than this many mean gaps."""


def _counter_rates(cuts: Cuts) -> Floats:
    edges = zip(cuts.first.tolist(), cuts.after.tolist(), cuts.windows.ends.tolist(), strict=True)
    return np.array([_counter_rate(cuts, *edge) for edge in edges])


def _counter_rate(cuts: Cuts, first: int, after: int, end: int) -> float:
    """Prometheus' `rate`: the increase, resets made good, extrapolated to the window's edges. 0 below two samples."""
    if after - first < 2:
        return 0.0
    values = cuts.series.values[first:after].tolist()
    begins, ends = int(cuts.series.times[first]), int(cuts.series.times[after - 1])
    increase = _increase(values)
    sampled = (ends - begins) / 1e9
    mean_gap = sampled / (len(values) - 1)
    to_start = (begins - (end - cuts.windows.width)) / 1e9
    to_end = (end - ends) / 1e9
    far = mean_gap * _NEAR
    to_start, to_end = (mean_gap / 2 if gap >= far else gap for gap in (to_start, to_end))
    if increase > 0 and values[0] >= 0:  # it cannot have been below zero
        to_start = min(to_start, sampled * (values[0] / increase))
    if not sampled:
        return math.nan
    return increase * ((sampled + to_start + to_end) / sampled) / cuts.windows.seconds


def _increase(values: list[float]) -> float:
    increase = values[-1] - values[0]
    before = 0.0
    for value in values:
        if value < before:
            increase += before
        before = value
    return increase
