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
    """`data` itself, or the sets in it and in the groups in it."""
    if found := _in(Folder(data, unwrap=False), data.resolve().name):
        return found
    found = []
    for each in _folders(data):
        inside = _in(Folder(each), each.name)
        found += inside or [
            one
            for below in _folders(each)
            for one in _in(Folder(below), f"{each.name}/{below.name}")
        ]
    return found


def _in(folder: Folder, name: str) -> list[Found]:
    """Of what one folder holds. What cannot be read is a set all the same: loading it says why."""
    try:
        return [
            Found(f"{name}/{part}" if part else name, folder.path, load)
            for family in FAMILIES
            for part, load in family(folder).items()
        ]
    except DataSetError as error:
        return [Found(name, folder.path, partial(_refuse, str(error)))]


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")


def _absent(data: Path, name: str, found: Sequence[Found]) -> Found:
    there = ", ".join(each.name for each in found) or "none"
    return Found(
        name, data / name, partial(_refuse, f"{data} has no data set {name} ({there}); {GET}")
    )


def _refuse(reason: str, name: str) -> Dataset:
    raise DataSetError(reason)


def _is_in(name: str, wanted: str) -> bool:
    """Whether `wanted` is the set, the folder or group that it lies in, or the last part of its name."""
    return f"/{wanted}/" in f"/{name}/"
