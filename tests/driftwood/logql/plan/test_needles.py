"""What lines need to pass line filters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.logql.ast import FilterOp, LineFilter, LogQuery, Operand
from driftwood.logql.parser import parse
from driftwood.logql.plan.needles import needles_of
from driftwood.logql.re2 import RegexError
from driftwood.logql.stages.errors import StageError
from driftwood.logql.stages.line_filter import line_test
from driftwood.store.grams import Needles, hashes_of


def of(filters: str) -> Needles:
    query = parse(f'{{a="b"}} {filters}')
    assert isinstance(query, LogQuery)
    return needles_of([stage for stage in query.stages if isinstance(stage, LineFilter)])


def each(*texts: str) -> Needles:
    return tuple((hashes_of([text]),) for text in texts)


@pytest.mark.parametrize(
    ("filters", "needed"),
    [
        ('|= "declined" |= "card"', each("declined", "card")),
        ('|= "abc"', ()),
        ('!= "declined" !~ "declined" !> "declined<_>"', ()),
        ('|~ "(?i)declined"', ()),
        ('|~ "GET /api/(x|y)+ 50[0-9] done"', each("GET /api/", " done")),
        ('|~ "(first|second)?"', ()),
        ('|~ "first|.*"', each("first")),  # what always holds is left out
        ('|= ip("10.0.0.0/8")', ()),
        ('|= "first" or "it"', ()),
    ],
)
def test_a_line_needs_what_its_filters_cannot_do_without(filters: str, needed: Needles) -> None:
    assert of(filters) == needed


def test_of_alternatives_one_is_needed() -> None:
    one_of = (hashes_of(["first"]), hashes_of(["second"]))
    assert of('|= "first" or "second"') == (one_of,)
    assert of('|~ "(first|second) [0-9]"') == (one_of,)
    assert of('|> "<_>first<_>" or "<_>second<_>"') == (one_of,)


TEXTS = st.text("abAB0 \n.|()*+?[]^$\\", max_size=14)


@settings(deadline=None)
@given(
    st.sampled_from([FilterOp.CONTAINS, FilterOp.MATCHES]), TEXTS, st.text("abAB0 \n", max_size=20)
)
def test_a_line_that_passes_has_what_is_needed(op: FilterOp, text: str, line: str) -> None:
    stage = LineFilter(op, (Operand(text),))
    try:
        passes = line_test(stage)(line)
    except (StageError, RegexError):
        return
    if passes:
        has = set(hashes_of([line]))
        assert all(any(has.issuperset(h) for h in one_of) for one_of in needles_of([stage]))
