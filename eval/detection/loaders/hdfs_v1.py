"""HDFS_v1 whole, as loghub has it.

    HDFS.log                               081109 203615 148 INFO dfs.DataNode$DataXceiver: ... blk_38865049064 ...
    [preprocessed/]anomaly_label.csv       BlockId,Label      Normal or Anomaly

A unit is a block: all lines that name it; a line that names several belongs to each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import SECOND, Columns, Ints, objects, sessions
from eval.detection.loaders.files import Folder, digest
from eval.detection.loaders.parsed import Templates, severities
from eval.detection.loaders.reading import Interned, counted, read
from eval.parsing.readers import DataSetError

_LABELS = ("anomaly_label.csv", "preprocessed/anomaly_label.csv")
_LINE = (
    r"(?s)^(?P<date>\d{6}) (?P<clock>\d{6}) \d+ (?P<level>[A-Z]+) "
    r"(?P<text>(?P<component>[^ :]+): .*)$"
)
_BLOCK = re.compile(r"blk_-?\d+")
_IP = r"(?P<ip>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})"


def sets(folder: Folder) -> Mapping[str, Load]:
    labels = [name for name in _LABELS if name in folder.names]
    logs = [
        name
        for name in folder.names
        if labels and "/" not in name and name.endswith(".log") and _is_log(folder, name)
    ]
    return {"": partial(_load, folder, logs[0], labels[0])} if logs else {}


def _is_log(folder: Folder, name: str) -> bool:
    first = pa.array([folder.head(name, 1_024).split(b"\n")[0].decode("utf-8", "replace")])
    return bool(pc.match_substring_regex(first, _LINE)[0].as_py())


def _load(folder: Folder, log: str, labels: str, name: str) -> Dataset:
    content = folder.one(labels)
    anomalous = _labels(content, f"{folder.path / labels}")
    path = folder.on_disk(log)
    whole = counted(path, most=1 << 40)
    templates = Templates()
    block, component, ip = Interned(), Interned(), Interned()
    ts, ids, levels = [], [], []
    for lines in read(path, whole.lines):
        found = pc.extract_regex(lines, _LINE)
        text = pc.coalesce(pc.struct_field(found, "text"), lines)
        template_id = templates.of(text)
        rows, blocks = _named(lines)
        block.add(blocks)
        component.add(pc.struct_field(found, "component").take(pa.array(rows)))
        ip.add(pc.struct_field(pc.extract_regex(lines, _IP), "ip").take(pa.array(rows)))
        ids.append(template_id[rows])
        ts.append(_times(pc.struct_field(found, "date"), pc.struct_field(found, "clock"))[rows])
        levels.append(severities(pc.struct_field(found, "level"), template_id)[rows])
    if not block.numbers:
        raise DataSetError(f"{path} names no block (blk_...). Fetch it again")
    unit = block.codes
    names = [each for each in block.numbers if each is not None]
    template_id = np.concatenate(ids)
    texts = templates.texts
    worded = severities(pa.nulls(len(unit), pa.string()), template_id, texts)
    columns = Columns(
        unit=unit,
        ts=np.concatenate(ts),
        template_id=template_id,
        severity=np.maximum(np.concatenate(levels), worded),
        fields=[("component", component.column), ("ip", ip.column)],
    )
    batch, order = sessions(columns, len(names))
    if missing := [each for each in names if each not in anomalous]:
        raise DataSetError(
            f"{folder.path / labels} has no label for {missing[0]} and {len(missing) - 1} more. "
            "Fetch it again, it belongs to this log"
        )
    return Dataset(
        name=name,
        batch=batch,
        truth=np.array([anomalous[each] for each in names], np.int8)[order],
        texts=texts,
        sha=digest(whole.sha.encode(), content),
        group=objects(names)[order],
    )


def _labels(content: bytes, where: str) -> dict[str, bool]:
    try:
        table = arrow_csv.read_csv(BytesIO(content))
        blocks, kinds = (table[column].to_pylist() for column in ("BlockId", "Label"))
    except (pa.ArrowException, KeyError) as error:
        raise DataSetError(
            f"{where} is no table of BlockId,Label: {error}. Fetch it again"
        ) from error
    return {str(block): kind == "Anomaly" for block, kind in zip(blocks, kinds, strict=True)}


def _named(lines: pa.StringArray) -> tuple[Ints, pa.StringArray]:
    """(row of the line, block) for each block that a line names, each once."""
    named = [_BLOCK.findall(line or "") for line in lines.to_pylist()]
    named = [each if len(each) == 1 else list(dict.fromkeys(each)) for each in named]
    rows = np.repeat(np.arange(len(named)), [len(each) for each in named])
    return rows, pa.array(chain.from_iterable(named), pa.string())


def _times(dates: Any, clocks: Any) -> Ints:
    """In ns; the time of the line before where a line has none."""
    clock = pc.cast(pc.fill_null_forward(clocks), pa.int64()).fill_null(0).to_numpy()
    days = pc.fill_null(pc.fill_null_forward(dates), "700101").dictionary_encode()
    begins = np.array([_day(each) for each in days.dictionary.to_pylist()], np.int64)
    seconds = clock // 10_000 * 3_600 + clock // 100 % 100 * 60 + clock % 100
    at: Ints = (begins[days.indices.to_numpy()] + seconds) * SECOND
    return at


def _day(date: str) -> int:
    """In seconds; 0 for what is no date."""
    try:
        return int(datetime.strptime(date, "%y%m%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0
