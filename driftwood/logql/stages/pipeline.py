"""All stages of a log query, compiled: what becomes of a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

from driftwood.logql.answer import Labels
from driftwood.logql.ast import (
    Decolorize,
    LabelFilter,
    LineFilter,
    LineFormat,
    Stage,
    Unpack,
    Unwrap,
)
from driftwood.logql.needs import ALL, Needs
from driftwood.logql.stages import label_filter, line_filter
from driftwood.logql.stages.compiled import Step, compile_stage
from driftwood.logql.stages.hints import hints_of
from driftwood.logql.stages.labels import NO_LABELS, FinalLabels, LabelSet
from driftwood.logql.stages.text_match import Test
from driftwood.logql.stages.unwrap import UnwrapStage

_LABEL_FILTERS = get_args(LabelFilter)
_MOST_STREAMS = 10_000
"""How many streams' label sets a pipeline remembers."""


class Processed(NamedTuple):
    """A line that came through."""

    line: str
    labels: FinalLabels
    value: float = 1.0
    """The unwrapped label's, where the query unwraps one."""


class Pipeline:
    """Takes lines of any streams, one after the other; not for several threads at once."""

    __slots__ = ("_labels", "_steps", "_streams", "_tests", "_unwrap")

    def __init__(
        self,
        stages: Sequence[Stage],
        needs: Needs = ALL,
        unwrap: Unwrap | None = None,
    ) -> None:
        """Raises StageError."""
        ordered = [stage for stage in _ordered(stages) if not _never_drops(stage)]
        first = next(
            (at for at, stage in enumerate(ordered) if not isinstance(stage, LineFilter)),
            len(ordered),
        )
        self._tests: list[Test] = [
            line_filter.line_test(stage)
            for stage in ordered[:first]
            if isinstance(stage, LineFilter)
        ]
        self._steps: list[Step] = [compile_stage(stage) for stage in ordered[first:]]
        self._unwrap = UnwrapStage(unwrap) if unwrap is not None else None
        self._labels = LabelSet(hints_of(needs))
        self._streams: dict[int, tuple[Labels, FinalLabels]] = {}

    def process(
        self, ts: int, line: str, stream: Labels, structured_metadata: Labels = NO_LABELS
    ) -> Processed | None:
        """None: the line is dropped or, with unwrap, gives no sample. `stream` must not change afterwards."""
        for test in self._tests:
            if not test(line):
                return None
        labels = self._labels
        labels.reset(stream, structured_metadata)
        for step in self._steps:
            result = step(ts, line, labels)
            if result is None:
                return None
            line = result
        if self._unwrap is None:
            return Processed(line, labels.final(self._unchanged(stream)))
        value = self._unwrap(labels)
        if value is None:
            return None
        return Processed(line, labels.final(self._unchanged(stream)), value)

    def _unchanged(self, stream: Labels) -> FinalLabels:
        """The same object for all lines of a stream whose labels no stage touches."""
        known = self._streams.get(id(stream))
        if known is None or known[0] is not stream:
            if len(self._streams) >= _MOST_STREAMS:
                self._streams.clear()
            known = self._streams[id(stream)] = stream, FinalLabels(stream)
        return known[1]


def _ordered(stages: Sequence[Stage]) -> list[Stage]:
    """Line filters go up to the stage that last rewrites the line: they cost least, and nobody can tell."""
    ordered: list[Stage] = []
    first = 0
    for stage in stages:
        if isinstance(stage, LineFilter):
            ordered.insert(first, stage)
            first += 1
            continue
        ordered.append(stage)
        if isinstance(stage, LineFormat | Unpack | Decolorize):
            first = len(ordered)
    return ordered


def _never_drops(stage: Stage) -> bool:
    if isinstance(stage, LineFilter):
        return line_filter.never_drops(stage)
    return isinstance(stage, _LABEL_FILTERS) and label_filter.never_drops(stage)
