"""How many of the units that are judged are different at all, and how many were there in training, too.

A score on a test set of which most units are copies says little about new ones: results name both numbers, and may
count each distinct unit once (`once`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from driftwood.protocols import LogBatch
from eval.detection.dataset import Dataset, Split

By = Literal["sequence", "counts"]
"""Units are the same when their templates are, in the same order, or as often whatever the order."""


@dataclass(frozen=True)
class Duplicates:
    item: npt.NDArray[np.int64]
    """(test,) units of one number are the same."""
    trained: npt.NDArray[np.bool_]
    """(test,) units that equal one of `train`."""
    once: npt.NDArray[np.float64]
    """(test,) weights with which each distinct item counts once."""

    @property
    def distinct(self) -> int:
        return len(np.unique(self.item))

    @property
    def share_trained(self) -> float:
        """Of all test units, repeated ones included; NaN when there are none."""
        return float(self.trained.mean()) if len(self.trained) else float("nan")


def duplicates(dataset: Dataset, split: Split, by: By = "sequence") -> Duplicates:
    numbers: dict[bytes, int] = {}
    _numbered(dataset.batch.at(split.train), by, numbers)
    known = len(numbers)
    item = _numbered(dataset.batch.at(split.test), by, numbers)
    size = np.bincount(item, minlength=max(len(numbers), 1))
    return Duplicates(item, item < known, 1.0 / size[item])


def _numbered(batch: LogBatch, by: By, numbers: dict[bytes, int]) -> npt.NDArray[np.int64]:
    """A number per unit, the same for the same content; new contents are added to `numbers`."""
    if by == "sequence":
        bounds, rows = batch.bounds, batch.template_id[:, None]
    else:
        tally = batch.tally
        bounds, rows = tally.bounds, np.stack([tally.template_id, tally.count], axis=1)
    contents = np.ascontiguousarray(rows).tobytes()
    width = rows.shape[1] * rows.itemsize
    ends = (bounds * width).tolist()
    found = [numbers.setdefault(contents[start:end], len(numbers)) for start, end in pairwise(ends)]
    return np.array(found, np.int64)
