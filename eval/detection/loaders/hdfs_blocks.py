"""HDFS as template strings: deep-loglizer's cut of the first 100,000 lines.

    *train*.jsonl, *test*.jsonl    {"block": "blk_1", "label": 0, "templates": ["Receiving block <*> ...", ...]}

There is no time. A template's id follows from its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import orjson

from eval.detection.dataset import Dataset
from eval.detection.loaders import Load
from eval.detection.loaders.columns import mixed, objects, stable_id, untimed, worded
from eval.detection.loaders.files import Folder, digest
from eval.parsing.readers import DataSetError

_KEYS = (b'"block"', b'"label"', b'"templates"')


def sets(folder: Folder) -> Mapping[str, Load]:
    files = [
        name
        for name in folder.names
        if "/" not in name and name.endswith(".jsonl") and _is_one(folder, name)
    ]
    roles = {role: [name for name in files if role in name] for role in ("train", "test")}
    whole = all(len(names) == 1 for names in roles.values())
    return {"": partial(_load, folder, roles["train"][0], roles["test"][0])} if whole else {}


def _is_one(folder: Folder, name: str) -> bool:
    head = folder.head(name)
    return all(key in head for key in _KEYS)


def _load(folder: Folder, train: str, test: str, name: str) -> Dataset:
    contents = {"train": folder.one(train), "test": folder.one(test)}
    sessions = [
        (part, session)
        for (part, content), file in zip(contents.items(), (train, test), strict=True)
        for session in _sessions(content, f"{folder.path / file}")
    ]
    part = objects([part for part, _ in sessions])
    order = mixed(part)
    ids = {text: stable_id(text) for text in {t for _, (_, of) in sessions for t in of}}
    texts = {template: text for text, template in sorted(ids.items())}
    sequences = [np.array([ids[t] for t in of], np.int64) for _, (_, of) in sessions]
    return Dataset(
        name=name,
        batch=untimed([sequences[row] for row in order], worded(texts)),
        truth=np.array([label for _, (label, _) in sessions], np.int8)[order],
        texts=texts,
        sha=digest(*contents.values()),
        part=part[order],
    )


def _sessions(content: bytes, where: str) -> list[tuple[int, list[str]]]:
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            session = orjson.loads(line)
            found.append((int(bool(session["label"])), [str(t) for t in session["templates"]]))
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise DataSetError(
                f"{where}, line {number}: an object with block, label and templates is needed "
                f"({error}). Fetch it again"
            ) from error
    if not found:
        raise DataSetError(f"{where} holds no session. Fetch it again")
    return found
