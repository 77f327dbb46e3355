"""Pushes for tests: bodies in, what becomes of them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from driftwood.config import Push, Redaction
from ingest.push import Pushed, PushReader, Sent
from ingest.push_labels import PushLabels
from ingest.redact import Redactor

NOW = 1_795_254_188_000_000_000

Read = Callable[[bytes, PushLabels], Sent]


def pushed(read: Read, body: bytes, **limits: int) -> Pushed:
    reader = PushReader(Push(**limits), Redactor(Redaction()), now=lambda: NOW)
    return reader.records(read(body, reader.labels))


def rows(of: Pushed) -> list[tuple[str, int, str, dict[str, str]]]:
    """(labels, ts, line, metadata) of what was taken."""
    return [
        (row["labels"], row["ts"], row["line"], dict(row["sm"])) for row in of.records.to_pylist()
    ]


def column(of: Pushed, name: str) -> list[Any]:
    found: list[Any] = of.records.column(name).to_pylist()
    return found
