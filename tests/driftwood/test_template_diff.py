"""Two tables of template counts compared: kinds, ratios, and how much of a difference is chance."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.template_diff import Counted, Counts, compare

QUARTERS = (15.0,) * 4


def counts(**templates: list[int]) -> Counts:
    """By text (underscores are spaces), in four quarters of an hour; an id is the text's first letter."""
    return Counts(
        QUARTERS,
        {ord(name[0]): Counted(name.replace("_", " "), parts) for name, parts in templates.items()},
    )


def test_new_and_vanished_templates_come_by_how_frequent_they_are() -> None:
    moved = compare(
        counts(rare=[1, 0, 0, 0], often=[9, 9, 9, 9]), counts(gone=[5, 5, 5, 5], same=[1, 1, 1, 1])
    )
    assert [(m.kind, m.text) for m in moved] == [
        ("new", "often"),
        ("vanished", "gone"),
        ("vanished", "same"),
        ("new", "rare"),
    ]
    often = moved[0]
    assert (often.count, often.base_count, often.ratio) == (36, 0, 37)
    # all 36 in one of two equal halves has probability 2^-36
    assert often.surprise == pytest.approx(math.sqrt(2 * 36 * math.log(2)))
    assert moved[1].surprise < 0


def test_a_steady_rate_that_moved_is_a_change_and_a_burst_is_not() -> None:
    steady = compare(counts(a=[25, 25, 25, 25]), counts(a=[10, 10, 10, 10]))
    assert [(m.kind, m.count, m.base_count) for m in steady] == [("changed", 100, 40)]
    assert steady[0].ratio == pytest.approx(101 / 41)
    assert compare(counts(a=[0, 100, 0, 0]), counts(a=[0, 0, 40, 0])) == []


def test_windows_of_different_lengths_are_compared_by_rate() -> None:
    hour = counts(a=[20, 20, 20, 20])
    day = Counts((360.0,) * 4, {ord("a"): Counted("a", [480, 480, 480, 480])})
    assert compare(hour, day) == []


def test_a_vanished_template_and_a_new_one_with_the_same_words_are_one_that_was_reworded() -> None:
    base = Counts(
        QUARTERS,
        {
            1: Counted("user <NUM> logged in", [5] * 4),
            2: Counted("cache miss for <*>", [5] * 4),
        },
    )
    now = Counts(
        QUARTERS,
        {
            3: Counted("user <NUM> has logged in from <IP>", [5] * 4),
            4: Counted("<NUM> <NUM> disk full <*>", [5] * 4),
        },
    )
    moved = {m.kind: m for m in compare(now, base)}
    reworded = moved["reworded"]
    assert (reworded.id, reworded.base_id, reworded.base_text) == (3, 1, "user <NUM> logged in")
    assert (reworded.count, reworded.base_count, reworded.surprise) == (20, 20, 0)
    assert (moved["new"].id, moved["vanished"].id) == (4, 2)


def test_the_same_template_with_another_text_was_reworded_unless_its_rate_moved_too() -> None:
    base = Counts(QUARTERS, {1: Counted("GET /cart 17", [5] * 4)})
    same_rate = Counts(QUARTERS, {1: Counted("GET /cart <NUM>", [5] * 4)})
    more = Counts(QUARTERS, {1: Counted("GET /cart <NUM>", [50] * 4)})
    assert [m.kind for m in compare(same_rate, base)] == ["reworded"]
    assert [m.kind for m in compare(more, base)] == ["changed"]


def test_of_thousands_of_templates_whose_rate_stayed_hardly_any_is_said_to_have_moved() -> None:
    rng = random.Random(5)

    def drawn(burst: int) -> list[int]:
        return [burst * sum(rng.random() < 0.1 for _ in range(50)) for _ in range(12)]

    window = (1.0,) * 12
    bursts = [1 + i % 10 for i in range(2_000)]
    now = Counts(window, {i: Counted(str(i), drawn(b)) for i, b in enumerate(bursts)})
    base = Counts(window, {i: Counted(str(i), drawn(b)) for i, b in enumerate(bursts)})
    assert len(compare(now, base)) <= 4


TABLES = st.dictionaries(
    st.integers(0, 9),
    st.builds(
        Counted,
        st.sampled_from(["a b c", "a b d", "x <NUM>", "", "<*>", "a b c d"]),
        st.lists(st.integers(0, 1_000), min_size=4, max_size=4).filter(any),
    ),
).map(lambda templates: Counts(QUARTERS, templates))


@given(TABLES, TABLES)
def test_the_other_way_round_new_is_vanished_and_more_is_less(a: Counts, b: Counts) -> None:
    there, back = compare(a, b), compare(b, a)
    other = {"new": "vanished", "vanished": "new"}
    assert sorted((m.kind, round(m.surprise, 6)) for m in there if m.kind != "reworded") == sorted(
        (other.get(m.kind, m.kind), round(-m.surprise, 6)) for m in back if m.kind != "reworded"
    )
    assert [abs(m.surprise) for m in there] == sorted(
        (abs(m.surprise) for m in there), reverse=True
    )
    assert compare(a, a) == []
