"""`| regexp "(?P<code>\\d+)"`: the named groups of the first match become labels."""

from __future__ import annotations

from driftwood.logql import re2
from driftwood.logql.re2 import RegexError
from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.labels import LabelSet, sanitized


class RegexpStage:
    """A group that took no part in the match is an empty label. No match is no error."""

    __slots__ = ("_groups", "_regex")

    def __init__(self, pattern: str) -> None:
        """Raises StageError in the words that stand behind `invalid regexp parser: `."""
        try:
            self._regex = re2.compile(pattern)
        except RegexError as error:
            raise StageError(str(error)) from error
        names = self._regex.names
        for place, name in enumerate(names):
            if name and name in names[:place]:
                raise StageError(f"duplicate extracted label name '{name}'")
        self._groups = tuple((at, sanitized(name)) for at, name in enumerate(names) if name)
        if not self._groups:
            raise StageError("at least one named capture must be supplied")

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if labels.complete:
            return line
        match = self._regex.search(line)
        if match is None:
            return line
        for group, name in self._groups:
            name = labels.free_name(name)
            if labels.wants(name):
                labels.set(name, match.group(group) or "")
        return line
