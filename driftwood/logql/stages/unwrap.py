"""`| unwrap bytes(size)`: the value of a sample from a label."""

from __future__ import annotations

from collections.abc import Callable

from driftwood.logql.ast import Conversion, Unwrap
from driftwood.logql.gotext import duration_seconds, parse_bytes, parse_duration, parse_float
from driftwood.logql.stages.errors import SAMPLE_ERROR
from driftwood.logql.stages.label_filter import check_of
from driftwood.logql.stages.labels import LabelSet


def _seconds(text: str) -> float:
    return duration_seconds(parse_duration(text))


_CONVERT: dict[Conversion, Callable[[str], float]] = {
    Conversion.NONE: parse_float,
    Conversion.BYTES: lambda text: float(parse_bytes(text)),
    Conversion.DURATION: _seconds,
    Conversion.DURATION_SECONDS: _seconds,
}


class UnwrapStage:
    """A label that is missing or empty gives no sample; a bad value gives one with an error, and the value 0."""

    __slots__ = ("_checks", "_convert", "_label")

    def __init__(self, unwrap: Unwrap) -> None:
        """Raises StageError."""
        self._label = unwrap.label
        self._convert = _CONVERT[unwrap.conversion]
        self._checks = [check_of(each) for each in unwrap.filters]

    def __call__(self, labels: LabelSet) -> float | None:
        text = labels.get(self._label)
        if not text:
            return None
        try:
            value = self._convert(text)
        except ValueError as error:
            value = 0.0
            labels.fail(SAMPLE_ERROR, str(error))
        kept = True
        for check in self._checks:  # all are asked: they are one filter, joined by `and`
            kept = check(labels) and kept
        return value if kept else None
