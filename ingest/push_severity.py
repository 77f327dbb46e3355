"""How grave a pushed entry is, for a column beside it: what its labels say, else its metadata, else its line."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.clock import Clock
from ingest.headers import Headers
from ingest.push_labels import LEVEL_KEYS, severity_of_value
from ingest.push_metadata import Metadata


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
            headers: Headers | None = getattr(self._of_thread, "headers", None)
            if headers is None:
                headers = self._of_thread.headers = Headers(Clock())
            now = time.time_ns()
            lines = line.take(unknown).to_pylist()
            severity[unknown] = [headers.read(text, now)[2] for text in lines]


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
