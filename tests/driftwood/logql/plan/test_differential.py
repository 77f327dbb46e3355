"""Random queries on random lines: the planner answers what the reference engine answers, or refuses as it does."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import batch
from driftwood.errors import QueryError
from driftwood.logql.answer import Question
from driftwood.logql.ast import Expr
from driftwood.logql.plan.engine import QuerySettings, explain
from tests.driftwood.logql.plan.random_questions import (
    LIMITS,
    QUERIES,
    QUESTIONS,
    judged,
    source,
    store,
)
from tests.driftwood.logql.plan.stored import Kept


@pytest.mark.parametrize("kept", ["hot", "sealed", "both"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 3), expr=QUERIES.expressions(), question=QUESTIONS)
def test_both_engines_give_the_same_answer(
    kept: Kept, seed: int, expr: Expr, question: Question
) -> None:
    found = judged(source(seed), store(seed, kept), expr, question)
    assert found.agree, f"{expr}\n  {question}\n  {found.expected}\n  {found.got}"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(expr=QUERIES.expressions(), question=QUESTIONS)
def test_every_query_can_be_explained(expr: Expr, question: Question) -> None:
    try:
        told = explain(store(0, "both"), expr, question, QuerySettings(LIMITS))
    except QueryError:
        return
    assert told.sql.count(";") >= len(told.statements)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(6))
def test_both_engines_agree_on_a_share_of_the_fuzz(number: int) -> None:
    """`python -m benchmarks.fuzz` asks the whole of it."""
    found = batch(seed=20_261_124, number=number, size=500)
    assert found.asked == 500
    assert found.answered > 300
    assert not found.disagreements, "\n".join(found.reports)
