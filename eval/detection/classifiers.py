"""Plain classifiers of sessions by their template counts: what a few labels are worth without any cleverness.

Features are ln(1 + count) of the templates of the training units, and of all others together. Distinct vectors are
scored once.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from driftwood.errors import ConfigError
from driftwood.protocols import Labels, LogBatch
from driftwood.registry import how_to_install
from eval.detection.metrics import Floats

Score = Callable[[LogBatch], Floats]
"""(U,) 0 normal .. 1 anomalous"""


class Features:
    def __init__(self, train: LogBatch) -> None:
        self._vocabulary = np.unique(train.template_id)

    def of(self, batch: LogBatch) -> Floats:
        """(U, templates + 1), the last for what training did not have."""
        tally, width = batch.tally, len(self._vocabulary)
        place = np.searchsorted(self._vocabulary, tally.template_id)
        known = self._vocabulary[np.minimum(place, max(width - 1, 0))] if width else place
        column = np.where(known == tally.template_id, place, width) if width else place * 0
        counts = np.zeros((len(batch), width + 1))
        unit = np.repeat(np.arange(len(batch)), np.diff(tally.bounds))
        np.add.at(counts, (unit, column), tally.count)
        return np.log1p(counts)


def _scoring(features: Features, score: Callable[[Floats], Floats]) -> Score:
    def scores(batch: LogBatch) -> Floats:
        if not len(batch):
            return np.empty(0)
        distinct, kind = np.unique(features.of(batch), axis=0, return_inverse=True)
        return score(distinct)[kind.reshape(-1)]

    return scores


def _made(module: str, name: str, **settings: Any) -> Any:
    try:
        return getattr(import_module(f"sklearn.{module}"), name)(**settings)
    except ModuleNotFoundError as error:
        install = how_to_install("sklearn")
        raise ConfigError(f"{name} needs scikit-learn; install it with {install}") from error


def _learnt(model: Any, train: LogBatch, labels: Labels) -> Score:
    features = Features(train)
    model.fit(features.of(train), labels)

    def anomalous(asked: Floats) -> Floats:
        if 1 not in model.classes_:
            return np.zeros(len(asked))
        found: Floats = model.predict_proba(asked)[:, list(model.classes_).index(1)]
        return found

    return _scoring(features, anomalous)


def logistic_regression(train: LogBatch, labels: Labels, seed: int) -> Score:
    return _learnt(
        _made("linear_model", "LogisticRegression", max_iter=2_000, random_state=seed),
        train,
        labels,
    )


def decision_tree(train: LogBatch, labels: Labels, seed: int) -> Score:
    return _learnt(_made("tree", "DecisionTreeClassifier", random_state=seed), train, labels)


def random_forest(train: LogBatch, labels: Labels, seed: int) -> Score:
    return _learnt(
        _made("ensemble", "RandomForestClassifier", n_estimators=200, random_state=seed),
        train,
        labels,
    )


def nearest_label(train: LogBatch, labels: Labels, seed: int) -> Score:
    """1-NN: the label of the nearest labelled unit."""
    return _by_distance(
        train, labels, lambda normal, anomalous: (anomalous < normal).astype(np.float64)
    )


def distance_ratio(train: LogBatch, labels: Labels, seed: int) -> Score:
    """d_n / (d_n + d_a), of the distances to the nearest normal and the nearest anomalous unit."""

    def ratio(normal: Floats, anomalous: Floats) -> Floats:
        return np.asarray(normal / np.maximum(normal + anomalous, 1e-12), np.float64)

    return _by_distance(train, labels, ratio)


def _by_distance(
    train: LogBatch, labels: Labels, judge: Callable[[Floats, Floats], Floats]
) -> Score:
    features = Features(train)
    known = features.of(train)
    sides = [np.unique(known[labels == kind], axis=0) for kind in (0, 1)]
    return _scoring(features, lambda asked: judge(*(_nearest(asked, side) for side in sides)))


def _nearest(asked: Floats, known: Floats, cells: int = 4_000_000) -> Floats:
    """Euclidean; infinite when nothing is known."""
    out = np.full(len(asked), np.inf)
    if not len(known):
        return out
    square = (known**2).sum(axis=1)
    size = max(cells // len(known), 1)
    for first in range(0, len(asked), size):
        part = asked[first : first + size]
        far = (part**2).sum(axis=1)[:, None] - 2 * part @ known.T + square
        out[first : first + size] = np.sqrt(np.maximum(far.min(axis=1), 0.0).round(9))
    return out


CLASSIFIERS: dict[str, Callable[[LogBatch, Labels, int], Score]] = {
    each.__name__: each
    for each in (
        *(logistic_regression, decision_tree, random_forest),
        *(nearest_label, distance_ratio),
    )
}
"""From training units with labels and a seed to what scores others."""
