from __future__ import annotations

import numpy as np

from eval.detection.dataset import Dataset, Split
from eval.detection.duplicates import duplicates
from eval.detection.loaders.columns import untimed


def dataset_of(*sequences: list[int]) -> Dataset:
    batch = untimed([np.array(each, np.int64) for each in sequences], {})
    return Dataset("x", batch, np.zeros(len(sequences), np.int8), {}, "")


def split_of(train: int, units: int) -> Split:
    return Split(np.arange(train), np.empty(0, np.int64), np.arange(train, units))


def test_units_with_the_same_templates_in_the_same_order_are_the_same() -> None:
    data = dataset_of([1, 2], [3], [1, 2], [2, 1], [2, 1], [])
    found = duplicates(data, split_of(2, 6))
    assert found.distinct == 3
    assert found.trained.tolist() == [True, False, False, False]
    assert found.share_trained == 0.25
    assert found.once.tolist() == [1.0, 0.5, 0.5, 1.0]


def test_by_counts_the_order_does_not_matter() -> None:
    data = dataset_of([1, 2], [3], [1, 2], [2, 1], [2, 1, 1])
    found = duplicates(data, split_of(2, 5), "counts")
    assert found.distinct == 2
    assert found.trained.tolist() == [True, True, False]


def test_what_is_part_of_another_unit_is_not_the_same() -> None:
    data = dataset_of([1, 2, 3], [1], [2, 3])
    assert not duplicates(data, split_of(1, 3)).trained.any()


def test_without_units_to_judge_there_is_no_share() -> None:
    found = duplicates(dataset_of([1]), split_of(1, 1))
    assert found.distinct == 0
    assert np.isnan(found.share_trained)
