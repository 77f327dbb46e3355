"""News is judged by how much news a source brings, how bad it is and how much of it there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.new_template import NewTemplate
from detectors.units import Rows, Source, Unit, batch_of
from driftwood.protocols import LogBatch

MINUTE_NS = 60 * 10**9


def window(number: int, said: Sequence[tuple[int, int, int]]) -> LogBatch:
    """`said`: (template, severity, lines)."""
    templates = np.array([t for t, _, n in said for _ in range(n)], np.int64)
    severity = np.array([s for _, s, n in said for _ in range(n)], np.uint8)
    ids = np.arange(len(templates)) + 1_000 * number
    ts = np.full(len(templates), number * MINUTE_NS)
    unit = Unit(Source("{}", "api", "{}"), number, Rows(ts, templates, severity, ids))
    return batch_of([unit], MINUTE_NS)


def after(windows: int, news_every: int = 0) -> NewTemplate:
    detector = NewTemplate()
    for number in range(windows):
        said = [(1, 9, 30), (2, 9, 5)]
        if news_every and number % news_every == 0:
            said.append((1_000 + number, 9, 1))
        detector.partial_fit(window(number, said))
    return detector


def p_value(detector: NewTemplate, said: Sequence[tuple[int, int, int]]) -> float:
    scores = detector.score(window(10_000, said))
    return float(scores.p_value[0]) if len(scores.p_value) else 1.0


def test_a_quiet_source_that_says_something_new_is_strange_and_a_chatty_one_is_not() -> None:
    assert p_value(after(1_440), [(77, 9, 1)]) < 0.003
    assert p_value(after(1_440, news_every=2), [(77, 9, 1)]) > 0.3


def test_what_was_said_before_is_no_news() -> None:
    assert p_value(after(100), [(1, 9, 500), (2, 17, 3)]) == 1.0


def test_a_new_error_is_stranger_than_a_new_debug_line_and_many_lines_than_one() -> None:
    detector = after(300)
    one, error, many = (
        p_value(detector, [said]) for said in ((77, 9, 1), (77, 17, 1), (77, 9, 20))
    )
    assert error < one / 2
    assert many < one / 10


def test_many_new_templates_at_once_are_stranger_than_one() -> None:
    detector = after(300, news_every=20)
    assert (
        p_value(detector, [(t, 9, 1) for t in range(70, 82)])
        < p_value(detector, [(77, 9, 1)]) / 100
    )


def test_memory_is_bounded() -> None:
    detector = NewTemplate(max_templates=100)
    for number in range(400):
        detector.partial_fit(window(number, [(1, 9, 1), (1_000 + number, 9, 1)]))
    assert p_value(detector, [(1, 9, 1)]) == 1.0
    assert len(detector.save()) < 4_000
