"""Logs of gigabytes, read twice and never held whole: once to count and to hash them, once to take them apart."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from eval.detection.loaders.columns import Ints, Names, objects
from eval.detection.loaders.files import DAMAGED
from eval.parsing.readers import DataSetError

MAX_LINES = 10_000_000
"""What is read of a larger log, as published results do with Thunderbird's 211 million lines."""
_BLOCK = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Counted:
    lines: int
    """At most MAX_LINES; empty ones are counted."""
    more: bool
    """Whether the log goes on after them."""
    sha: str
    """Of what is read."""


def counted(path: Path, most: int | None = None) -> Counted:
    """Raises DataSetError when there is no line, or when the file is damaged."""
    most = MAX_LINES if most is None else most
    whole, lines = hashlib.sha256(), 0
    more = False
    for block in _blocks(path):
        if more or lines == most:
            more = True
            break
        of = block.count(b"\n") + (not block.endswith(b"\n"))
        if lines + of > most:
            block, more = _first(block, most - lines), True
            of = most - lines
        whole.update(block)
        lines += of
    if not lines:
        raise DataSetError(f"{path} holds no line. Fetch it again")
    return Counted(lines, more, whole.hexdigest()[:16])


def read(path: Path, lines: int) -> Iterator[pa.StringArray]:
    """The first `lines` lines, in blocks, without their ends; bytes that are no UTF-8 become U+FFFD."""
    for block in _blocks(path):
        texts = block.decode("utf-8", "replace").split("\n")
        if not texts[-1]:
            texts.pop()
        texts = [text.removesuffix("\r") for text in texts[:lines]]
        yield pa.array(texts, pa.string())
        lines -= len(texts)
        if not lines:
            return


@dataclass
class Interned:
    """Values of few kinds, a number each: a column of texts would take many times the room."""

    numbers: dict[str | None, int] = field(default_factory=dict)
    parts: list[Any] = field(default_factory=list)

    def add(self, column: Any) -> None:
        coded = column.dictionary_encode("encode")
        texts = coded.dictionary.to_pylist()
        place = [self.numbers.setdefault(text or None, len(self.numbers)) for text in texts]
        self.parts.append(np.array(place, np.int32)[coded.indices.to_numpy()])

    @property
    def codes(self) -> Ints:
        return np.concatenate([np.empty(0, np.int32), *self.parts])

    @property
    def column(self) -> Names:
        """Texts, None where there is none."""
        return objects(list(self.numbers))[self.codes]


def _blocks(path: Path) -> Iterator[bytes]:
    """Whole lines, about `_BLOCK` bytes at a time."""
    try:
        with _opened(path) as file:
            rest = b""
            while block := file.read(_BLOCK):
                at = block.rfind(b"\n") + 1
                if at:
                    yield rest + block[:at]
                    rest = block[at:]
                else:
                    rest += block
            if rest:
                yield rest
    except DAMAGED as error:
        raise DataSetError(f"{path} cannot be read: {error}. Fetch it again") from error


def _opened(path: Path) -> IO[bytes]:
    packed: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    opened: IO[bytes] = packed.get(path.suffix, Path.open)(path, "rb")
    return opened


def _first(block: bytes, lines: int) -> bytes:
    at = 0
    for _ in range(lines):
        at = block.index(b"\n", at) + 1
    return block[:at]
