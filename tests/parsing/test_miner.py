"""Driftwood's own miner: what makes a template, that order does not matter, lineage, bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsing.miner import Driftwood
from parsing.params import matches
from parsing.plain import plain

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")
WORDS = st.sampled_from([*NAMES, "user", "disk", "7", "10.0.0.1", "a=", "a=b", "()", "(x)", "<*>"])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), max_size=40)


def texts(lines: list[str]) -> list[str]:
    miner = Driftwood()
    ids = miner.parse(lines)
    of = miner.templates()
    return [of[each] for each in ids]


@settings(deadline=None, max_examples=300)
@given(lines=LINES, random=st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(lines: list[str], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert dict(zip(shuffled, texts(shuffled), strict=True)) == dict(
        zip(lines, texts(lines), strict=True)
    )


@settings(deadline=None, max_examples=300)
@given(lines=LINES)
def test_every_line_matches_the_template_it_ends_in(lines: list[str]) -> None:
    miner = Driftwood()
    ids = miner.parse(lines)
    successor, text = {}, {}
    for each in miner.changes():
        text[each.id] = each.text
        successor.update(dict.fromkeys(each.parents, each.id))
    for line, template in zip(lines, ids, strict=True):
        while template in successor:
            template = successor[template]
        assert matches(line, text[template])


@settings(deadline=None)
@given(one=LINES, other=LINES)
def test_two_workers_that_are_joined_end_where_one_does(one: list[str], other: list[str]) -> None:
    assert set(texts(one + other)) == set(texts(other + one))


def test_few_words_stay_apart_and_many_become_a_variable() -> None:
    assert set(texts([f"session {x} for ops" for x in ("opened", "closed")])) == {
        "session opened for ops",
        "session closed for ops",
    }
    assert set(texts([f"session opened for {name}" for name in NAMES])) == {
        "session opened for <*>"
    }


def test_keys_make_the_template_where_there_are_several() -> None:
    lines = [
        f"audit name={a} dev={b} ino=7 class={c}"
        for a, b, c in zip(NAMES, "uvwxyz", "abcabc", strict=True)
    ]
    assert set(texts(lines)) == {"audit name=<*> dev=<*> ino=<*> class=<*>"}


def test_nothing_is_a_value_where_one_may_stand() -> None:
    assert set(texts(["from 10.0.0.1 () at 7", "from 10.0.0.1 (10.0.0.2) at 7"])) == {
        "from <*> (<*>) at <*>"
    }


def test_a_merge_keeps_the_oldest_id_and_names_the_others_as_parents() -> None:
    miner = Driftwood()
    ids = miner.parse([f"session opened for {name}" for name in NAMES])
    assert ids[2:] == [ids[0]] * 4
    assert ids[1] != ids[0]
    assert [(each.id, each.version, each.parents) for each in miner.changes()] == [
        (ids[0], 1, ()),
        (ids[1], 1, ()),
        (ids[0], 2, (ids[1],)),
    ]
    assert miner.templates()[ids[1]] == miner.templates()[ids[0]]


@pytest.mark.parametrize("kept", [1, 7])
def test_memory_is_bounded(kept: int) -> None:
    miner = Driftwood(max_templates=kept)
    lines = [f"{chr(97 + n % 26) * (1 + n // 26)} happened" + " again" * n for n in range(200)]
    ids = miner.parse(lines)
    assert set(ids[-10 * kept :]) <= set(miner.templates())
    assert len(miner.templates()) <= 11 * kept
    again = Driftwood(max_templates=kept)
    again.load(miner.save())
    assert again.save() == miner.save()


def test_a_template_with_many_values_remembers_no_more_of_them() -> None:
    miner = Driftwood()
    miner.parse([f"user {chr(97 + n % 26)}{chr(97 + n // 26 % 26)}x logged in" for n in range(600)])
    assert len(set(miner.templates().values())) == 1
    assert len(miner.save()) < 3000


def test_the_benchmarks_notation_is_stable() -> None:
    text = "took <NUM> ms  at v<NUM>.<NUM> '<PATH>' (<IP>:<NUM>) 77 blk_<NUM>"
    assert plain(text) == "took <*> ms at <*> <*> (<*>) <*> <*>"
    assert plain(plain(text)) == plain(text)


def test_a_request_keeps_its_verb_and_a_list_of_any_length_is_one_value() -> None:
    assert set(
        texts([f'"{verb} /a/{verb}?x=1 HTTP/1.1" 200' for verb in ("GET", "PUT", "POST")])
    ) == {
        '"GET <*>" <*>',
        '"PUT <*>" <*>',
        '"POST <*>" <*>',
    }
    lists = [" ".join(f"blk_{n}" for n in range(size)) for size in (7, 9, 12)]
    assert set(texts([f"delete {each}" for each in lists])) == {"delete <*>"}
