"""BGL, Thunderbird, Spirit and Liberty (Oliner and Stearley, 2007), whole as loghub and USENIX's CFDR have them.

    - 1117838570 2005.06.03 R02-M1-N0 2005-06-03-15.42.50.675872 R02-M1-N0 RAS KERNEL INFO instruction cache parity...
    - 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed for user root

The first word is the alert's label, `-` for none: it is cut off, and all else is what detectors may see. Recognised by
the first line of a file of any name. Units are windows of 20, 100 or 200 lines, or of half an hour, in the order of the
file; one is anomalous when it holds an alert.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import MINUTE, SECOND, Columns, Ints, Names, sessions, windows
from eval.detection.loaders.files import Folder
from eval.detection.loaders.parsed import Templates, severities
from eval.detection.loaders.reading import MAX_LINES, Interned, counted, read

_HEAD = r"^(?P<label>\S+) (?P<at>\d{8,10}) \d{4}\.\d\d\.\d\d (?P<node>\S+) "
_BGL = r"(?P<precise>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.(?P<us>\d{6})) \S+ (?:\S+ )?"
_SYSLOG = r"[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \S+ "
_FIRST = re.compile(rf"{_HEAD}(?:{_BGL}|{_SYSLOG})".encode())
_LINE = (
    rf"(?s){_HEAD}(?:\d{{4}}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.(?P<us>\d{{6}}) \S+ "
    r"(?:(?:RAS|NULL) (?P<component>\S+) )?|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \S+ )"
    r"(?P<text>(?P<level>INFO|WARNING|ERROR|SEVERE|FAILURE|FATAL)?.*)$"
)
_NORMAL = "-"
SIZES = {"20": 20, "100": 100, "200": 200}
"""Lines of a window, as in Le and Zhang, ICSE 2022."""
HALF_AN_HOUR = 30 * MINUTE


@dataclass(frozen=True)
class Log:
    ts: Ints
    template_id: Ints
    severity: Any
    alert: Any
    fields: list[tuple[str, Names]]
    texts: dict[int, str]
    sha: str
    note: str


def sets(folder: Folder) -> Mapping[str, Load]:
    logs = [name for name in folder.names if "/" not in name and _is_log(folder, name)]
    return {
        f"{PurePosixPath(name).stem}/{size}" if len(logs) > 1 else size: partial(
            _load, folder, name, size
        )
        for name in logs
        for size in (*SIZES, "30min")
    }


def _is_log(folder: Folder, name: str) -> bool:
    is_text = PurePosixPath(name).suffix in ("", ".log", ".txt")
    return is_text and _FIRST.match(folder.head(name, 512)) is not None


def _load(folder: Folder, file: str, size: str, name: str) -> Dataset:
    log = _read(folder.on_disk(file))
    lines = np.arange(len(log.ts))
    if size in SIZES:
        unit = lines // SIZES[size]
    else:
        _, unit = np.unique(log.ts // HALF_AN_HOUR, return_inverse=True)
    columns = Columns(unit, log.ts, log.template_id, log.severity, log.fields)
    units = int(unit.max()) + 1
    if size in SIZES:
        batch, order = sessions(columns, units)
    else:
        start = np.unique(log.ts // HALF_AN_HOUR) * HALF_AN_HOUR
        batch, order = windows(columns, start, start + HALF_AN_HOUR)
    return Dataset(
        name=name,
        batch=batch,
        truth=(np.bincount(unit[log.alert], minlength=units) > 0).astype(np.int8)[order],
        texts=log.texts,
        sha=log.sha,
        level="window",
        note=log.note,
    )


def _read(path: Path) -> Log:
    """Lines of another form count as normal ones at the time of the line before; what they say is kept."""
    whole = counted(path)
    templates = Templates()
    node, component = Interned(), Interned()
    ts, ids, levels, alerts = [], [], [], []
    for lines in read(path, whole.lines):
        found = pc.extract_regex(lines, _LINE)
        column = {name: pc.struct_field(found, name) for name in ("at", "us", "label", "level")}
        text = pc.coalesce(pc.struct_field(found, "text"), lines)
        template_id = templates.of(text)
        ids.append(template_id)
        ts.append(_times(column["at"], column["us"]))
        label = pc.fill_null(column["label"], _NORMAL)
        alerts.append(
            pc.invert(pc.is_in(label, pa.array([_NORMAL]))).to_numpy(zero_copy_only=False)
        )
        levels.append(severities(column["level"], template_id))
        node.add(pc.struct_field(found, "node"))
        component.add(pc.struct_field(found, "component"))
    template_id = np.concatenate(ids)
    texts = templates.texts
    severity = np.concatenate(levels)
    no_level = pa.nulls(len(severity), pa.string())
    severity = np.where(severity == 0, severities(no_level, template_id, texts), severity)
    return Log(
        ts=_filled(np.concatenate(ts)),
        template_id=template_id,
        severity=severity,
        alert=np.concatenate(alerts),
        fields=[("node", node.column), ("component", component.column)],
        texts=texts,
        sha=whole.sha,
        note=f"the first {MAX_LINES:,} lines of more" if whole.more else "",
    )


def _times(seconds: Any, micros: Any) -> Ints:
    """In ns; -1 for lines without a time. BGL repeats the second with its fraction."""
    whole = pc.fill_null(pc.cast(seconds, pa.int64()), -1).to_numpy()
    digits: Any = pc.if_else(pc.match_substring_regex(micros, "^[0-9]+$"), micros, "0")
    fraction = pc.fill_null(pc.cast(digits, pa.int64()), 0).to_numpy()
    return np.where(whole < 0, -1, whole * SECOND + fraction * 1_000)


def _filled(ts: Ints) -> Ints:
    """Lines without a time have that of the line before, or of the first that has one."""
    known = ts >= 0
    if not known.any():
        return np.zeros_like(ts)
    at = np.maximum.accumulate(np.where(known, np.arange(len(ts)), -1))
    return ts[np.where(at < 0, int(np.argmax(known)), at)]
