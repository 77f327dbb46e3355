"""`| unpack`: takes apart what an agent packed: the line is `_entry`, the other strings are labels."""

from __future__ import annotations

from driftwood.logql.stages.errors import JSON_ERROR
from driftwood.logql.stages.json_text import (
    NO_ESCAPE,
    JsonError,
    Kind,
    label_value,
    members,
    unescape,
)
from driftwood.logql.stages.labels import LabelSet, sanitized

ENTRY = "_entry"


class UnpackStage:
    __slots__ = ()

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if not line or labels.complete:
            return line
        if line[0] != "{":
            labels.fail_parsing(JSON_ERROR, "expecting json object(6), but it is not")
            return line
        entry: str | None = None
        found: list[tuple[str, str]] = []
        try:
            for key, value in members(line):
                if value.kind is not Kind.STRING:
                    continue
                if key == ENTRY:
                    entry = unescape(value.text)
                    if entry is None:
                        raise JsonError(NO_ESCAPE)
                    continue
                name = labels.free_name(key)
                if labels.wants(name):
                    found.append((sanitized(name), label_value(value.text)))
        except JsonError as error:
            labels.fail_parsing(JSON_ERROR, str(error))
            return line
        if entry is None:
            return line
        for name, text in found:
            if name:
                labels.set(name, text)
        return entry
