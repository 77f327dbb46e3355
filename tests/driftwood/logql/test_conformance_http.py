"""Answers that a real Loki gave over HTTP, through the reference engine."""

from __future__ import annotations

from pathlib import Path

from driftwood.logql.answer import Limits
from tests.driftwood.logql.conformance import failures, loghub_cases, report
from tests.driftwood.logql.engines import ENGINES


def test_every_answer_is_the_one_that_was_recorded(shared: Path) -> None:
    cases = loghub_cases(shared)
    assert len(cases) >= 445
    failed = failures(cases, ENGINES["reference"], Limits(max_series=10_000))
    assert not failed, report(failed)
