"""`| json a, first="servers[0]"`: labels from given places of the line."""

from __future__ import annotations

from driftwood.logql.ast import Extraction
from driftwood.logql.stages import json_path
from driftwood.logql.stages.errors import JSON_ERROR
from driftwood.logql.stages.json_text import JsonError, Kind, Value, label_value
from driftwood.logql.stages.labels import LabelSet


class JsonExpressionsStage:
    """Sets each of its labels, to nothing where the line has none, and writes over what earlier stages extracted."""

    __slots__ = ("_names", "_paths")

    def __init__(self, extractions: tuple[Extraction, ...]) -> None:
        """Raises StageError."""
        self._names = [extraction.name for extraction in extractions]
        self._paths = [json_path.parse(extraction.path) for extraction in extractions]

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if not line or labels.complete:
            return line
        if line[0] not in '"{[':
            labels.fail_parsing(JSON_ERROR, None)
            return line
        found = 0
        for place, value in json_path.find(line, self._paths):
            if isinstance(value, JsonError):
                labels.fail_parsing(JSON_ERROR, str(value))
                continue
            labels.set(labels.free_name(self._names[place]), _text(value))
            found += 1
        if found < len(self._names):
            for name in self._names:
                if labels.get(name) is None:
                    labels.set(name, "")
        return line


def _text(value: Value) -> str:
    match value.kind:
        case Kind.NULL:
            return ""
        case Kind.OBJECT:
            return value.text
        case _:
            return label_value(value.text)
