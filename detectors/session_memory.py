"""Finished sessions that are remembered: which are alike, and how they lie in a snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.sessions import Session
from detectors.snapshot import joined, parted
from detectors.units import Rows

_COLUMNS: dict[str, Any] = {
    "ts": np.int64,
    "template_id": np.int64,
    "severity": np.uint8,
    "line_id": np.int64,
}


def pattern(session: Session) -> str:
    """The same for sessions that are alike: each template as often, as far as powers of two tell them apart."""
    template, count = np.unique(session.rows.template_id, return_counts=True)
    exponent = np.floor(np.log2(count)).astype(np.int64)
    content = np.stack([template, exponent]).tobytes()
    return hashlib.blake2b(content, digest_size=10).hexdigest()


def save(sessions: Sequence[Session]) -> tuple[list[Any], dict[str, npt.NDArray[Any]]]:
    """(what JSON can say, arrays) of sessions of one source."""
    header = [[s.session, s.cut, len(s.rows)] for s in sessions]
    parts = [s.rows.columns() for s in sessions]
    return header, {
        name: joined([columns[at] for columns in parts], np.zeros(0, kind))
        for at, (name, kind) in enumerate(_COLUMNS.items())
    }


def load(source: str, header: list[Any], arrays: dict[str, npt.NDArray[Any]]) -> list[Session]:
    sizes = np.array([size for *_, size in header], np.int64)
    columns = [parted(arrays[name], sizes) for name in _COLUMNS]
    return [
        Session(source, name, Rows(*(column[at] for column in columns)), cut)
        for at, (name, cut, _) in enumerate(header)
    ]
