"""Who takes part in the benchmark of detection: every detector of the table, what is made of some, and plain floors.

A subject is asked once per protocol and seed for the scores of the validation and of the test units. It never sees a
label of either. A detector of windows is run as in production, in streaming: units in the order of their start, those
of one start scored together and then learnt from. A detector of sessions is fitted once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from detectors import DETECTORS
from detectors.acknowledgements import acknowledged
from detectors.context import Context
from driftwood.errors import ConfigError
from driftwood.protocols import Detector
from eval.detection.classifiers import CLASSIFIERS
from eval.detection.dataset import Dataset, Rows, Split
from eval.detection.metrics import Floats, threshold_of
from eval.detection.protocols import Regime, streams

ANSWER_NS = 3600 * 10**9
ASKED = 0.01
"""The share of normal validation units that a person might be asked about."""


class Judged(NamedTuple):
    """Scores of the units of a split, in its order."""

    validation: Floats
    test: Floats


@dataclass(frozen=True)
class Case:
    """One split of a data set, and what was scored on it so far: what is made of a detector need not run it again."""

    data: Dataset
    split: Split
    regime: Regime
    seed: int
    memory: dict[str, tuple[Judged, float]]

    def scores_of(self, name: str) -> Judged:
        """The scores of another subject."""
        judged, _ = self.timed(name)
        return judged

    def timed(self, name: str) -> tuple[Judged, float]:
        """With the CPU seconds that they took, whoever asked first."""
        if name not in self.memory:
            asked = subject(name)
            parts = sum(self.timed(part)[1] for part in asked.of)
            before = time.process_time()
            judged = asked.run(self)
            self.memory[name] = judged, time.process_time() - before + parts
        return self.memory[name]


class Subject(Protocol):
    """See the head of this file."""

    @property
    def of(self) -> tuple[str, ...]:
        """The subjects that it is made of."""

    @property
    def natural(self) -> float | None:
        """A score above it means anomalous; None where validation must tell."""

    def fits(self, data: Dataset, regime: Regime) -> bool:
        """Whether it takes part when all do."""

    def can(self, data: Dataset, regime: Regime) -> bool:
        """Whether it is able to, when it is asked for by name."""

    def run(self, case: Case) -> Judged: ...


@dataclass(frozen=True)
class Alone:
    """A detector as it is."""

    name: str
    of: tuple[str, ...] = ()

    @property
    def natural(self) -> float | None:
        return 0.5 if "labels" in self._made.needs else None

    @property
    def _made(self) -> Detector:
        return DETECTORS.make(self.name)

    def fits(self, data: Dataset, regime: Regime) -> bool:
        # What knows only normal sessions is a floor for labels too, but one of them is enough.
        if self._made.level == "window" and not streams(data):
            return False
        if regime == "labelled":
            return "labels" in self._made.needs or self.name in WITH_LABELS
        return self.can(data, regime)

    def can(self, data: Dataset, regime: Regime) -> bool:
        needs = self._made.needs
        if "fields" in needs and data.batch.fields is None:
            return False
        if regime == "acknowledged":
            # What merely trains on would have to see all again for one more session.
            return self._made.level == "session" and self._made.incremental and not needs
        return "labels" not in needs or regime == "labelled"

    def run(self, case: Case) -> Judged:
        return fitted(self._made, case)


@dataclass(frozen=True)
class Refit:
    """Thresholds as of the detector that knows the training units; the test is scored by one that knows both parts.

    Units of validation are known to be normal, too, and they are the latest.
    """

    name: str
    natural: float | None = None

    @property
    def of(self) -> tuple[str, ...]:
        return (self.name,)

    def fits(self, data: Dataset, regime: Regime) -> bool:
        # Of slow ones, when it is asked for.
        return self.can(data, regime) and not streams(data) and self.name in SIMPLE

    def can(self, data: Dataset, regime: Regime) -> bool:
        return regime == "normal"

    def run(self, case: Case) -> Judged:
        known = np.sort(np.concatenate((case.split.train, case.split.validation)))
        detector = DETECTORS.make(self.name)
        detector.fit(case.data.batch.at(known), seed=case.seed)
        test = case.data.batch.at(case.split.test)
        return Judged(
            case.scores_of(self.name).validation, detector.score(test).of_units(len(test))
        )


@dataclass(frozen=True)
class Made:
    """Scores made of those of others, on windows of sources that go on."""

    of: tuple[str, ...]
    make: Callable[[Case, tuple[Judged, ...]], Judged]
    natural: float | None = None

    def fits(self, data: Dataset, regime: Regime) -> bool:
        return self.can(data, regime) and streams(data)

    def can(self, data: Dataset, regime: Regime) -> bool:
        return all(subject(part).can(data, regime) for part in self.of)

    def run(self, case: Case) -> Judged:
        return self.make(case, tuple(case.scores_of(part) for part in self.of))


@dataclass(frozen=True)
class Told:
    """Scores that no content is looked at for."""

    make: Callable[[Dataset, Rows], Floats]
    where: Callable[[Dataset], bool]
    of: tuple[str, ...] = ()
    natural: float | None = 0.5

    def fits(self, data: Dataset, regime: Regime) -> bool:
        return self.where(data)

    def can(self, data: Dataset, regime: Regime) -> bool:
        return self.where(data)

    def run(self, case: Case) -> Judged:
        return Judged(
            self.make(case.data, case.split.validation), self.make(case.data, case.split.test)
        )


@dataclass(frozen=True)
class Classified:
    """A classifier of count vectors with the labels that there are."""

    name: str
    of: tuple[str, ...] = ()
    natural: float | None = 0.5

    def fits(self, data: Dataset, regime: Regime) -> bool:
        return regime == "labelled"

    can = fits

    def run(self, case: Case) -> Judged:
        assert case.split.labels is not None
        batch = case.data.batch
        score = CLASSIFIERS[self.name](batch.at(case.split.train), case.split.labels, case.seed)
        return Judged(score(batch.at(case.split.validation)), score(batch.at(case.split.test)))


def fitted(detector: Detector, case: Case) -> Judged:
    """Fit to the training units, then score the others, in streaming where it follows its sources."""
    batch, split = case.data.batch, case.split
    detector.fit(batch.at(split.train), split.labels, seed=case.seed)
    if case.regime == "acknowledged":
        return answered(detector, case)
    if detector.level == "session":
        parts = [batch.at(rows) for rows in (split.validation, split.test)]
        return Judged(*(detector.score(part).of_units(len(part)) for part in parts))
    found = np.zeros(len(batch))
    for rows in _by_start(case.data, np.sort(np.concatenate((split.validation, split.test)))):
        now = batch.at(rows)
        found[rows] = detector.score(now).of_units(len(rows))
        detector.partial_fit(now)
    return Judged(found[split.validation], found[split.test])


def answered(detector: Detector, case: Case) -> Judged:
    """Scores of a detector that asks a person about each new pattern above the threshold of validation.

    The person's answers are the one use of the test's labels: of a unit that was scored already, after `ANSWER_NS`.
    """
    batch, split = case.data.batch, case.split
    validation = batch.at(split.validation)
    scores = detector.score(validation).of_units(len(validation))
    test, _ = acknowledged(
        detector,
        batch.at(split.test),
        lambda row: bool(case.data.truth[split.test[row]]),
        ANSWER_NS,
        threshold_of(scores, ASKED),
    )
    return Judged(scores, test)


def _by_start(data: Dataset, rows: Rows) -> Iterator[Rows]:
    """Rows in order, those of one start together."""
    heads = np.flatnonzero(np.diff(data.batch.start[rows])) + 1
    yield from (part for part in np.split(rows, heads) if len(part))


# -- what is made of detectors


def with_context(case: Case, parts: tuple[Judged, ...]) -> Judged:
    """The score, raised by what was strange just before."""
    context, batch = Context().fit(parts[0].validation), case.data.batch
    found = np.zeros(len(batch))
    found[case.split.validation], found[case.split.test] = parts[0]
    # Of runs side by side, validation is not before the test.
    rows = np.sort(np.concatenate((case.split.validation, case.split.test)))
    found[rows] = context.apply(batch.source[rows], batch.start[rows], found[rows])
    return Judged(found[case.split.validation], found[case.split.test])


def one_more_with_context(case: Case, parts: tuple[Judged, ...]) -> Judged:
    return with_context(case, (Judged(*(score + 1.0 for score in parts[0])),))


def context_only(case: Case, parts: tuple[Judged, ...]) -> Judged:
    """How much the context raises a score, whatever it is."""
    raised = one_more_with_context(case, parts)
    return Judged(*(np.asarray(r / (s + 1.0)) for r, s in zip(raised, parts[0], strict=True)))


def added(case: Case, parts: tuple[Judged, ...]) -> Judged:
    return Judged(*(np.sum([getattr(p, of) for p in parts], axis=0) for of in Judged._fields))


_HAS_PHASES: Callable[[Dataset], bool] = lambda data: bool(len(data.ambiguous))  # noqa: E731

MADE: dict[str, Subject] = {
    "episode_memory*context": Made(("episode_memory",), with_context),
    "context only": Made(("episode_memory",), context_only),
    "(new type + 1)*context": Made(("type_new",), one_more_with_context),
    "relation_new+relation_exceed": Made(("relation_new", "relation_exceed"), added),
    **{f"{name} refit": Refit(name) for name in ("knn", "ngram_lm_10", "sequence_ensemble")},
    **{name: Classified(name) for name in CLASSIFIERS},
    "oracle gate": Told(lambda data, rows: (data.phase[rows] != "") * 1.0, _HAS_PHASES),
    "all_positive": Told(lambda data, rows: np.ones(len(rows)), lambda data: True),
}
ORACLES = frozenset({"oracle gate", "all_positive"})
"""They compete with nobody: one knows what no detector may, the other nothing."""
SIMPLE = frozenset(
    {
        *("new_event", "length", "event_set", "count_vector", "count_vector_bucketed", "ecvc"),
        *("ecvc_idf", "knn", "knn refit", "pca", "isolation_forest", "invariants"),
        *("ngram_unseen", "edit_distance", "new_template", "rate_change", "error_burst"),
        *("relation_new", "type_new", "relation_rarity", "relation_exceed"),
        "relation_new+relation_exceed",
        *("(new type + 1)*context", "context only", *CLASSIFIERS),
    }
)
"""The best of these of one regime is what the others are compared with."""
DRAWN = frozenset({"decision_tree", "random_forest"})
"""They draw lots. (Of a detector it is seen by its state.)"""
WITH_LABELS = frozenset({"knn", "event_set"})
"""They take part with labels too, of which they know the normal ones."""


def subject(name: str) -> Subject:
    """Raises ConfigError with the names that there are."""
    if name in MADE:
        return MADE[name]
    if name in DETECTORS:
        return Alone(name)
    raise ConfigError(f"no subject named {name!r}; known: {', '.join(known())}, all")


def known() -> list[str]:
    """Every subject; what is made of a detector that is not in the table is left out."""
    made = [
        name
        for name, each in MADE.items()
        if all(part in DETECTORS or part in MADE for part in each.of)
    ]
    return [*DETECTORS, *made]


def chosen(names: list[str]) -> list[str]:
    """All that are fast by default, `all` with the neural ones. Raises ConfigError."""
    if names and names != ["all"]:
        for name in names:
            if name not in known():
                subject(name)
                raise ConfigError(f"{name} needs {', '.join(subject(name).of)}, which is not there")
        return names
    return [name for name in known() if names or not _is_slow(name)]


def _is_slow(name: str) -> bool:
    return name in DETECTORS and DETECTORS.locate(name).startswith("detectors.neural")
