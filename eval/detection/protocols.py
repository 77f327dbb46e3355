"""By which rules a data set is judged: what is learnt from, what thresholds may be taken from, what is tested on.

Which protocols a data set has follows from what its loader knows of it, never from its name:

    attack phases        `strict`, with `inside`, `lenient` and `incidents` as views of the same scores
    a weighted sample    `A`: random normals of a population, with curves of contamination, few labels and label noise
    its authors' parts   `official`, and `labels...` by attack session where there are such
    runs                 `runs`: whole runs are learnt from or tested on
    time alone           `B`: chronological, normals only; `B+ack1h`: and with a person who answers; `C`: chronological,
                         unlabelled, with further slices of time;
                         `supervised`: chronological, all labels; `leaky`: a random split, as published tables have it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from driftwood.protocols import Labels
from eval.detection.dataset import Dataset, Rows, Split
from eval.parsing.readers import DataSetError

Regime = Literal["normal", "unlabelled", "labelled", "acknowledged"]
"""What is known of the training units: that they are normal; nothing; which are which. `acknowledged`: that they are
normal, and during the test what a person says of each new pattern, an hour after it came up."""
View = Callable[[Dataset, Rows], npt.NDArray[np.bool_]]
"""Which test units count."""

GAP_NS = 60 * 10**9
"""Units that start within it before the next part are in neither."""
VALIDATION = 2_000
"""Normal units of a sample kept for thresholds."""
FEW = ((5, 200), (10, 500), (20, 1_000), (50, 2_000))
"""Anomalous and normal units with a label."""
SHARES = (0.01, 0.05)
"""Of all units, with a label."""
MAX_LABELLED_NORMALS = 8_000
CONTAMINATION = (0.01, 0.03, 0.05)
NOISE = (0.01, 0.05)
SESSIONS = (0.01, 0.05, 0.1, 0.5)
"""Of all anomalous units, with a label, by attack session."""
SESSION_CUTS = (0.5, 0.6)
WINDOW_CUTS = (0.7, 0.8)
"""Where training ends and the test begins, as shares of the units."""


@dataclass(frozen=True)
class Protocol:
    name: str
    regime: Regime
    split: Callable[[Dataset, int], Split]
    """For a seed. Raises DataSetError when the data set has not what it takes."""
    drawn: bool = True
    """Whether the split depends on the seed."""
    views: Mapping[str, View] = field(default_factory=dict)
    """By the protocol's name in the rows; empty for one view, of all test units."""
    incidents: bool = False
    mean: str = ""
    """The protocol under which the mean over this one and others is given."""

    @property
    def names(self) -> tuple[str, ...]:
        """Under which its scores are judged."""
        return tuple(self.views) or (self.name,)


def all_units(data: Dataset, rows: Rows) -> npt.NDArray[np.bool_]:
    return np.ones(len(rows), np.bool_)


def protocols_of(data: Dataset) -> list[Protocol]:
    if len(data.ambiguous):
        return [_phased()]
    if len(data.weight):
        return _sampled(data)
    if len(data.part):
        return _parted(data)
    if 1 < len(set(data.group.tolist())) < len(data.group):
        return [Protocol("runs", "normal", _by_group)]
    return _chronological(data)


def streams(data: Dataset) -> bool:
    """Whether its units are windows of sources that go on, and not sessions that are one of many alike."""
    return data.level == "window"


# -- a stream with attack phases


def _phased() -> Protocol:
    views: dict[str, View] = {
        "strict": all_units,
        "inside": lambda data, rows: data.phase[rows] != "",
        "lenient": lambda data, rows: ~data.ambiguous[rows],
    }
    return Protocol("strict", "normal", _before_attack, drawn=False, views=views, incidents=True)


def _before_attack(data: Dataset, seed: int) -> Split:
    """Training ends a minute before the first phase; its last fifth is validation; all that follows is tested."""
    attacked = np.flatnonzero(data.phase != "")
    if not len(attacked):
        raise DataSetError(f"{data.name} has no attack phase")
    before = int(np.searchsorted(data.batch.start, data.batch.start[attacked[0]] - GAP_NS))
    cut = before - before // 5
    return _sound(data, Split(_rows(0, cut), _rows(cut, before), _rows(before, len(data.truth))))


# -- a weighted sample of a population


