"""From a stage of the query to the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from driftwood.logql.ast import (
    Decolorize,
    DropLabels,
    JsonParser,
    KeepLabels,
    LabelFormat,
    LineFilter,
    LineFormat,
    LogfmtParser,
    PatternParser,
    RegexpParser,
    Stage,
    Unpack,
)
from driftwood.logql.stages.decolorize import decolorize
from driftwood.logql.stages.drop_keep import DropStage, KeepStage
from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.format import LabelFormatStage, LineFormatStage
from driftwood.logql.stages.json_expressions import JsonExpressionsStage
from driftwood.logql.stages.json_parser import JsonStage
from driftwood.logql.stages.label_filter import check_of
from driftwood.logql.stages.labels import LabelSet
from driftwood.logql.stages.line_filter import line_test
from driftwood.logql.stages.logfmt_expressions import LogfmtExpressionsStage
from driftwood.logql.stages.logfmt_parser import LogfmtStage
from driftwood.logql.stages.pattern import PatternStage
from driftwood.logql.stages.regexp_parser import RegexpStage
from driftwood.logql.stages.unpack import UnpackStage

Step: TypeAlias = Callable[[int, str, LabelSet], str | None]
"""Takes the time (ns), the line and its labels, which it may change; gives the line, or None to drop it."""


def compile_stage(stage: Stage) -> Step:
    """Raises StageError with what Loki says behind `stage '...' : `.

    For `regexp` and `pattern`, which Loki builds while it parses, the text has its `invalid regexp parser: ` in front.
    """
    match stage:
        case LineFilter():
            return _filtering(stage)
        case JsonParser():
            return JsonExpressionsStage(stage.extractions) if stage.extractions else JsonStage()
        case LogfmtParser():
            if stage.extractions:
                return LogfmtExpressionsStage(stage.extractions, stage.strict)
            return LogfmtStage(stage.strict, stage.keep_empty)
        case RegexpParser():
            try:
                return RegexpStage(stage.pattern)
            except StageError as error:
                raise StageError(f"invalid regexp parser: {error}") from error
        case PatternParser():
            try:
                return PatternStage(stage.pattern)
            except StageError as error:
                raise StageError(f"invalid pattern parser: {error}") from error
        case Unpack():
            return UnpackStage()
        case LineFormat():
            return LineFormatStage(stage.template)
        case LabelFormat():
            return LabelFormatStage(stage.assignments)
        case Decolorize():
            return decolorize
        case DropLabels():
            return DropStage(stage.labels)
        case KeepLabels():
            return KeepStage(stage.labels)
        case _:
            check = check_of(stage)
            return lambda _ts, line, labels: line if check(labels) else None


def _filtering(stage: LineFilter) -> Step:
    test = line_test(stage)
    return lambda _ts, line, _labels: line if test(line) else None
