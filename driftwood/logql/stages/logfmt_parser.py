"""`| logfmt`: every pair of the line becomes a label."""

from __future__ import annotations

from driftwood.logql.stages.errors import LOGFMT_ERROR
from driftwood.logql.stages.hints import SUFFIX
from driftwood.logql.stages.json_text import spaced
from driftwood.logql.stages.labels import LabelSet, sanitized
from driftwood.logql.stages.logfmt import LogfmtError, clean_pairs, pairs, unquote


class LogfmtStage:
    """Keys without a value are left out unless `keep_empty`; what is no logfmt is skipped or, if `strict`, ends it."""

    __slots__ = ("_keep_empty", "_strict")

    def __init__(self, strict: bool, keep_empty: bool) -> None:
        self._strict = strict
        self._keep_empty = keep_empty

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if labels.complete:
            return line
        if labels.hints.required is None and not (self._strict and "\\" in line):
            clean = clean_pairs(line)
            if clean is not None:
                self._take_all(clean, labels)
                return line
        for pair in pairs(line):
            if isinstance(pair, LogfmtError):
                if self._strict:
                    labels.fail_parsing(LOGFMT_ERROR, str(pair))
                    return line
                continue
            key, value = pair
            if (not value and not self._keep_empty) or not (name := sanitized(key)):
                continue
            name = labels.free_name(name)
            if not labels.wants(name):
                continue
            labels.set(name, spaced(value))
            if labels.hints.required is not None and labels.complete:
                return line
        return line

    def _take_all(self, clean: list[tuple[str, str, str]], labels: LabelSet) -> None:
        """What `__call__` does for most lines, where all names are wanted and at most escapes are wrong."""
        base, metadata, parsed = labels.base, labels.metadata, labels.parsed
        keep_empty = self._keep_empty
        for key, quoted, bare in clean:
            value: str | None = quoted or bare
            if "\\" in quoted:
                value = unquote(quoted)
            if value is None or not (value or keep_empty):
                continue
            name = sanitized(key)
            if name in base or name in metadata:
                name += SUFFIX
                metadata.pop(name, None)
            if name and name not in parsed and labels.wants(name):
                parsed[name] = value if value.isascii() else spaced(value)
