"""Which labelled data sets lie in a folder. Each is recognised by the layout of what it holds, not by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from driftwood.errors import ConfigError
from eval.detection.dataset import Dataset
from eval.detection.loaders import (
    Family,
    Load,
    adfa,
    ait_ads,
    demo,
    hadoop,
    hdfs,
    hdfs_blocks,
    hdfs_v1,
    lo2,
    nezha,
    sequences,
    supercomputers,
)
from eval.detection.loaders.files import Folder
from eval.parsing.readers import DataSetError

FAMILIES: tuple[Family, ...] = (
    sequences.sets,
    hdfs.sets,
    hdfs_blocks.sets,
    adfa.sets,
    ait_ads.sets,
    lo2.sets,
    nezha.sets,
    hdfs_v1.sets,
    supercomputers.sets,
    hadoop.sets,
)
"""A new layout is a module in `loaders` and an entry here."""
DEMO = "demo"
GET = "docs/data.md, section Detection data sets, says where to get them and how to lay them out"


@dataclass(frozen=True)
class Found:
    """May go to another process, which then reads the data set."""

    name: str
    """The folder and the part, as in `ait_ads/fox`."""
    folder: Path
    load_as: Load

    def load(self) -> Dataset:
        """Read it whole. Raises DataSetError, which says what is damaged."""
        return self.load_as(self.name)


def find(data: Path | None, sets: Sequence[str] = ()) -> list[Found]:
    """The data sets of `data`, by name, none of them read yet. `sets` are names of sets or of folders of them.

    One that is not there is among them all the same, so that its row can say so. `demo` is made when it is asked for
    and needs no data. Raises ConfigError when there is nothing at all to read.
    """
    if DEMO in sets:
        made = Found(DEMO, Path(), demo.load)
        others = [name for name in sets if name != DEMO]
        return [made, *(find(data, others) if others else [])]
    if data is None:
        raise ConfigError(f"where are the data sets? --data DIR; {GET}")
    if not data.is_dir():
        raise ConfigError(f"no folder of data sets at {data}; {GET}")
    found = _below(data)
    if not sets:
        if not found:
            raise ConfigError(f"{data} holds no data set for detection; {GET}")
        return found
    wanted: dict[str, Found] = {}
    for name in (name.strip("/") for name in sets):
        matching = [each for each in found if _is_in(each.name, name)]
        for each in matching or [_absent(data, name, found)]:
            wanted.setdefault(each.name, each)
    return list(wanted.values())


def _below(data: Path) -> list[Found]:
    """The sets in `data` and in the groups in it, and `data` itself."""
    found = []
    for each in _folders(data):
        inside = _in(Folder(each), each.name)
        found += inside or [
            one
            for below in _folders(each)
            for one in _in(Folder(below), f"{each.name}/{below.name}")
        ]
    # Folders that are sets of their own are no part of one around them.
    itself = Folder(data, unwrap=False, depth=1) if found else Folder(data, unwrap=False)
    return [*found, *_in(itself, data.resolve().name)]


def _in(folder: Folder, name: str) -> list[Found]:
    """Of what one folder holds. What cannot be read is a set all the same: loading it says why."""
    found, damaged = [], ""
    for family in FAMILIES:
        try:
            sets = family(folder)
        except DataSetError as error:
            damaged = str(error)
        else:
            found += [Found(f"{name}/{p}" if p else name, folder.path, sets[p]) for p in sets]
    if damaged and name not in {each.name for each in found}:
        found.append(Found(name, folder.path, partial(_refuse, damaged)))
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")


def _absent(data: Path, name: str, found: Sequence[Found]) -> Found:
    there = ", ".join(each.name for each in found) or "none"
    what = f"{data} has no data set {name}"
    if (data / name).is_dir():
        what = f"{data / name} has no layout that is known; is a file of it missing?"
    return Found(name, data / name, partial(_refuse, f"{what} (there are: {there}); {GET}"))


def _refuse(reason: str, name: str) -> Dataset:
    raise DataSetError(reason)


def _is_in(name: str, wanted: str) -> bool:
    """Whether `wanted` is the set, the folder or group that it lies in, or the last part of its name."""
    return f"/{wanted}/" in f"/{name}/"
