"""Snapshots of state: a JSON header and numpy arrays, exact to the last bit, compressed, never pickled."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import zstandard

_HEADER = "header"


def pack(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """One blob of `header` (anything JSON can say) and `arrays` (no objects)."""
    out = io.BytesIO()
    text = np.frombuffer(orjson.dumps(header), np.uint8)
    # Not by keyword: a name of ours must not meet a parameter of numpy's.
    np.savez(out, allow_pickle=False, **{_HEADER: text}, **{f"_{n}": a for n, a in arrays.items()})
    return zstandard.ZstdCompressor(level=1).compress(out.getvalue())


def unpack(state: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    with np.load(io.BytesIO(zstandard.decompress(state)), allow_pickle=False) as stored:
        header: dict[str, Any] = orjson.loads(stored[_HEADER].tobytes())
        return header, {name[1:]: stored[name] for name in stored.files if name != _HEADER}


def joined(parts: list[npt.NDArray[Any]], empty: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`parts` one after another; `empty` tells type and shape when there are none."""
    return np.concatenate(parts) if parts else empty


def parted(whole: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
    """What `joined` joined: parts of the given lengths, each its own copy.

    >>> [p.tolist() for p in parted(np.arange(3), np.array([1, 0, 2]))]
    [[0], [], [1, 2]]
    """
    ends = np.cumsum(lengths)
    return [whole[e - n : e].copy() for e, n in zip(ends, lengths, strict=True)]
