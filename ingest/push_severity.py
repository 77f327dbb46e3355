"""How grave a pushed entry is, for a column beside it: what its labels say, else its metadata, else its line.

What a line says is told by `ingest.headers`, which takes 2 to 6 us for each. So the two commonest headers, a date with
a level behind it and an access log, are looked for in all lines at once first; the outcome is the same.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.clock import Clock
from ingest.headers import Headers
from ingest.push_labels import LEVEL_KEYS, severity_of_value
from ingest.push_metadata import Metadata
from ingest.severity import HEADER_WORDS, of_status

_COMMON = (
    r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?(?:\s+|\s*[-:|]\s+)\[?(?P<level>[A-Z][A-Za-z]{2,12})\]?:?[\s|]"
    r"|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3} (?:\S+ ){1,3}?"
    r"\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}\] "
    r'"[^"\\]*(?:\\.[^"\\]*)*" (?P<status>[1-5][0-9]{2})(?: |$))'
)


class Severities:
    """Any thread may ask: each has a reader of headers of its own."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def complete(
        self, severity: npt.NDArray[np.uint8], metadata: Metadata | None, line: Any
    ) -> None:
        """Fill in, where it is 0, what metadata or line tell."""
        if metadata is not None and not severity.all():
            _from_metadata(severity, metadata)
        unknown = np.flatnonzero(severity == 0)
        if len(unknown):
            severity[unknown] = self._of_lines(line.take(unknown))

    def _of_lines(self, lines: pa.StringArray) -> npt.NDArray[np.uint8]:
        severity = _common(lines)
        rest = np.flatnonzero(severity == 0)
        if len(rest):
            headers: Headers | None = getattr(self._of_thread, "headers", None)
            if headers is None:
                headers = self._of_thread.headers = Headers(Clock())
            now = time.time_ns()
            texts: list[Any] = lines.take(rest).to_pylist()
            severity[rest] = [headers.read(text, now)[2] for text in texts]
        return severity


def _common(lines: pa.StringArray) -> npt.NDArray[np.uint8]:
    """The severity of lines with one of the commonest headers, 0 for all others."""
    found = pc.extract_regex(lines, _COMMON)
    severity = np.zeros(len(lines), np.uint8)
    for name, of in (("level", HEADER_WORDS.get), ("status", _of_status)):
        words = pc.struct_field(found, [name]).dictionary_encode()
        known = np.array([of(word) or 0 for word in words.dictionary.to_pylist()] or [0], np.uint8)
        codes = words.indices.fill_null(0).to_numpy()
        severity = np.maximum(severity, np.where(words.is_valid(), known[codes], 0))
    return severity


def _of_status(status: str) -> int:
    return of_status(int(status)) if status else 0


def _from_metadata(severity: npt.NDArray[np.uint8], metadata: Metadata) -> None:
    wanted = [at for at, name in enumerate(metadata.names) if name in _RANKS]
    entries = np.searchsorted(metadata.offsets, wanted, "right") - 1
    best: dict[int, int] = {}
    for at, entry in zip(wanted, entries.tolist(), strict=True):
        if severity[entry] and entry not in best:
            continue
        name = metadata.names[at]
        found = severity_of_value(name, metadata.values[at])
        if found and _RANKS[name] < best.get(entry, len(_RANKS)):
            best[entry] = _RANKS[name]
            severity[entry] = found


_RANKS = {name: rank for rank, name in enumerate(LEVEL_KEYS)}
