"""Nezha's TrainTicket (Yu et al., 2023): logs and traces of micro-services with faults injected one after another.

    <date>-fault_list.json          inject_time, inject_pod, inject_type
    *<date>_log.parquet             time_unix_nano, pod, trace_id, log
    *<date>_trace.parquet           TraceID, PodName

A unit is the log lines of one trace. It is anomalous when it begins within a fault's window and a line or span of it is
the faulty pod's. That is weak: nobody says which request was harmed, and the clocks of faults and of logs differ by
about a minute, so the window is from one minute before the injection to three after. Other traces in the window count
as normal; phase is the fault's kind and service. `inject_time` is UTC; `inject_timestamp` is not used: it is eight
hours off for most, and once a copy of its neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from eval.detection.dataset import Dataset, Fault
from eval.detection.loaders import Load
from eval.detection.loaders.columns import SECOND, Columns, Ints, objects, sessions
from eval.detection.loaders.files import Folder, digest
from eval.detection.loaders.parsed import Templates, severities
from eval.parsing.readers import DataSetError

_FAULTS = "-fault_list.json"
_LOG = ("time_unix_nano", "pod", "trace_id", "log")
_SPAN = ("TraceID", "PodName")
_BEFORE, _AFTER = 60 * SECOND, 180 * SECOND
_LINE = r"(?s)^\S+ (?P<level>[A-Z]+) +(?P<component>\S+) TraceID: \S+ SpanID: \S+ (?P<text>.*)$"


def sets(folder: Folder) -> Mapping[str, Load]:
    dates = [name.removesuffix(_FAULTS) for name in folder.names if name.endswith(_FAULTS)]
    found = {date: _files(folder, date, "log") for date in dates if "/" not in date}
    whole = {date: logs for date, logs in found.items() if logs}
    return {
        date if len(whole) > 1 else "": partial(_load, folder, date, logs)
        for date, logs in whole.items()
    }


def _files(folder: Folder, date: str, kind: str) -> list[str]:
    return [name for name in folder.names if name.endswith(f"{date}_{kind}.parquet")]


def _load(folder: Folder, date: str, logs: Sequence[str], name: str) -> Dataset:
    spans = _files(folder, date, "trace")
    content = {each: folder.one(each) for each in (f"{date}{_FAULTS}", *logs, *spans)}
    faults = _faults(content[f"{date}{_FAULTS}"], f"{folder.path / date}{_FAULTS}")
    lines = pa.concat_tables(
        [_table(content[each], f"{folder.path / each}", _LOG) for each in logs]
    ).combine_chunks()
    lines = lines.filter(pc.is_valid(lines["time_unix_nano"])).sort_by("time_unix_nano")
    trace, traces = _coded(lines["trace_id"])
    pod, pods = _coded(lines["pod"])
    said = pc.extract_regex(lines["log"].combine_chunks(), _LINE)
    level, component, message = (pc.struct_field(said, n) for n in ("level", "component", "text"))
    templates = Templates()
    template_id = templates.of(
        pc.coalesce(
            pc.binary_join_element_wise(component, message, " "), lines["log"].combine_chunks()
        )
    )
    columns = Columns(
        unit=trace,
        ts=lines["time_unix_nano"].to_numpy(),
        template_id=template_id,
        severity=severities(level, template_id, templates.texts),
        fields=[
            ("service", objects([_service(each) for each in pods])[pod]),
            ("pod", objects(pods)[pod]),
            ("component", objects(component.to_pylist())),
        ],
    )
    batch, order = sessions(columns, len(traces))
    touched = {(traces[t], pods[p]) for t, p in set(zip(trace.tolist(), pod.tolist(), strict=True))}
    for each in spans:
        of = _table(content[each], f"{folder.path / each}", _SPAN)
        touched.update(zip(of["TraceID"].to_pylist(), of["PodName"].to_pylist(), strict=True))
    names = objects(traces)[order]
    of_fault = _during(batch.start, faults)
    harmed = np.array(
        [
            f >= 0 and (t, faults[f].subject) in touched
            for t, f in zip(names, of_fault, strict=True)
        ],
        np.bool_,
    )
    kinds = objects([*(f"{f.kind} {_service(f.subject)}" for f in faults), ""])
    return Dataset(
        name=name,
        batch=batch,
        truth=harmed.astype(np.int8),
        texts=templates.texts,
        sha=digest(*content.values()),
        phase=kinds[of_fault],
        faults=faults,
        note="labels are weak: a trace that touches the faulty pod while the fault may be on",
    )


def _during(start: Ints, faults: Sequence[Fault]) -> Ints:
    """The fault that each unit begins in, the last of several; -1 for none."""
    found = np.full(len(start), -1, np.int64)
    for number, fault in enumerate(faults):
        found[(start >= fault.start) & (start < fault.end)] = number
    return found


def _faults(content: bytes, where: str) -> tuple[Fault, ...]:
    try:
        found = [
            (_time(each["inject_time"]), str(each["inject_type"]), str(each["inject_pod"]))
            for hour in orjson.loads(content).values()
            for each in hour
        ]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataSetError(f"{where} is no list of faults: {error!r}. Fetch it again") from error
    return tuple(Fault(kind, pod, at - _BEFORE, at + _AFTER) for at, kind, pod in sorted(found))


def _time(text: str) -> int:
    at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * SECOND


def _service(pod: str) -> str:
    """
    >>> _service("ts-seat-service-5c95b49cff-tdsdz")
    'ts-seat-service'
    """
    return pod.rsplit("-", 2)[0]


def _coded(column: Any) -> tuple[Ints, list[str]]:
    coded = pc.fill_null(column.combine_chunks(), "").dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def _table(content: bytes, where: str, columns: Sequence[str]) -> pa.Table:
    try:
        table = pq.read_table(BytesIO(content), columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataSetError(f"{where} cannot be read: {reason}. Fetch it again") from error
    missing = [each for each in columns if each not in table.column_names]
    if missing or not table.num_rows:
        lack = f"no column {missing[0]}" if missing else "no row"
        raise DataSetError(f"{where} has {lack}. Fetch it again")
    return table.select(list(columns)).cast(
        pa.schema([(each, pa.int64() if "nano" in each else pa.string()) for each in columns]),
        safe=False,
    )
