"""What is learnt from, what gives thresholds and what is tested never overlap, and no protocol sees the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eval.detection.dataset import Dataset, Split
from eval.detection.protocols import GAP_NS, Protocol, named, protocols_of, streams
from eval.parsing.readers import DataSetError
from tests.eval.detection.made import MINUTE, attacked, dataset, objects, sessions


def parted() -> Dataset:
    made = sessions(400)
    test = (made.truth == 1) | (np.arange(400) >= 150)
    session = [f"a{at // 40}" if made.truth[at] else f"t{at}" for at in range(400)]
    return replace(made, part=np.where(test, "test", "train").astype(object), group=objects(session))  # fmt: skip


def sampled() -> Dataset:
    made = sessions(2_000)
    part = np.where((made.truth == 0) & (np.arange(2_000) < 500), "train", "test").astype(object)
    return replace(made, part=part, weight=np.where(made.truth == 0, 30.0, 1.0))


def runs() -> Dataset:
    made = sessions(200)
    truth = np.where(np.arange(200) >= 160, made.truth, 0).astype(np.int8)
    return replace(made, truth=truth, group=objects([f"run{at // 20}" for at in range(200)]))


KINDS = {
    "timed": sessions(1_000),
    "phases": attacked(),
    "parts": parted(),
    "sample": sampled(),
    "runs": runs(),
}
EVERY = [
    pytest.param(data, protocol, id=f"{kind} {protocol.name}")
    for kind, data in KINDS.items()
    for protocol in protocols_of(data)
]


def protocol(data: Dataset, name: str) -> Protocol:
    (found,) = named(protocols_of(data), [name])
    return found


@pytest.mark.parametrize(("data", "protocol"), EVERY)
def test_parts_are_apart_and_in_order_and_the_same_for_a_seed(
    data: Dataset, protocol: Protocol
) -> None:
    split = protocol.split(data, 0)
    parts = (split.train, split.validation, split.test)
    assert all((np.diff(part) > 0).all() for part in parts)
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    assert 0 < (data.truth[split.test] == 1).sum() < len(split.test)
    assert same(split, protocol.split(data, 0))
    assert protocol.drawn != same(split, protocol.split(data, 1))


def same(one: Split, other: Split) -> bool:
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("train", "validation", "test")
    )


@pytest.mark.parametrize(("data", "protocol"), EVERY)
def test_what_is_taken_for_normal_is_normal_and_labels_are_said_to_those_who_may_know(
    data: Dataset, protocol: Protocol
) -> None:
    split = protocol.split(data, 0)
    assert (split.labels is not None) == (protocol.regime == "labelled")
    if protocol.regime == "normal":
        assert not data.truth[split.train].any()
    if protocol.regime != "unlabelled" or protocol.drawn:
        assert not data.truth[split.validation].any()
    if split.labels is not None and "noise" not in protocol.name:
        assert np.array_equal(split.labels, data.truth[split.train])


def test_in_time_nothing_of_the_test_or_near_it_is_learnt() -> None:
    data = sessions(1_000)
    start = data.batch.start
    for name in ("B", "C", "C 40-60", "C 50-60", "supervised"):
        split = protocol(data, name).split(data, 0)
        for part in (split.train, split.validation):
            assert start[part].max() < start[split.test[0]] - GAP_NS
    split = protocol(data, "B").split(data, 0)
    assert (split.test[0], len(split.test)) == (600, 400)
    assert 490 < split.train[-1] < split.validation[0] == 500
    backwards = protocol(data, "C reversed").split(data, 0)
    assert backwards.test[-1] < backwards.validation[0] < backwards.train[0]
    leaky = protocol(data, "leaky").split(data, 0)
    assert leaky.train[-1] > leaky.test[0], "it is what its name says"


def test_windows_are_learnt_from_for_longer_than_sessions() -> None:
    windows = dataset([[1]] * 100, [0] * 90 + [1] * 10, length_ns=MINUTE)
    assert streams(windows)
    assert not streams(sessions())
    assert protocol(windows, "B").split(windows, 0).test[0] == 80


def test_before_the_first_attack_is_training_and_all_after_it_is_judged() -> None:
    data = attacked()
    (strict,) = protocols_of(data)
    split = strict.split(data, 0)
    first = np.flatnonzero(data.phase != "")[0]
    assert data.batch.start[split.validation[-1]] < data.batch.start[first] - GAP_NS
    assert split.validation[-1] + 1 == split.test[0]
    assert split.test[-1] == len(data.truth) - 1
    assert len(split.validation) == (len(split.train) + len(split.validation)) // 5
    counted = {name: view(data, split.test).sum() for name, view in strict.views.items()}
    assert counted == {
        "strict": len(split.test),
        "inside": 12,
        "lenient": len(split.test) - data.ambiguous.sum(),
    }


def test_a_sample_is_weighed_to_the_population_that_it_stands_for() -> None:
    data = sampled()
    whole = [data.weight[data.truth == kind].sum() for kind in (0, 1)]
    for each in protocols_of(data):
        split = each.split(data, 3)
        assert split.weight is not None
        for kind in (0, 1):
            left = whole[kind] - (data.truth[split.train] == kind).sum()
            found = split.weight[data.truth[split.test] == kind].sum()
            assert found == pytest.approx(left), each.name


@pytest.mark.parametrize("share", [1, 3, 5])
def test_contamination_is_that_share_of_the_training_set(share: int) -> None:
    data = sampled()
    split = protocol(data, f"A+contamination{share}%").split(data, 0)
    assert data.truth[split.train].mean() == pytest.approx(share / 100, abs=0.002)
    assert not np.isin(split.train, split.test).any()


def test_few_labels_are_as_many_as_they_say_and_noise_is_wrong_ones() -> None:
    data = sampled()
    split = protocol(data, "labels5+200").split(data, 0)
    assert split.labels is not None
    assert np.bincount(split.labels).tolist() == [200, 5]
    assert not len(split.validation), "a threshold would be one more use of labels"
    noisy = protocol(data, "labels1%+noise5%").split(data, 0)
    assert noisy.labels is not None
    wrong = (noisy.labels != data.truth[noisy.train]).mean()
    assert wrong == pytest.approx(0.05, abs=0.01)


def test_an_attack_session_is_on_one_side_only() -> None:
    data = parted()
    for name in ("labels1%", "labels50%"):
        for seed in range(3):
            split = protocol(data, name).split(data, seed)
            known = set(data.group[split.train[data.truth[split.train] == 1]])
            judged = set(data.group[split.test[data.truth[split.test] == 1]])
            assert known
            assert judged
            assert not known & judged


def test_a_run_is_on_one_side_only_and_what_failed_is_never_learnt() -> None:
    data = runs()
    for seed in range(3):
        split = protocol(data, "runs").split(data, seed)
        sides = [set(data.group[part]) for part in (split.train, split.validation, split.test)]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]
        assert len(sides[0]) == 4


def test_a_data_set_without_what_a_protocol_needs_is_refused_with_the_reason() -> None:
    calm = dataset([[1]] * 50, [1] * 5 + [0] * 45)
    with pytest.raises(DataSetError, match="made has no anomaly among its 20 test units"):
        protocol(calm, "B").split(calm, 0)
    early = replace(attacked(), phase=objects(["scan"] * 600))
    with pytest.raises(DataSetError, match="nothing to learn from before the test"):
        protocol(early, "strict").split(early, 0)
