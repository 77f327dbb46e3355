"""Cases from Loki's own declarative tests, through the reference engine."""

from __future__ import annotations

from pathlib import Path

from tests.driftwood.logql.conformance import failures, logqltest_cases, report
from tests.driftwood.logql.engines import ENGINES


def test_every_answer_is_the_one_that_was_stated(shared: Path) -> None:
    cases = logqltest_cases(shared)
    assert len(cases) >= 1_095
    failed = failures(cases, ENGINES["reference"])
    assert not failed, report(failed)
