from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.tokens import END, UNKNOWN, EventTokenizer, gaps, ordinals
from driftwood.protocols import Fields, LogBatch

MS = 1_000_000

Event = tuple[int, int, int, tuple[tuple[str, str], ...]]
"""(ms, template, severity, ((name, value), ...))"""


def batch(units: list[tuple[str, list[Event]]]) -> LogBatch:
    events = [(u, *event) for u, (_, said) in enumerate(units) for event in said]
    fields = [(i, name, value) for i, event in enumerate(events) for name, value in event[4]]
    return LogBatch(
        source=objects([f'{{"service_name":"{service}"}}' for service, _ in units]),
        service=objects([service for service, _ in units]),
        start=np.arange(len(units), dtype=np.int64),
        end=np.arange(len(units), dtype=np.int64) + 1,
        unit=np.array([e[0] for e in events], np.int32),
        ts=np.array([e[1] * MS for e in events], np.int64),
        template_id=np.array([e[2] for e in events], np.int64),
        severity=np.array([e[3] for e in events], np.uint8),
        line_id=np.arange(len(events), dtype=np.int64),
        fields=Fields(
            np.array([f[0] for f in fields], np.int64),
            objects([f[1] for f in fields]),
            objects([f[2] for f in fields]),
        ),
    )


def objects(texts: list[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out


def said(*templates: int) -> list[Event]:
    return [(i, t, 9, ()) for i, t in enumerate(templates)]


def test_each_field_has_a_block_of_its_own() -> None:
    tokenizer = EventTokenizer()
    tokenizer.fit(batch([("api", [(0, 70, 9, (("ip", "a"),)), (5, 80, 17, ())])]))
    assert tokenizer.names == ("template", "severity", "service", "gap", "entity ip")
    rows = tokenizer.tokens(batch([("api", [(0, 70, 9, (("ip", "b"),)), (5, 80, 17, ())])]))
    assert rows.dtype == np.int32
    assert rows.shape == (2, 5)
    for field in range(5):
        block = tokenizer.block(field)
        assert (rows[:, field] >= block.start + 2).all()
        assert (rows[:, field] < block.stop).all()
        assert tokenizer.end[field] == block.start + END
    assert tokenizer.size == tokenizer.block(4).stop == sum(tokenizer.sizes)
    assert [tokenizer.value(0, t) for t in rows[:, 0].tolist()] == [70, 80]


def test_what_training_did_not_have_is_unknown() -> None:
    tokenizer = EventTokenizer(("template", "severity", "service"))
    tokenizer.fit(batch([("api", said(1, 2))]))
    rows = tokenizer.tokens(batch([("pay", [(0, 3, 17, ())])]))
    assert (rows[0] == tokenizer.offsets + UNKNOWN).all()
    assert tokenizer.value(0, int(rows[0, 0])) is None


def test_a_tokenizer_of_nothing_finds_everything_unknown() -> None:
    tokenizer = EventTokenizer()
    tokenizer.fit(batch([]))
    assert tokenizer.tokens(batch([("api", said(1))]))[0, 0] == UNKNOWN


@pytest.mark.parametrize(
    ("ms", "bin_"), [(0, 1), (1, 2), (2, 3), (3, 3), (4, 4), (1_000, 11), (2**40, 33)]
)
def test_gaps_double_from_bin_to_bin(ms: int, bin_: int) -> None:
    events: list[Event] = [(7, 1, 9, ()), (7 + ms, 1, 9, ())]
    assert gaps(batch([("api", []), ("api", events), ("api", said(1))])).tolist() == [0, bin_, 0]


def test_an_entity_is_known_by_when_its_session_first_showed_it() -> None:
    a, b, c = (("ip", "a"),), (("ip", "b"),), (("ip", "a"), ("ip", "c"))
    one: list[Event] = [(0, 1, 9, b), (1, 1, 9, a), (2, 1, 9, ()), (3, 1, 9, b), (4, 1, 9, c)]
    two: list[Event] = [(0, 1, 9, a), (1, 1, 9, (("user", "x"),))]
    assert ordinals(batch([("api", one), ("api", two)]), "ip").tolist() == [1, 2, 0, 1, 3, 1, 0]


@given(st.lists(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz")), max_size=4))
def test_ordinals_are_what_a_plain_loop_gives(sessions: list[list[str]]) -> None:
    units: list[tuple[str, list[Event]]] = [
        ("api", [(i, 1, 9, (("ip", value),)) for i, value in enumerate(values)])
        for values in sessions
    ]
    expected = [
        min(list(dict.fromkeys(values)).index(value) + 1, 15)
        for values in sessions
        for value in values
    ]
    assert ordinals(batch(units), "ip").tolist() == expected


def test_a_loaded_tokenizer_says_the_same() -> None:
    units = batch([("api", [(0, 70, 9, (("ip", "a"),)), (5, 80, 17, ())])])
    tokenizer, loaded = EventTokenizer(), EventTokenizer()
    tokenizer.fit(units)
    loaded.load(*tokenizer.save())
    assert (loaded.tokens(units) == tokenizer.tokens(units)).all()
    assert loaded.names == tokenizer.names
