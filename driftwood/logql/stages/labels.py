"""The labels of one line on its way through the stages, and what they are in the end.

A line has labels of three kinds: its stream's, structured metadata, and those that stages set (parsed). Base names go
to stream > structured metadata > parsed; a parsed `x` that finds `x` taken becomes `x_extracted`, as does structured
metadata that finds the stream's. What label_format sets takes the name for itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

from driftwood.logql.answer import Labels
from driftwood.logql.ast import Grouping
from driftwood.logql.stages.errors import DETAILS, ERROR, PRESERVED
from driftwood.logql.stages.hints import SUFFIX, Hints

NO_LABELS: Labels = MappingProxyType({})

_GO_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACES_AROUND = re.compile(f"^[{_GO_SPACES}]+|[{_GO_SPACES}]+$")
_DIGITS = tuple("0123456789")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


@lru_cache(maxsize=65_536)
def sanitized(key: str) -> str:
    """A label name of the key `key`; empty where nothing is left of it. Different keys may give one name.

    >>> sanitized(" a-b.c "), sanitized("9x"), sanitized("ключ")
    ('a_b_c', '_9x', '____')
    """
    name = name_part(key)
    return "_" + name if name[:1] in _DIGITS else name


@lru_cache(maxsize=65_536)
def name_part(key: str) -> str:
    """The same for a key within a name, where a digit may stand first."""
    return _NOT_IN_NAMES.sub("_", _SPACES_AROUND.sub("", key))


class FinalLabels:
    """The labels of a line that came through."""

    __slots__ = ("_all", "_grouped", "error", "parsed", "stream", "structured_metadata")

    def __init__(
        self,
        stream: Labels,
        structured_metadata: Labels = NO_LABELS,
        parsed: Labels = NO_LABELS,
        error: str = "",
    ) -> None:
        self.stream = stream
        """The stream's own that are left."""
        self.structured_metadata = structured_metadata
        self.parsed = parsed
        """What stages set, with the error."""
        self.error = error
        """`__error__`, or empty."""
        self._all: Labels | None = None
        self._grouped: tuple[Grouping, Labels] | None = None

    @property
    def all(self) -> Labels:
        """All together; no name is in two of them."""
        if self._all is None:
            if self.parsed or self.structured_metadata:
                self._all = {**self.stream, **self.structured_metadata, **self.parsed}
            else:
                self._all = self.stream
        return self._all

    def grouped(self, grouping: Grouping | None) -> Labels:
        """The labels of a sample. One with an error keeps all, or the error would be lost."""
        if grouping is None or self.error:
            return self.all
        if self._grouped is None or self._grouped[0] is not grouping:
            self._grouped = grouping, self._group(grouping)
        return self._grouped[1]

    def _group(self, grouping: Grouping) -> Labels:
        labels, names = self.all, grouping.labels
        if grouping.without:
            return {n: value for n, value in labels.items() if n not in names and n != DETAILS}
        return {name: labels[name] for name in names if name in labels and name != DETAILS}


