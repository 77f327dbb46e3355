"""The truth of the demo: `demo-truth.jsonl`, one row per incident and service, against which detection is scored."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from ingest.demo_incidents import Incident

FILE_NAME: Final = "demo-truth.jsonl"
_SECOND: Final = 1_000_000_000


def truth_row(incident: Incident) -> dict[str, str]:
    """`start` and `end` in RFC 3339."""
    return {
        "kind": incident.kind,
        "service": incident.service,
        "start": _rfc3339(incident.start),
        "end": _rfc3339(incident.end),
    }


class TruthFile:
    """Rows are durable before the first line of their incident is given out, and written once, whatever restarts."""

    def __init__(self, folder: Path) -> None:
        """Reads what is there; a row that a crash cut off is taken back."""
        self._path = folder / FILE_NAME
        folder.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        written = self._path.read_bytes()
        whole = written[: written.rfind(b"\n") + 1]
        if whole != written:
            os.truncate(self._path, len(whole))
        self._rows = set(whole.splitlines())

    def add(self, incidents: Iterable[Incident]) -> None:
        rows = [orjson.dumps(truth_row(incident)) for incident in incidents]
        new = [row for row in rows if row not in self._rows]
        if not new:
            return
        with self._path.open("ab") as file:
            file.write(b"".join(row + b"\n" for row in new))
            file.flush()
            os.fsync(file.fileno())
        self._rows.update(new)


def _rfc3339(ns: int) -> str:
    return datetime.fromtimestamp(ns // _SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{ns % _SECOND // 1_000_000:03}Z"
    )
