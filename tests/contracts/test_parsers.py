"""What every registered parser keeps, alone and behind the shape cache."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.errors import StoreError
from driftwood.protocols import Parser
from parsing import PARSERS
from parsing.plain import plain
from parsing.shapes import ShapeCache

MAKERS: dict[str, Callable[[], Parser]] = {
    **{name: lambda name=name: PARSERS.make(name) for name in PARSERS},  # type: ignore[misc]
    **{f"cached-{name}": lambda name=name: ShapeCache(PARSERS.make(name)) for name in PARSERS},  # type: ignore[misc]
}
parsers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)

WORDS = st.sampled_from(
    ["user", "disk", "bob", "amy", "7", "81", "10.0.0.1", "a=b", "a=c", "<*>", "", "\0"]
)
LINES = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=30)


@parsers
@settings(deadline=None)
@given(lines=LINES, at=st.integers(0, 30))
def test_batches_do_not_matter(make: Callable[[], Parser], lines: list[str], at: int) -> None:
    whole, parts = make(), make()
    assert parts.parse(lines[:at]) + parts.parse(lines[at:]) == whole.parse(lines)
    assert parts.templates() == whole.templates()


@parsers
@settings(deadline=None)
@given(lines=LINES, at=st.integers(0, 30))
def test_a_restart_does_not_matter(make: Callable[[], Parser], lines: list[str], at: int) -> None:
    whole, first, second = make(), make(), make()
    expected = whole.parse(lines)
    ids = first.parse(lines[:at])
    changes = first.changes()
    second.load(first.save())
    assert ids + second.parse(lines[at:]) == expected
    assert changes + second.changes() == whole.changes()
    assert second.save() == whole.save()


@parsers
@settings(deadline=None)
@given(lines=LINES)
def test_every_id_has_a_text_and_a_version_that_was_announced(
    make: Callable[[], Parser], lines: list[str]
) -> None:
    parser = make()
    ids = parser.parse(lines)
    announced = parser.changes()
    newest = {each.id: each for each in announced}
    successor = {parent: each.id for each in announced for parent in each.parents}
    assert set(ids) <= set(newest)
    for template, text in parser.templates().items():
        assert newest[template].version == parser.version(template)
        while template in successor:
            template = successor[template]
        assert plain(newest[template].text) == plain(text)
    assert parser.changes() == ()


@parsers
@settings(deadline=None)
@given(lines=LINES)
def test_versions_rise_by_one_from_one(make: Callable[[], Parser], lines: list[str]) -> None:
    parser = make()
    parser.parse(lines)
    versions: dict[int, list[int]] = {}
    for each in parser.changes():
        versions.setdefault(each.id, [0]).append(each.version)
    assert all(b == a + 1 for each in versions.values() for a, b in pairwise(each))


@parsers
def test_ids_are_positive_and_fit_a_bigint(make: Callable[[], Parser]) -> None:
    ids = make().parse([f"{'word ' * n}end" for n in range(50)])
    assert all(0 < each < 2**63 for each in ids)


@parsers
def test_a_state_that_is_none_is_refused(make: Callable[[], Parser]) -> None:
    with pytest.raises(StoreError):
        make().load(b"\x80\x04not a state of ours")
