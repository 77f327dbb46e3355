"""Hadoop (Lin et al., ICSE 2016), as loghub has it: jobs run in good order and under three faults of the machines.

    abnormal_label.txt                     `Normal:`, `Machine down:`... and below each `+ application_1`
    application_<id>/container_<id>.log    2015-10-18 18:01:47,978 INFO [main] org.apache...: Created MRAppMaster

Two data sets: `applications`, where a unit is all that an application logged, and `containers`, where it is one log;
an application is a group. The truth is the application's, the fault is the phase. Applications that begin in the first
half are for training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pyarrow as pa

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import SECOND, Columns, Names, objects, sessions
from eval.detection.loaders.files import Folder, digest, text
from eval.detection.loaders.parsed import Templates, records, severities
from eval.parsing.readers import DataSetError

_LABELS = "abnormal_label.txt"
_LOG = re.compile(r"^(?P<application>application_[^/]+)/(?P<container>[^/]+)\.log$")
_RECORD = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(?P<ms>\d{3}) (?P<level>[A-Z]+) "
    r"\[(?P<thread>[^\]]*)\] (?P<text>(?P<component>[^ :]+): .*)$"
)
_NORMAL = "normal"
_TRAIN = 0.5


def sets(folder: Folder) -> Mapping[str, Load]:
    if _LABELS not in folder.names or not any(_LOG.match(name) for name in folder.names):
        return {}
    return {
        "applications": partial(_load, folder, False),
        "containers": partial(_load, folder, True),
    }


def _load(folder: Folder, by_container: bool, name: str) -> Dataset:
    labels = _labels(text(folder.one(_LABELS)), f"{folder.path / _LABELS}")
    contents = sorted(folder.read(lambda each: _LOG.match(each) is not None))
    logs = [
        (match["application"], match["container"], found)
        for file, content in contents
        if (match := _LOG.match(file))
        and (found := list(records(text(content).splitlines(), _RECORD)))
    ]
    if not logs:
        raise DataSetError(f"{folder.path} has no line with a time and level. Fetch it again")
    if missing := sorted({application for application, _, _ in logs} - labels.keys()):
        raise DataSetError(f"{folder.path / _LABELS} does not name {missing[0]}. Fetch it again")
    logs.sort(key=lambda log: (log[2][0]["time"], log[0], log[1]))  # the parser learns in order
    began = {application: row for row, (application, _, _) in reversed([*enumerate(logs)])}
    ordered = sorted(began, key=lambda application: began[application])
    trained = ordered[: int(len(ordered) * _TRAIN)]
    keys = [(a, c if by_container else "") for a, c, _ in logs]
    units = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    found = [record for _, _, of in logs for record in of]
    templates = Templates()
    template_id = templates.of([record["text"] for record in found])
    columns = Columns(
        unit=np.repeat([units[key] for key in keys], [len(of) for _, _, of in logs]),
        ts=np.array([_time(record) for record in found], np.int64),
        template_id=template_id,
        severity=severities(pa.array([record["level"] for record in found]), template_id),
        fields=[
            (field, objects([record[field] for record in found]))
            for field in ("component", "thread")
        ],
    )
    batch, order = sessions(columns, len(units))
    group: Names = objects([application for application, _ in units])[order]
    phase = objects([labels[application] for application in group])
    return Dataset(
        name=name,
        batch=batch,
        truth=(phase != "").astype(np.int8),
        texts=templates.texts,
        sha=digest(*(content for _, content in contents)),
        group=group,
        phase=phase,
        part=np.where(np.isin(group.astype(str), trained), "train", "test").astype(np.object_),
        note="nearly all units are anomalous: calling each so has F1 above .9"
        if by_container
        else "",
    )


def _labels(content: str, where: str) -> dict[str, str]:
    """The fault of each application, "" for a normal one."""
    found: dict[str, str] = {}
    kind: str | None = None
    for line in map(str.strip, content.splitlines()):
        if line.endswith(":") and not line.startswith(("#", "+")):
            kind = line[:-1].strip().lower()
        elif line.startswith("+") and kind is not None:
            found[line[1:].strip()] = "" if kind == _NORMAL else kind
    if not found:
        raise DataSetError(f"{where} lists no application (`Normal:`, `+ application_1`)")
    return found


def _time(record: re.Match[str]) -> int:
    at = datetime.strptime(record["time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * SECOND + int(record["ms"]) * 1_000_000
