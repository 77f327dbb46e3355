from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.answer import Instant, Labels, Limits, Question, Range
from driftwood.logql.ast import Matcher
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import StoredEntry

S = 10**9
QUESTIONS: tuple[Question, ...] = (Instant(60 * S), Range(0, 60 * S, 7 * S))
LINES = (
    'level=info msg="hello" v=1 dur=3s size=4KB ip=10.0.0.1',
    '{"a":1,"b":"x","v":"2","nested":{"x":1}}',
    "not json",
    "",
    "a=NaN v=inf dur=bad",
)


class AnySelector:
    """Lines that every selector selects, so that every stage has something to do."""

    def select(
        self, matchers: Sequence[Matcher], start: int, end: int
    ) -> Iterator[tuple[Labels, Iterable[StoredEntry]]]:
        for number, app in enumerate(("web", "db")):
            entries = (
                StoredEntry(
                    (10 + i * 7) * S, line, {"trace": "t"} if i % 2 else {}, i + 10 * number
                )
                for i, line in enumerate(LINES)
            )
            yield {"app": app}, [entry for entry in entries if start <= entry.ts < end]


def test_a_query_that_parses_is_answered_or_refused(shared: Path) -> None:
    cases = json.loads((shared / "conformance/logql/parse.json").read_text())["cases"]
    answered = 0
    for case in cases:
        if case["kind"] != "parse_ok":
            continue
        expr = parse(case["query"])
        for question in QUESTIONS:
            try:
                evaluate(expr, AnySelector(), question, Limits())
                answered += 1
            except QueryError as error:
                assert error.message
    assert answered > 4_000