def _sampled(data: Dataset) -> list[Protocol]:
    found = [Protocol("A", "normal", _random_normals)]
    found += [
        Protocol(f"A+contamination{share:.0%}", "unlabelled", partial(_random_normals, share=share))
        for share in CONTAMINATION
    ]
    if not (data.truth[data.part == "test"] == 0).any():
        return found  # too few normals to hold labels and a test apart
    found += [
        Protocol(f"labels{a}+{n}", "labelled", partial(_few_labels, budget=(a, n)))
        for a, n in FEW
        if n <= (data.truth == 0).sum() // 2
    ]
    for share in SHARES:
        budget = _budget(data, share)
        found.append(
            Protocol(f"labels{share:.0%}", "labelled", partial(_few_labels, budget=budget))
        )
    found += [
        Protocol(
            f"labels1%+noise{noise:.0%}",
            "labelled",
            partial(_few_labels, budget=_budget(data, SHARES[0]), noise=noise),
        )
        for noise in NOISE
    ]
    return found


def _budget(data: Dataset, share: float) -> tuple[int, int]:
    whole = [float(data.weight[data.truth == kind].sum()) for kind in (1, 0)]
    at_hand = int((data.truth == 0).sum()) // 2
    return round(share * whole[0]), min(int(share * whole[1]), MAX_LABELLED_NORMALS, at_hand)


