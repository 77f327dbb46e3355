"""AIT Alert Data Set (Landauer et al., 2024): alerts of Wazuh, Suricata and AMiner on attacked test beds.

    <scenario>_alerts.txt      CSV: time,name,ip,host,short,time_label,event_label

recognised by its first line, in a folder or an archive; each file is a data set.

A template is an alert's name: `short` is an abbreviation that puts some names together, 88 into 73 in five scenarios.

A unit is a minute of a host with an alert. An *attack alert* has an event label (not `-`) and lies in a phase (its time
label is not `false_positive`). A unit is anomalous when it holds one, ambiguous when it holds none but lies in a phase;
its phase is the commonest time label of its attack alerts, else of its alerts in a phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import (
    MINUTE,
    SECOND,
    Columns,
    Ints,
    Names,
    objects,
    stable_ids,
    windows,
)
from eval.detection.loaders.files import Folder, digest
from eval.parsing.readers import DataSetError

_COLUMNS = ("time", "name", "ip", "host", "short", "time_label", "event_label")
_OUTSIDE = "false_positive"
_UNLABELLED = "-"


def sets(folder: Folder) -> Mapping[str, Load]:
    return {
        PurePosixPath(name).stem.removesuffix("_alerts"): partial(_load, folder, name)
        for name in folder.names
        if name.endswith((".txt", ".csv")) and "/" not in name and _is_one(folder, name)
    }


def _is_one(folder: Folder, name: str) -> bool:
    first = folder.head(name, 256).split(b"\n")[0].strip().decode("utf-8", "replace")
    return set(_COLUMNS) <= set(first.split(","))


def _load(folder: Folder, file: str, name: str) -> Dataset:
    content = folder.one(file)
    alerts = _read(content, f"{folder.path / file}")
    host, hosts = _coded(alerts["host"])
    kind, kinds = _coded(alerts["name"])
    phase, phases = _coded(alerts["time_label"])
    event, labels = _coded(alerts["event_label"])
    address, addresses = _coded(alerts["ip"])
    ts = alerts["time"].to_numpy().astype(np.int64) * SECOND
    # Hosts are numbered by name, so that units of one minute have an order that no file decides.
    rank = np.argsort(np.argsort(hosts))
    minute = ts // MINUTE
    key, unit = np.unique(minute * len(hosts) + rank[host], return_inverse=True)
    start = key // len(hosts) * MINUTE
    in_phase = _is_not(phases, _OUTSIDE)[phase]
    attack = in_phase & _is_not(labels, _UNLABELLED)[event]
    columns = Columns(
        unit=unit,
        ts=ts,
        template_id=stable_ids(kinds)[kind],
        severity=np.zeros(len(ts), np.uint8),
        fields=[("ip", objects([each or None for each in addresses])[address])],
    )
    batch, order = windows(
        columns, start, start + MINUTE, source=objects(sorted(hosts))[key % len(hosts)]
    )
    positive = np.bincount(unit[attack], minlength=len(key)) > 0
    lies_in = np.bincount(unit[in_phase], minlength=len(key)) > 0
    of_attack = _commonest(unit[attack], phase[attack], len(key), phases)
    of_all = _commonest(unit[in_phase], phase[in_phase], len(key), phases)
    return Dataset(
        name=name,
        batch=batch,
        truth=positive.astype(np.int8)[order],
        texts=dict(zip(stable_ids(kinds).tolist(), kinds, strict=True)),
        sha=digest(content),
        level="window",
        phase=np.where(positive, of_attack, of_all)[order],
        ambiguous=(lies_in & ~positive)[order],
    )


def _commonest(unit: Ints, label: Ints, units: int, names: list[str]) -> Names:
    """The label that most rows of each unit have, the first by name among equals; "" for a unit without a row."""
    by_name = np.argsort(np.argsort(names))
    ordered = sorted(names)
    pair, count = np.unique(unit * len(names) + by_name[label], return_counts=True)
    of, which = np.divmod(pair, len(names))
    found = np.full(units, "", np.object_)
    for row in np.lexsort((-which, count)).tolist():  # the last to be written wins
        found[of[row]] = ordered[which[row]]
    return found


def _is_not(names: list[str], which: str) -> npt.NDArray[np.bool_]:
    return np.array([each != which for each in names], np.bool_)


def _coded(column: Any) -> tuple[Ints, list[str]]:
    coded = column.combine_chunks()
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def _read(content: bytes, where: str) -> pa.Table:
    text = pa.dictionary(pa.int32(), pa.string())
    types: dict[str, Any] = dict.fromkeys(_COLUMNS, text) | {"time": pa.int64()}
    try:
        table = arrow_csv.read_csv(
            BytesIO(content),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(_COLUMNS), column_types=types, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataSetError(f"{where} cannot be read: {reason}. Fetch it again") from error
    if not table.num_rows:
        raise DataSetError(f"{where} holds no alert. Fetch it again")
    return table.unify_dictionaries()
