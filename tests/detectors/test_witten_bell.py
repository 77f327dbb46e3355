from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.reading import BEGIN, END, read
from detectors.vectors import Floats
from detectors.witten_bell import WittenBell
from eval.detection.loaders.columns import untimed

Sequences = list[list[int]]
sequences = st.lists(st.lists(st.integers(1, 4), max_size=8), min_size=1, max_size=8)


def learn(model: WittenBell, said: Sequences) -> None:
    found = read(batch(said), ("template",))
    text = found.fields["template"]
    model.learn(text.values, text.history, found.times[found.session])


def batch(said: Sequences):  # type: ignore[no-untyped-def]
    return untimed([np.array(s, np.int64) for s in said], {})


class Plain:
    """The same model in the words of the paper: a dictionary of counters for each length of context."""

    def __init__(self, levels: int, said: Sequences) -> None:
        self.counts: list[dict[tuple[int, ...], Counter[int]]] = [
            defaultdict(Counter) for _ in range(levels)
        ]
        for sequence in said:
            whole = [BEGIN, *sequence, END]
            for at in range(1, len(whole)):
                for level in range(min(levels, at + 1)):
                    self.counts[level][tuple(whole[at - level : at])][whole[at]] += 1

    def p(self, before: list[int], value: int) -> float:
        values = self.counts[0][()]
        p = 1.0 / (len(values) + 1)
        for level, contexts in enumerate(self.counts[: len(before) + 1]):
            counts = contexts.get(tuple(before[len(before) - level :]))
            if not counts:
                break
            p = (counts[value] + len(counts) * p) / (counts.total() + len(counts))
        return p

    def surprise(self, sequence: list[int]) -> list[tuple[float, float, float]]:
        whole, told = [BEGIN, *sequence, END], []
        everything = [*self.counts[0][()], -1]
        for at in range(1, len(whole)):
            p = np.array([self.p(whole[:at], value) for value in everything])
            mean = float(-(p * np.log(p)).sum())
            variance = float((p * np.log(p) ** 2).sum()) - mean**2
            told.append((-float(np.log(self.p(whole[:at], whole[at]))), mean, variance))
        return told


def told(model: WittenBell, sequence: list[int]) -> Floats:
    text = read(batch([sequence]), ("template",)).fields["template"]
    found = model.surprise(text.values, text.history)
    return np.stack((found.nll, found.entropy, found.variance), axis=1)


@settings(deadline=None)
@given(sequences, st.lists(st.integers(1, 6), max_size=8), st.integers(1, 5))
def test_surprise_its_mean_and_its_variance_are_those_of_the_paper(
    said: Sequences, asked: list[int], levels: int
) -> None:
    model = WittenBell(levels)
    learn(model, said)
    assert np.allclose(told(model, asked), Plain(levels, said).surprise(asked), atol=1e-9)


@settings(deadline=None)
@given(sequences, sequences)
def test_counts_add_up_however_they_are_learnt(first: Sequences, second: Sequences) -> None:
    parts, whole = WittenBell(3), WittenBell(3)
    learn(parts, first)
    told(parts, [1, 2])
    learn(parts, second)
    learn(whole, first + second)
    for name, array in whole.save().items():
        assert (parts.save()[name] == array).all()


def test_the_likeliest_is_what_followed_most_often() -> None:
    model = WittenBell(2)
    learn(model, [[1, 2], [1, 2], [1, 3]])
    text = read(batch([[1]]), ("template",)).fields["template"]
    found = model.surprise(text.values, text.history)
    value, p = model.likeliest(int(found.depth[1]), int(found.context[1]))
    # 3 times 1, then 2 of 2 values; of all 9 events of 4 values, 2 were 2, and the unknown counts as a fifth value.
    assert value == 2
    assert np.isclose(p, (2 + 2 * (2 + 4 / 5) / (9 + 4)) / (3 + 2))


def test_a_model_that_knows_nothing_finds_nothing_likelier() -> None:
    assert (told(WittenBell(3), [1, 2]) == 0).all()
