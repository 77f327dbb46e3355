"""LO2: logs of the micro-services of light-oauth2, run correctly and with one wrong request over and over.

    [<group>/]correct_<n>/<service>.log         a correct run
    [<group>/]<error>_<n>/<service>.log         a run with that error
    Hidden_*/<run>/<service>.log                runs without a label, left out

The label is the run's: most lines of a wrong run are as in any other. Two data sets: `services`, where a unit is all
that a service logged in a run, and `windows`, where it is 100 lines of that. A run is a group and its error the phase.
Of the correct runs the first 60 % are for training and the next 20 % for validation. Lines have a time of day only, so
each run gets a day of its own, in an order drawn once, training runs first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import SECOND, Columns, Ints, mixed, objects, sessions
from eval.detection.loaders.files import Folder, digest, text
from eval.detection.loaders.parsed import Templates, records, severities
from eval.parsing.readers import DataSetError

_FILE = re.compile(
    r"^(?!Hidden)(?:[^/]+/)?(?P<run>(?P<kind>[A-Za-z]\w*?)_\d+)/(?P<service>[^/]+)\.log$"
)
_CORRECT = "correct"
_RECORD = re.compile(
    r"^(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)\.(?P<ms>\d{3}) \[[^\]]*\]\s+(?P<trace>\S*?)\s*"
    r"\b(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?P<text>(?P<component>\S*).*)$"
)
_TRAIN, _VALIDATION = 0.6, 0.2
_LINES = 100
DAY = 86_400 * SECOND
FIRST_DAY = 10_957 * DAY
"""2000-01-01: no run has a date."""


class Log(NamedTuple):
    run: str
    kind: str
    service: str
    records: list[re.Match[str]]


def sets(folder: Folder) -> Mapping[str, Load]:
    kinds = {match["kind"] for name in folder.names if (match := _FILE.match(name))}
    if _CORRECT not in kinds or len(kinds) < 2:
        return {}
    return {"services": partial(_load, folder, 0), "windows": partial(_load, folder, _LINES)}


def _load(folder: Folder, lines: int, name: str) -> Dataset:
    contents = sorted(folder.read(lambda each: _FILE.match(each) is not None))
    logs = [_log(file, content) for file, content in contents]
    if not any(log.records for log in logs):
        raise DataSetError(f"{folder.path} has runs of services, but no line with a time and level")
    parts = _parts(logs)
    days = _days(logs, parts)
    logs = sorted((log for log in logs if log.records), key=lambda log: days[log.run])
    size = [len(log.records) for log in logs]
    # Units: the log's, or each `lines` of it.
    within = [np.arange(n) // (lines or n) for n in size]
    first = np.cumsum([0, *(int(each[-1]) + 1 for each in within)])
    unit = np.concatenate([each + start for each, start in zip(within, first, strict=False)])
    of_unit = np.repeat(np.arange(len(logs)), np.diff(first))
    templates = Templates()
    found = [record for log in logs for record in log.records]
    template_id = templates.of([record["text"] for record in found])
    columns = Columns(
        unit=unit,
        ts=np.concatenate([_times(log.records, days[log.run]) for log in logs]),
        template_id=template_id,
        severity=severities(pa.array([record["level"] for record in found]), template_id),
        fields=[
            (field, objects([record[field] or None for record in found]))
            for field in ("component", "trace")
        ],
    )
    services = objects([log.service for log in logs])[of_unit]
    batch, order = sessions(columns, len(of_unit), source=services, service=services)
    kind = objects([log.kind for log in logs])[of_unit][order]
    run = objects([log.run for log in logs])[of_unit][order]
    return Dataset(
        name=name,
        batch=batch,
        truth=(kind != _CORRECT).astype(np.int8),
        texts=templates.texts,
        sha=digest(*(content for _, content in contents)),
        level="window" if lines else "session",
        group=run,
        phase=np.where(kind != _CORRECT, kind, ""),
        part=objects([parts.get(each, "test") for each in run]),
        note="labels are the runs': most units of a wrong run are as in a correct one",
    )


def _log(file: str, content: bytes) -> Log:
    match = _FILE.match(file)
    assert match is not None
    found = list(records(text(content).splitlines(), _RECORD))
    return Log(match["run"], match["kind"], PurePosixPath(match["service"]).name, found)


def _parts(logs: list[Log]) -> dict[str, str]:
    """Of the correct runs that are not tested; the last one always is."""
    correct = sorted({log.run for log in logs if log.kind == _CORRECT}, key=_by_number)
    train = max(1, int(len(correct) * _TRAIN))
    end = min(train + int(len(correct) * _VALIDATION), max(len(correct) - 1, train))
    return dict.fromkeys(correct[:train], "train") | dict.fromkeys(correct[train:end], "validation")


def _days(logs: list[Log], parts: Mapping[str, str]) -> dict[str, int]:
    """When the day of each run begins (ns)."""
    runs = sorted({log.run for log in logs}, key=_by_number)
    order = mixed(objects([parts.get(run, "test") for run in runs])).tolist()
    return {runs[row]: FIRST_DAY + day * 2 * DAY for day, row in enumerate(order)}


def _by_number(run: str) -> tuple[str, int]:
    kind, _, number = run.rpartition("_")
    return kind, int(number)


def _times(found: list[re.Match[str]], day: int) -> Ints:
    """Of lines of one file, in ns. A clock that goes back by more than half a day has passed midnight."""
    clock = np.array(
        [
            (int(r["h"]) * 3_600 + int(r["m"]) * 60 + int(r["s"])) * 1_000 + int(r["ms"])
            for r in found
        ],
        np.int64,
    )
    midnights = np.concatenate(([0], np.cumsum(np.diff(clock) < -43_200_000)))
    at: Ints = day + clock * 1_000_000 + midnights * DAY
    return at