def _random_normals(data: Dataset, seed: int, share: float = 0.0) -> Split:
    """As many random normals as the authors train on, and among them `share` of anomalies, unknown to all."""
    rng = np.random.default_rng(seed)
    normal = rng.permutation(np.flatnonzero(data.truth == 0))
    train = min(int((data.part == "train").sum()), len(normal) * 3 // 5)
    validation = min(VALIDATION, len(normal) // 5)
    hidden = rng.permutation(np.flatnonzero(data.truth == 1))[: round(train * share / (1 - share))]
    return _weighed(
        data, np.concatenate((normal[:train], hidden)), normal[train : train + validation]
    )


def _few_labels(
    data: Dataset, seed: int, budget: tuple[int, int] = (0, 0), noise: float = 0.0
) -> Split:
    """`budget` anomalous and normal units with labels, a share of them wrong; no further unit for a threshold."""
    rng = np.random.default_rng(seed)
    train = np.sort(
        np.concatenate(
            [
                rng.permutation(np.flatnonzero(data.truth == kind))[:size]
                for kind, size in zip((1, 0), budget, strict=True)
            ]
        )
    )
    split = _weighed(data, train, np.empty(0, np.int64))
    return Split(
        split.train, split.validation, split.test, _noisy(data.truth[train], noise, rng), split.weight
    )  # fmt: skip


def _noisy(labels: Labels, noise: float, rng: np.random.Generator) -> Labels:
    wrong = rng.permutation(len(labels))[: round(noise * len(labels))]
    labels = labels.copy()
    labels[wrong] = 1 - labels[wrong]
    return labels


def _weighed(data: Dataset, train: Rows, validation: Rows) -> Split:
    """All others are tested, weighed to the natural prior."""
    train, validation = np.sort(train), np.sort(validation)
    rest = np.setdiff1d(np.arange(len(data.truth)), np.concatenate((train, validation)))
    return _sound(data, Split(train, validation, rest, weight=data.to_prior(train, rest)))


# -- parted by its authors


def _parted(data: Dataset) -> list[Protocol]:
    found = [Protocol("official", "normal", _official)]
    if len(data.group) and len(set(data.group[data.truth == 1].tolist())) > 1:
        found += [
            Protocol(f"labels{share:.0%}", "labelled", partial(_by_attack, share=share))
            for share in SESSIONS
        ]
    return found


def _official(data: Dataset, seed: int) -> Split:
    """A fifth of the normal test units is validation, unless its authors parted one off."""
    train, validation, test = (
        np.flatnonzero(data.part == part) for part in ("train", "validation", "test")
    )
    if not len(validation):
        normal = np.random.default_rng(seed).permutation(test[data.truth[test] == 0])
        validation = np.sort(normal[: len(normal) // 5])
        test = np.setdiff1d(test, validation)
    known = train[data.truth[train] == 0]
    return _sound(data, Split(known, validation[data.truth[validation] == 0], test))


def _by_attack(data: Dataset, seed: int, share: float = 1.0) -> Split:
    """Labels come from half of the attack sessions, `share` of all anomalies in number; the other half is tested."""
    official = _official(data, seed)
    rng = np.random.default_rng(seed)
    anomalous = np.flatnonzero(data.truth == 1)
    sessions = rng.permutation(np.unique(data.group[anomalous].astype(str)))
    known = np.isin(data.group.astype(str), sessions[: len(sessions) // 2]) & (data.truth == 1)
    labelled = rng.permutation(np.flatnonzero(known))[: max(round(share * len(anomalous)), 1)]
    train = np.sort(np.concatenate((official.train, labelled)))
    test = official.test[~known[official.test]]
    return _sound(data, Split(train, official.validation, test, data.truth[train]))


# -- whole runs


def _by_group(data: Dataset, seed: int) -> Split:
    """Runs without an anomaly: half are learnt from, a fifth gives thresholds; the rest and all others are tested."""
    name, of = np.unique(data.group.astype(str), return_inverse=True)
    bad = np.zeros(len(name), np.bool_)
    bad[of[data.truth == 1]] = True
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~bad))
    train, validation = max(len(normal) // 2, 1), max(len(normal) // 5, 1)
    rows = [
        np.flatnonzero(np.isin(of, part))
        for part in (normal[:train], normal[train : train + validation])
    ]
    test = np.setdiff1d(np.arange(len(of)), np.concatenate(rows))
    return _sound(data, Split(rows[0], rows[1], test))


# -- time alone


@dataclass(frozen=True)
class _Slice:
    """Shares of the units, by time."""

    train: tuple[float, float]
    validation: tuple[float, float]
    test: tuple[float, float]


SLICES: Mapping[str, _Slice] = {
    "C": _Slice((0.0, 0.5), (0.5, 0.6), (0.6, 1.0)),
    "C 40-60": _Slice((0.0, 0.3), (0.3, 0.4), (0.4, 0.6)),
    "C 50-60": _Slice((0.2, 0.5), (0.1, 0.2), (0.5, 0.6)),
    "C reversed": _Slice((0.6, 1.0), (0.5, 0.6), (0.0, 0.5)),
}
"""Training and test as in `C`, and other slices of the same data set. Validation is never later than the test, but for
`reversed`, which asks what a detector owes to the order of time."""


def _chronological(data: Dataset) -> list[Protocol]:
    train, test = WINDOW_CUTS if streams(data) else SESSION_CUTS
    usual = _Slice((0.0, train), (train, test), (test, 1.0))
    slices = {**SLICES, "C": usual}
    normals = partial(_in_time, parts=usual, regime="normal")
    acknowledged = Protocol("B+ack1h", "acknowledged", normals, drawn=False)
    return [
        Protocol("B", "normal", normals, drawn=False),
        *([] if streams(data) else [acknowledged]),
        *(
            Protocol(
                name,
                "unlabelled",
                partial(_in_time, parts=parts, regime="unlabelled"),
                drawn=False,
                mean="" if name == "C reversed" else "C forward",
            )
            for name, parts in slices.items()
        ),
        Protocol(
            "supervised", "labelled", partial(_in_time, parts=usual, regime="labelled"), drawn=False
        ),
        Protocol("leaky", "normal", partial(_leaky, parts=usual)),
    ]


def _in_time(data: Dataset, seed: int, parts: _Slice, regime: Regime) -> Split:
    train, validation, test = (
        _rows(*(round(cut * len(data.truth)) for cut in part))
        for part in (parts.train, parts.validation, parts.test)
    )
    start = data.batch.start
    for first in (validation, test):
        train = train[(start[train] < start[first[0]] - GAP_NS) | (train > first[-1])]
    validation = validation[(start[validation] < start[test[0]] - GAP_NS) | (validation > test[-1])]
    if regime != "unlabelled":
        validation = validation[data.truth[validation] == 0]
    if regime == "normal":
        train = train[data.truth[train] == 0]
    labels = data.truth[train] if regime == "labelled" else None
    return _sound(data, Split(train, validation, test, labels))


def _leaky(data: Dataset, seed: int, parts: _Slice) -> Split:
    """As many as in time, but drawn: what comes later is learnt from, and twins lie on both sides."""
    order = np.random.default_rng(seed).permutation(len(data.truth))
    cuts = [round(cut * len(order)) for cut in (parts.train[1], parts.validation[1])]
    train, validation, test = (np.sort(part) for part in np.split(order, cuts))
    known = [part[data.truth[part] == 0] for part in (train, validation)]
    return _sound(data, Split(known[0], known[1], test))


def _rows(first: int, end: int) -> Rows:
    return np.arange(first, end)


def _sound(data: Dataset, split: Split) -> Split:
    """Raises DataSetError when nothing can be learnt or judged."""
    anomalies = int((data.truth[split.test] == 1).sum())
    if not len(split.train):
        raise DataSetError(f"{data.name} has nothing to learn from before the test")
    if not anomalies or anomalies == len(split.test):
        what = "anomaly" if not anomalies else "normal unit"
        raise DataSetError(f"{data.name} has no {what} among its {len(split.test)} test units")
    return split


def named(found: Sequence[Protocol], names: Sequence[str]) -> list[Protocol]:
    """Those that are asked for, by their own name or that of a view; all when none is."""
    return [each for each in found if not names or {each.name, *each.names} & set(names)]