class LabelSet:
    """The labels of the line at hand. One object serves all lines, so whoever keeps labels takes `final()`."""

    __slots__ = ("_deleted", "_gone", "base", "details", "error", "hints", "metadata", "parsed")

    def __init__(self, hints: Hints) -> None:
        self.hints = hints
        self.base: Labels = NO_LABELS
        """The stream's, whatever became of them: their names stay taken."""
        self.metadata: dict[str, str] = {}
        self.parsed: dict[str, str] = {}
        self.error = ""
        self.details = ""
        self._deleted: set[str] = set()
        self._gone: set[str] = set()
        """Parsed names that were dropped; no parser extracts them again."""

    def reset(self, base: Labels, metadata: Labels) -> None:
        """Begins a line."""
        self.base = base
        self.parsed = {}
        self.error = self.details = ""
        if self._deleted:
            self._deleted = set()
        if self._gone:
            self._gone = set()
        self.metadata = {}
        if metadata:
            self._add_metadata(metadata)

    def _add_metadata(self, metadata: Labels) -> None:
        base = self.base
        if base.keys().isdisjoint(metadata) and ERROR not in metadata and DETAILS not in metadata:
            self.metadata = dict(metadata)
            return
        for name in sorted(metadata):  # so that it is known who wins x_extracted
            if name in base:
                self.metadata[name + SUFFIX] = metadata[name]
            elif name == ERROR:
                self.error = metadata[name]
            elif name == DETAILS:
                self.details = metadata[name]
            else:
                self.metadata[name] = metadata[name]

    # -- reading

    def get(self, name: str) -> str | None:
        """None: there is no such label. An error is no label here; see `text`."""
        value = self.parsed.get(name)
        if value is None:
            value = self.metadata.get(name)
        if value is None and name not in self._deleted:
            value = self.base.get(name) or None
        return value

    def text(self, name: str) -> str:
        """What a string filter compares: empty where there is no such label."""
        if name == ERROR:
            return self.error
        return self.get(name) or ""

    def as_mapping(self) -> dict[str, str]:
        """What templates and `keep` see."""
        if not (self._deleted or self.parsed or self.metadata):
            labels = dict(self.base)
            if self.error:
                self._put_errors(labels)
            return labels
        labels = self._kept_base()
        labels.update(self.metadata)
        labels.update(self.parsed)
        self._put_errors(labels)
        return labels

    # -- writing

    def free_name(self, name: str) -> str:
        """`name`, or with the suffix where it is taken."""
        return name + SUFFIX if name in self.base or name in self.metadata else name

    def wants(self, name: str) -> bool:
        """Whether a parser sets `name`: it is required, and the line has not given it yet. The first writer wins."""
        required = self.hints.required
        return (
            (required is None or name in required)
            and name not in self.parsed
            and name not in self._gone
        )

    def was_extracted(self, name: str) -> bool:
        return name in self.parsed or name in self._gone

    def set(self, name: str, value: str) -> None:
        """`name` is now a parsed label, whatever it was."""
        self.parsed[name] = value
        if self.metadata:
            self.metadata.pop(name, None)

    def delete(self, name: str) -> None:
        if name in self.parsed:
            del self.parsed[name]
            self._gone.add(name)
        self.metadata.pop(name, None)
        self._deleted.add(name)

    def fail(self, error: str, details: str | None) -> None:
        """Notes an error over an earlier one. Details of None leave the earlier ones."""
        self.error = error
        if details is not None:
            self.details = details

    def fail_parsing(self, error: str, details: str | None) -> None:
        self.fail(error, details)
        if self.hints.keeps_errors:
            self.set(PRESERVED, "true")

    @property
    def complete(self) -> bool:
        """No parser has anything left to do."""
        hints = self.hints
        if hints.required is None:
            return hints.nothing
        return len(self.parsed) + len(self._gone) >= len(hints.required) and all(
            self.was_extracted(name) for name in hints.required
        )

    # -- the end

    def final(self, unchanged: FinalLabels) -> FinalLabels:
        """What the line has in the end; `unchanged` where no stage touched anything."""
        if not (self.parsed or self.metadata or self._deleted):
            if not self.error:
                return unchanged
            return FinalLabels(self.base, NO_LABELS, self._with_errors({}), self.error)
        parsed = self.parsed
        if self.error or self.details:
            parsed = self._with_errors(dict(parsed))
        return FinalLabels(self._kept_base(as_is=True), self.metadata, parsed, self.error)

    def _kept_base(self, as_is: bool = False) -> dict[str, str]:
        base, parsed, metadata = self.base, self.parsed, self.metadata
        names = base.keys()
        if not self._deleted and names.isdisjoint(parsed) and names.isdisjoint(metadata):
            return base if as_is and isinstance(base, dict) else dict(base)
        over = self._deleted | parsed.keys() | metadata.keys()
        return {name: value for name, value in base.items() if name not in over}

    def _with_errors(self, labels: dict[str, str]) -> dict[str, str]:
        self._put_errors(labels)
        return labels

    def _put_errors(self, labels: dict[str, str]) -> None:
        if self.error:
            labels[ERROR] = self.error
        if self.details:
            labels[DETAILS] = self.details
