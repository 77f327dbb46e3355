"""Sessions as sequences of event ids, apart by what they are for: normal ones to learn from, and others to be judged.

    [<variant>.][<set>_]train            a session a line, `1 5 5 22`, or `<session>,1 5 5 22`
    [<variant>.][<set>_]test_normal      may be missing
    [<variant>.][<set>_]test_abnormal
    <Set>_templates.csv                  line n is the template of event id n

That is how `ait-aecid/anomaly-detection-log-datasets` keeps HDFS, OpenStack and others. The sessions have no time.

HDFS (`hdfs_train`): its 552,640 test normals are large and often left out. Then normal sessions come from the 2 %
sample of LogLead in a folder beside (`eval.detection.loaders.hdfs`), where the two agree about every anomalous block
that both hold; each normal one counts for as many as it stands for among all 558,223.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from driftwood.protocols import Labels
from eval.detection.dataset import Dataset
from eval.detection.loaders import Load, hdfs
from eval.detection.loaders.columns import Ints, mixed, untimed, worded
from eval.detection.loaders.files import Folder, digest, text
from eval.parsing.readers import DataSetError

_FILE = re.compile(
    r"^(?:(?P<variant>[\w-]+)\.)?(?:(?P<set>[\w-]+)_)?(?P<role>train|test_normal|test_abnormal)(?:\.\w+)?$"
)
_CALLED = {"parisakalaki": "kalaki"}
"""The variant named after the account that published it is known by the author's name."""
HDFS_NORMALS = 558_223
"""Of the 575,061 blocks of HDFS_v1."""


@dataclass(frozen=True)
class Sessions:
    ids: tuple[str, ...]
    """Empty when the lines have none."""
    sequences: tuple[Ints, ...]


def sets(folder: Folder) -> Mapping[str, Load]:
    files: dict[tuple[str, str], dict[str, str]] = {}
    for name in folder.names:
        if match := _FILE.match(name):
            key = match["variant"] or "", match["set"] or ""
            files.setdefault(key, {})[match["role"]] = name
    whole = {key: roles for key, roles in files.items() if {"train", "test_abnormal"} <= set(roles)}
    return {
        _part(variant, named, len(whole)): partial(_load, folder, named, roles)
        for (variant, named), roles in whole.items()
    }


def _part(variant: str, named: str, of: int) -> str:
    part = variant.removeprefix(f"{named}_") or (named if of > 1 else "")
    return _CALLED.get(part, part)


def _load(folder: Folder, named: str, roles: Mapping[str, str], name: str) -> Dataset:
    content = {
        role: folder.one(file) for role, file in sorted(roles.items(), key=lambda item: item[1])
    }
    read = {role: _sessions(content[role], folder, roles[role]) for role in content}
    texts = _templates(folder)
    shas = [digest(*content.values())]
    normal, anomalous = read["train"], read["test_abnormal"]
    others = read.get("test_normal", Sessions((), ()))
    is_hdfs = named == "hdfs" and "test_normal" not in roles
    if is_hdfs and (sample := _sample(folder, normal, anomalous)):
        others, sha = sample
        shas.append(sha)
    sequences = [*normal.sequences, *others.sequences, *anomalous.sequences]
    truth = np.repeat(
        np.array([0, 0, 1], np.int8),
        [len(normal.sequences), len(others.sequences), len(anomalous.sequences)],
    )
    part = np.full(len(sequences), "test", np.object_)
    part[: len(normal.sequences)] = "train"
    order = mixed(part)
    weight = np.where(truth == 0, HDFS_NORMALS / max(int((truth == 0).sum()), 1), 1.0)
    return Dataset(
        name=name,
        batch=untimed([sequences[row] for row in order], worded(texts)),
        truth=truth[order],
        texts=texts,
        sha=shas[0] if len(shas) == 1 else digest(*(each.encode() for each in shas)),
        part=part[order],
        weight=weight[order] if is_hdfs else np.empty(0),
        note=_note(sequences, truth),
    )


def _note(sequences: list[Ints], truth: Labels) -> str:
    """Says when labels cannot be told from the sequences."""
    normal = {each.tobytes() for each, label in zip(sequences, truth, strict=True) if not label}
    anomalous = [each.tobytes() for each, label in zip(sequences, truth, strict=True) if label]
    same = sum(each in normal for each in anomalous)
    if same <= len(anomalous) / 2:
        return ""
    return (
        f"unusable: {same} of {len(anomalous)} anomalous sequences equal normal ones, "
        "so no method can do better than the prevalence on them"
    )


def _sessions(content: bytes, folder: Folder, file: str) -> Sessions:
    ids: list[str] = []
    sequences = []
    for number, line in enumerate(text(content).splitlines(), 1):
        named, comma, events = line.rpartition(",")
        if not events.strip():
            continue
        try:
            sequences.append(np.array(events.split(), np.int64))
        except (ValueError, OverflowError) as error:
            raise DataSetError(
                f"{folder.path / file}, line {number}: a sequence of event ids is needed "
                f"(`1 5 22` or `session,1 5 22`), not {line[:60]!r}. Fetch it again"
            ) from error
        if comma:
            ids.append(named)
    if not sequences:
        raise DataSetError(f"{folder.path / file} holds no session. Fetch it again")
    return Sessions(tuple(ids), tuple(sequences))


def _templates(folder: Folder) -> dict[int, str]:
    for name in folder.names:
        if name.endswith("_templates.csv") and "/" not in name:
            return dict(enumerate(text(folder.one(name)).splitlines(), 1))
    return {}


def _sample(folder: Folder, normal: Sessions, anomalous: Sessions) -> tuple[Sessions, str] | None:
    """Normal sessions of the 2 % sample beside, without those that are known already, and its sha."""
    known = dict(zip(anomalous.ids, anomalous.sequences, strict=False))
    if not known:
        return None
    for sample in _samples(folder):
        both = [row for row, block in enumerate(sample.blocks) if block in known]
        if any(
            not np.array_equal(sample.sequences[row], known[sample.blocks[row]]) for row in both
        ):
            continue
        seen = {*normal.ids, *known}
        rows = [
            row
            for row, block in enumerate(sample.blocks)
            if not sample.truth[row] and block not in seen
        ]
        kept = Sessions(
            tuple(sample.blocks[row] for row in rows), tuple(sample.sequences[row] for row in rows)
        )
        return kept, sample.sha
    return None


def _samples(folder: Folder) -> Iterator[hdfs.Sample]:
    for each in sorted(folder.path.resolve().parent.iterdir()):
        if each.is_dir() and (files := hdfs.files(Folder(each))):
            yield hdfs.sample(Folder(each), files)
