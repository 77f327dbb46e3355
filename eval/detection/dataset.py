"""A labelled data set as the protocols see it, and one way to part it into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from driftwood.protocols import Labels, LogBatch

Rows = npt.NDArray[np.int64]
"""Rows of units, ascending."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An incident that is known, for views by incident."""

    kind: str
    subject: str
    """The source, service or pod that it befell."""
    start: int
    end: int
    """[start, end), ns"""


@dataclass(frozen=True)
class Dataset:
    """Units in the order of their start, and the truth about each.

    Template ids are those of the source where it has any, otherwise a parser's that learnt from the first units only.
    """

    name: str
    """The folder with its part, as in `ait_ads/fox`."""
    batch: LogBatch
    truth: Labels
    """(U,) 1 anomalous, 0 normal; never -1."""
    texts: Mapping[int, str]
    """Template texts by id."""
    sha: str
    """Of the files that it was read from."""
    level: Literal["window", "session"] = "session"
    """What its units are: windows of sources that go on, or sessions that are each one of many alike."""
    group: npt.NDArray[np.object_] = field(default_factory=lambda: np.empty(0, np.object_))
    """(U,) what may not be torn apart by a split (an attack session, a run); empty when units stand alone."""
    phase: npt.NDArray[np.object_] = field(default_factory=lambda: np.empty(0, np.object_))
    """(U,) the attack's phase that runs during the unit, "" outside any; empty when there are none."""
    ambiguous: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """(U,) units in a phase that nothing says are part of the attack; empty when there are none."""
    part: npt.NDArray[np.object_] = field(default_factory=lambda: np.empty(0, np.object_))
    """(U,) `train`, `validation` or `test` as its authors parted it; empty when they did not."""
    weight: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """(U,) how many units of the whole one of a sample stands for; empty when each stands for itself."""
    faults: tuple[Fault, ...] = ()
    """Known incidents by start, where the data set lists them."""
    note: str = ""
    """What a reader of its results must know; goes into their note."""

    def to_prior(self, train: Rows, test: Rows) -> npt.NDArray[np.float64]:
        """(test,) weights with which the test units stand for all units of the whole that `train` does not hold.

        Normal and anomalous ones apart, so that the prevalence is the natural one.
        """
        weight = self.weight if len(self.weight) else np.ones(len(self.truth))
        scale = np.zeros(2)
        for kind in (0, 1):
            rest = weight[self.truth == kind].sum() - (self.truth[train] == kind).sum()
            scale[kind] = rest / max(weight[test][self.truth[test] == kind].sum(), 1.0)
        return weight[test] * scale[self.truth[test]]


@dataclass(frozen=True)
class Split:
    """What a protocol makes of a data set for one seed."""

    train: Rows
    validation: Rows
    test: Rows
    labels: Labels | None = None
    """(train,) what detectors that need labels may know; None: all of `train` is taken for normal."""
    weight: npt.NDArray[np.float64] | None = None
    """(test,) to the natural prior; None: each counts once."""
