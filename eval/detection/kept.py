"""Scores that are kept beside the file of rows, so that a benchmark that was stopped goes on where it was.

A file for each subject on each data set, named by everything that its scores depend on. Rows are made of them anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.snapshot import pack, unpack
from eval.detection.worker import Order, Outcome, Run
from eval.processes import too_long
from eval.results import commit


@dataclass(frozen=True)
class Kept:
    folder: Path | None
    """None keeps nothing."""

    @staticmethod
    def beside(journal: Path | None) -> Kept:
        return Kept(None if journal is None else journal.with_name(f"{journal.name}.scores"))

    def get(self, order: Order, subject: str, limit_s: float) -> Outcome | None:
        """What is known already: results, and what took too long at this limit; other failures are tried again."""
        path = self._path(order, subject)
        if path is None or not path.exists():
            return None
        outcome = _read(path.read_bytes())
        return outcome if outcome.failure in ("", too_long(limit_s)) else None

    def put(self, order: Order, outcome: Outcome) -> None:
        path = self._path(order, outcome.subject)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.write_bytes(_written(outcome))
            new.replace(path)

    def _path(self, order: Order, subject: str) -> Path | None:
        if self.folder is None:
            return None
        data, asked = order.data, (order.protocols, order.seeds, order.named)
        key = (data.name, data.sha, subject, *asked, commit())
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        return self.folder / f"{digest}.scores"


def _written(outcome: Outcome) -> bytes:
    runs = [
        {"protocol": r.protocol, "seed": r.seed, "cpu_s": r.cpu_s, "events": r.events}
        for r in outcome.runs
    ]
    header = {
        "subject": outcome.subject,
        "peak_mb": outcome.peak_mb,
        "failure": outcome.failure,
        "runs": runs,
    }
    arrays = {f"validation{at}": run.validation for at, run in enumerate(outcome.runs)}
    arrays |= {f"test{at}": run.test for at, run in enumerate(outcome.runs)}
    return pack(header, arrays)


def _read(content: bytes) -> Outcome:
    header, arrays = unpack(content)
    runs = tuple(
        Run(
            validation=np.asarray(arrays[f"validation{at}"]),
            test=np.asarray(arrays[f"test{at}"]),
            **run,
        )
        for at, run in enumerate(header["runs"])
    )
    return Outcome(header["subject"], runs, header["peak_mb"], header["failure"])
