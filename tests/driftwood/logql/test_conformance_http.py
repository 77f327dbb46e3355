"""Answers that a real Loki gave over HTTP, through every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwood.logql.answer import Limits
from tests.driftwood.logql.conformance import failures, report
from tests.driftwood.logql.engines import ENGINES
from tests.driftwood.logql.loki_cases import loghub_cases


@pytest.mark.parametrize("engine", ENGINES)
def test_every_answer_is_the_one_that_was_recorded(shared: Path, engine: str) -> None:
    cases = loghub_cases(shared)
    assert len(cases) >= 445
    failed = failures(cases, ENGINES[engine], Limits(max_series=10_000))
    assert not failed, report(failed)
