"""The reference pipeline: what the stages of a query make of one line, in plain Python, as Loki does it."""

from __future__ import annotations

from driftwood.logql.stages.compiled import compile_stage
from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.labels import FinalLabels
from driftwood.logql.stages.pipeline import Pipeline, Processed

__all__ = ["FinalLabels", "Pipeline", "Processed", "StageError", "compile_stage"]
