"""Cases from Loki's own declarative tests, through every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.driftwood.logql.conformance import failures, report
from tests.driftwood.logql.engines import ENGINES
from tests.driftwood.logql.loki_cases import logqltest_cases


@pytest.mark.parametrize("engine", ENGINES)
def test_every_answer_is_the_one_that_was_stated(shared: Path, engine: str) -> None:
    cases = logqltest_cases(shared)
    assert len(cases) >= 1_095
    failed = failures(cases, ENGINES[engine])
    assert not failed, report(failed)
