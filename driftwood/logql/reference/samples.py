"""From lines to samples: what one log range of a metric query extracts, series by series."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from driftwood.errors import QueryError
from driftwood.logql.answer import Labels
from driftwood.logql.ast import Grouping, RangeAggregation
from driftwood.logql.gotemplate import TemplateError
from driftwood.logql.needs import BYTES, effective, needs_of, sample_grouping
from driftwood.logql.reference.sources import LogSource, StoredEntry
from driftwood.logql.reference.vectors import LabelKey, key_of
from driftwood.logql.reference.windows import Samples, Windows
from driftwood.logql.stages import Pipeline, StageError

_Sample: TypeAlias = tuple[int, int, float]
"""Time, line id, value."""


class Extractor:
    """What one log range makes of a line: a value, and the labels of the series that it belongs to."""

    def __init__(self, aggregation: RangeAggregation, pushed: Grouping | None = None) -> None:
        """`pushed`: the grouping of a `sum` around it. Raises QueryError for a stage that cannot be built."""
        aggregation = effective(aggregation)
        self._grouping = sample_grouping(aggregation, pushed)
        self._of_bytes = aggregation.op in BYTES
        try:
            self._pipeline = Pipeline(
                aggregation.range.query.stages,
                needs_of(aggregation, pushed),
                aggregation.range.unwrap,
            )
        except (StageError, TemplateError) as error:
            raise QueryError(f"parse error : {error}") from error

    def sample(self, entry: StoredEntry, stream: Labels) -> tuple[Labels, float] | None:
        """None: the line gives no sample. `stream` is the same object for all lines of a stream."""
        result = self._pipeline.process(entry.ts, entry.line, stream, entry.structured_metadata)
        if result is None:
            return None
        value = (
            float(len(result.line.encode(errors="surrogateescape")))
            if self._of_bytes
            else result.value
        )
        return result.labels.grouped(self._grouping), value


def samples_of(
    aggregation: RangeAggregation, pushed: Grouping | None, source: LogSource, windows: Windows
) -> dict[LabelKey, Samples]:
    """All samples that a window can hold, by their labels: the samples of a group are one series."""
    extractor = Extractor(aggregation, pushed)
    found: dict[LabelKey, list[_Sample]] = {}
    for stream, entries in source.select(aggregation.range.query.matchers, *windows.span):
        for entry in entries:
            sample = extractor.sample(entry, stream)
            if sample is not None:
                labels, value = sample
                at = entry.ts, entry.line_id, value
                found.setdefault(key_of(labels), []).append(at)
    return {key: _ordered(samples) for key, samples in found.items()}


def _ordered(samples: list[_Sample]) -> Samples:
    samples.sort(key=lambda sample: sample[:2])
    return Samples(
        np.array([ts for ts, _, _ in samples], dtype=np.int64),
        np.array([value for _, _, value in samples], dtype=np.float64),
    )
