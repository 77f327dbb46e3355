"""HDFS as full text: the random 2 % sample of HDFS_v1's blocks that LogLead publishes.

    *.parquet    a row a line:    seq_id, m_timestamp, level, component, m_message
    *.parquet    a row a block:   seq_id, anomaly

Template ids are line numbers of `HDFS_templates.csv` (`eval.detection.loaders.sequences`) where that lies in this
folder or in one beside it: 33 templates, of which exactly one fits each line. Without it a line's template is its text
with `<*>` for each word that has a digit.

Severity is the level's, or error where the template reads like one: HDFS writes `received exception` at INFO.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from driftwood.labels import LEVELS
from driftwood.protocols import Labels
from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import (
    Columns,
    Ints,
    looked_up,
    objects,
    sessions,
    stable_id,
    worded,
)
from eval.detection.loaders.files import Folder, digest, text
from eval.parsing.readers import DataSetError

_LINES = ("seq_id", "m_timestamp", "level", "component", "m_message")
_BLOCKS = ("seq_id", "anomaly")
_IP = r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})"
TEMPLATES = "HDFS_templates.csv"

Files = tuple[str, str]
"""Names of the lines' and of the blocks' file."""


@dataclass(frozen=True)
class Sample:
    """Sessions in the order of their first line."""

    blocks: tuple[str, ...]
    sequences: tuple[Ints, ...]
    truth: Labels
    sha: str


def files(folder: Folder) -> Files | None:
    """The two files, when the folder holds them."""
    lines = blocks = ""
    for name in folder.names:
        if "/" not in name and name.endswith(".parquet"):
            columns = _columns(folder, name)
            lines = name if set(_LINES) <= columns else lines
            blocks = name if set(_BLOCKS) <= columns else blocks
    return (lines, blocks) if lines and blocks else None


def sets(folder: Folder) -> Mapping[str, Load]:
    found = files(folder)
    return {"": partial(_load, folder, found)} if found else {}


def sample(folder: Folder, names: Files) -> Sample:
    data = _load(folder, names, "")
    bounds = data.batch.bounds
    return Sample(
        tuple(data.group.tolist()),
        tuple(np.split(data.batch.template_id, bounds[1:-1])),
        data.truth,
        data.sha,
    )


def _load(folder: Folder, names: Files, name: str) -> Dataset:
    lines, blocks = (folder.one(each) for each in names)
    events = _table(lines, folder, names[0], _LINES)
    labels = _table(blocks, folder, names[1], _BLOCKS)
    block, blocks_of = _coded(events["seq_id"])
    anomalous = dict(zip(labels["seq_id"].to_pylist(), labels["anomaly"].to_pylist(), strict=True))
    if missing := [each for each in blocks_of if each not in anomalous]:
        raise DataSetError(
            f"{folder.path / names[1]} has no label for {missing[0]} and {len(missing) - 1} more. "
            "Fetch it again"
        )
    component, components = _coded(events["component"])
    shape, shapes = _shapes(events["m_message"])
    kind, first, inverse = np.unique(
        component * len(shapes) + shape, return_index=True, return_inverse=True
    )
    messages = events["m_message"].take(first).to_pylist()
    written = [
        (f"{components[k // len(shapes)]} {message}", shapes[k % len(shapes)])
        for k, message in zip(kind.tolist(), messages, strict=True)
    ]
    ids, texts = _named(written, folder)
    template_id = ids[inverse]
    severity = np.maximum(_severity(events["level"]), looked_up(template_id, worded(texts)))
    ips = [_addresses(events["m_message"], which) for which in (0, 1)]
    named = objects(blocks_of)
    columns = Columns(
        unit=block,
        ts=np.asarray(events["m_timestamp"].cast(pa.timestamp("ns")).to_numpy()).astype(np.int64),
        template_id=template_id,
        severity=severity,
        fields=[
            ("component", objects(components)[component]),
            ("block", named[block]),
            ("ip", ips[0]),
            ("ip", ips[1]),
        ],
    )
    batch, order = sessions(columns, len(blocks_of))
    truth = np.array([bool(anomalous[each]) for each in blocks_of], np.int8)
    return Dataset(
        name=name,
        batch=batch,
        truth=truth[order],
        texts=texts,
        sha=digest(lines, blocks),
        group=named[order],
    )


def _named(lines: Sequence[tuple[str, str]], folder: Folder) -> tuple[Ints, dict[int, str]]:
    """The template id of each line, given with its shape, and texts by id."""
    templates = _templates(folder)
    patterns = {template: _pattern(written) for template, written in templates.items()}
    ids, texts = [], dict(templates)
    for line, shape in lines:
        fitting = [template for template, pattern in patterns.items() if pattern.match(line)]
        if fitting:  # of several, the one that says most
            ids.append(max(fitting, key=lambda each: len(templates[each])))
        else:
            ids.append(stable_id(shape))
            texts[ids[-1]] = shape
    return np.array(ids, np.int64), texts


def _templates(folder: Folder) -> dict[int, str]:
    beside = sorted(folder.path.resolve().parent.iterdir())
    for each in (folder.path, *beside):
        if (path := each / TEMPLATES).is_file():
            return dict(enumerate(text(path.read_bytes()).splitlines(), 1))
    return {}


def _pattern(template: str) -> re.Pattern[str]:
    parts = (r"\s+".join(map(re.escape, part.split())) for part in template.split("<*>"))
    return re.compile(f"{'.*'.join(parts)}$", re.DOTALL)


def _shapes(messages: Any) -> tuple[Ints, list[str]]:
    """Messages with `<*>` for the words that hold a digit, coded: few are distinct."""
    masked = pc.replace_substring_regex(messages, r"\S*[0-9]\S*", "<*>")
    return _coded(pc.replace_substring_regex(masked, r"<\*>( <\*>)+", "<*>"))


def _addresses(messages: Any, which: int) -> npt.NDArray[np.object_]:
    """The first or second address of each line."""
    before = f"{_IP.replace('(', '(?:', 1)}.*?" * which
    found = pc.extract_regex(messages, f"{before}{_IP.replace('(', '(?P<ip>', 1)}")
    code, texts = _coded(pc.struct_field(found, "ip"))
    return objects([*texts, None])[code]


def _severity(levels: Any) -> npt.NDArray[np.uint8]:
    code, names = _coded(levels)
    numbers = {name: 4 * at + 1 for at, name in enumerate(LEVELS)}
    known = [numbers.get({"warning": "warn"}.get(n.lower(), n.lower()), 0) for n in names]
    return np.array([*known, 0], np.uint8)[code]


def _coded(column: Any) -> tuple[Ints, list[str]]:
    """Codes and the texts that they stand for, in the order of their first row; -1 for null."""
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int64)
    return codes, coded.dictionary.to_pylist()


def _columns(folder: Folder, name: str) -> set[str]:
    try:
        return set(pq.read_schema(BytesIO(folder.one(name))).names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(folder, name, error) from error


def _table(content: bytes, folder: Folder, name: str, columns: Sequence[str]) -> pa.Table:
    try:
        table = pq.read_table(BytesIO(content), columns=list(columns))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise _unreadable(folder, name, error) from error
    if not table.num_rows:
        raise DataSetError(f"{folder.path / name} holds no row. Fetch it again")
    return table


def _unreadable(folder: Folder, name: str, error: Exception) -> DataSetError:
    reason = " ".join(str(error).split())[:300]
    return DataSetError(f"{folder.path / name} cannot be read: {reason}. Fetch it again")
