"""A range aggregation as a matrix, given the samples of its series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from driftwood.errors import QueryError
from driftwood.logql.answer import Labels
from driftwood.logql.ast import Matcher, MatchOp, RangeAggregation, RangeOp
from driftwood.logql.gotext import quote
from driftwood.logql.reference.ranges import range_values
from driftwood.logql.reference.vectors import Bools, LabelKey, SeriesMatrix, from_series, key_of
from driftwood.logql.reference.windows import Samples, Windows
from driftwood.logql.stages.errors import ERROR, PRESERVED


def range_matrix(
    aggregation: RangeAggregation, series: Mapping[LabelKey, Samples], windows: Windows
) -> SeriesMatrix:
    """The value of each series at each step that has samples. Raises QueryError for a sample with an error."""
    unwrapped = aggregation.range.unwrap is not None
    values = {}
    for key, samples in series.items():
        cuts = windows.of(samples)
        found = range_values(aggregation.op, cuts, aggregation.parameter, unwrapped=unwrapped)
        values[key] = found, cuts.counts > 0
    matrix = from_series(values, len(windows.ends)).nonempty()
    check_errors(matrix)
    if aggregation.op is RangeOp.ABSENT:
        return absent(matrix.present, aggregation.range.query.matchers)
    return matrix


def check_errors(matrix: SeriesMatrix) -> None:
    """Errors are no labels like others: a series that still has one fails the query, unless it was asked for."""
    for labels in matrix.labels:
        if ERROR in labels and labels.get(PRESERVED) != "true":
            raise pipeline_error(labels)


def pipeline_error(labels: Labels) -> QueryError:
    error = labels[ERROR]
    return QueryError(
        f"pipeline error: '{error}' for series: '{text_of(key_of(labels))}'.\n"
        f'Use a label filter to intentionally skip this error. (e.g | __error__!="{error}").\n'
        'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
        'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )'
    )


def absent(present: Bools, matchers: Sequence[Matcher]) -> SeriesMatrix:
    """1 at every step at which nothing is `present` in (series, steps)."""
    missing: Bools = np.logical_not(np.logical_or.reduce(present, axis=0, keepdims=True))
    return SeriesMatrix((absent_labels(matchers),), np.ones(missing.shape), missing).nonempty()


def absent_labels(matchers: Sequence[Matcher]) -> Labels:
    """What the selector says of a series that is not there: labels that one matcher, and an equality, names."""
    named = [matcher.name for matcher in matchers]
    return {
        matcher.name: matcher.value
        for matcher in matchers
        if matcher.op is MatchOp.EQUAL and matcher.value and named.count(matcher.name) == 1
    }


def text_of(key: LabelKey) -> str:
    """As Loki writes label sets, and as it orders streams.

    >>> text_of((("app", "web"), ("env", 'a"b')))
    '{app="web", env="a\\\\"b"}'
    """
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in key) + "}"
