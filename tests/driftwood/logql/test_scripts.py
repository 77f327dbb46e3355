"""The scripts beside this file, through every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.driftwood.logql.conformance import failures, report
from tests.driftwood.logql.engines import ENGINES
from tests.driftwood.logql.scripts import cases_of

SCRIPTS = sorted(Path(__file__).parent.glob("*.logqltest"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_script_gets_the_answers_that_it_states(script: Path, engine: str) -> None:
    cases = list(cases_of(script))
    assert cases
    failed = failures(cases, ENGINES[engine])
    assert not failed, report(failed)
