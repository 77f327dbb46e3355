"""Loghub's data sets on disk: which folders are one, and their lines with the true templates.

A data set is a folder that holds, in the layout of Loghub-2.0's full sets or of the 2k sets, one of

    <DS>_full.log_structured.csv                LineId, Content, EventId, EventTemplate
    <DS>_2k.log_structured_corrected.csv        the same and the header's fields
    <DS>_2k.log_structured.csv                  before the labels were corrected

`<DS>` is anything; nothing depends on a name. A folder of such folders is a group (`loghub_2k`, `loghub_2_0`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from driftwood.errors import ConfigError, DriftwoodError
from eval.parsing.metrics import NULL, Labels

LAYOUTS = {
    "*_full.log_structured.csv": "full",
    "*_2k.log_structured_corrected.csv": "2k",
    "*_2k.log_structured.csv": "2k, uncorrected",
}
"""The first that is there is read."""
_MARKS = ("*_full.log*", "*_2k.log*")
FETCH = "`driftwood data download loghub` fetches Loghub-2.0"
_BLOCK = 8 << 20  # bytes; a line must fit


class DataSetError(DriftwoodError):
    """A data set is missing or damaged. The message is the note of its row."""


@dataclass(frozen=True, slots=True)
class DataSet:
    name: str
    """The folder, from the folder of data sets on, as in `Apache` or `loghub_2k/Apache`."""
    folder: Path

    @property
    def group(self) -> str:
        """What its averages are taken over: the folder that it lies in, "" for the folder of data sets itself."""
        return self.name.rpartition("/")[0]

    def labels(self) -> tuple[Path, str]:
        """The file with the lines and their templates, and its layout. Raises DataSetError."""
        if not self.folder.is_dir():
            raise DataSetError(f"there is no folder {self.folder}; {FETCH}")
        for pattern, layout in LAYOUTS.items():
            if found := sorted(self.folder.glob(pattern)):
                return found[0], layout
        raise DataSetError(f"{self.folder} has none of {', '.join(LAYOUTS)}; {FETCH}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A data set in memory."""

    lines: pa.ChunkedArray[Any]
    """Strings: the Content of each line, which is what every subject gets."""
    truth: Labels
    layout: str


def find(data: Path | None, sets: Sequence[str] = ()) -> list[DataSet]:
    """The data sets of `data`, by name. `sets` are folders in it, at any level: a set, or a group of them.

    One that is not there is among them all the same, so that its row can say so. Raises ConfigError when there is
    nothing at all to read.
    """
    if data is None:
        raise ConfigError(f"where are the data sets? --data DIR; {FETCH}")
    if not data.is_dir():
        raise ConfigError(f"no folder of data sets at {data}; {FETCH}")
    found = _below(data)
    if not sets:
        if not found:
            raise ConfigError(f"{data} holds no data set of Loghub ({', '.join(LAYOUTS)}); {FETCH}")
        return found
    wanted: dict[str, DataSet] = {}
    for name in (name.strip("/") for name in sets):
        matching = [each for each in found if _is_in(each.name, name)]
        for each in matching or [DataSet(name, data / name)]:
            wanted.setdefault(each.name, each)
    return list(wanted.values())


def load(dataset: DataSet) -> Loaded:
    """Read it whole; templates are dictionary-encoded. Raises DataSetError, which says what is damaged."""
    path, layout = dataset.labels()
    try:
        try:
            table = _read(path, pa.string())
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
            table = _decoded(_read(path, pa.binary()))
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataSetError(f"{path} cannot be read: {reason}. Fetch it again") from error
    if not table.num_rows:
        raise DataSetError(f"{path} holds no line. Fetch it again")
    # An empty field is a missing label: CSV cannot tell the two apart.
    truth = Labels.of(table["EventTemplate"]).mapped(lambda text: text or None)
    if (truth.ids == NULL).all():
        raise DataSetError(f"{path} holds no true template. Fetch it again")
    return Loaded(table["Content"], truth, layout)


def sha(path: Path) -> str:
    """The first 16 digits of the file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _read(path: Path, text: pa.DataType) -> pa.Table:
    """Block by block: read at once, a file takes several times its size."""
    with arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=["Content", "EventTemplate"],
            column_types={"Content": text, "EventTemplate": pa.dictionary(pa.int32(), text)},
            strings_can_be_null=False,
        ),
    ) as blocks:
        return pa.Table.from_batches(list(blocks), blocks.schema)


def _decoded(table: pa.Table) -> pa.Table:
    """Bytes that are no UTF-8 become U+FFFD."""
    columns: dict[str, Any] = {}
    for name in table.column_names:
        chunks: Any = table[name].cast(pa.binary()).chunks
        columns[name] = pa.chunked_array(
            [[value.decode("utf-8", "replace") for value in chunk.to_pylist()] for chunk in chunks],
            pa.string(),
        )
    return pa.table(columns)


def _below(data: Path) -> list[DataSet]:
    """`data` itself, or the sets in it and in the groups in it."""
    if _is_set(data):
        return [DataSet(data.resolve().name, data)]
    found = []
    for folder in sorted(each for each in data.iterdir() if each.is_dir()):
        if _is_set(folder):
            found.append(DataSet(folder.name, folder))
        else:
            found += [
                DataSet(f"{folder.name}/{each.name}", each)
                for each in sorted(folder.iterdir())
                if each.is_dir() and _is_set(each)
            ]
    return found


def _is_set(folder: Path) -> bool:
    return any(next(folder.glob(mark), None) is not None for mark in _MARKS)


def _is_in(name: str, wanted: str) -> bool:
    """Whether `wanted` is the set, the group that it lies in, or the set's own folder."""
    return name == wanted or name.startswith(f"{wanted}/") or name.endswith(f"/{wanted}")
