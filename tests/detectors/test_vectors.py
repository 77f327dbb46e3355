from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.references import SCALE, References, log_steps
from detectors.vectors import Vectors, distinct, sequence_keys, set_keys, vector_keys
from tests.detectors.session_batches import sessions

WORDS = st.lists(st.text("abcde", max_size=8), max_size=30)


@given(WORDS)
def test_keys_are_equal_exactly_where_vectors_sequences_or_sets_are(words: list[str]) -> None:
    batch = sessions(*words)
    vectors, of = Vectors.of(batch)
    for keys, kind in (
        (vector_keys(batch), lambda word: tuple(sorted(word))),
        (sequence_keys(batch), tuple),
        (set_keys(vectors)[of], frozenset),
    ):
        assert len(distinct(keys).key) == len({kind(word) for word in words})
        for unit, other in zip(range(len(words)), range(1, len(words)), strict=False):
            assert (keys[unit] == keys[other]) == (kind(words[unit]) == kind(words[other]))


@given(WORDS)
def test_distinct_vectors_hold_the_counts_of_their_units(words: list[str]) -> None:
    vectors, of = Vectors.of(sessions(*words))
    for unit, word in enumerate(words):
        row = slice(*vectors.bounds[of[unit] : of[unit] + 2])
        held = dict(zip(vectors.template[row], vectors.count[row], strict=True))
        assert held == Counter(map(ord, word))
    assert vectors.times.sum() == len(words)


@given(WORDS, WORDS)
def test_merged_vectors_are_those_of_both(one: list[str], other: list[str]) -> None:
    merged = Vectors.of(sessions(*one))[0].merged(Vectors.of(sessions(*other))[0])
    whole, _ = Vectors.of(sessions(*one, *other))
    for name in ("key", "bounds", "template", "count", "times"):
        assert getattr(merged, name).tolist() == getattr(whole, name).tolist()


def test_what_few_sessions_had_longest_ago_is_forgotten_first() -> None:
    vectors, _ = Vectors.of(sessions("a", "b", "c", "b", "d"))
    kept = vectors.capped(3, 100)
    assert sorted(map(chr, kept.template)) == ["b", "c", "d"]
    assert np.array_equal(np.sort(kept.key), kept.key)
    assert len(vectors.capped(100, 2)) == 2


def test_vectors_come_back_from_their_arrays() -> None:
    vectors, _ = Vectors.of(sessions("aab", "", "c"))
    loaded = Vectors.from_arrays({n: a.astype(np.int64) for n, a in vectors.arrays().items()})
    assert loaded.key.tolist() == vectors.key.tolist()


@given(WORDS, st.lists(st.text("abcdez", max_size=8), min_size=1, max_size=20))
def test_the_nearest_reference_is_the_one_that_plain_arithmetic_finds(
    normal: list[str], words: list[str]
) -> None:
    known, _ = Vectors.of(sessions(*normal))
    asked, of = Vectors.of(sessions(*words))
    square, row = References(known, log_steps(known.count)).nearest(asked, log_steps(asked.count))
    for unit, word in enumerate(words):
        far = [_distance(word, other) for other in normal] or [_distance(word, "")]
        assert np.sqrt(square[of[unit]]) / SCALE == pytest.approx(min(far), abs=1e-4)
    assert ((row >= 0) == bool(normal)).all()


def test_a_block_at_a_time_gives_the_same_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    known, _ = Vectors.of(sessions(*("".join(rng.choice(list("abcdef"), 6)) for _ in range(300))))
    asked, _ = Vectors.of(sessions(*("".join(rng.choice(list("abcdxy"), 5)) for _ in range(300))))
    whole = References(known, log_steps(known.count)).nearest(asked, log_steps(asked.count))
    monkeypatch.setattr("detectors.references._BLOCK", 64)
    parts = References(known, log_steps(known.count)).nearest(asked, log_steps(asked.count))
    assert parts[0].tolist() == whole[0].tolist()
    assert parts[1].tolist() == whole[1].tolist()


def _distance(one: str, other: str) -> float:
    a, b = Counter(one), Counter(other)
    return float(np.sqrt(sum((np.log1p(a[x]) - np.log1p(b[x])) ** 2 for x in a | b)))
