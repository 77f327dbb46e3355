"""ADFA-LD (Creech and Hu, 2013): system calls of a Linux host, a trace a file, in normal use and under six attacks.

    Training_Data_Master/*.txt                   833 normal traces to learn from
    Validation_Data_Master/*.txt                 4,372 normal traces
    Attack_Data_Master/<attack>_<n>/*.txt        746 traces of 60 attack sessions

A trace is numbers of system calls, without a time. Those of an attack session are a group; the attack is the phase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import numpy as np

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import mixed, objects, untimed
from eval.detection.loaders.files import Folder, digest
from eval.parsing.readers import DataSetError

_TRACE = re.compile(
    r"^(?:(?P<part>Training|Validation)_Data_Master"
    r"|Attack_Data_Master/(?P<session>(?P<attack>[^/]+?)(?:_\d+)?))/(?P<trace>[^/]+)\.txt$"
)


def sets(folder: Folder) -> Mapping[str, Load]:
    kinds = {name.split("/")[0] for name in folder.names if _TRACE.match(name)}
    whole = {f"{kind}_Data_Master" for kind in ("Training", "Validation", "Attack")}
    return {"": partial(_load, folder)} if kinds == whole else {}


def _load(folder: Folder, name: str) -> Dataset:
    traces = sorted(folder.read(lambda each: _TRACE.match(each) is not None))
    found = [match for file, _ in traces if (match := _TRACE.match(file))]
    sequences = []
    for file, content in traces:
        try:
            sequences.append(np.array(content.split(), np.int64))
        except (ValueError, OverflowError) as error:
            raise DataSetError(
                f"{folder.path}: {file} is no trace of system call numbers ({error}). Fetch it again"
            ) from error
    part = objects(["train" if each["part"] == "Training" else "test" for each in found])
    order = mixed(part)
    return Dataset(
        name=name,
        batch=untimed([sequences[row] for row in order], {}),
        truth=np.array([each["attack"] is not None for each in found], np.int8)[order],
        texts={
            call: f"system call {call}" for call in np.unique(np.concatenate(sequences)).tolist()
        },
        sha=digest(*(content for _, content in traces)),
        group=objects([each["session"] or each["trace"] for each in found])[order],
        phase=objects([each["attack"] or "" for each in found])[order],
        part=part[order],
    )
