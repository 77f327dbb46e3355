"""A cache that knows under which rules it learnt: other rules at the next start leave no stale shape."""

from __future__ import annotations

import pytest

from driftwood.errors import StoreError
from parsing import PARSERS
from parsing.ruled import RuledCache
from parsing.rules import Rule, Rules

PROTECT = Rule("protect", "8080")
LINE = "port 8080 is open"


def cache(*rules: Rule) -> RuledCache:
    made = RuledCache(PARSERS.make("drain3", max_templates=100))
    made.use(Rules(rules))
    return made


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ((), (PROTECT,), "port 8080 is open"),
        ((PROTECT,), (), "port <NUM> is open"),
        ((PROTECT,), (Rule("protect", "open"),), "port <NUM> is open"),
    ],
)
def test_shapes_learnt_under_other_rules_are_forgotten(
    before: tuple[Rule, ...], after: tuple[Rule, ...], text: str
) -> None:
    first, second = cache(*before), cache(*after)
    old = first.parse([LINE])
    first.changes()
    second.load(first.save())
    new = second.parse([LINE])
    assert new != old
    assert second.templates()[new[0]] == text


@pytest.mark.parametrize("rules", [(), (PROTECT,)])
def test_the_same_rules_forget_nothing(rules: tuple[Rule, ...]) -> None:
    first, second = cache(*rules), cache(*rules)
    ids = first.parse([LINE])
    first.changes()
    saved = first.save()
    second.load(saved)
    assert second.save() == saved
    assert (second.parse([LINE]), second.changes()) == (ids, ())


def test_a_damaged_state_is_refused() -> None:
    saved = cache(PROTECT).save()
    with pytest.raises(StoreError):
        cache().load(saved[:8] + b"\xff" * 16 + saved[24:])
    with pytest.raises(StoreError):
        cache().load(saved[:-1])
