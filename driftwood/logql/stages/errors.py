"""What goes wrong in a stage: in building it (an exception), or with one line (labels that the line carries on)."""

from __future__ import annotations

ERROR = "__error__"
DETAILS = "__error_details__"
PRESERVED = "__preserve_error__"
"""Set beside an error that the query groups by, so that it does not fail the query."""
SPECIAL = frozenset({ERROR, DETAILS, PRESERVED})

JSON_ERROR = "JSONParserErr"
LOGFMT_ERROR = "LogfmtParserErr"
FILTER_ERROR = "LabelFilterErr"
SAMPLE_ERROR = "SampleExtractionErr"
TEMPLATE_ERROR = "TemplateFormatErr"


class StageError(ValueError):
    """Why a stage cannot be built, in Loki's words."""
