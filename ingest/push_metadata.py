"""The structured metadata of pushed entries, as the flat columns that Arrow's maps are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.redact import Redactor

Int64s = npt.NDArray[np.int64]

_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class Metadata:
    """Of each entry its pairs, one entry's after another's; no entry has a name twice."""

    __slots__ = ("names", "offsets", "values")

    def __init__(
        self, offsets: npt.NDArray[np.int32], names: Sequence[str], values: Sequence[str]
    ) -> None:
        """Entry i has the pairs `offsets[i] : offsets[i + 1]`."""
        self.offsets = offsets
        self.names = names
        self.values = values

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, str]]) -> Metadata:
        """One mapping per entry. Names that no label can have are changed as Loki does."""
        names = [name for entry in entries for name in entry]
        if any(label_name(name) != name for name in dict.fromkeys(names)):
            entries = [renamed(entry.items()) for entry in entries]
            names = [name for entry in entries for name in entry]
        values = [value for entry in entries for value in entry.values()]
        return cls(_offsets(np.fromiter(map(len, entries), np.int32, len(entries))), names, values)

    @classmethod
    def none(cls, entries: int) -> Metadata:
        return cls(np.zeros(entries + 1, np.int32), (), ())

    def redacted(self, redactor: Redactor) -> Metadata:
        return Metadata(self.offsets, self.names, redactor.values(self.names, self.values))

    def counts(self) -> Int64s:
        """Pairs of each entry."""
        return np.diff(self.offsets).astype(np.int64)

    def bytes(self) -> Int64s:
        """Bytes of names and values of each entry."""
        sizes = np.zeros(len(self.names) + 1, np.int64)
        for texts in (self.names, self.values):
            lengths = pc.binary_length(pa.array(texts, pa.string())).to_numpy()
            sizes[1:] += np.cumsum(lengths, dtype=np.int64)
        ends: Int64s = sizes[self.offsets]
        return np.diff(ends)

    def maps(self) -> Any:
        """The column `sm` of records."""
        offsets: Any = pa.array(self.offsets)
        return pa.MapArray.from_arrays(
            offsets,
            pa.array(self.names, pa.string()),
            pa.array(self.values, pa.string()),
        )


def _offsets(counts: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def renamed(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """`pairs` under names that a label may have; of those that become the same, the last."""
    return {label_name(name): value for name, value in pairs}


@lru_cache(maxsize=65_536)
def label_name(name: str) -> str:
    """`name` as a label may be called: Prometheus' rule, which Loki applies to metadata and to OTLP's attributes.

    >>> [label_name(n) for n in ("k8s.pod.name", "2xx", "_id", "__id", "größe", "")]
    ['k8s_pod_name', 'key_2xx', 'key_id', '__id', 'gr__e', '']
    """
    plain = _NOT_IN_A_NAME.sub("_", name)
    if plain[:1].isdigit():
        return "key_" + plain
    if plain.startswith("_") and not plain.startswith("__"):
        return "key" + plain
    return plain
