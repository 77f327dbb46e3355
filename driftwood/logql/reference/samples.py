"""From lines to samples: what one log range of a metric query extracts, series by series."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from driftwood.logql.ast import Grouping, RangeAggregation
from driftwood.logql.needs import effective
from driftwood.logql.reference.sources import LogSource
from driftwood.logql.reference.vectors import LabelKey, key_of
from driftwood.logql.reference.windows import Samples, Windows
from driftwood.logql.stages import SampleExtractor

_Sample: TypeAlias = tuple[int, int, float]
"""Time, line id, value."""


def samples_of(
    aggregation: RangeAggregation, pushed: Grouping | None, source: LogSource, windows: Windows
) -> dict[LabelKey, Samples]:
    """All samples that a window can hold, by their labels: the samples of a group are one series."""
    extractor = SampleExtractor(effective(aggregation), pushed)
    matchers = aggregation.range.query.matchers
    found: dict[LabelKey, list[_Sample]] = {}
    for labels, entries in source.select(matchers, *windows.span):
        of_stream = extractor.stream(labels)
        for entry in entries:
            sample = of_stream.sample(entry.ts, entry.line, entry.structured_metadata)
            if sample is not None:
                at = entry.ts, entry.line_id, sample.value
                found.setdefault(key_of(sample.labels), []).append(at)
    return {key: _ordered(samples) for key, samples in found.items()}


def _ordered(samples: list[_Sample]) -> Samples:
    samples.sort(key=lambda sample: sample[:2])
    return Samples(
        np.array([ts for ts, _, _ in samples], dtype=np.int64),
        np.array([value for _, _, value in samples], dtype=np.float64),
    )
